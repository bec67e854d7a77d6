"""Measuring one endpoint once, inside a round: places, budgets, annotation, interruption."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from probe.clock import Clock
from probe.errors import ProbeError
from probe.model.measurement import Measurement, Outcome, Variant
from probe.model.target import Endpoint
from probe.probes.env import ProbeEnv
from probe.probes.options import ProbeOptions
from probe.schedule.budget import Spending
from probe.schedule.cost import MEASURED_KINDS, cost_of, transfer_bytes
from probe.schedule.network import NetworkLookup, annotated
from probe.schedule.planned_net import PlannedNet
from probe.schedule.veil import unplaced, unquoted, veiled

__all__ = ["MAIN_LOOK", "MeasureOne", "Work", "blank"]

MAIN_LOOK = ProbeOptions()

Partial = Callable[[Measurement], None]


class MeasureOne(Protocol):
    """``probe.probes.measure.measure``, or what a test puts in its place."""

    def __call__(
        self,
        endpoint: Endpoint,
        env: ProbeEnv,
        options: ProbeOptions,
        *,
        on_interrupt: Partial | None = None,
    ) -> Awaitable[Measurement]:
        """Measure once; when cancelled, give what was measured to ``on_interrupt`` first."""
        ...


def blank(
    endpoint: Endpoint,
    clock: Clock,
    outcome: Outcome,
    reason: str | None,
    variant: Variant = Variant.MAIN,
) -> Measurement:
    """Return a measurement that was not taken, or not finished, and why."""
    return Measurement(
        endpoint=endpoint.id,
        service=endpoint.service,
        kind=endpoint.kind,
        variant=variant,
        outcome=outcome,
        reason=reason,
        started=clock.now(),
        monotonic_s=clock.monotonic_s(),
    )


@dataclass(slots=True)
class Work:
    """What all measurements of a round share.

    ``env`` stands on ``door``, and is replaced once the line's own addresses are known.
    """

    env: ProbeEnv
    door: PlannedNet
    measure_one: MeasureOne
    spending: Spending
    places: asyncio.Semaphore
    lookup: NetworkLookup | None = None
    problems: list[str] = field(default_factory=list)

    async def measure(
        self,
        endpoint: Endpoint,
        options: ProbeOptions = MAIN_LOOK,
        on_interrupt: Partial | None = None,
    ) -> Measurement:
        """Measure within the budgets; what may not start is returned as not run.

        A bug in one probe must not cost an unattended line its whole round: it is noted in
        ``problems`` and the measurement is returned as not run. Our own errors (storage, a
        forbidden network) and cancellation propagate.
        """
        async with self.places:  # first a place, then the budgets as they are by then
            return await self._within(endpoint, options, on_interrupt)

    async def _within(
        self, endpoint: Endpoint, options: ProbeOptions, on_interrupt: Partial | None
    ) -> Measurement:
        if on_interrupt is not None:
            on_interrupt = _veiling(endpoint, options, on_interrupt)
        clock = self.env.clock
        price = cost_of(endpoint).bytes if endpoint.kind in MEASURED_KINDS else 0
        if options.transfer is not None:
            price = transfer_bytes(options.transfer)
        reason = self.spending.refusal(price, clock.monotonic_s())
        if reason is not None:
            return blank(endpoint, clock, Outcome.NOT_RUN, reason, options.variant)
        self.spending.promise(price)
        crossed = price  # what is not known counts as promised
        try:
            with self.door.measuring(endpoint, options):
                measurement = await self.measure_one(
                    endpoint, self.env, options, on_interrupt=on_interrupt
                )
            crossed = measurement.bytes_sent + measurement.bytes_received
        except ProbeError as exc:
            raise unquoted(endpoint, exc) from None
        except Exception as exc:  # noqa: BLE001 - a task boundary, see ``measure``
            self.problems.append(f"{endpoint.kind}: {type(exc).__name__} at {_place(exc)}")
            reason = f"a bug of ours ({type(exc).__name__})"
            return blank(endpoint, clock, Outcome.NOT_RUN, reason, options.variant)
        finally:
            self.spending.book(price, crossed)
        return annotated(_kept(endpoint, options, measurement), self.lookup)


def _kept(endpoint: Endpoint, options: ProbeOptions, measurement: Measurement) -> Measurement:
    """Return a measurement as it may be kept: not where a place is that only this line uses."""
    own = options.transfer is not None and options.transfer.server is not None
    return veiled(endpoint, unplaced(measurement) if own else measurement)


def _veiling(endpoint: Endpoint, options: ProbeOptions, told: Partial) -> Partial:
    return lambda measurement: told(_kept(endpoint, options, measurement))


def _place(error: BaseException) -> str:
    """Return the line of code that raised; an error's own text may name a host or an address."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    if frame is None:
        return "an unknown place"
    return f"{frame.tb_frame.f_globals.get('__name__', '?')}:{frame.tb_lineno}"
