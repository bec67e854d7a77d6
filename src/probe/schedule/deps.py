"""What a round is given, what it reports meanwhile, and what it gives back."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Literal, Protocol

import msgspec

from probe.analysis.verdict import JudgeFacts
from probe.model.context import RoundContext
from probe.model.control import ControlObservation
from probe.model.record import Record
from probe.model.target import Catalog
from probe.model.vantage import Network, Vantage
from probe.model.verdict import ServiceVerdict, Verdict, WholeVerdict
from probe.probes.env import ProbeEnv
from probe.schedule.anchors import Authentic
from probe.schedule.budget import Allowance
from probe.schedule.chain import FollowUps, Waiting
from probe.schedule.controls import Controls
from probe.schedule.line import LineFacts
from probe.schedule.network import NetworkLookup
from probe.schedule.plan import RoundPlan
from probe.schedule.work import MeasureOne

__all__ = ["Keeps", "Phase", "Progress", "RoundResult", "RunDeps"]

Phase = Literal["line", "targets", "goodput", "closing"]


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a round is; ``record`` is the one that has just been made."""

    phase: Phase
    done: int = 0
    total: int = 0
    record: Record | None = None


class Keeps(Protocol):
    """What the runner needs of a store (``probe.store.database.Store``)."""

    def begin_round(
        self,
        *,
        vantage: str,
        plan: str,
        started: datetime,
        catalog_digest: str,
        network: Network,
        opening: RoundContext | None = None,
    ) -> int:
        """Open a round."""
        ...

    def save(self, round_id: int, records: Sequence[Record]) -> None:
        """Keep a batch."""
        ...

    def end_round(self, round_id: int, context: RoundContext, ended: datetime) -> None:
        """Close a round."""
        ...

    def count_traffic(self, at: datetime, sent: int, received: int) -> None:
        """Count bytes that no measurement carries."""
        ...

    def replace_verdicts(self, round_id: int, verdicts: Sequence[Verdict]) -> None:
        """Judge a round's records again."""
        ...

    def last_verdicts(self) -> Mapping[str, Verdict]:
        """Return what was said last of each endpoint."""
        ...

    def own_past(self, endpoint: str, before: datetime) -> ControlObservation | None:
        """Return the newest own good result before a time."""
        ...


@dataclass(kw_only=True)
class RunDeps:
    """All that a round is given; nothing else is read from the machine.

    ``measure`` defaults to ``probe.probes.measure.measure``; ``stop`` ends the round early;
    ``previous`` is the network of the last round; ``quick`` leaves out what has to wait.
    """

    env: ProbeEnv
    catalog: Catalog
    plan: RoundPlan
    vantage: Vantage
    allowed: Allowance
    secret: bytes
    rng: Random
    store: Keeps | None = None
    controls: Controls = ()
    facts: JudgeFacts = field(default_factory=JudgeFacts)
    lookup: NetworkLookup | None = None
    line: Callable[[], LineFacts] = LineFacts
    previous: Network | None = None
    progress: Callable[[Progress], None] = lambda _: None
    stop: asyncio.Event | None = None
    follow_ups: FollowUps = FollowUps.ALWAYS
    quick: bool = False
    spread_s: float = 0.0  # endpoints start at random instants within this
    concurrency: int = 150
    sni_host: str | None = None  # address:port of a host whose operator consented
    measure: MeasureOne | None = None
    waiting: Waiting = lambda _wanted, _due_s, _last_s: None  # told what a look waits for
    authentic: Authentic | None = None  # who may say the time; default: the packaged roots


class RoundResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a round gave; ``problems`` are bugs of ours that cost a measurement each."""

    context: RoundContext
    records: tuple[Record, ...]
    services: tuple[ServiceVerdict, ...]
    wholes: tuple[WholeVerdict, ...] = ()
    round_id: int | None
    interrupted: bool
    bytes: int  # on the wire
    seconds: float
    changed: tuple[str, ...] = ()  # endpoints whose state is not that of their last round
    problems: tuple[str, ...] = ()
