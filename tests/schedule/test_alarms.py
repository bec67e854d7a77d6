"""What a watch tells of turns: once, from the store alone, and never more than was seen."""

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec import structs
from schedule_rounds import SECRET, START, VANTAGE, FakeProbe, catalog, environment, targets

from probe.clock import VirtualClock
from probe.model.target import Plan
from probe.model.verdict import Confidence, Locus, State
from probe.schedule.alarms import Alarms
from probe.schedule.choose import Wanted
from probe.schedule.session import Session
from probe.settings import Settings
from probe.store.database import MEMORY, Store

WANTED = Wanted(plan=Plan.CORE, country="IR")
EVERY_S = 900.0


class Line:
    """A line whose first target works or is cut, as told; rounds come every quarter of an hour."""

    def __init__(self, store: Store) -> None:
        """Keep the rounds in ``store``."""
        self.clock = VirtualClock(START)
        self.store = store
        store.save_vantage(VANTAGE)
        self._session = Session(
            settings=Settings(store=Path("unused.db"), country="IR"),
            catalog=catalog(*targets(2)),
            env=environment(self.clock),
            rng=random.Random(5),
            vantage=VANTAGE,
            secret=SECRET,
            store=store,
            measure=FakeProbe(self.clock),
        )

    async def rounds(self, count: int, *, cut: bool = False) -> None:
        """Run rounds; where ``cut``, the first target's verdicts say that the network blocks."""
        for _ in range(count):
            result = await self._session.round(WANTED)
            if cut and result.round_id is not None:
                verdicts = [
                    structs.replace(
                        record.verdict,
                        state=State.BLOCKED,
                        mechanism="tcp.timeout",
                        locus=Locus.NETWORK,
                        confidence=Confidence.LIKELY,
                    )
                    if record.endpoint.startswith("app0")
                    else record.verdict
                    for record in result.records
                ]
                self.store.replace_verdicts(result.round_id, verdicts)
            self.clock.advance(EVERY_S)

    def alarms(self) -> Alarms:
        """Return a watch that begins now."""
        return Alarms(
            self.store, every_s=EVERY_S, since=self.clock.now(), names={"app0": "App Zero"}
        )


@pytest.fixture
def line() -> Iterator[Line]:
    """Return a line with an empty store."""
    with Store.open(MEMORY) as store:
        yield Line(store)


async def test_an_onset_is_told_once_with_its_bracket(line: Line) -> None:
    """It names the service, the last good look and the first bad one; then it is silent."""
    alarms = line.alarms()
    await line.rounds(4)
    assert alarms.news(line.clock.now()) == ()
    began = line.clock.now()
    await line.rounds(6, cut=True)
    (alarm,) = alarms.news(line.clock.now())
    assert alarm.turn.bad
    assert alarm.turn.since >= began
    assert alarm.turn.after is not None
    assert alarm.turn.after < began
    assert alarm.sentence.startswith("App Zero fails on this line since some time between ")
    assert alarms.news(line.clock.now()) == ()


async def test_the_end_is_told(line: Line) -> None:
    """When it works again for long enough, that is news as well."""
    alarms = line.alarms()
    await line.rounds(3)
    await line.rounds(8, cut=True)
    assert len(alarms.news(line.clock.now())) == 1
    await line.rounds(8)
    (alarm,) = alarms.news(line.clock.now())
    assert not alarm.turn.bad
    assert alarm.sentence.startswith("App Zero works on this line since some time between ")


async def test_three_bad_rounds_are_no_alarm(line: Line) -> None:
    """The bound on false alarms costs some patience."""
    alarms = line.alarms()
    await line.rounds(5)
    await line.rounds(3, cut=True)
    assert alarms.news(line.clock.now()) == ()


async def test_a_restart_does_not_tell_old_news(line: Line) -> None:
    """What had turned before the watch began is in the timeline, not in the news."""
    await line.rounds(3)
    await line.rounds(8, cut=True)
    alarms = line.alarms()
    await line.rounds(2, cut=True)
    assert alarms.news(line.clock.now()) == ()


async def test_a_restart_in_the_middle_of_an_onset_misses_nothing(line: Line) -> None:
    """The looks before the restart count: they are in the store."""
    await line.rounds(4)
    await line.rounds(3, cut=True)
    alarms = line.alarms()
    await line.rounds(4, cut=True)
    (alarm,) = alarms.news(line.clock.now())
    assert alarm.turn.since == START + timedelta(seconds=4 * EVERY_S)
