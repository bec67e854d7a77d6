"""What a watch tells of turns: once, from the store alone, and never more than was seen."""

import random
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec import structs
from schedule_rounds import (
    ANCHORS,
    SECRET,
    START,
    VANTAGE,
    FakeProbe,
    catalog,
    environment,
    failing,
    targets,
)

from probe.clock import VirtualClock
from probe.model.record import RETESTS
from probe.model.target import Plan
from probe.model.verdict import Confidence, Locus, State
from probe.schedule.alarms import Alarm, Alarms
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
        self.probe = FakeProbe(self.clock)
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
            measure=self.probe,
        )

    async def rounds(self, count: int, *, cut: bool = False) -> None:
        """Run rounds; where ``cut``, the first target's verdicts say that the network blocks."""
        for _ in range(count):
            await self.looks(0.0, cut=cut)
            self.clock.advance(EVERY_S)

    async def looks(self, *minutes: float, cut: bool, name: str | None = None) -> None:
        """Run rounds so many minutes from now; it is the last one's time then."""
        begun_s = self.clock.monotonic_s()
        for minute in minutes:
            self.clock.advance(max(0.0, begun_s + 60 * minute - self.clock.monotonic_s()))
            result = await self._session.round(WANTED, name=name)
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

    def alarms(self) -> Alarms:
        """Return a watch that begins now."""
        return Alarms(
            self.store, every_s=EVERY_S, since=self.clock.now(), names={"app0": "App Zero"}
        )


def of_app0(found: Iterable[Alarm]) -> list[Alarm]:
    """Return the alarms of the first target."""
    return [alarm for alarm in found if alarm.series.key.subject == "app0"]


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


async def test_retests_count_as_two_looks_however_they_are_spread(line: Line) -> None:
    """Retests of one change after 2, 4 and 10 minutes, as jitter may have it, add one look.

    Five looks are an onset here; the first one and its retests are two of them.
    """
    alarms = line.alarms()
    await line.rounds(4)
    began = line.clock.now()
    await line.looks(0, cut=True)
    await line.looks(2, 4, 10.5, cut=True, name=RETESTS)
    await line.looks(4.5, 19.5, cut=True)
    assert alarms.news(line.clock.now()) == ()
    await line.looks(15, cut=True)
    (alarm,) = alarms.news(line.clock.now())
    assert began <= alarm.turn.since < began + timedelta(minutes=1)


async def test_a_line_whose_controls_often_fail_needs_more_looks(line: Line) -> None:
    """One anchor of seven fails all the time: a failure of a target says less here."""
    line.probe.behaviours[ANCHORS[0].host] = failing("tcp")
    alarms = line.alarms()
    await line.rounds(4)
    await line.rounds(5, cut=True)
    assert of_app0(alarms.news(line.clock.now())) == []
    line.clock.advance(60.0)
    await line.rounds(1, cut=True)
    assert len(of_app0(alarms.news(line.clock.now()))) == 1


async def test_a_turn_is_told_once_though_what_is_usual_changes(line: Line) -> None:
    """More controls that fail move the alarm to the look after it; it is the same onset."""
    alarms = line.alarms()
    await line.rounds(4)
    line.probe.behaviours[ANCHORS[0].host] = failing("tcp")
    await line.rounds(5, cut=True)
    assert len(of_app0(alarms.news(line.clock.now()))) == 1
    for anchor in (ANCHORS[1], ANCHORS[4]):
        line.probe.behaviours[anchor.host] = failing("tcp")
    for _ in range(3):
        line.clock.advance(60.0)
        await line.rounds(1, cut=True)
        assert of_app0(alarms.news(line.clock.now())) == []


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
