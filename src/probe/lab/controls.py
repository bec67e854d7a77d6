"""Live controls of the lab: the same endpoint, measured from where no censor stands.

They are measurements over real sockets, by the same probes, through the lab's uncensored view;
nothing is read off the scenario but who looks. A control is taken right after the line's own look,
and only when that look was not plainly good: a good one needs no control.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Protocol

from probe.clock import Clock
from probe.lab.rules import Controls
from probe.model.control import ControlKind, ControlObservation
from probe.model.measurement import DnsStep, HttpStep, Measurement, Outcome, Variant
from probe.model.target import Endpoint, Kind, Purpose
from probe.model.verdict import State, Verdict
from probe.probes.env import ProbeEnv, Timeouts
from probe.probes.options import ProbeOptions
from probe.schedule.work import MeasureOne, Partial, blank

__all__ = [
    "FIRST",
    "LIVE_S",
    "SECOND",
    "LabControls",
    "Observe",
    "Uncensored",
    "live_observation",
    "plainly_good",
]

LIVE_S = 1800
"""A control is live for half an hour (facts/verdicts.md section 3)."""

Observe = Callable[[Measurement, str, str], ControlObservation | None]
"""Turns a measurement into what the control called ... in country ... saw."""

PATIENCE = Timeouts(dns_s=2.0, tcp_s=2.0, tls_s=2.0, http_s=2.0, late_s=0.0)
"""A control that failed because the machine was busy would blame the service."""

_DNS_KINDS = frozenset({Kind.DNS, Kind.RESOLVER, Kind.DOH, Kind.DOT})
_DEAR = frozenset({Variant.RETEST, Variant.DOH, Variant.OTHER_RESOLVER})
_LIVE = frozenset({Controls.LIVE, Controls.SINGLE, Controls.DISAGREE})
_SELF_EVIDENT = ("tls.reset", "tls.timeout", "tls.mitm")

FIRST = ("control in XA", "XA")
SECOND = ("control in XB", "XB")
"""What the two uncensored vantages are called, and their countries."""


def plainly_good(measurement: Measurement) -> bool:
    """Return whether the look proves by itself that all is well (then no control is asked)."""
    if measurement.outcome is not Outcome.MEASURED or not measurement.steps:
        return True  # nothing was measured, so there is nothing to compare
    if any(step.failure is not None for step in measurement.steps):
        return False
    last = measurement.steps[-1]
    if isinstance(last, DnsStep):  # an address that may not be dialled ends there
        return measurement.kind in _DNS_KINDS
    if not isinstance(last, HttpStep):
        return True
    if last.absent is not None:  # a listing: any answer but "it is here" is looked into
        return last.expected is True
    sealed = last.tls and last.status is not None and last.status < 400
    return sealed or last.expected is True


def _worked(seen: ControlObservation | None) -> bool:
    return seen is not None and seen.failure is None and (seen.status or 200) < 400


def _retired(known: Verdict) -> bool:
    return known.mechanism == "service.retired"


class Uncensored(Protocol):
    """A lab of either stage: it has a time, and a place from where no censor stands in the way."""

    @property
    def clock(self) -> Clock:
        """Return the lab's time."""
        ...

    def abroad(
        self, env: ProbeEnv, measure: MeasureOne, timeouts: Timeouts
    ) -> Callable[[Endpoint], Awaitable[Measurement]]:
        """Return what looks at an endpoint from there."""
        ...


class LabControls:
    """Two vantages abroad; ``measure`` takes the place of the plain one in a round.

    ``kind`` says who looks: both, the first alone, nobody, or the first and one that is cut off
    as the line is. The demo asks its second one later (``second_opinions``).
    """

    def __init__(
        self,
        lab: Uncensored,
        env: ProbeEnv,
        measure: MeasureOne,
        observe: Observe,
        *,
        kind: Controls = Controls.SINGLE,
        patience: Timeouts = PATIENCE,
    ) -> None:
        """Measure controls like ``env``, but from where no censor stands."""
        self._abroad = lab.abroad(env, measure, patience)
        self._clock: Clock = lab.clock
        self._measure = measure
        self._observe = observe
        self._kind = kind
        self._seen: dict[str, tuple[ControlObservation, ...]] = {}
        self.known: Mapping[str, Verdict] = {}  # what was said last of each endpoint
        self.thorough = True  # look into what is known and unchanged, too
        self.taken = 0

    async def measure(
        self,
        endpoint: Endpoint,
        env: ProbeEnv,
        options: ProbeOptions,
        *,
        on_interrupt: Partial | None = None,
    ) -> Measurement:
        """Measure on the line; when that is not plainly good, ask the control at once.

        What was found bad at the last look already is looked into again only by what costs
        little: another address, another name. The rest is for changes and thorough rounds.
        """
        if options.variant in self._dear(endpoint) and self._settled(endpoint):
            return blank(endpoint, self._clock, Outcome.NOT_RUN, "unchanged", options.variant)
        measurement = await self._measure(endpoint, env, options, on_interrupt=on_interrupt)
        first_look = options.variant is Variant.MAIN and endpoint.purpose is Purpose.TARGET
        asked = first_look and self._kind in _LIVE
        if asked and not plainly_good(measurement) and not self._carried(endpoint):
            self._seen[endpoint.id] = await self._opinions(endpoint, env, options)
        return measurement

    async def _opinions(
        self, endpoint: Endpoint, env: ProbeEnv, options: ProbeOptions
    ) -> tuple[ControlObservation, ...]:
        """Ask the first one, and the second where it can say something else."""
        first = await self.observe(endpoint, FIRST)
        second = None
        if self._kind is Controls.DISAGREE:
            second = self._observe(await self._measure(endpoint, env, options), *SECOND)
        elif self._kind is Controls.LIVE and not _worked(first):
            second = await self.observe(endpoint, SECOND)
        return tuple(one for one in (first, second) if one is not None)

    def _dear(self, endpoint: Endpoint) -> frozenset[Variant]:
        """Return what is not looked at again; of a name that is lied about, only the retests.

        Who lies is known by the comparison of resolvers alone.
        """
        known = self.known.get(endpoint.id)
        lied = known is not None and known.mechanism.startswith("dns.")
        return frozenset({Variant.RETEST}) if lied else _DEAR

    def _settled(self, endpoint: Endpoint) -> bool:
        """Return whether the last look found the same already, for a service or its absence."""
        known = self.known.get(endpoint.id)
        return not self.thorough and known is not None and (known.bad or _retired(known))

    def _carried(self, endpoint: Endpoint) -> bool:
        """Return whether the last verdict stood, and stands again, without any control."""
        known = self.known.get(endpoint.id)
        return (
            not self.thorough
            and known is not None
            and (known.mechanism.startswith(_SELF_EVIDENT) or _retired(known))
        )

    async def observe(
        self, endpoint: Endpoint, vantage: tuple[str, str]
    ) -> ControlObservation | None:
        """Measure ``endpoint`` from abroad."""
        source, country = vantage
        measurement = await self._abroad(endpoint)
        self.taken += 1
        return self._observe(measurement, source, country)

    async def second_opinions(self, endpoints: Iterable[Endpoint]) -> list[ControlObservation]:
        """Ask the second control about what was down at the last look: one alone is weak."""
        doubted = [
            endpoint
            for endpoint in endpoints
            if (known := self.known.get(endpoint.id)) is not None
            and known.state is State.DOWN
            and known.bad
        ]
        found = [await self.observe(endpoint, SECOND) for endpoint in doubted]
        return [observation for observation in found if observation is not None]

    def live(self, endpoint: str, now: datetime) -> tuple[ControlObservation, ...]:
        """Return what was seen of ``endpoint`` from abroad within the last half hour."""
        seen = self._seen.get(endpoint, ())
        return tuple(one for one in seen if now - one.observed <= timedelta(seconds=LIVE_S))


def live_observation(
    observe: Callable[..., ControlObservation | None],
) -> Observe:
    """Return ``probe.control.observe.observation_of`` in the shape that the lab asks for.

    ``lab`` and ``control`` do not import each other; who calls the demo brings them together.
    """

    def observation(
        measurement: Measurement, source: str, country: str
    ) -> ControlObservation | None:
        return observe(measurement, source=source, kind=ControlKind.LIVE, country=country)

    return observation
