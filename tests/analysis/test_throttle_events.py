"""Throttling as events: windows, periods, hours of a few rounds a day, and their words."""

import math
import random
from datetime import timedelta

import pytest
from msgspec.structs import replace
from paired_transfers import KEY, SINCE, Factor, Slowing, daily, every, hill, rounds, since

from probe.analysis.explain import explain
from probe.analysis.throttle import history_of
from probe.analysis.throttle_events import throttle_events
from probe.analysis.throttle_series import FREEZE, THROTTLE, goodput_key, goodput_series
from probe.model.codec import decode, encode
from probe.model.event import Event, EventKind, Label, Reach, Scope
from probe.model.goodput import Direction, Pair, Pairing, PairKey, Transport
from probe.model.throttle import Grade, ThrottleScope
from probe.model.timeline import Signal

WEEK = every(30, 8)


def events(pairs: tuple[Pair, ...], key: PairKey = KEY) -> tuple[Event, ...]:
    return throttle_events({key: pairs}, rng=random.Random(1), names={"forum": "The Forum"})


@pytest.mark.parametrize(("noise", "near"), [(0.04, 0.1), (0.08, 0.15)])
def test_a_daily_throttling_is_a_daily_window(noise: float, near: float) -> None:
    """From 16:00 to 23:59, its edges within ten minutes, with ratio, level and shape.

    Where rounds scatter by 8 %, more than a policer's do, the level is nearer to that of the faster
    ones: a bucket must have let them through. It stays within what is promised of levels.
    """
    (event,) = events(rounds(WEEK, target=daily(16, 24, 5), jerky=True, noise=noise))
    assert (event.kind, event.signal, event.label) == (
        EventKind.DAILY_WINDOW,
        Signal.GOODPUT,
        Label.ESTABLISHED,
    )
    window, said = event.window, event.throttle
    assert window is not None
    assert said is not None
    assert abs(window.start_minute - 960) <= 10
    assert abs(window.end_minute - 1440) <= 10
    assert said.ratio == pytest.approx(5, rel=0.1)
    assert said.grade is Grade.THROTTLED
    assert said.level_kbps == pytest.approx(1600, rel=near)
    assert (event.series, event.reach, event.scope) == ("forum", Reach.TARGETED, Scope.THIS_LINE)
    assert event.mechanisms[0][0] == THROTTLE
    assert decode(encode(event), Event) == event


def test_its_sentence_claims_no_more_than_was_seen() -> None:
    """Size, level and hours; "consistent with"; what else it could be; never "blocked"."""
    (event,) = events(rounds(WEEK, target=daily(16, 24, 5), jerky=True))
    for part in (
        "The Forum was about 5",
        "slower than before, beside its controls daily from about 16:00 to 23:59 (UTC)",
        "kbit/s (19 times in 20",
        "consistent with a limit that drops what exceeds it",
        "Seen on this line only; a server that serves this network less looks the same.",
    ):
        assert part in event.sentence
    assert "block" not in event.sentence
    assert "unreachable" not in event.sentence
    explained = "\n".join(explain(event))
    assert "its speed beside neutral hosts within the same minute" in explained
    assert "on 8 of 8 days with rounds in these hours it was slow; on 0 it was not" in explained
    assert "fail" not in explained
    assert "block" not in explained


def test_one_stretch_is_a_period() -> None:
    """From its first slow round on, open at the end while it lasts."""
    (event,) = events(rounds(WEEK, target=since(100, 6)))
    assert event.kind is EventKind.THROTTLE
    assert event.window is None
    assert event.end is None
    assert abs(event.start.at - (SINCE + timedelta(hours=100))) <= timedelta(minutes=45)
    assert event.label is Label.ESTABLISHED
    assert event.p is not None
    assert event.p >= 1e-6
    assert "and still was at the last look" in event.sentence


def test_a_stretch_that_is_over_has_an_end() -> None:
    """And is suspected where it lay within a day."""
    pairs = rounds(WEEK, target=lambda hour: 5.0 if 100 <= hour < 108 else 1.0)
    (event,) = events(pairs)
    assert event.kind is EventKind.THROTTLE
    assert event.end is not None
    assert abs(event.end.at - (SINCE + timedelta(hours=108))) <= timedelta(minutes=45)
    assert event.label is Label.SUSPECTED
    assert "suspected" in event.sentence
    assert "in a stretch chosen for being slow" in "\n".join(explain(event))


def test_a_slowed_line_is_said_of_the_line() -> None:
    """One event, of the line; the service beside it is not slowed by itself."""
    (event,) = events(rounds(WEEK, controls=daily(16, 24, 5)))
    assert event.throttle is not None
    assert event.throttle.scope is ThrottleScope.GENERAL
    assert event.kind is EventKind.DAILY_WINDOW
    assert event.series == "line"
    assert event.sentence.startswith("All that was tried on this line was about")
    assert "a spent data allowance" in event.sentence


INNOCENT: dict[str, Slowing] = {
    "quiet": {},
    "the line's evening": {"controls": hill(4), "line_rtt": hill(4)},
    "the way's evening": {"target": hill(4), "target_rtt": hill(4)},
    "a busy server": {"target": hill(1 / 0.6)},
    "always slow": {"target": lambda _: 30.0},
}


@pytest.mark.parametrize("name", INNOCENT)
def test_eight_innocent_days_give_no_event(name: str) -> None:
    """However regular: what swells and ebbs with the load of the evening is no limit."""
    assert events(rounds(WEEK, noise=0.2, **INNOCENT[name])) == ()


def test_four_rounds_a_day_show_the_hours_after_a_fortnight() -> None:
    """No beginning of any day was seen; together they give the hours to within an hour or so."""
    few = every(360, 14)
    (event,) = events(rounds(few, target=daily(16, 24, 6)))
    window = event.window
    assert window is not None
    assert event.kind is EventKind.DAILY_WINDOW
    assert event.label is Label.SUSPECTED
    assert abs(window.start_minute - 960) <= 75
    assert abs(window.end_minute - 1440) <= 75
    assert window.start_interval[0] <= window.start_minute <= window.start_interval[1]
    assert window.days.supported >= 5
    assert events(rounds(few, noise=0.3)) == ()


def test_a_few_slow_rounds_in_many_are_chance() -> None:
    """Five in a row are nothing in eight days, and would be among sixty: a stretch was chosen."""
    short: Factor = lambda hour: 5.0 if 100 <= hour < 102.5 else 1.0  # noqa: E731
    pairs = rounds(WEEK, target=short)
    assert events(pairs) == ()
    near = [one for one in pairs if one.time >= SINCE + timedelta(hours=75)][:60]
    (event,) = events(tuple(near))
    assert event.kind is EventKind.THROTTLE


def scattered(hour: float) -> float:
    return 6 * math.exp(random.Random(hour).gauss(0, 0.35))


def test_a_stretch_without_one_level_is_not_told_and_a_window_is() -> None:
    """Abrupt, with the usual round trip, and rates that scatter: one vote more for than against."""
    assert events(rounds(WEEK, target=lambda hour: scattered(hour) if hour >= 130 else 1.0)) == ()
    evenings = rounds(WEEK, target=lambda hour: scattered(hour) if hour % 24 >= 16 else 1.0)
    (event,) = events(evenings)
    assert event.kind is EventKind.DAILY_WINDOW


def test_slow_rounds_at_random_hours_are_no_hours() -> None:
    """Of four a day: neither when they come anywhere, nor when half of them come in the evening."""
    few = every(360, 21)
    rng = random.Random(3)
    anywhere = {hour for hour in few if rng.random() < 0.33}
    assert events(rounds(few, target=lambda hour: 6.0 if hour in anywhere else 1.0)) == ()
    half = {hour for hour in few if hour % 24 >= 16 and rng.random() < 0.5}
    assert events(rounds(few, target=lambda hour: 6.0 if hour in half else 1.0)) == ()


def test_a_freeze_has_its_own_mechanism() -> None:
    """Rounds that stop after so many bytes are a freeze, with the bytes in the sentence."""
    pairs = rounds(every(30, 3))
    frozen = tuple(
        replace(one, target=replace(one.target, censored=True, stalled_at=18_432, received=18_432))
        if one.time >= SINCE + timedelta(hours=48)
        else one
        for one in pairs
    )
    (event,) = events(frozen)
    assert dict(event.mechanisms).keys() == {FREEZE}
    assert "The Forum froze after 18 KiB of a transfer" in event.sentence


def test_each_way_is_a_series_of_its_own() -> None:
    """Uploads, QUIC, IPv6, the border and the same server never run into one another."""
    keys = [
        KEY,
        replace(KEY, direction=Direction.UPLOAD),
        replace(KEY, transport=Transport.QUIC),
        replace(KEY, family=6),
        replace(KEY, pairing=Pairing.SAME_SERVER),
        replace(KEY, subject="", pairing=Pairing.BORDER),
        replace(KEY, subject="", transport=Transport.UDP),
    ]
    few = rounds(every(60, 1))
    series = goodput_series(dict.fromkeys(keys, few))
    subjects = [one.key.subject for one in series]
    assert len(set(subjects)) == len(subjects)
    wanted = "forum forum/upload forum/quic forum/ipv6 line/border line line/udp line/beside/udp"
    assert {*wanted.split()} <= {*subjects}
    assert {one.key.signal for one in series} == {Signal.GOODPUT}
    uploads = goodput_key(history_of(keys[1], few))
    assert uploads.subject == "forum/upload"


def test_what_is_slow_with_the_line_is_no_evidence_of_a_service() -> None:
    """Neither slow nor usual: while the line was slow and it no slower than its controls."""
    pairs = rounds(WEEK[:200], controls=since(80, 6), target=lambda h: 1.0 if h >= 80 else 0.2)
    mine, line = goodput_series({KEY: pairs})
    assert (mine.key.subject, line.key.subject) == ("forum", "line")
    late = [one for one in mine.samples if one.time >= SINCE + timedelta(hours=81)]
    assert {one.bad for one in late} == {None}
    assert sum(bool(one.bad) for one in line.samples[-20:]) >= 19


def test_the_draws_of_one_series_do_not_depend_on_another() -> None:
    """One more pair changes no window of a pair."""
    pairs = rounds(WEEK, target=daily(16, 24, 5))
    other = replace(KEY, subject="shop")
    quiet = rounds(WEEK, seed=9)
    alone = throttle_events({KEY: pairs}, rng=random.Random(4))
    both = throttle_events({KEY: pairs, other: quiet}, rng=random.Random(4))
    assert [one.window for one in both] == [one.window for one in alone]
