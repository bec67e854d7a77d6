"""Single outages: found at all, said at once, and one event though the method changes."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from pattern_bench.cells import Cell, Draw
from pattern_bench.clockwork import joined
from pattern_bench.nulls import NOTHING
from pattern_bench.worlds import Truth, World, seen_by

__all__ = ["SINGLES"]


def one_off(every: float, *, retest: bool) -> Callable[[Draw], World]:
    """Return ten outages of two hours and more in sixty days, and nothing else on purpose."""

    def make(draw: Draw) -> World:
        line = draw.with_line(every=every, retest=retest, outages=0.0).line
        first, last = line.span
        begin = np.sort(draw.rng.uniform(first + 43_200, last - 86_400, 10))
        length = 3600 * (2 + draw.rng.exponential(4, 10))
        spans = joined(np.stack([begin, begin + length], axis=1))
        apart = [s for i, s in enumerate(spans.tolist()) if not i or s[0] > spans[i - 1, 1] + 7200]
        cuts = np.array(apart)
        truth = Truth((), tuple((float(a), float(b)) for a, b in cuts), line.tz)
        return World((seen_by(line, cuts, draw.rng),), truth, line.days)

    return make


def live(draw: Draw) -> World:
    """Return one onset after thirty quiet days, looked at every 15 minutes with retests."""
    line = draw.with_line(every=15.0, retest=True, outages=0.0).line
    begin = line.span[0] + 86_400 * draw.rng.uniform(30, 45)
    cuts = np.array([[begin, begin + 86_400]])
    truth = Truth((), ((float(begin), float(begin + 86_400)),), line.tz)
    return World((seen_by(line, cuts, draw.rng),), truth, line.days)


def silent(draw: Draw) -> World:
    """Return sixty days without trouble, for the alarms that are false."""
    line = draw.with_line(every=15.0, retest=True, outages=0.0).line
    return World((seen_by(line, NOTHING, draw.rng),), Truth(tz=line.tz), line.days)


def method_changes(draw: Draw) -> World:
    """Return an outage of 8 to 48 hours whose resets become silence half-way."""
    line = draw.with_line(every=30.0, outages=0.0).line
    begin = line.span[0] + 86_400 * draw.rng.uniform(10, 50)
    length = 3600 * draw.rng.uniform(8, 48)
    looks = seen_by(line, np.array([[begin, begin + length]]), draw.rng)
    later = looks.time_s >= begin + length / 2
    names = tuple("tcp.blackhole" if one else "tls.reset.sni" for one in later.tolist())
    truth = Truth((), ((float(begin), float(begin + length)),), line.tz)
    return World((replace(looks, mechanism=names),), truth, line.days)


SINGLES = (
    Cell(
        "once-15",
        "one-off",
        "outages of 2 h and more, every 15 min, retests",
        one_off(15.0, retest=True),
        score="outages",
        aims={"recall": ("least", 0.97), "false_a_year": ("most", 0.5)},
    ),
    Cell(
        "once-15-plain",
        "one-off",
        "the same without retests",
        one_off(15.0, retest=False),
        score="outages",
    ),
    Cell(
        "once-30", "one-off", "the same every 30 min", one_off(30.0, retest=False), score="outages"
    ),
    Cell(
        "live",
        "live",
        "onset, every 15 min with retests",
        live,
        score="live",
        aims={"delay_median": ("most", 20.0)},
    ),
    Cell(
        "live-null",
        "live",
        "no trouble: false alarms",
        silent,
        score="live",
        aims={"false_a_year": ("most", 0.1)},
    ),
    Cell(
        "S11",
        "S11",
        "resets become silence half-way",
        method_changes,
        score="method",
        aims={"recall": ("least", 0.97)},
    ),
)
