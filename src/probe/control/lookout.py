"""The lookout of a control server: it looks at endpoints when asked, once for many lines.

Whatever is asked for waits in one bounded queue; one round at a time looks at a batch of it,
between two looks at this line itself. What was seen is told for some minutes. When the line is
unfit, nothing is observed and the reason is told instead.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import msgspec

from probe.control.observe import observation_of
from probe.errors import ProbeError
from probe.model.control import ControlKind, ControlObservation
from probe.model.measurement import Outcome
from probe.model.target import Catalog, Endpoint, Purpose
from probe.schedule.budget import day_start
from probe.schedule.chain import FollowUps
from probe.schedule.choose import Wanted, selection_of
from probe.schedule.cost import MEASURED_KINDS
from probe.schedule.runner import RoundResult
from probe.schedule.session import Session

__all__ = ["FRESH_S", "Lookout", "Sight", "served_by"]

FRESH_S = 600.0
"""How long a look is told to others: many lines that ask within it cost one look."""

GATE_S = 120.0
"""How long an unfit line is taken to stay so, before it is looked at again."""

ROUND = 48
"""Endpoints in one round: as many as one question has."""

_AGAIN = 16  # failed endpoints of a batch that are looked at once more; of more it is no chance
_QUEUE = 960
_GATHER_S = 0.2  # so that lines that ask together share a round
SPENT = "what it may transfer in a day is spent"


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """What the lookout can say of some endpoints now."""

    observations: tuple[ControlObservation, ...] = ()
    pending: tuple[str, ...] = ()
    unseen: tuple[tuple[str, str], ...] = ()  # endpoint, why nothing was seen of it
    gate: str | None = None


@dataclass(slots=True)
class _Look:
    """One endpoint as it was last looked at; ``why`` says why there is no observation."""

    at_s: float
    observation: ControlObservation | None = None
    why: str = ""


def served_by(catalog: Catalog, wanted: Wanted) -> dict[str, Endpoint]:
    """Return the endpoints that a control may be asked about: targets that can be measured.

    Raises:
        InputError: a name is not in the catalog.

    """
    return {
        endpoint.id: endpoint
        for endpoint in selection_of(catalog, wanted).endpoints
        if endpoint.purpose is Purpose.TARGET and endpoint.kind in MEASURED_KINDS
    }


@dataclass
class Lookout:
    """Looks from this line; ``run`` has to be running for anything to be seen."""

    session: Session
    served: Mapping[str, Endpoint]
    say: Callable[[str], None] = lambda _: None
    fresh_s: float = FRESH_S
    rounds: int = 0
    _seen: dict[str, _Look] = field(default_factory=dict)
    _queue: dict[str, None] = field(default_factory=dict)
    _underway: frozenset[str] = frozenset()
    _gate: tuple[float, str] | None = None
    _spent: tuple[date | None, int] = (None, 0)
    _wanted: asyncio.Event = field(default_factory=asyncio.Event)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def look(self, endpoints: Collection[str], wait_s: float) -> Sight:
        """Return what is known of ``endpoints`` within ``wait_s`` of real time.

        All of them have to be served here. What does not fit in the queue stays pending.
        """
        for name in endpoints:
            self._request(name)
        try:
            async with asyncio.timeout(wait_s):
                while self._unfit() is None and self._missing(endpoints):
                    await self._news.wait()
        except TimeoutError:
            pass
        return self._sight(endpoints)

    def _request(self, name: str) -> None:
        if self._fresh(name) is None and name not in self._underway and len(self._queue) < _QUEUE:
            self._queue[name] = None
            self._wanted.set()

    def _missing(self, endpoints: Collection[str]) -> list[str]:
        return [name for name in endpoints if self._fresh(name) is None]

    def _fresh(self, name: str) -> _Look | None:
        look = self._seen.get(name)
        if look is None or self.session.clock.monotonic_s() - look.at_s > self.fresh_s:
            return None
        return look

    def _unfit(self) -> str | None:
        """Return why this line sees nothing at the moment."""
        if self._gate is None:
            return None
        at_s, words = self._gate
        return words if self.session.clock.monotonic_s() - at_s <= GATE_S else None

    def _sight(self, endpoints: Collection[str]) -> Sight:
        gate = self._unfit()
        if gate is not None:
            return Sight(gate=gate)
        looks = {name: self._fresh(name) for name in dict.fromkeys(endpoints)}
        found = [(name, look) for name, look in looks.items() if look is not None]
        return Sight(
            observations=tuple(
                look.observation for _, look in found if look.observation is not None
            ),
            pending=tuple(name for name, look in looks.items() if look is None),
            unseen=tuple((name, look.why) for name, look in found if look.observation is None),
        )

    async def run(self) -> None:
        """Look at what is asked for, round by round, until cancelled.

        Raises:
            ForbiddenNetwork: a packet was about to leave where it must not.
            ConsentError: consent was withdrawn.

        """
        while True:
            await self._wanted.wait()
            await asyncio.sleep(_GATHER_S)
            batch = self._batch()
            if self._unfit() is None and batch:
                await self._round(batch)
            self._tell()

    def _batch(self) -> list[str]:
        """Take the next endpoints out of the queue; they count as underway from now on."""
        batch = list(self._queue)[:ROUND]
        for name in batch:
            del self._queue[name]
        if not self._queue:
            self._wanted.clear()
        self._underway = frozenset(batch)
        return batch

    def _tell(self) -> None:
        """Wake whoever waits, and forget what is too old to be told."""
        self._underway = frozenset()
        self._seen = {name: look for name, look in self._seen.items() if self._fresh(name)}
        self._news.set()
        self._news = asyncio.Event()

    async def _round(self, batch: Sequence[str]) -> None:
        """Look at a batch, and once more at the few that failed: one failure may be chance.

        A bug of ours costs this batch only.
        """
        if self._spent_today() >= self.session.settings.day_bytes:
            self._keep(batch, SPENT)
            return
        try:
            self._take(batch, await self._look_at(batch))
            failed = [name for name in batch if self._failed(name)]
            if self._unfit() is None and 0 < len(failed) <= _AGAIN:
                self._take(failed, await self._look_at(failed))
        except ProbeError:
            raise
        except Exception as exc:  # noqa: BLE001 - the boundary of one round of many
            self.say(f"a round failed, a bug of ours: {type(exc).__name__}")
            self._keep([name for name in batch if self._fresh(name) is None], "it failed to look")

    async def _look_at(self, names: Sequence[str]) -> RoundResult:
        wanted = Wanted(names=tuple(names), country=self.session.vantage.country)
        result = await self.session.round(wanted, name="control", follow_ups=FollowUps.NEVER)
        self.rounds += 1
        self._spent = (self._today(), self._spent_today() + result.bytes)
        return result

    def _failed(self, name: str) -> bool:
        look = self._fresh(name)
        return look is not None and look.observation is not None and bool(look.observation.failure)

    def _today(self) -> date:
        return day_start(self.session.clock.now()).date()

    def _spent_today(self) -> int:
        day, spent = self._spent
        return spent if day == self._today() else 0

    def _keep(self, names: Collection[str], why: str) -> None:
        now_s = self.session.clock.monotonic_s()
        self._seen.update((name, _Look(now_s, why=why)) for name in names)

    def _take(self, batch: Sequence[str], result: RoundResult) -> None:
        now_s = self.session.clock.monotonic_s()
        gate = result.context.invalid
        if gate is not None:
            self._gate = (now_s, gate.detail or str(gate.id))
            self.say(f"this line is no control at the moment: {self._gate[1]}")
            return
        self._gate = None
        reasons = dict.fromkeys(batch, "not looked at by the plan of this line")
        for record in result.records:
            if record.endpoint not in reasons:
                continue
            observation = observation_of(
                record.main,
                source="live",
                kind=ControlKind.LIVE,
                country=self.session.vantage.country,
            )
            if observation is None or record.main.outcome is not Outcome.MEASURED:
                reasons[record.endpoint] = record.main.reason or "not looked at"
                continue
            self._seen[record.endpoint] = _Look(now_s, observation)
            del reasons[record.endpoint]
        for name, why in reasons.items():
            self._keep([name], why)
