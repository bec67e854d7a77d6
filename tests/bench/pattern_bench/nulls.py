"""What must not come out as a curfew: trouble with a rhythm, and clockwork of one line."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import numpy as np

from pattern_bench.cells import Cell, Draw, world
from pattern_bench.clockwork import Floats, Spans, at_local, joined, local_minutes, weekday
from pattern_bench.worlds import ABSENT, Disturb, Line, Looks, Order, Truth, World, seen_by

__all__ = ["NULLS", "OWN"]

MOST = {"false_a_year": ("most", 0.05)}
NOTHING = np.zeros((0, 2))


def quiet(draw: Draw, cuts: Spans, **changes: object) -> World:
    """Return one line under no order."""
    line = draw.with_line(**changes).line
    return World((seen_by(line, cuts, draw.rng),), Truth(tz=line.tz), line.days)


def plain(**changes: object) -> Callable[[Draw], World]:
    """Return runs without an order."""
    return lambda draw: quiet(draw, NOTHING, **changes)


def disturbed(make: Callable[[Line], Disturb], **changes: object) -> Callable[[Draw], World]:
    """Return runs in which something happens to the looks of a line under no order."""

    def drawn(draw: Draw) -> World:
        line = draw.with_line(**changes).line
        return quiet(draw, NOTHING, **changes, disturb=(make(line),))

    return drawn


def congestion(share: float, *, controls: bool = True) -> Callable[[Line], Disturb]:
    """Return evenings on which a share of all looks fails, controls alike."""

    def of(line: Line) -> Disturb:
        def disturb(
            time_s: Floats, value: Floats, control: Floats, rng: np.random.Generator
        ) -> tuple[Floats, Floats]:
            minute = local_minutes(time_s, line.tz)
            crowd = (minute >= 1140) & (minute < 1380)
            value = np.where(crowd & (rng.random(time_s.size) < share), 1.0, value)
            if controls:
                failed = rng.binomial(3, share, time_s.size) / 3
                control = np.where(crowd, np.maximum(control, failed), control)
            return value, control

        return disturb

    return of


def follows_load(line: Line) -> Disturb:
    """Return a filter that drops the more, the more there is: 65 % at 21:00, controls good."""

    def disturb(
        time_s: Floats, value: Floats, control: Floats, rng: np.random.Generator
    ) -> tuple[Floats, Floats]:
        phase = 2 * np.pi * (local_minutes(time_s, line.tz) - 1260) / 1440
        chance = 0.65 * np.maximum(0.0, np.cos(phase)) ** 2
        return np.where(rng.random(time_s.size) < chance, 1.0, value), control

    return disturb


def resolver(line: Line) -> Disturb:
    """Return a resolver that breaks down on some evenings, for everything that asks it."""

    def disturb(
        time_s: Floats, value: Floats, control: Floats, rng: np.random.Generator
    ) -> tuple[Floats, Floats]:
        down = np.zeros(time_s.size, dtype=np.bool_)
        for day in range(line.days):
            if rng.random() < 0.4:
                begin = 1200 + rng.normal(0, 60)
                at = at_local(line.first + timedelta(days=day), begin, line.tz)
                down |= (time_s >= at) & (time_s < at + 60 * rng.exponential(80))
        fails = down & (rng.random(time_s.size) < 0.9)
        beside = np.where(down, rng.binomial(3, 0.9, time_s.size) / 3, control)
        return np.where(fails, 1.0, value), beside

    return disturb


def answers_drift(line: Line) -> Disturb:
    """Return a CDN that answers otherwise in the evening: such looks say nothing, or wrong."""

    def disturb(
        time_s: Floats, value: Floats, control: Floats, rng: np.random.Generator
    ) -> tuple[Floats, Floats]:
        minute = local_minutes(time_s, line.tz)
        other = (minute >= 1080) & (rng.random(time_s.size) < 0.7)
        value = np.where(other, float(ABSENT), value)
        return np.where(other & (rng.random(time_s.size) < 0.05), 1.0, value), control

    return disturb


def one_family_lost(line: Line) -> Disturb:
    """Return a week without IPv6: looks that insist on it fail at random, as do controls."""
    begin = at_local(line.first + timedelta(days=line.days // 3), 0, line.tz)

    def disturb(
        time_s: Floats, value: Floats, control: Floats, rng: np.random.Generator
    ) -> tuple[Floats, Floats]:
        lost = (time_s >= begin) & (time_s < begin + 7 * 86_400)
        fails = lost & (rng.random(time_s.size) < 0.35)
        beside = np.where(lost, rng.binomial(3, 0.35, time_s.size) / 3, control)
        return np.where(fails, 1.0, value), beside

    return disturb


def moved_over(line: Line) -> Disturb:
    """Return a control that people move to: in the evening it, and what is compared, is crowded."""

    def disturb(
        time_s: Floats, value: Floats, control: Floats, rng: np.random.Generator
    ) -> tuple[Floats, Floats]:
        minute = local_minutes(time_s, line.tz)
        grown = np.clip((time_s - line.span[0]) / (30 * 86_400), 0, 1)
        share = 0.6 * grown * ((minute >= 1080) & (minute < 1410))
        beside = np.maximum(control, rng.binomial(3, share) / 3)
        return np.where(rng.random(time_s.size) < 0.7 * share, 1.0, value), beside

    return disturb


def sunday(line: Line) -> Disturb:
    """Return works on Sundays from 02:00 to 06:00: nothing answers, controls included."""

    def disturb(
        time_s: Floats, value: Floats, control: Floats, rng: np.random.Generator
    ) -> tuple[Floats, Floats]:
        minute = local_minutes(time_s, line.tz)
        down = (weekday(time_s, line.tz) == 7) & (minute >= 120) & (minute < 360)
        return np.where(down, 1.0, value), np.where(down, 1.0, control)

    return disturb


def reboot(draw: Draw) -> World:
    """Return a router that is off for ten minutes at 04:00 every night."""
    days = [draw.line.first + timedelta(days=i) for i in range(draw.line.days)]
    rows = [(at_local(d, 240, draw.line.tz), at_local(d, 250, draw.line.tz)) for d in days]
    return quiet(draw, joined(np.array(rows)))


def retired(draw: Draw) -> World:
    """Return a service that is gone for good from some day on, seen by a host off at night."""
    begin = draw.line.span[0] + 86_400 * draw.rng.uniform(5, 50)
    return quiet(draw, np.array([[begin, draw.line.span[1]]]), off=(1380, 420))


def _each(
    name: str,
    about: str,
    make: Callable[[float], Callable[[Draw], World]],
    *,
    baselines: bool = False,
) -> tuple[Cell, ...]:
    return tuple(
        Cell(
            f"null-{name}-{every:.0f}",
            "S10",
            f"{about}, every {every:.0f} min",
            make(every),
            score="null",
            aims=MOST,
            baselines=baselines,
        )
        for every in (15.0, 30.0)
    )


def _at(make: Callable[[Draw], World]) -> Callable[[float], Callable[[Draw], World]]:
    return lambda every: lambda draw: make(draw.with_line(every=every))


NULLS = (
    *_each("quiet", "quiet", lambda e: plain(every=e), baselines=True),
    *_each("clustered", "0.5 outages a day", lambda e: plain(every=e, outages=0.5), baselines=True),
    *_each(
        "congestion25",
        "evening congestion of 25 %",
        lambda e: disturbed(congestion(0.25), every=e),
        baselines=True,
    ),
    *_each(
        "congestion50", "evening congestion of 50 %", lambda e: disturbed(congestion(0.5), every=e)
    ),
    *_each(
        "congestion80", "evening congestion of 80 %", lambda e: disturbed(congestion(0.8), every=e)
    ),
    *_each(
        "congestion50-bare",
        "evening congestion of 50 %, no controls measured",
        lambda e: disturbed(congestion(0.5, controls=False), every=e, controls=0),
    ),
    *_each("reboot", "router reboot at 04:00", _at(reboot)),
    *_each("sunday", "Sunday maintenance, controls fail too", lambda e: disturbed(sunday, every=e)),
    *_each(
        "laptop",
        "laptop closed 23:00-07:00",
        lambda e: plain(every=e, off=(1380, 420), outages=0.4),
    ),
    *_each("resolver", "resolver trouble on some evenings", lambda e: disturbed(resolver, every=e)),
    *_each("ipv6", "IPv6 lost for a week", lambda e: disturbed(one_family_lost, every=e)),
    *_each("cdn", "CDN answers that drift", lambda e: disturbed(answers_drift, every=e)),
    *_each(
        "load", "partial blocking that follows load", lambda e: disturbed(follows_load, every=e)
    ),
    *_each("retired", "a service retired", _at(retired)),
    *_each("moved", "a control that people moved to", lambda e: disturbed(moved_over, every=e)),
)


def _beside(draw: Draw, *lines: Looks) -> World:
    """Return these lines and a neighbour in another AS that sees nothing."""
    labels = {"vantage": "neighbour", "network": "AS64502/mobile"}
    other = seen_by(replace(draw.line, labels=labels), NOTHING, draw.rng)
    return World((*lines, other), Truth(tz=draw.line.tz), draw.line.days)


def _days(line: Line) -> tuple[date, ...]:
    return tuple(line.first + timedelta(days=i) for i in range(line.days))


def by_the_clock(
    start: float, end: float, *, weekdays: tuple[int, ...] = (), edge: float = 0.1
) -> Callable[[Draw], World]:
    """Return lines on which something of their own fails at fixed hours, controls good."""

    def make(draw: Draw) -> World:
        family = replace(draw.family, edge=lambda rng: float(rng.normal(0, edge)), late=0.0)
        own = replace(draw, line=replace(draw.line, family=family, outages=0.05))
        days = tuple(d for d in _days(own.line) if not weekdays or d.isoweekday() in weekdays)
        return _beside(own, *world(own, Order(start, end, days)).lines)

    return make


def seen_tunnel(draw: Draw) -> World:
    """Return a permanent block, and a VPN from 19:00 that the gate notices: those are invalid."""
    line = replace(draw.line, outages=0.05)
    looks = seen_by(line, np.array([line.span]), draw.rng)
    value = np.where(local_minutes(looks.time_s, line.tz) >= 1140, float(ABSENT), looks.value)
    return _beside(draw, replace(looks, value=value, why="invalid"))


def commuter(draw: Draw) -> World:
    """Return a clean line by day and a blocking one by night: two network keys of one vantage."""
    line = replace(draw.line, outages=0.05)
    by_day = seen_by(
        replace(line, labels={"network": "AS64503/fixed"}, off=(1080, 480)), NOTHING, draw.rng
    )
    by_night = seen_by(replace(line, off=(420, 1140)), np.array([line.span]), draw.rng)
    return _beside(draw, by_day, by_night)


OWN = tuple(
    Cell(f"own-{name}", "S10", about, make, score="own", aims={"beyond": ("most", 0.0)})
    for name, about, make in (
        ("router", "router's bedtime rule 22:00-06:00", by_the_clock(1320, 1800)),
        (
            "office",
            "office rule on working days",
            by_the_clock(510, 1050, weekdays=(6, 7, 1, 2, 3)),
        ),
        ("vpn", "VPN by hours over a permanent block, unnoticed", by_the_clock(480, 1320, edge=5)),
        ("quota", "evening data quota", by_the_clock(1200, 1440, edge=10)),
        ("bundle", "prepaid night bundle", by_the_clock(360, 1440)),
    )
)
SEPARATED = tuple(
    Cell(f"own-{name}", "S10", about, make, score="null", aims=MOST)
    for name, about, make in (
        ("vpn-seen", "VPN by hours over a permanent block, noticed by the gate", seen_tunnel),
        ("commuter", "commuter between two networks", commuter),
    )
)
