"""What is known from abroad while a scenario is played: live, old, nothing, or contradictory."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from probe.control.observe import observation_of
from probe.lab.rules import Controls
from probe.model.control import ControlKind, ControlObservation
from probe.model.measurement import Measurement, Outcome, Variant
from probe.model.target import Endpoint, Purpose
from probe.probes.env import ProbeEnv
from probe.probes.measure import measure
from probe.probes.options import ProbeOptions
from probe.schedule.work import Partial

__all__ = ["FIRST", "SECOND", "Look", "StageControls", "snapshot_of"]

Look = Callable[[Endpoint], Awaitable[Measurement]]
"""Measures an endpoint from some vantage, now."""

FIRST = ("control in XA", "XA")
SECOND = ("control in XB", "XB")

MORNING = timedelta(hours=6)
OLD = timedelta(days=29)
"""A snapshot is valid for 30 days: this one nearly ran out."""


class StageControls:
    """Takes the place of the plain probe in a round, and looks from abroad meanwhile.

    ``abroad`` is the uncensored vantage, ``line`` the measured one; ``known`` is a snapshot.
    """

    def __init__(
        self,
        kind: Controls,
        *,
        abroad: Look,
        line: Look,
        known: Sequence[ControlObservation] = (),
    ) -> None:
        """Know what ``kind`` says."""
        self._kind = kind
        self._abroad = abroad
        self._line = line
        self._seen: dict[str, tuple[ControlObservation, ...]] = {}
        for one in known:
            self._seen[one.endpoint] = (one,)

    async def measure(
        self,
        endpoint: Endpoint,
        env: ProbeEnv,
        options: ProbeOptions,
        *,
        on_interrupt: Partial | None = None,
    ) -> Measurement:
        """Measure on the line, then abroad, where controls are live."""
        measurement = await measure(endpoint, env, options, on_interrupt=on_interrupt)
        measured = measurement.outcome is Outcome.MEASURED
        live = self._kind in (Controls.LIVE, Controls.SINGLE, Controls.DISAGREE)
        first = options.variant is Variant.MAIN and endpoint.purpose is Purpose.TARGET
        if measured and live and first:
            self._seen[endpoint.id] = await self._live(endpoint, measurement.started)
        return measurement

    async def _live(self, endpoint: Endpoint, at: datetime) -> tuple[ControlObservation, ...]:
        """Ask both; the second one is asked only when it can say something else."""
        first = _observation(await self._abroad(endpoint), FIRST, at)
        good = first is not None and first.failure is None and (first.status or 200) < 400
        second = None
        if self._kind is Controls.DISAGREE:
            second = _observation(await self._line(endpoint), SECOND, at)
        elif not good and self._kind is Controls.LIVE:
            second = _observation(await self._abroad(endpoint), SECOND, at)
        return tuple(one for one in (first, second) if one is not None)

    def of(self, endpoint: Endpoint) -> Sequence[ControlObservation]:
        """Return what is known of ``endpoint`` from abroad."""
        return self._seen.get(endpoint.id, ())


def _observation(
    measurement: Measurement, vantage: tuple[str, str], at: datetime
) -> ControlObservation | None:
    """Return what a control saw; its clock is right, the reader's may not be."""
    source, country = vantage
    seen = observation_of(measurement, source=source, kind=ControlKind.LIVE, country=country)
    return None if seen is None else replace(seen, observed=at)


async def snapshot_of(
    kind: Controls, endpoints: Sequence[Endpoint], abroad: Look, at: datetime
) -> tuple[ControlObservation, ...]:
    """Return what a snapshot says of ``endpoints``; taken while nothing was wrong.

    A stale one is four weeks old, and the service has moved since: other addresses, another
    certificate, another page.
    """
    if kind not in (Controls.SNAPSHOT, Controls.STALE):
        return ()
    found: list[ControlObservation] = []
    for endpoint in endpoints:
        if endpoint.purpose is not Purpose.TARGET:
            continue
        measurement = await abroad(endpoint)
        seen = observation_of(
            measurement, source="snapshot", kind=ControlKind.SNAPSHOT, country=FIRST[1]
        )
        if seen is not None:
            found.append(_aged(seen, at) if kind is Controls.STALE else _dated(seen, at - MORNING))
    return tuple(found)


def _dated(seen: ControlObservation, at: datetime) -> ControlObservation:
    return replace(seen, observed=at)


def _aged(seen: ControlObservation, at: datetime) -> ControlObservation:
    """Return what was seen of the service before it moved."""
    return replace(
        seen,
        observed=at - OLD,
        addresses=tuple(_elsewhere(address) for address in seen.addresses),
        leaf_sha256=None if seen.leaf_sha256 is None else "0" * 64,
        title=None if seen.title is None else f"{seen.title}, before",
        body_length=None if seen.body_length is None else 3 * seen.body_length + 1000,
        body_sha256=None if seen.body_sha256 is None else "0" * 64,
    )


def _elsewhere(address: str) -> str:
    """Return another address of the same network."""
    head, mark, last = address.rpartition(":" if ":" in address else ".")
    return f"{head}{mark}{'7' if last != '7' else '9'}"
