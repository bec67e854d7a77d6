"""The controls of each endpoint in one round: those that were given, and the own past."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from probe.model.control import ControlObservation
from probe.model.measurement import DnsStep, HttpStep, Measurement, Outcome, Step, TlsStep
from probe.model.target import Endpoint, Kind

__all__ = ["ControlBook", "Controls", "proves_itself"]

Controls = Sequence[ControlObservation] | Callable[[Endpoint], Sequence[ControlObservation]]
"""Observations that are there before the round, or whom to ask once an endpoint was measured."""


class _Past(Protocol):
    def own_past(self, endpoint: str, before: datetime) -> ControlObservation | None:
        """Return the newest own good result before a time."""
        ...


_ENDS: dict[Kind, type[Step]] = {Kind.TLS: TlsStep, Kind.DOH: DnsStep, Kind.DOT: DnsStep}
_NAMES = frozenset({Kind.DNS, Kind.RESOLVER})


def proves_itself(main: Measurement) -> bool:
    """Return whether a look needs no control: valid TLS and an answer, or the expected page."""
    if main.outcome is not Outcome.MEASURED:
        return True
    if main.kind in _NAMES or any(step.failure is not None for step in main.steps):
        return False
    last = main.steps[-1] if main.steps else None
    if isinstance(last, HttpStep):
        return last.expected is True or (last.tls and last.status is not None and last.status < 400)
    return last is not None and isinstance(last, _ENDS.get(main.kind, ()))


class ControlBook:
    """Looks controls up by endpoint; the past is read once for each."""

    def __init__(self, given: Controls, store: _Past | None, before: datetime) -> None:
        """Take what was given, and a store whose results before ``before`` count as the past."""
        self._store = store
        self._before = before
        self._past: dict[str, tuple[ControlObservation, ...]] = {}
        self._ask: Callable[[Endpoint], Sequence[ControlObservation]]
        if callable(given):
            self._ask = given
            return
        known: dict[str, list[ControlObservation]] = {}
        for observation in given:
            known.setdefault(observation.endpoint, []).append(observation)
        self._ask = lambda endpoint: known.get(endpoint.id, ())

    def of(self, endpoint: Endpoint, main: Measurement) -> tuple[ControlObservation, ...]:
        """Return the controls of ``endpoint``, the past last.

        The past is read only for a look that does not prove itself: reading it takes longer
        than many a measurement.
        """
        given = tuple(self._ask(endpoint))
        if proves_itself(main):
            return given
        past = self._past.get(endpoint.id)
        if past is None:
            seen = self._store.own_past(endpoint.id, self._before) if self._store else None
            past = self._past[endpoint.id] = () if seen is None else (seen,)
        return (*given, *past)
