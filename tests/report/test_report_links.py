"""In a report's file each number of a sentence, and each count, leads to rows that add up to it."""

import re
from datetime import timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from html_page import tree
from languages import one_fast
from leading import astray, found, loose, rows
from report_fixtures import (
    END,
    START,
    TZ,
    all_series,
    outage_event,
    report,
    rolled,
    rounds,
    series_for,
    service,
    services,
    verdict,
    window_event,
)

from probe.analysis.timeline import intervals
from probe.model.event import Event
from probe.model.verdict import State
from probe.report.data import LINE_SUBJECT, Bar, Mark, Period, ReportData
from probe.report.html import render


def window(subject: str, supported: int) -> Event:
    """Return a window that knows its days."""
    event = window_event(subject)
    assert event.window is not None
    days = tuple(f"2026-05-{day:02d}" for day in range(1, 12))
    kept = msgspec.structs.replace(
        event.window,
        supports=days[:supported],
        against=days[supported:],
        days=msgspec.structs.replace(event.window.days, supported=supported),
    )
    return msgspec.structs.replace(event, window=kept, samples=80, bad_samples=61)


@pytest.fixture(scope="module")
def told() -> ReportData:
    """Return a report with every kind of count: digits in names, cuts of the line, a broken round.

    It has no heatmaps: they hold no number of a sentence, and take longest to draw.
    """
    named = (service("Radio 24"), rolled("radio-24", verdict(State.OK, "ok")))
    retired = series_for("skype", lambda _: (False, None))
    series = (*all_series(), series_for("radio-24", lambda _: (False, None)), retired)
    first, *others = rounds()
    broken = msgspec.structs.replace(first, context=None)
    data = report(
        services=(*services(), named),
        series=series,
        intervals={one.key: intervals(one) for one in series},
        events=(window("whatsapp", 9), window("signal", 10), outage_event()),
        rounds=(broken, *others),
    )
    lanes = tuple(
        msgspec.structs.replace(lane, bars=(*lane.bars, *again(lane.bars)))
        if lane.subject == LINE_SUBJECT
        else lane
        for lane in data.lanes
    )
    return msgspec.structs.replace(data, heatmaps=(), lanes=lanes)


def again(bars: tuple[Bar, ...]) -> list[Bar]:
    """Return the stretches without any line once more, two days later and half as long."""
    return [
        msgspec.structs.replace(
            bar,
            start=bar.start + timedelta(days=2),
            end=bar.start + timedelta(days=2) + (bar.end - bar.start) / 2,
        )
        for bar in bars
        if bar.mark is Mark.LINE_OFF
    ]


@pytest.fixture(scope="module")
def drawn(told: ReportData) -> str:
    """Return it as a page."""
    return render(told)


def behind(text: str, sentence: str) -> list[list[str]]:
    """Return the cells of the rows that a headline leads to."""
    for lead in tree(text).all("p", of="lead"):
        if sentence in _plain(lead.text):
            (link,) = lead.all("a")
            return found(text, (link.attributes["href"] or "")[1:])
    raise AssertionError(sentence)


def _plain(said: str) -> str:
    return re.sub("[\N{FIRST STRONG ISOLATE}\N{POP DIRECTIONAL ISOLATE}]", "", said)


def facts(text: str) -> list[list[int]]:
    """Return the numbers beside the headlines: services, rounds, and hours."""
    (aside,) = tree(text).all("dl", of="facts")
    return [[int(one) for one in re.findall(r"\d+", dd.text)] for dd in aside.all("dd")][:3]


def total(said: str) -> dict[str, int]:
    """Return how many looks a cell speaks of, by what they said."""
    sums: dict[str, int] = {}
    for count, what in re.findall(r"(\d+) (good|failed|unclear)", said):
        sums[what] = sums.get(what, 0) + int(count)
    return sums


@pytest.mark.parametrize("lang", one_fast("en"))
def test_each_number_leads_to_rows(told: ReportData, lang: str) -> None:
    """In every language: no number of a sentence or count without a link to rows."""
    assert loose(render(told, lang)) == []


def test_a_private_report_leads_as_far() -> None:
    """Minutes change nothing of it."""
    data = msgspec.structs.replace(report(private=True), heatmaps=())
    assert loose(render(data)) == []


@pytest.mark.parametrize(
    "broken", ['id="days"', 'id="looked"', 'id="looked-works"', 'id="said-1"', 'href="#days"']
)
def test_a_number_without_rows_is_seen(drawn: str, broken: str) -> None:
    """The search above can fail: an address or a target that is taken away is found."""
    assert broken in drawn
    assert loose(drawn.replace(broken, 'class="gone"')) != []


def test_every_link_has_its_target(drawn: str) -> None:
    """No address inside the file leads nowhere, also of what is unclear and has no lane."""
    assert astray(drawn) == []


def test_a_count_before_a_list_is_its_length(drawn: str) -> None:
    """Three names stand under a heading that says "(3)", and the same of all lists."""
    counted = 0
    for one in tree(drawn).all("details"):
        (summary,) = one.all("summary")
        if number := re.search(r"\((\d+)\)$", summary.text.strip()):
            counted += 1
            assert int(number[1]) == len(one.all("li")) + len(rows(one))
    assert counted == 4  # worked, retired, not measured, single stretches


def test_services_looked_at_are_rows(drawn: str) -> None:
    """As many rows as are counted, and those that worked among them."""
    assert len(found(drawn, "looked")) == facts(drawn)[0][0]
    worked = behind(drawn, "3 services worked")
    assert [row[0] for row in worked] == ["F-Droid", "Google Play", "Radio 24"]


def test_stretches_add_up_to_looks(drawn: str, told: ReportData) -> None:
    """Of each service the looks of its stretches are its looks, good, failed and unclear."""
    longest = 0
    for row in found(drawn, "looked"):
        parts = row[3].splitlines()
        longest = max(longest, len(parts))
        assert total(row[3]) == total(row[2])
    assert longest > 1
    for one in told.services:
        assert sum(part.looks.total for part in one.stretches) == one.looks.total


def test_days_add_up_to_rounds_and_hours(drawn: str) -> None:
    """The rows of days add up to all rounds and hours, and to what was amiss with the line."""
    _, (all_rounds,), (seen, hours, _share) = facts(drawn)
    days = found(drawn, "days")
    assert sum(int(day[1].split()[0]) for day in days) == all_rounds
    pairs = [list(map(int, re.findall(r"\d+", day[2]))) for day in days]
    assert [sum(pair) for pair in zip(*pairs, strict=True)] == [seen, hours]
    (missing,) = (
        one
        for one in tree(drawn).all("section")
        if one.attributes.get("aria-labelledby") == "coverage-h"
    )
    amiss = "; ".join(day[1] for day in days)
    (at_fault,) = re.findall(r"In (\d+) rounds the line itself", missing.text)
    assert _sum("the line itself was at fault", amiss) == int(at_fault) > 0
    assert _sum("interrupted", amiss) == 1
    gates = [one.text.partition(" rounds: ") for one in missing.all("ul")[0].all("li")]
    assert len(gates) == 3
    for count, _, why in gates:
        assert _sum(why, amiss) == int(count)


def _sum(what: str, said: str) -> int:
    return sum(map(int, re.findall(rf"{re.escape(what)}: (\d+)", said)))


def test_days_of_a_window_are_named(drawn: str) -> None:
    """As many days for and against as the sentence, or the row, counts."""
    both = behind(drawn, "were cut every day")
    assert [row[0] for row in both] == ["WhatsApp", "Signal"]
    for row, supported in zip(both, (9, 10), strict=True):
        assert row[3].startswith(f"{supported} days of 11")
        _, speak, *against = row[2].splitlines()
        assert len(re.findall(r"\d+ May", speak)) == supported
        assert len(re.findall(r"\d+ May", "".join(against))) == 11 - supported
    assert "each seen on at least 9 of the 11 days" in drawn


def test_cuts_of_the_line_add_up(drawn: str) -> None:
    """Twice, about so long in all: two rows whose lengths are that."""
    cuts = behind(drawn, "2 times, about 24 hours in all, the line reached nothing at all")
    assert [row[3] for row in cuts] == ["16 hours", "8 hours"]
    assert behind(drawn, "reached only domestic sites")[0][3] == "24 hours"


def test_what_was_cut_for_a_time_has_that_length(drawn: str, told: ReportData) -> None:
    """The length in a sentence is that of the failing stretches, within an hour at each end."""
    ((name, looks, _, length),) = behind(drawn, "Element was cut for a time")
    assert (name, length) == ("Element", "about 2 days in all")
    assert looks.startswith("32 of 173 ")
    (element,) = (one for one in told.services if one.id == "element")
    bars = [
        bar
        for lane in told.lanes
        if lane.subject == "element"
        for bar in lane.bars
        if bar.mark is Mark.CUT
    ]
    length_s = sum((bar.end - bar.start for bar in bars), timedelta()).total_seconds()
    assert abs(length_s - element.bad_s) <= 3600 * len(bars)
    assert sum(bar.samples for bar in bars) == 32


def test_a_period_that_is_cut_counts_its_own_rounds() -> None:
    """Rounds before the days shown are in no row, so they are not counted either."""
    data = report(period=Period(start=START + timedelta(days=10), end=END))
    assert data.coverage.rounds == sum(day.rounds for day in data.calendar)
    assert 0 < data.coverage.rounds < len(rounds())
    assert data.coverage.hours_seen == sum(day.hours_seen for day in data.calendar)


def test_a_round_at_the_last_moment_has_its_hour() -> None:
    """A round that begins as the period ends, on a full hour, lies in an hour that is counted."""
    (first, *_) = rounds()
    at = START + timedelta(hours=7)
    only = msgspec.structs.replace(first, started=at, ended=at)
    coverage = report(rounds=(only,), period=Period(start=at, end=at)).coverage
    assert (coverage.rounds, coverage.hours, coverage.hours_seen) == (1, 1, 1)


def test_nothing_measured_leads_nowhere() -> None:
    """A report of nothing has zeros, and no sentence that claims rows."""
    data = report(services=(), series=(), intervals={}, events=(), rounds=(), notes=())
    text = render(data)
    (lead,) = tree(text).all("p", of="lead")
    assert lead.all("a") == []
    assert astray(text) == []


def test_published_stretches_have_whole_hours() -> None:
    """To the hour, outwards, in what is published; to the minute in the owner's own copy."""
    kept = [
        (public, private)
        for one, own in zip(report().services, report(private=True).services, strict=True)
        for public, private in zip(one.stretches, own.stretches, strict=True)
    ]
    for public, private in kept:
        for at in (public.start, public.end):
            local = at.astimezone(ZoneInfo(TZ))
            assert (local.minute, local.second) == (0, 0)
        assert public.start <= private.start <= private.end <= public.end
    assert any(private.start.second for _, private in kept)
