"""Windows under watch: told once, from what came since, and anew where what was read fell."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from msgspec import structs
from store_records import LINE
from timed_rounds import evening, keep_rounds, never, spread_rounds

from probe.analysis.series import series_of
from probe.analysis.survey import Known, survey
from probe.analysis.throttle_events import throttle_events
from probe.cli.watch import seen_windows
from probe.model.context import Anchor, AnchorGroup, RoundContext, RoundInputs
from probe.model.event import Event
from probe.model.measurement import Measurement
from probe.model.record import Record
from probe.model.target import Kind, Role
from probe.model.vantage import Access, Network, Vantage
from probe.model.verdict import Confidence, Locus, State, Verdict
from probe.schedule.windows import Windows
from probe.store.database import MEMORY, Store

SEED = random.Random(7).getrandbits(64)
START = datetime(2024, 3, 10, tzinfo=UTC)
NETWORK = Network(asn=64500, access=Access.FIXED)
ANCHORS = (Anchor(endpoint="a", group=AnchorGroup.INTERNATIONAL, network="A", ok=True),)
LOOKS = 8
CUT = range(3, 6)
GOOD = Verdict(
    state=State.OK,
    mechanism="none",
    locus=Locus.UNKNOWN,
    confidence=Confidence.CONFIRMED,
    rule_id="ok.app",
    rule_version=1,
)


class Line:
    """A line whose service is looked at every three hours, and the store of its rounds."""

    def __init__(self, store: Store) -> None:
        """Keep the rounds in ``store``."""
        self.store = store
        self.at = START
        self.network = NETWORK
        self.move("Asia/Tehran")

    def move(self, tz: str) -> None:
        """Correct the zone of the vantage."""
        self.tz = tz
        self.store.save_vantage(Vantage(id="v1", country="IR", tz=tz))

    def days(self, count: int, *, cut: Locus | None = Locus.NETWORK) -> None:
        """Look for whole days; three looks a day fail, and ``cut`` is whose doing it was."""
        for look in range(count * LOOKS):
            failed = cut is not None and look % LOOKS in CUT
            self._round(_bad(cut) if failed and cut is not None else GOOD)

    def _round(self, verdict: Verdict) -> None:
        number = self.store.begin_round(
            vantage="v1",
            plan="core",
            started=self.at,
            catalog_digest="cafe",
            network=self.network,
        )
        name = "app0/http/app0.example.com:443"
        look = Measurement(endpoint=name, service="app0", kind=Kind.HTTP, started=self.at)
        record = Record(
            endpoint=name, service="app0", role=Role.WEB, bundle=(look,), verdict=verdict
        )
        self.store.save(number, [record])
        context = RoundContext(
            started=self.at,
            tz=self.tz,
            utc_offset_s=12_600,
            network=self.network,
            inputs=RoundInputs(anchors=ANCHORS),
        )
        self.store.end_round(number, context, self.at + timedelta(seconds=30))
        self.at += timedelta(days=1) / LOOKS


def _bad(locus: Locus) -> Verdict:
    return structs.replace(
        GOOD,
        state=State.BLOCKED,
        mechanism="tcp.timeout",
        locus=locus,
        confidence=Confidence.LIKELY,
        rule_id="tcp.timeout",
    )


@pytest.fixture
def line() -> Iterator[Line]:
    """Return a line with an empty store."""
    with Store.open(MEMORY) as store:
        yield Line(store)


def windows_of(line: Line, said: list[str] | None = None) -> Windows:
    """Return what looks for windows of the line."""
    known = Known(names={"app0": "App Zero"})
    hear = (lambda _: None) if said is None else said.append
    return Windows(line.store, "v1", seed=SEED, known=known, say=hear)


def whole(line: Line) -> list[Event]:
    """Return the windows of the whole store, all at once."""
    series = series_of(line.store.judged(), line.store.rounds())
    known = Known(names={"app0": "App Zero"})
    found = survey(series, rng=random.Random(7), known=known)
    return [event for event in found if event.window is not None]


def test_a_window_is_told_once_and_as_the_whole_store_has_it(line: Line) -> None:
    """Day by day it comes to be seen; then it is no news, though its days grow."""
    said: list[str] = []
    windows = windows_of(line, said)
    told = list(windows.news(line.at))
    for _ in range(8):
        line.days(1)
        told.extend(windows.news(line.at))
    (event,) = told
    assert event.sentence.startswith("App Zero was unreachable on this line daily from about ")
    assert event.window is not None
    (at_once,) = whole(line)
    assert at_once.window is not None
    assert event.window.days.supported < at_once.window.days.supported
    (now,) = [one for one in windows.held() if one.window is not None]
    assert now.window is not None
    assert now.window.supports == at_once.window.supports
    assert now.sentence == at_once.sentence
    assert said == ["windows are looked for in all rounds again: there was none before"]


def test_a_restart_does_not_tell_old_windows(line: Line) -> None:
    """What is there when the watch begins is in ``probe patterns``, not in the news."""
    line.days(6)
    windows = windows_of(line)
    assert windows.news(line.at) == ()
    line.days(2)
    assert windows.news(line.at) == ()
    assert len([one for one in windows.held() if one.window]) == len(whole(line)) == 1


def test_it_is_asked_once_a_day(line: Line) -> None:
    """Between, nothing is read of the store: a round is no reason."""
    windows = windows_of(line)
    line.days(1, cut=None)
    windows.news(line.at)
    before = line.at
    line.days(6)
    assert windows.news(before + timedelta(hours=23)) == ()
    assert len(windows.news(line.at)) == 1


def test_only_what_came_since_is_read(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the first time verdicts are asked for of about two days, not of all."""
    windows = windows_of(line)
    line.days(5)
    windows.news(line.at)
    asked = []
    judged = line.store.judged

    def noted(**span: object) -> object:
        asked.append(span["since"])
        return judged(since=span["since"])  # type: ignore[arg-type]

    monkeypatch.setattr(line.store, "judged", noted)
    line.days(1)
    windows.news(line.at)
    (since,) = asked
    assert isinstance(since, type(START))
    assert line.at - since <= timedelta(days=2.2)


def test_verdicts_judged_again_make_it_anew(line: Line) -> None:
    """What was read is not what the store says any more: said, and all is read again."""
    said: list[str] = []
    windows = windows_of(line, said)
    line.days(4)
    windows.news(line.at)
    number = next(iter(line.store.rounds())).id
    line.store.revise(line.store.begin_revision(line.at), number, {0: GOOD})
    line.days(1)
    windows.news(line.at)
    assert said == ["windows are looked for in all rounds again: verdicts were judged again"]
    assert len([one for one in windows.held() if one.window]) == 1


def test_forgotten_rounds_make_it_anew(line: Line) -> None:
    """A purge takes what is held in memory with it."""
    said: list[str] = []
    windows = windows_of(line, said)
    line.days(5)
    windows.news(line.at)
    line.store.purge()
    line.days(1)
    windows.news(line.at)
    assert said == ["windows are looked for in all rounds again: old rounds were forgotten"] or (
        said == ["windows are looked for in all rounds again: rounds were forgotten"]
    )
    assert windows.held() == tuple(e for e in windows.held() if e.window is None)


def test_another_cause_makes_it_anew(line: Line) -> None:
    """Unknown failures stand alone until the network is named: then they are one series with it."""
    said: list[str] = []
    windows = windows_of(line, said)
    line.days(4, cut=Locus.UNKNOWN)
    windows.news(line.at)
    line.days(1)
    windows.news(line.at)
    assert said == [
        "windows are looked for in all rounds again: a failure has another cause than those before"
    ]
    (event,) = [one for one in windows.held() if one.window]
    assert event.locus == "network"
    line.days(1, cut=Locus.UNKNOWN)
    windows.news(line.at)
    assert len(said) == 1
    (event,) = [one for one in windows.held() if one.window]
    (at_once,) = whole(line)
    assert event.window is not None
    assert at_once.window is not None
    assert event.window.supports == at_once.window.supports


def test_a_corrected_zone_makes_it_anew(line: Line) -> None:
    """The hours of a window are those of the zone that is right."""
    said: list[str] = []
    windows = windows_of(line, said)
    line.days(5)
    windows.news(line.at)
    line.move("Asia/Kabul")
    line.days(1)
    windows.news(line.at)
    assert said == ["windows are looked for in all rounds again: the time zone was corrected"]
    (event,) = [one for one in windows.held() if one.window]
    assert event.tz == "Asia/Kabul"


def test_a_throttling_is_told_once() -> None:
    """When it comes to be seen, in its own words; that it lasts, or was there, is no news."""
    dice = random.Random(3)
    with Store.open(MEMORY) as store:
        times = list(spread_rounds(20, dice))
        usual = [at for at in times if at < times[0] + timedelta(days=10)]
        keep_rounds(store, usual, never, dice)
        windows = Windows(store, LINE.id, seed=SEED, known=Known(names={"chat": "The Chat"}))
        assert windows.news(usual[-1] + timedelta(hours=1)) == ()
        told: list[Event] = []
        for at in times[len(usual) :]:
            keep_rounds(store, [at], lambda _: True, dice)
            told.extend(windows.news(at + timedelta(minutes=10)))
        (event,) = told
        assert event.throttle is not None
        assert event.sentence.startswith("The Chat was about ")
        assert "since" in event.sentence
        again = Windows(store, LINE.id, seed=SEED)
        assert again.news(times[-1] + timedelta(hours=1)) == ()
        assert [one.throttle is not None for one in again.held()].count(True) == 1


def test_a_journal_hears_how_many_were_slowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """No name and no hour where a machine keeps the words; where a person reads, the sentence."""
    dice = random.Random(3)
    with Store.open(MEMORY) as store:
        keep_rounds(store, spread_rounds(14, dice), evening, dice)
        (event,) = throttle_events(store.goodput(), rng=random.Random(1))
    (line,) = seen_windows((event,), private=False)
    assert line == "slowed over many rounds, new: 1 (what and how much: probe patterns)"
    monkeypatch.setattr("probe.cli.watch._told_in_full", lambda *, private: not private)
    assert seen_windows((event,), private=False) == [event.sentence]
