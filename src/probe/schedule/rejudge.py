"""What is stored, judged again by the rules of today: from the store alone, nothing is measured.

A record's inputs are its measurements, the round's context at both ends (at the beginning alone
of a round that a kill cut off), and the controls it was judged with. Endpoint and service come
from today's catalog. What cannot be judged as it was then keeps its verdict, with the reason.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from probe.analysis.verdict import JudgeFacts
from probe.model.context import RoundContext
from probe.model.control import ControlKind, ControlObservation
from probe.model.record import RoundRow
from probe.model.target import Catalog, Endpoint, Service
from probe.model.verdict import State, Verdict
from probe.schedule.controls import proves_itself
from probe.schedule.settle import settled
from probe.store.database import Evidence, Store

__all__ = ["KEPT", "Change", "Rejudging"]

CUT_OFF = "cut_off"
FOREIGN = "imported"
IN_A_LAB = "measured_in_a_lab"
NO_CONTROLS = "controls_not_stored"
UNKNOWN = "not_in_catalog"

KEPT = {
    CUT_OFF: "their round was cut off by a kill, and what the line was like was not stored then",
    FOREIGN: "they were imported: judge their files instead",
    IN_A_LAB: "they were measured in a lab, whose endpoints are not in the catalog",
    NO_CONTROLS: "the controls they were judged with were not stored yet",
    UNKNOWN: "their endpoints are not in the catalog any more",
}
"""Why a verdict was left as it is."""

_WORLD = "scenario "
"""How the digest of a lab's catalog begins; the scenario's name follows."""

_SAYS = ("state", "mechanism", "locus", "confidence", "reason", "rule_id")


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One verdict that comes out differently; ``before`` is ``None`` where there was none."""

    time: datetime
    round: int
    service: str
    endpoint: str
    before: Verdict | None
    after: Verdict

    @property
    def says_otherwise(self) -> bool:
        """Whether more than the words, the version or the evidence changed."""
        before = self.before
        return before is None or any(
            getattr(before, name) != getattr(self.after, name) for name in _SAYS
        )


@dataclass
class Rejudging:
    """One pass over a store, oldest round first; ``revision`` keeps the new verdicts."""

    store: Store
    catalog: Catalog
    facts: JudgeFacts
    since: datetime | None = None
    until: datetime | None = None
    service: str | None = None
    revision: int | None = None
    rounds: int = 0
    judged: int = 0
    other_catalog: int = 0  # rounds that were measured with another catalog
    kept: Counter[str] = field(default_factory=Counter)
    scenarios: set[str] = field(default_factory=set)  # of labs that this catalog does not know
    _known: dict[str, tuple[Endpoint, Service]] = field(default_factory=dict)
    _states: dict[tuple[str, datetime], State] = field(default_factory=dict)

    def changes(self) -> Iterator[Change]:
        """Judge every record again and yield what changes, keeping it under a revision."""
        self._known = {e.id: (e, s) for s in self.catalog.services for e in s.endpoints}
        for row in self.store.rounds(since=self.since, until=self.until):
            found = list(self._round(row))
            if found and self.revision is not None:
                verdicts = {no: change.after for no, change in found}
                self.store.revise(self.revision, row.id, verdicts)
            for _, change in found:
                yield change

    def _round(self, row: RoundRow) -> Iterator[tuple[int, Change]]:
        self.rounds += 1
        self.other_catalog += row.imported_from is None and not self._same_catalog(row)
        for record in self.store.evidence(row.id):
            if self.service not in (None, record.service):
                continue
            why = self._kept(row, record)
            context = row.context or row.opening
            if why is not None or context is None:
                self.kept[why or CUT_OFF] += 1
                continue
            self.judged += 1
            after = self._verdict(row, context, record)
            if after == record.verdict:
                continue
            main = next((m for m in record.bundle if m.variant == "main"), record.bundle[0])
            self._states[record.endpoint, main.started] = after.state
            yield (
                record.no,
                Change(
                    time=main.started,
                    round=row.id,
                    service=record.service,
                    endpoint=record.endpoint,
                    before=record.verdict,
                    after=after,
                ),
            )

    def _same_catalog(self, row: RoundRow) -> bool:
        return row.catalog_digest in ("", self.catalog.digest)

    def _kept(self, row: RoundRow, record: Evidence) -> str | None:
        if row.imported_from is not None:
            return FOREIGN
        if row.context is None and row.opening is None:
            return CUT_OFF
        if record.endpoint not in self._known:
            return self._unknown(row)
        if not record.complete and _cites_controls(record.verdict):
            return NO_CONTROLS
        return None

    def _unknown(self, row: RoundRow) -> str:
        """Return why an endpoint is not known; a round in a lab names its scenario."""
        digest = row.catalog_digest
        if not digest.startswith(_WORLD) or self._same_catalog(row):
            return UNKNOWN
        self.scenarios.add(digest.removeprefix(_WORLD))
        return IN_A_LAB

    def _verdict(self, row: RoundRow, context: RoundContext, record: Evidence) -> Verdict:
        endpoint, service = self._known[record.endpoint]
        return settled(
            endpoint,
            service,
            record.bundle,
            context=context,
            controls=self._controls(row, record),
            facts=self.facts,
        )

    def _controls(self, row: RoundRow, record: Evidence) -> Sequence[ControlObservation]:
        """Return what the record was judged with.

        An own past that came from a look which today's rules do not call good is left out: what
        a liar answered must not be what is expected. For records that are older than the storing
        of controls, the past is read from the store as it was read then.
        """
        if record.complete:
            return [c for c in record.controls if self._still_good(c)]
        if proves_itself(record.bundle[0]):
            return ()
        past = self.store.own_past(record.endpoint, row.started)
        return () if past is None else (past,)

    def _still_good(self, control: ControlObservation) -> bool:
        if control.kind is not ControlKind.OWN_PAST:
            return True
        now = self._states.get((control.endpoint, control.observed))
        if now is None:
            said = self.store.verdict_at(control.endpoint, control.observed)
            now = None if said is None else said.state
        return now in (None, State.OK)


def _cites_controls(verdict: Verdict | None) -> bool:
    """Return whether a verdict rests on controls other than the own past."""
    if verdict is None:
        return True
    cited = (ref for ref in verdict.evidence if ref.startswith("control:"))
    return any(ref != "control:past" for ref in cited)
