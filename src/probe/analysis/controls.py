"""Which control to believe: live ones within 30 minutes, then a snapshot, then the own past."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from msgspec.structs import replace

from probe.model.control import ControlKind, ControlObservation, ControlSnapshot

__all__ = ["CONTEMPORARY", "Controls", "Stale", "choose", "from_snapshots"]

CONTEMPORARY = timedelta(minutes=30)
"""A live control further away than this says nothing about now (facts: +-30 min)."""


@dataclass(frozen=True, slots=True)
class Controls:
    """The controls of one endpoint by what they can show.

    ``live`` are contemporaneous, one for each source; ``expected`` is the best of the rest:
    what an uncensored answer looked like, no proof that the service is up now.
    """

    live: tuple[ControlObservation, ...] = ()
    expected: ControlObservation | None = None

    @property
    def best(self) -> ControlObservation | None:
        """Return what answers are compared with: a live control that passed, else the best."""
        passed = next((c for c in self.live if c.failure is None), None)
        return passed or (self.live[0] if self.live else None) or self.expected


@dataclass(frozen=True, slots=True)
class Stale:
    """A snapshot that was left out, and why; to be said to the user."""

    snapshot: str
    reason: str


_NO_PROOF_OF_NOW = (ControlKind.SNAPSHOT, ControlKind.OWN_PAST)


def choose(controls: Iterable[ControlObservation], endpoint: str, at: datetime) -> Controls:
    """Return the controls of ``endpoint`` at ``at``, ranked.

    A control that calls itself live and is not within 30 minutes is demoted to an expected
    answer if it passed, and dropped if it failed: an old failure explains nothing now.
    """
    mine = sorted(
        (c for c in controls if c.endpoint == endpoint),
        key=lambda c: (abs(c.observed - at), c.source),
    )
    live: dict[str, ControlObservation] = {}
    rest: list[ControlObservation] = []
    for control in mine:
        if control.kind is ControlKind.LIVE and abs(control.observed - at) <= CONTEMPORARY:
            live.setdefault(control.source, control)
        elif control.failure is None and control.observed <= at + CONTEMPORARY:
            rest.append(control)
    rest.sort(key=lambda c: _NO_PROOF_OF_NOW.index(c.kind) if c.kind in _NO_PROOF_OF_NOW else 0)
    return Controls(live=tuple(live.values()), expected=rest[0] if rest else None)


def from_snapshots(
    snapshots: Sequence[ControlSnapshot], at: datetime
) -> tuple[tuple[ControlObservation, ...], tuple[Stale, ...]]:
    """Return the observations of the snapshots that hold at ``at``, newest snapshot first.

    Expired ones, and ones from the future, are ignored, and said. Whatever an observation calls
    itself: what comes in a file that is believed for weeks is never a live control.
    """
    kept: list[ControlObservation] = []
    stale: list[Stale] = []
    for snapshot in sorted(snapshots, key=lambda s: s.created, reverse=True):
        if at > snapshot.expires:
            stale.append(Stale(snapshot.id, f"it expired on {snapshot.expires:%Y-%m-%d}"))
        elif at + CONTEMPORARY < snapshot.created:
            stale.append(Stale(snapshot.id, "it was made after these measurements"))
        else:
            kept.extend(replace(seen, kind=ControlKind.SNAPSHOT) for seen in snapshot.observations)
    return tuple(kept), tuple(stale)
