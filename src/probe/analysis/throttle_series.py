"""Slow rounds as series, so that a daily throttling is found as any other daily window is.

One series for each pair, and one for the line itself: its controls against their own past. What
is slow with the whole line says nothing of a service that is no slower than its controls.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np

from probe.analysis.arrays import FloatArray
from probe.analysis.line_series import LINE
from probe.analysis.own_past import DELTA
from probe.analysis.throttle import History, history_of, line_key
from probe.model.goodput import Direction, Pair, Pairing, PairKey, Transport
from probe.model.timeline import Absence, Sample, Series, SeriesKey, Signal

__all__ = ["FREEZE", "THROTTLE", "goodput_key", "goodput_series", "histories_of", "series_of"]

THROTTLE = "degraded.throttle"
FREEZE = "degraded.freeze"
_SAME_ROUND_S = 120.0
_FAIREST = (Pairing.NEUTRAL, Pairing.SAME_SERVER, Pairing.BORDER)


def histories_of(pairs: Mapping[PairKey, Sequence[Pair]]) -> tuple[History, ...]:
    """Return the history of each pair, then that of each line.

    A line's controls are those of the pair with the most rounds, neutral hosts where there are.
    """
    known = {key: rounds for key, rounds in sorted(pairs.items()) if rounds}
    lines: dict[PairKey, list[PairKey]] = defaultdict(list)
    for key in known:
        lines[line_key(key)].append(key)
    chosen = [
        min(keys, key=lambda key: (_FAIREST.index(key.pairing), -len(known[key]), key))
        for keys in lines.values()
    ]
    return (
        *(history_of(key, rounds) for key, rounds in known.items()),
        *(history_of(key, known[key], general=True) for key in chosen),
    )


def goodput_series(pairs: Mapping[PairKey, Sequence[Pair]]) -> tuple[Series, ...]:
    """Return one series of slow and usual rounds for each pair and each line.

    Raises:
        InputError: when a pair names a zone that does not exist.

    """
    histories = histories_of(pairs)
    return tuple(series_of(one, histories) for one in histories)


def goodput_key(history: History) -> SeriesKey:
    """Return the key of its series; ways other than TCP downloads over IPv4 are in its subject."""
    key, line = history.key, history.general
    ways = (
        "border" if key.pairing is Pairing.BORDER else "",
        "same server" if key.pairing is Pairing.SAME_SERVER else "",
        "own server" if key.own_server else "",
        "beside" if not key.subject and key.pairing is Pairing.NEUTRAL and not line else "",
        "" if key.direction is Direction.DOWNLOAD else str(key.direction),
        "" if key.transport is Transport.TCP else str(key.transport),
        "" if key.family == 4 else f"ipv{key.family}",
    )
    return SeriesKey(
        vantage=key.vantage,
        network=key.network,
        subject="/".join((key.subject or LINE, *(way for way in ways if way))),
        signal=Signal.GOODPUT,
        locus="unknown" if key.subject and key.pairing is Pairing.NEUTRAL else "network",
    )


def series_of(history: History, beside: Sequence[History] = ()) -> Series:
    """Return the series of one history; ``beside`` are all histories of its vantage."""
    line = next((one for one in beside if one.general and _is_line_of(one, history)), None)
    rounds = history.rounds
    lines = [None] * len(rounds) if line is None else _line_at(line, rounds.time_s)
    samples = tuple(_sample(history, place, slow_line) for place, slow_line in enumerate(lines))
    return Series(key=goodput_key(history), tz=history.tz, samples=samples)


def _is_line_of(line: History, history: History) -> bool:
    return not history.general and line.key == line_key(history.key)


def _line_at(line: History, time_s: FloatArray) -> list[bool | None]:
    """Return whether the line was slow at each time, ``None`` where nobody looked that minute."""
    near = np.clip(np.searchsorted(line.rounds.time_s, time_s), 1, max(1, len(line.rounds) - 1))
    if len(line.rounds) > 1:
        before, after = line.rounds.time_s[near - 1], line.rounds.time_s[near]
        near = np.where(time_s - before < after - time_s, near - 1, near)
    else:
        near = np.zeros(time_s.size, dtype=np.int64)
    apart = np.abs(line.rounds.time_s[near] - time_s)
    return [
        line.past.bad[place] if far <= _SAME_ROUND_S else None
        for place, far in zip(near.tolist(), apart.tolist(), strict=True)
    ]


def _sample(history: History, place: int, slow_line: bool | None) -> Sample:
    """Return one round; slow with the whole line and no slower than its controls is no evidence.

    The controls are in what is judged, as a ratio, and stand nowhere beside it.
    """
    rounds = history.rounds
    time = datetime.fromtimestamp(float(rounds.time_s[place]), UTC)
    bad = history.past.bad[place]
    if bad is None or (slow_line and rounds.slow[place] < DELTA):
        return Sample(time=time, bad=None, absence=Absence.INCONCLUSIVE)
    if not bad:
        return Sample(time=time, bad=False)
    frozen = bool(np.isfinite(rounds.frozen[place]))
    return Sample(time=time, bad=True, mechanism=FREEZE if frozen else THROTTLE)
