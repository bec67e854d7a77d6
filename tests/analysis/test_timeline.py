"""Intervals: brackets, typed gaps, and no gap ever taken for good."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.analysis.episodes import episodes_of
from probe.analysis.timeline import intervals
from probe.model.timeline import Absence, IntervalState, Sample, Series, SeriesKey

START = datetime(2022, 3, 1, tzinfo=UTC)
OK, BAD, GAP = IntervalState.OK, IntervalState.BAD, IntervalState.GAP


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def look(hours: float, bad: bool | None, absence: Absence | None = None) -> Sample:
    mechanism = "dns.nxdomain" if bad else None
    return Sample(time=at(hours), bad=bad, absence=absence, mechanism=mechanism)


def series(*samples: Sample) -> Series:
    return Series(key=SeriesKey(subject="s"), tz="UTC", samples=samples)


def steady(first: float, last: float, *, bad: bool, step: float = 0.25) -> list[Sample]:
    count = round((last - first) / step)
    return [look(first + i * step, bad) for i in range(count)]


def test_an_outage_has_brackets_of_last_good_and_first_bad() -> None:
    """An edge lies after the last good look and at or before the first bad one."""
    found = intervals(
        series(*steady(0, 6, bad=False), *steady(6, 9, bad=True), *steady(9, 12, bad=False))
    )
    assert [one.state for one in found] == [OK, BAD, OK]
    bad = found[1]
    assert (bad.start.earliest, bad.start.latest) == (at(5.75), at(6))
    assert (bad.end.earliest, bad.end.latest) == (at(8.75), at(9))
    assert bad.start.at == at(5.875)
    assert not bad.start.censored
    assert (bad.samples, bad.bad_samples) == (12, 12)
    assert bad.mechanisms == (("dns.nxdomain", 12),)
    assert bad.probability is not None
    assert bad.probability > 0.95
    assert found[0].start.censored
    assert found[2].end.censored


def test_a_silence_is_a_gap_and_never_good() -> None:
    """Nobody looked for a night: the evening's ok does not reach over it."""
    found = intervals(series(*steady(0, 6, bad=False), *steady(14, 20, bad=False)))
    assert [one.state for one in found] == [OK, GAP, OK]
    assert found[1].absence is Absence.NOT_SCHEDULED
    assert (found[1].start.at, found[1].end.at) == (at(5.75), at(14))
    assert found[0].end.censored
    assert found[2].start.censored


def test_a_lost_round_or_two_is_no_gap() -> None:
    """Two rounds missing at 15 minutes leave one interval."""
    kept = [s for s in steady(0, 12, bad=False) if not at(4) < s.time < at(4.9)]
    assert [one.state for one in intervals(series(*kept))] == [OK]


@pytest.mark.parametrize("absence", list(Absence))
def test_a_gap_is_named_by_its_absence(absence: Absence) -> None:
    """Each reason is kept apart."""
    missing = [look(6 + i / 4, None, absence) for i in range(32)]
    found = intervals(series(*steady(0, 6, bad=False), *missing, *steady(14, 20, bad=False)))
    assert [one.absence for one in found] == [None, absence, None]


def test_two_reasons_make_two_gaps() -> None:
    """The host was off, then the line was behind a portal."""
    missing = [
        look(6.1, None, Absence.HOST_OFF),
        *[look(10 + i / 4, None, Absence.INVALID) for i in range(16)],
    ]
    found = intervals(series(*steady(0, 6, bad=False), *missing, *steady(14, 20, bad=False)))
    assert [one.absence for one in found] == [None, Absence.HOST_OFF, Absence.INVALID, None]
    assert found[1].end.at == found[2].start.at == at(10)


def test_an_edge_in_a_gap_is_censored() -> None:
    """Good before the night, bad after it: the cut began somewhere in between."""
    found = intervals(series(*steady(0, 6, bad=False), *steady(14, 20, bad=True)))
    assert [one.state for one in found] == [OK, GAP, BAD]
    start = found[2].start
    assert start.censored
    assert (start.earliest, start.at, start.latest) == (at(5.75), at(14), at(14))


def test_a_trailing_silence_is_a_gap() -> None:
    """What ends with absences ends in a gap, not with the last state."""
    tail = [look(6 + i / 4, None, Absence.OFFLINE_LOCAL) for i in range(40)]
    found = intervals(series(*steady(0, 6, bad=True), *tail))
    assert [one.state for one in found] == [BAD, GAP]
    assert found[1].absence is Absence.OFFLINE_LOCAL


def test_nothing_and_nothing_but_absences() -> None:
    """No sample gives no interval; only absences give only gaps; one look is one interval."""
    assert intervals(series()) == ()
    only = intervals(series(*[look(i, None, Absence.INCONCLUSIVE) for i in range(5)]))
    assert [one.state for one in only] == [GAP]
    assert [one.state for one in intervals(series(*steady(1, 1.2, bad=False, step=0.2)))] == [OK]


def test_a_block_seen_on_both_sides_of_a_night_is_one_episode() -> None:
    """The gap between is not known, and its length is kept."""
    found = episodes_of(
        intervals(
            series(*steady(0, 6, bad=False), *steady(6, 10, bad=True), *steady(18, 24, bad=True))
        )
    )
    assert len(found) == 1
    assert found[0].open
    assert not found[0].from_start
    assert 8 * 3600 < found[0].unseen_s < 8.5 * 3600


def test_after_three_days_of_silence_it_is_another_episode() -> None:
    """Too long a silence joins nothing."""
    found = episodes_of(
        intervals(series(*steady(0, 6, bad=True), *steady(6 + 73, 6 + 79, bad=True)))
    )
    assert len(found) == 2


@given(
    st.lists(
        st.tuples(st.integers(0, 10_000), st.sampled_from([True, False, None])),
        max_size=60,
        unique_by=lambda row: row[0],
    )
)
@settings(max_examples=100)
def test_intervals_are_in_order_and_account_for_every_look(
    rows: list[tuple[int, bool | None]],
) -> None:
    """Brackets hold their estimate, intervals follow each other, and no look is lost."""
    samples = [
        look(minute / 60, bad, Absence.INVALID if bad is None else None)
        for minute, bad in sorted(rows)
    ]
    found = intervals(series(*samples))
    seen = [one for one in found if one.state is not GAP]
    assert sum(one.samples for one in seen) == sum(bad is not None for _, bad in rows)
    for one in found:
        for edge in (one.start, one.end):
            assert edge.earliest <= edge.at <= edge.latest
        assert one.start.at <= one.end.at
        assert (one.absence is not None) is (one.state is GAP)
    for before, after in pairwise(found):
        assert before.end.at <= after.start.at
        assert before.state is not after.state or before.state is GAP or after.state is GAP
