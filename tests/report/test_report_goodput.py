"""Goodput against control: what is drawn, what is said of it, and what a published copy hides."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from leading import astray, found, loose
from msgspec.structs import replace

from probe.analysis.throttle_events import throttle_events
from probe.model.event import Event, EventKind, Label
from probe.model.goodput import Direction, Pair, Pairing, PairKey, Speed, Transport
from probe.model.throttle import Grade, Shape, Throttle, ThrottleScope
from probe.model.timeline import Sample, Series, SeriesKey, Signal
from probe.model.verdict import (
    Confidence,
    Locus,
    ServiceVerdict,
    State,
    Verdict,
)
from probe.report.build import build
from probe.report.charts.engine import draw
from probe.report.charts.every import charts_of
from probe.report.charts.goodput import goodput_chart
from probe.report.data import (
    FindingKind,
    Goodput,
    Level,
    Mark,
    Method,
    Period,
    ReportData,
    Subject,
    TimedPoint,
)
from probe.report.findings import kind_of
from probe.report.hours import HourGrid
from probe.report.html import render
from probe.report.links import anchor
from probe.report.marks import Row, day_rows
from probe.report.publish import Grain
from probe.report.slow_words import caution, level_words, rate_words, size_words
from probe.report.summary import headlines
from probe.report.timed import timed_of
from probe.report.tongue import LANGUAGES, speaking

START = datetime(2026, 5, 1, tzinfo=UTC)
NETWORK = "AS64500/fixed"
KEY = PairKey(vantage="v", network=NETWORK, subject="chat", pairing=Pairing.NEUTRAL)
WEEK = Period(start=START, end=START + timedelta(days=7))


def pairs_of(hours: Sequence[float], *, slow: bool = True, tz: str = "UTC") -> tuple[Pair, ...]:
    """Return a round at each hour since the start; from 16:00 on the target is ten times slower."""
    dice = Random(4)
    pairs = []
    for hour in hours:
        limited = slow and hour % 24 >= 16
        rate = (1e5 if limited else 1e6) * dice.lognormvariate(0, 0.05)
        controls = tuple(Speed(rate=1e6 * dice.lognormvariate(0, 0.05)) for _ in range(2))
        at = START + timedelta(hours=hour)
        pairs.append(Pair(time=at, tz=tz, target=Speed(rate=rate), controls=controls))
    return tuple(pairs)


_DICE = Random(8)
HALF_HOURS = [n / 2 + _DICE.uniform(0, 0.49) for n in range(7 * 48)]
PAIRS = {KEY: pairs_of(HALF_HOURS)}
EVENTS = throttle_events(PAIRS, rng=Random(1))


def report(
    *, private: bool = False, events: Sequence[Event] = EVENTS, every: bool = False
) -> ReportData:
    """Return the report of a week in which a service that worked was slow in the evenings."""
    samples = tuple(Sample(time=START + timedelta(hours=h), bad=False) for h in range(0, 24 * 7, 2))
    verdict = Verdict(
        state=State.OK,
        mechanism="ok",
        locus=Locus.UNKNOWN,
        confidence=Confidence.CONFIRMED,
        rule_id="ok.application",
        rule_version=1,
    )
    return build(
        title="A week",
        generated=WEEK.end,
        period=WEEK,
        country="IR",
        tz="UTC",
        method=Method(probe_version="0"),
        services=[
            (
                Subject(id="chat", name="Chat", category="messaging"),
                ServiceVerdict(service="chat", verdict=verdict, roles=(), sentence=""),
            )
        ],
        series=[
            Series(
                key=SeriesKey(vantage="v", network=NETWORK, subject="chat"),
                tz="UTC",
                samples=samples,
            )
        ],
        events=events,
        pairs=PAIRS,
        every_pair=every,
        private=private,
    )


def one(**changes: object) -> Goodput:
    """Return a chart's values: a usual point, a slow one, one that is not compared, a level."""
    points = tuple(
        TimedPoint(time=START + timedelta(hours=h), kbps=rate, control_kbps=9_000.0, slow=slow)
        for h, rate, slow in ((0, 8_000.0, False), (24, 400.0, True), (48, 7_000.0, None))
    )
    made = Goodput(
        subject="chat",
        name="Chat",
        network=NETWORK,
        tz="UTC",
        pairing=Pairing.NEUTRAL,
        direction=Direction.DOWNLOAD,
        transport=Transport.TCP,
        family=4,
        points=points,
        levels=(Level(start=START, end=WEEK.end, kbps=400.0, low=300.0, high=600.0),),
    )
    return replace(made, **changes)


def test_slow_rounds_differ_in_shape_and_controls_are_hollow() -> None:
    """Nothing is told by colour alone; what is not compared is drawn as usual ones are."""
    option = goodput_chart(one(), WEEK, "UTC").option
    kinds = {row["name"]: row for row in option["series"] if row["type"] == "scatter"}
    assert {name: row["symbol"] for name, row in kinds.items()} == {
        "controls": "rect",
        "usual": "circle",
        "slow": "triangle",
    }
    assert kinds["controls"]["itemStyle"]["color"] == "var(--panel)"
    assert [len(row["data"]) for row in kinds.values()] == [3, 2, 1]


def test_the_level_has_its_interval_on_a_logarithmic_axis() -> None:
    """Whole powers of ten around every rate, with units in words."""
    option = goodput_chart(one(), WEEK, "UTC").option
    axis = option["yAxis"]
    assert (axis["type"], axis["min"], axis["max"]) == ("log", 100, 10_000)
    assert axis["named"] == {"100": "100 kbit/s", "1000": "1 Mbit/s", "10000": "10 Mbit/s"}
    (level,) = [row for row in option["series"] if row["type"] == "line"]
    assert [y for _x, y in level["data"]] == [400.0, 400.0]
    ((low, high),) = level["markArea"]["data"]
    assert (low["yAxis"], high["yAxis"]) == (300.0, 600.0)


def test_days_begin_where_the_lines_own_clock_says() -> None:
    """The same points in another zone have their upright lines elsewhere; three days show hours."""
    there = goodput_chart(one(), WEEK, "Asia/Tehran").option["series"][0]["markLine"]["data"]
    here = goodput_chart(one(), WEEK, "UTC").option["series"][0]["markLine"]["data"]
    assert here[0]["xAxis"] == 0.0
    assert there[0]["xAxis"] == pytest.approx(20.5 / 168, abs=1e-4)
    short = Period(start=START, end=START + timedelta(days=2))
    named = goodput_chart(one(), short, "UTC").option["xAxis"]["named"].values()
    assert {"06:00", "18:00"} <= set(named)
    assert "06:00" not in goodput_chart(one(), WEEK, "UTC").option["xAxis"]["named"].values()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_draws_it_with_no_fixed_colour(language: str) -> None:
    """In the page's dress; nothing came, and rates below one kbit/s, are drawn too."""
    slow = one(points=(TimedPoint(time=START, kbps=None), TimedPoint(time=START, kbps=0.2)))
    with speaking(language):
        for values in (one(), slow, one(points=(), levels=())):
            drawn = str(draw(goodput_chart(values, WEEK, "UTC", narrow=True)))
            assert "#" not in drawn.replace("url(#", "")
            assert "kbit/s" in drawn


def test_a_published_point_is_no_single_transfer() -> None:
    """Medians of whole hours; a private copy has each round, as long as they can be told apart."""
    (timed, _line) = timed_of(PAIRS, EVENTS)
    public = timed.goodput("Chat", "", Grain("UTC", private=False), "UTC")
    assert public.grain_s == 3_600
    assert all((p.time.minute, p.time.second) == (0, 0) for p in public.points)
    assert sum(p.rounds for p in public.points) == len(HALF_HOURS)
    assert all(p.rounds == 2 for p in public.points if p.slow is not None)
    private = timed.goodput("Chat", "", Grain("UTC", private=True), "UTC")
    assert private.grain_s == 0
    assert [p.time for p in private.points] == [pair.time for pair in PAIRS[KEY]]
    years = {KEY: pairs_of([n / 2 for n in range(60 * 48)], slow=False)}
    long = timed_of(years, ())[0].goodput("Chat", "", Grain("UTC", private=True), "UTC")
    assert len(long.points) <= 401
    assert long.grain_s > 3_600


def test_events_stand_with_the_pair_they_are_of() -> None:
    """Another way of comparing, and the line itself, have charts of their own."""
    upload = replace(KEY, direction=Direction.UPLOAD)
    own = replace(KEY, pairing=Pairing.SAME_SERVER, own_server=True)
    usual = pairs_of(HALF_HOURS, slow=False)
    pairs = {KEY: PAIRS[KEY], upload: usual, own: usual}
    found = {
        (one.history.key, one.history.general): one.events
        for one in timed_of(pairs, throttle_events(pairs, rng=Random(1)))
    }
    assert [key for (key, general), events in found.items() if events and not general] == [KEY]
    assert not any(events for (_key, general), events in found.items() if general)


def test_what_worked_and_was_slow_is_a_finding() -> None:
    """Named slowed down, with its hours and heatmap; never among what simply worked, or was cut."""
    data = report()
    (found,) = data.services
    assert found.kind is FindingKind.SLOWED
    assert found.window is not None
    (heatmap,) = data.heatmaps
    assert heatmap.timed
    marks = [cell.mark for cell in heatmap.days[3].cells]
    assert marks[:16] == [Mark.FINE] * 16
    assert marks[16:] == [Mark.SLOW] * 8
    (headline,) = headlines(data)
    assert headline.text == "\u2068Chat\u2069 was slow every day from about 16:00 to 23:59."
    assert any("looks the same" in detail for detail in headline.details)
    assert any("times slower than before" in detail for detail in headline.details)
    page = render(data)
    assert "Slowed down" in page
    assert "Blocked" not in page.partition("<main")[2]


@pytest.mark.parametrize("private", [True, False])
@pytest.mark.parametrize("scope", [ThrottleScope.TARGETED, ThrottleScope.GENERAL])
@pytest.mark.parametrize("stretch", [True, False])
def test_numbers_of_slowness_lead_to_transfers(
    *, private: bool, scope: ThrottleScope, stretch: bool
) -> None:
    """Each number leads to the rounds that it rests on, and these to the transfers, where drawn."""
    (event,) = EVENTS
    assert event.throttle is not None
    slow = replace(event.throttle, scope=scope)
    event = replace(event, throttle=slow)
    if stretch:
        event = replace(event, kind=EventKind.THROTTLE, window=None)
    text = render(replace(report(private=private, events=[event]), heatmaps=()))
    assert loose(text) == []
    assert astray(text) == []
    ((name, rests_on, *_),) = found(text, "said-1")
    assert name == "Chat"
    assert rests_on.startswith(f"{slow.rounds} slow rounds, compared with ")
    shown = scope is ThrottleScope.TARGETED  # no transfers of neutral hosts are among the pairs
    assert (f'href="#timed-{anchor("chat")}"' in text.partition('id="said-1"')[2]) is shown
    assert (f'id="timed-{anchor("chat")}"' in text) is shown


def test_a_cut_outranks_a_slowing() -> None:
    """What is blocked at the last look is called so, slow or not."""
    service = Subject(id="chat", name="Chat")
    blocked = Verdict(
        state=State.BLOCKED,
        mechanism="tls.reset.sni",
        locus=Locus.NETWORK,
        confidence=Confidence.LIKELY,
        rule_id="tls.reset.sni",
        rule_version=1,
    )
    row = report().windows[0]
    assert kind_of(service, blocked, None, row, has_bad=True) is FindingKind.BLOCKED
    works = replace(blocked, state=State.OK)
    assert kind_of(service, works, None, row, has_bad=False) is FindingKind.SLOWED
    assert kind_of(service, works, None, None, has_bad=False) is FindingKind.WORKS


def test_a_slow_line_is_not_called_offline() -> None:
    """All that came slower is said of the line, with what else it may be; no service is meant."""
    (event,) = EVENTS
    assert event.throttle is not None
    general = replace(
        event, series="line", throttle=replace(event.throttle, scope=ThrottleScope.GENERAL)
    )
    data = report(events=[general])
    (slow, works) = headlines(data)
    assert slow.text == "\u2068this line\u2069 was slow every day from about 16:00 to 23:59."
    assert "data allowance" in " ".join(slow.details)
    assert "beside" not in " ".join(slow.details)
    assert works.text == "\u2068Chat\u2069 worked."


def test_a_stretch_and_a_freeze_have_words_of_their_own() -> None:
    """Since when, or from when to when; how many bytes came; suspected where it is."""
    (event,) = EVENTS
    assert event.throttle is not None
    frozen = replace(
        event.throttle, shape=Shape.FROZEN, frozen_at=(16_384, 20_480), ratio=None, at_most=None
    )
    stretch = replace(
        event, kind=EventKind.THROTTLE, window=None, end=None, throttle=frozen,
        label=Label.SUSPECTED,
    )  # fmt: skip
    (headline, *_) = headlines(report(events=[stretch]))
    assert headline.text.startswith("\u2068Chat\u2069 may be slow since ")
    assert "Transfers stopped each time after 16 to 20 KiB." in headline.details
    assert headline.details[-1].startswith("Suspected only")
    once = replace(stretch, throttle=replace(frozen, frozen_at=(16_384, 16_400)))
    assert "Transfers stopped each time after about 16 KiB." in size_words(once)
    page = render(report(events=[stretch]))
    assert "looks failed" not in page.partition("Single stretches")[2].partition("</table>")[0]


def test_what_may_fool_it_is_of_the_comparison_that_was_made() -> None:
    """At the same server it is how that treats the name; of a call, that the line was busy."""
    (event,) = EVENTS
    assert event.throttle is not None
    same = replace(event.throttle, pairing=Pairing.SAME_SERVER)
    assert "treats that name otherwise" in caution(replace(event, throttle=same))
    call = replace(event, series="line", throttle=replace(same, transport=Transport.UDP))
    assert "busy with something else" in caution(call)
    assert "the same packets in disguise" in size_words(call)
    (headline, _works) = headlines(report(events=[call]))
    assert headline.text.startswith("\u2068calls\u2069 ")
    border = replace(event, throttle=replace(event.throttle, scope=ThrottleScope.BORDER))
    assert headlines(report(events=[border]))[0].text.startswith("\u2068what lies abroad\u2069 ")


def test_one_slow_round_makes_no_slow_hour() -> None:
    """An hour is slow where most of its timed rounds are."""
    key = SeriesKey(vantage="v", network=NETWORK, subject="chat", signal=Signal.GOODPUT)

    def cell(rounds: str) -> tuple[Mark, int]:
        samples = tuple(
            Sample(time=START + timedelta(minutes=9 * n), bad=one == "S")
            for n, one in enumerate(rounds)
        )
        series = Series(key=key, tz="UTC", samples=samples)
        grid = HourGrid(START, START + timedelta(hours=1), "UTC")
        found = day_rows(Row(own=(series,), line=(), intervals={}), grid)[0].cells[0]
        return found.mark, found.bad

    assert cell("S--") == (Mark.FINE, 1)
    assert cell("S-") == (Mark.FINE, 1)
    assert cell("SS-") == (Mark.SLOW, 2)


def test_what_was_asked_for_by_name_is_drawn_slow_or_not() -> None:
    """A report draws what was slow; a service's page has its transfers in any case."""
    assert report(events=()).goodputs == ()
    drawn = report(events=(), every=True)
    assert {one.subject for one in drawn.goodputs} == {"chat", "this line"}
    assert all(not one.levels for one in drawn.goodputs)
    assert "Goodput against control" not in render(report(events=()))
    names = [chart.name for chart in charts_of(report())]
    assert "goodput-01" in names
    assert "onsets" not in names  # nothing failed, so nothing began


def test_rates_are_read_as_people_read_them() -> None:
    """Two figures; from a thousand kbit/s on in Mbit/s, also where rounding leads there."""
    assert [rate_words(one) for one in (141.3, 999.0, 1_000.0, 8_091.0)] == [
        "140 kbit/s",
        "1 Mbit/s",
        "1 Mbit/s",
        "8.1 Mbit/s",
    ]


def test_an_interval_that_two_figures_would_close_is_shown_in_three() -> None:
    """398 (396 to 401), and not 400 (400 to 400)."""
    event = EVENTS[0]
    assert event.throttle is not None
    narrow = replace(event.throttle, level_kbps=398.2, level_interval=(395.7, 401.3))
    assert "398 kbit/s (396 kbit/s to 401" in level_words(replace(event, throttle=narrow))
    wide = replace(event.throttle, level_kbps=398.2, level_interval=(342.0, 451.0))
    assert "400 kbit/s (340 kbit/s to 450" in level_words(replace(event, throttle=wide))


def test_a_policer_holds_and_a_queue_gives() -> None:
    """What a policer lets through is more than what came; of a queue it is the same."""
    event = EVENTS[0]
    assert event.throttle is not None
    plain = replace(event.throttle, before_kbps=None)
    for shape, words in ((Shape.POLICED, "It was held to about"), (Shape.SHAPED, "It came at")):
        for said in (plain, event.throttle):
            assert level_words(replace(event, throttle=replace(said, shape=shape))).startswith(
                words
            )


def test_grades_are_in_no_sentence_of_a_report() -> None:
    """A reader gets the number; extreme is a class of a table."""
    (event,) = EVENTS
    assert isinstance(event.throttle, Throttle)
    assert event.throttle.grade is Grade.EXTREME
    assert "extreme" not in render(report()).lower()
