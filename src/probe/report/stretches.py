"""The looks at one subject, cut where nobody looked for long: rows that a count adds up from."""

from datetime import timedelta
from itertools import pairwise

import numpy as np

from probe.analysis.arrays import IntArray
from probe.model.times import instant
from probe.report.data import Looks, Stretch

__all__ = ["counted", "stretches_of"]

_LEAST_US = timedelta(hours=3) // timedelta(microseconds=1)
_MAX_SILENCES = 4  # a row of each service must stay a row


def counted(said: IntArray) -> Looks:
    """Return how many looks failed (1), were good (0) and told nothing (-1)."""
    unclear, good, bad = np.bincount(said + 1, minlength=3).tolist()
    return Looks(good=good, bad=bad, unclear=unclear)


def stretches_of(moments: IntArray, said: IntArray) -> tuple[Stretch, ...]:
    """Return the looks in stretches between the longest silences; none is left out.

    ``moments`` are sorted microseconds since 1970, ``said`` is what each look said, as
    :func:`counted` takes it. A silence is three hours and twice the usual step at least; of more
    than four the longest cut.
    """
    if not moments.size:
        return ()
    steps = np.diff(moments)
    least = max(_LEAST_US, 2 * int(np.median(steps))) if steps.size else _LEAST_US
    longest = np.argsort(-steps, kind="stable")[:_MAX_SILENCES]
    cuts = np.sort(longest[steps[longest] > least]) + 1
    edges = [0, *cuts.tolist(), int(moments.size)]
    return tuple(
        Stretch(
            start=instant(int(moments[first])),
            end=instant(int(moments[after - 1])),
            looks=counted(said[first:after]),
        )
        for first, after in pairwise(edges)
    )
