"""What the runner hands to the store, and what the store hands back."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import msgspec

from probe.model.context import RoundContext
from probe.model.control import ControlObservation
from probe.model.measurement import Measurement, main_look
from probe.model.target import Role
from probe.model.vantage import Network
from probe.model.verdict import Confidence, Locus, State, Verdict

__all__ = [
    "RETESTS",
    "Judged",
    "Note",
    "NoteKind",
    "Record",
    "RoundRow",
    "SeriesRound",
    "judged_row",
    "ruling_of",
]

RETESTS = "burst"
"""The plan of a round that looks again at what has just changed."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One endpoint in one round: the main measurement, its follow-ups, and the verdict.

    ``controls`` are those that the verdict was made with, the own past among them.
    """

    endpoint: str
    service: str
    role: Role
    bundle: tuple[Measurement, ...]
    verdict: Verdict
    controls: tuple[ControlObservation, ...] = ()

    @property
    def main(self) -> Measurement:
        """Return the first look."""
        return main_look(self.bundle) or self.bundle[0]


class RoundRow(msgspec.Struct, frozen=True, kw_only=True):
    """One round as stored; ``context`` is ``None`` while it runs or after a kill.

    Then ``opening`` is the line as it was when the targets were begun.
    """

    id: int
    vantage: str
    plan: str
    started: datetime
    ended: datetime | None = None
    network: Network = Network()
    context: RoundContext | None = None
    imported_from: str | None = None
    catalog_digest: str = ""
    opening: RoundContext | None = None

    @property
    def retests(self) -> bool:
        """Return whether this round looked again at what had just changed."""
        return self.plan == RETESTS


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """One verdict as a series reads it."""

    time: datetime
    round: int
    vantage: str
    network: str  # Network.key
    tz: str
    utc_offset_s: int
    service: str
    endpoint: str
    role: Role
    state: State
    mechanism: str
    locus: Locus
    confidence: Confidence
    rule_id: str
    control_bad: float | None = None  # share of the round's controls that failed
    gates: tuple[str, ...] = ()


class SeriesRound(NamedTuple):
    """What a series takes from a round; ``started_us`` is microseconds since 1970."""

    id: int
    started_us: int
    vantage: str
    network: str
    tz: str
    utc_offset_s: int
    control_bad: float | None
    gates: tuple[str, ...]


def judged_row(
    round_: SeriesRound,
    time: datetime,
    service: str,
    verdict: Verdict,
    *,
    endpoint: str = "",
    role: Role = Role.OTHER,
) -> Judged:
    """Return one verdict as a series reads it; of a whole service when no endpoint is named."""
    return Judged(
        time=time,
        round=round_.id,
        vantage=round_.vantage,
        network=round_.network,
        tz=round_.tz,
        utc_offset_s=round_.utc_offset_s,
        service=service,
        endpoint=endpoint,
        role=role,
        state=verdict.state,
        mechanism=verdict.mechanism,
        locus=verdict.locus,
        confidence=verdict.confidence,
        rule_id=verdict.rule_id,
        control_bad=round_.control_bad,
        gates=round_.gates,
    )


def ruling_of(judged: Judged) -> Verdict:
    """Return the short form of a verdict that rulings of looks are kept by."""
    return Verdict(
        state=judged.state,
        mechanism=judged.mechanism,
        locus=judged.locus,
        confidence=judged.confidence,
        rule_id=judged.rule_id,
        rule_version=0,
    )


class NoteKind(StrEnum):
    """What a person saw."""

    CALL_FAILED = "call_failed"
    SMS_CODE_MISSING = "sms_code_missing"
    APP_REMOVED = "app_removed"
    SLOW = "slow"
    NO_INTERNET = "no_internet"
    WORKS_AGAIN = "works_again"
    OTHER = "other"


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """A person's timed observation: shown beside timelines, never a verdict."""

    time: datetime
    kind: NoteKind
    service: str | None = None
    text: str = ""
