"""What is tried: troubles that are no throttling, and limits of several sizes and kinds."""

from dataclasses import dataclass, field, replace

import numpy as np

from throttle_bench.lines import Limit, Lines, Rounds, Trouble, draw_lines, play
from throttle_bench.seen import goodputs
from throttle_bench.tcp import STEP_BYTES, FloatArray

__all__ = ["BASE", "CELLS", "RECENT", "Cell", "Played", "played"]

BASE, RECENT = 40, 10
_QUARTER, _SIXTH = 0.25, 6.0
_PEAK_ENDS = 22.0
_PACKETS = 1448 / 1500  # application bytes in a packet


@dataclass(frozen=True, slots=True)
class Cell:
    """A kind of pair; without ``limit`` it is innocent."""

    id: str
    says: str
    trouble: Trouble = field(default_factory=Trouble)
    limit: Limit | None = None
    spacing_h: float = _QUARTER
    same_server: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Played:
    """Pairs of 40 rounds and then 10; ``level`` is the truth in bytes/s of what is slow."""

    rounds: Rounds
    level: FloatArray | None


_EVENING = Trouble(shared=0.25)
_NULLS = (
    Cell("quiet", "quiet lines"),
    Cell("shared-25", "evening congestion of the line, 25 %", Trouble(shared=0.25)),
    Cell("shared-50", "evening congestion of the line, 50 %", Trouble(shared=0.5)),
    Cell("shared-75", "evening congestion of the line, 75 %", Trouble(shared=0.75)),
    Cell("path-25", "evening congestion of the way to the service, 25 %", Trouble(path=0.25)),
    Cell("path-50", "evening congestion of the way to the service, 50 %", Trouble(path=0.5)),
    Cell("path-75", "evening congestion of the way to the service, 75 %", Trouble(path=0.75)),
    Cell("radio", "a bad radio in the house", Trouble(loss=0.008, radio=0.06)),
    Cell("server", "a server that is 35 % slower in the evening", Trouble(server=0.35)),
    Cell("server-75", "a server that is 75 % slower in the evening", Trouble(server=0.75)),
    Cell("moves", "a service whose server changes", Trouble(moves=0.05)),
    Cell(
        "all-50",
        "congestion 50 %, a bad radio and a busy server",
        Trouble(shared=0.5, server=0.3, loss=0.005, radio=0.04, moves=0.02),
    ),
    Cell(
        "same-50", "the same server twice, congestion 50 %", Trouble(shared=0.5), same_server=True
    ),
    Cell("few-50", "congestion 50 %, four rounds a day", Trouble(shared=0.5), spacing_h=_SIXTH),
)


def _limits() -> tuple[Cell, ...]:
    sizes = (("2", Limit(times=2)), ("4", Limit(times=4)), ("10", Limit(times=10)),
             ("140k", Limit(kbit=140)))  # fmt: skip
    cells = []
    for general in (False, True):
        for policed in (True, False):
            for name, limit in sizes:
                way = "policed" if policed else "shaped"
                whom = "all" if general else "sni"
                size = "to 140 kbit/s" if limit.kbit else f"{name} times"
                cells.append(
                    Cell(
                        f"{whom}-{way}-{name}",
                        f"{'everything' if general else 'one name'}, {way}, {size}",
                        _EVENING,
                        replace(limit, general=general, policed=policed),
                    )
                )
    return tuple(cells)


_POSITIVES = (
    *_limits(),
    Cell("same-policed-4", "the same server twice, one name policed, 4 times", _EVENING,
         Limit(times=4), same_server=True),
    Cell("radio-policed-4", "one name, policed, 4 times, on a bad radio",
         Trouble(shared=0.25, loss=0.008, radio=0.06), Limit(times=4)),
    Cell("few-policed-4", "one name, policed, 4 times, four rounds a day", _EVENING,
         Limit(times=4), spacing_h=_SIXTH),
    Cell("freeze", "one name, frozen after 16 to 20 KiB", _EVENING, Limit(frozen=True)),
)  # fmt: skip
CELLS = (*_NULLS, *_POSITIVES)


def played(cell: Cell, n: int, rng: np.random.Generator) -> Played:
    """Play ``n`` pairs of a cell: innocent ones end in the evening, the others at any hour."""
    lines = draw_lines(n, rng, cell.trouble)
    if cell.same_server:
        lines = _twice(lines)
    rounds = BASE + RECENT
    span = (rounds - 1) * cell.spacing_h
    last = _PEAK_ENDS + 24 * np.ceil(span / 24) + np.zeros(n)
    if cell.limit is not None:
        last = last + rng.uniform(0, 24, n)
    hour = last[:, None] - np.arange(rounds)[::-1] * cell.spacing_h
    hour = hour + rng.uniform(-0.4, 0.0, hour.shape) * cell.spacing_h
    if cell.limit is None:
        return Played(play(lines, hour, rng), None)
    usual = _usual(lines, hour, cell.limit, rng)
    limited = np.broadcast_to((np.arange(rounds) >= BASE).astype(np.float64), hour.shape)
    came = play(lines, hour, rng, limit=cell.limit, usual=usual / _PACKETS, limited=limited)
    level = usual / cell.limit.times if cell.limit.times else None
    if cell.limit.kbit is not None:
        level = np.full(n, cell.limit.kbit * 125.0 * _PACKETS)
    return Played(came, level)


def _twice(lines: Lines) -> Lines:
    """Let the controls be the target's server."""
    shape = lines.server_rate.shape

    def first(values: FloatArray) -> FloatArray:
        return np.ascontiguousarray(np.broadcast_to(values[:, :1], shape))

    return replace(
        lines,
        server_rate=first(lines.server_rate),
        server_rtt=first(lines.server_rtt),
        control=first(lines.control),
    )


def _usual(lines: Lines, hour: FloatArray, limit: Limit, rng: np.random.Generator) -> FloatArray:
    """Return what the limited transfers usually reach, from ten other rounds: the second half."""
    rounds = play(lines, hour[:, :RECENT], rng)
    rate = second_half(rounds)
    seen = rate[:, :, 1:] if limit.general else rate[:, :, :1]
    return np.asarray(np.nanmedian(seen, axis=(1, 2)), dtype=np.float64)


def second_half(rounds: Rounds) -> FloatArray:
    """Return bytes/s of the second half of each transfer."""
    marks = rounds.came.marks
    whole = rounds.came.received // STEP_BYTES
    half = np.maximum(whole // 2, 1)
    rows = np.arange(len(marks))
    last = marks[rows, np.maximum(whole - 1, 0).astype(np.int64)]
    middle = marks[rows, (half - 1).astype(np.int64)]
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = (whole - half) * STEP_BYTES / (last - middle)
    return np.asarray(rate.reshape(goodputs(rounds).shape), dtype=np.float64)
