"""Lines, servers and hours: what each transfer of a round meets on its way.

A line has a kind (its rate, round trip and radio), and a load that rises in the evening. A server
has a distance, a rate, a way to control congestion, and days and hours of its own. A trouble is
what a cell adds. Every factor is of this page; none is of the detector's.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from throttle_bench.tcp import BBR, CUBIC, RENO, FloatArray, Paths, Transfers, downloads

__all__ = ["CONTROLS", "Limit", "Lines", "Rounds", "Trouble", "draw_lines", "load", "play"]

CONTROLS = 2
KBIT = 125.0
_KINDS = (  # bytes/s, round trip to the provider's edge, chance of bad radio a step, loss
    (6.0e6, 0.008, 0.0, 1e-5),  # fibre and cable
    (1.0e6, 0.020, 0.0, 1e-4),  # DSL
    (2.5e6, 0.035, 0.01, 2e-4),  # mobile
    (2.0e7, 0.002, 0.0, 1e-6),  # a server in a data centre
)
_EVENING_H, _WIDTH_H = 21.0, 3.0


@dataclass(frozen=True, slots=True)
class Trouble:
    """What lies on the way, as shares of a rate at the worst hour, and chances."""

    shared: float = 0.1  # of the line that others take in the evening
    path: float = 0.0  # of the way to the target's network alone
    server: float = 0.1  # of the target's server
    loss: float = 0.0  # of packets, on the radio of the house
    radio: float = 0.0
    moves: float = 0.0  # chance a round that the target's server is another one from then on


@dataclass(frozen=True, slots=True)
class Limit:
    """A censor's limit, a share of the usual goodput or so many kbit/s (of packets)."""

    times: float | None = None
    kbit: float | None = None
    general: bool = False
    policed: bool = True
    frozen: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Pairs, one an entry; servers have a column each: the target, then its controls."""

    rate: FloatArray
    edge_rtt: FloatArray
    radio: FloatArray
    loss: FloatArray
    server_rate: FloatArray
    server_rtt: FloatArray
    control: FloatArray
    size: FloatArray
    noise: FloatArray  # of a server's rate from one round to the next, a standard deviation
    bucket: FloatArray
    frozen: FloatArray
    trouble: Trouble = field(default_factory=Trouble)


@dataclass(frozen=True, slots=True, eq=False)
class Rounds:
    """What came: (pairs, rounds) of hours, and Transfers of (pairs, rounds, servers) flattened."""

    hour: FloatArray
    came: Transfers
    rtt: FloatArray
    size: FloatArray


def draw_lines(n: int, rng: np.random.Generator, trouble: Trouble) -> Lines:
    """Draw ``n`` pairs."""
    kind = rng.integers(0, len(_KINDS), n)
    table = np.array(_KINDS)[kind]
    servers = (n, 1 + CONTROLS)
    return Lines(
        rate=table[:, 0] * rng.lognormal(0, 0.4, n),
        edge_rtt=table[:, 1] * rng.lognormal(0, 0.3, n),
        radio=table[:, 2] + trouble.radio,
        loss=table[:, 3] + trouble.loss,
        server_rate=np.exp(rng.normal(np.log(3e6), 0.7, servers)),
        server_rtt=np.exp(rng.normal(np.log(0.045), 0.7, servers)),
        control=rng.choice([RENO, CUBIC, BBR], servers, p=[0.1, 0.6, 0.3]).astype(np.float64),
        size=np.repeat(rng.choice([128, 256, 512], n)[:, None] * 1024.0, 1 + CONTROLS, axis=1),
        noise=rng.uniform(0.05, 0.4, servers),
        bucket=rng.uniform(8, 48, n) * 1024,
        frozen=rng.uniform(16, 20, n) * 1024,
        trouble=trouble,
    )


def load(hour: FloatArray) -> FloatArray:
    """Return the load of an hour of the day, 1 at 21:00, with a small second hill at noon."""
    evening = np.abs((hour - _EVENING_H + 12) % 24 - 12)
    noon = np.abs((hour - 13 + 12) % 24 - 12)
    hill = np.exp(-0.5 * (evening / _WIDTH_H) ** 2) + 0.3 * np.exp(-0.5 * (noon / 2.0) ** 2)
    return np.asarray(np.minimum(hill, 1.0), dtype=np.float64)


def _wander(shape: tuple[int, ...], rng: np.random.Generator, keep: float = 0.8) -> FloatArray:
    """Return noise of deviation 1 that is like itself from one round to the next (last but one)."""
    steps = rng.standard_normal(shape)
    out = np.empty(shape)
    out[:, 0] = steps[:, 0]
    for i in range(1, shape[1]):
        out[:, i] = keep * out[:, i - 1] + np.sqrt(1 - keep**2) * steps[:, i]
    return out


def play(
    lines: Lines,
    hour: FloatArray,
    rng: np.random.Generator,
    *,
    limit: Limit | None = None,
    usual: FloatArray | None = None,
    limited: FloatArray | None = None,
) -> Rounds:
    """Play rounds at ``hour`` (pairs, rounds; hours since a midnight).

    ``limited`` says in which rounds the limit holds; ``usual`` is each pair's usual goodput.
    """
    n, rounds = hour.shape
    servers = 1 + CONTROLS
    trouble, shape = lines.trouble, (n, rounds, servers)
    busy = load(hour % 24) * np.clip(1 + 0.15 * _wander((n, rounds), rng), 0.3, 1.6)
    shared = np.clip(trouble.shared * busy, 0, 0.95)[:, :, None]
    target = np.zeros(shape)
    target[:, :, 0] = np.clip(trouble.path * busy, 0, 0.95)
    serves = np.zeros(shape)
    serves[:, :, 0] = np.clip(trouble.server * busy, 0, 0.95)
    own = np.exp(_wander(shape, rng) * lines.noise[:, None, :])
    far = np.repeat(lines.server_rtt[:, None, :], rounds, axis=1)
    if trouble.moves:
        far[:, :, 0] *= _moves(n, rounds, trouble.moves, rng)
    line_rate = lines.rate[:, None, None] * (1 - shared) * np.ones(shape)
    path_rate = 8e6 * (1 - target)
    rate = np.minimum(np.minimum(line_rate, path_rate), lines.server_rate[:, None, :] * own)
    rate *= 1 - serves
    crowd = np.maximum(shared, target)
    paths = Paths(
        size=_flat(lines.size[:, None, :], shape),
        capacity=_flat(rate, shape),
        rtt=_flat(far + lines.edge_rtt[:, None, None], shape),
        queued=_flat(0.002 + 0.16 * crowd**1.5, shape),
        buffer=_flat(np.maximum(20e3, 120e3 * (1 - crowd)), shape),
        loss=_flat(lines.loss[:, None, None] + 0.012 * crowd**2, shape),
        radio=_flat(lines.radio[:, None, None], shape),
        control=_flat(lines.control[:, None, :], shape),
        **_limits(lines, shape, limit, usual, limited),
    )
    came = downloads(paths, rng)
    handshake = (paths.rtt + paths.queued) * rng.lognormal(0, 0.08, len(paths))
    return Rounds(hour=hour, came=came, rtt=handshake, size=paths.size)


def _flat(values: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    return np.ascontiguousarray(np.broadcast_to(values, shape)).ravel()


def _moves(n: int, rounds: int, chance: float, rng: np.random.Generator) -> FloatArray:
    """Return the factor on the target's distance: another server of the same name now and then."""
    changed = rng.random((n, rounds)) < chance
    factor = np.exp(rng.normal(0, 0.35, (n, rounds)))
    last = np.maximum.accumulate(np.where(changed, np.arange(rounds), 0), axis=1)
    return np.asarray(np.take_along_axis(factor, last, axis=1), dtype=np.float64)


def _limits(
    lines: Lines,
    shape: tuple[int, int, int],
    limit: Limit | None,
    usual: FloatArray | None,
    limited: FloatArray | None,
) -> dict[str, FloatArray]:
    """Return the censor's part of the paths."""
    n, rounds, servers = shape
    none = np.full(shape, np.inf)
    parts = {"policed": none, "shaped": none, "frozen": none}
    if limit is not None:
        where = np.zeros(shape, dtype=np.bool_)
        on = np.ones((n, rounds)) if limited is None else limited
        where[:, :, : servers if limit.general else 1] = (on > 0)[:, :, None]
        if limit.frozen:
            parts["frozen"] = np.where(where, lines.frozen[:, None, None], np.inf)
        else:
            level = level_of(limit, n, usual)[:, None, None]
            parts["policed" if limit.policed else "shaped"] = np.where(where, level, np.inf)
    bucket = np.broadcast_to(lines.bucket[:, None, None], shape)
    parts |= {"police_bucket": bucket, "shape_bucket": bucket}
    return {name: np.ascontiguousarray(values).ravel() for name, values in parts.items()}


def level_of(limit: Limit, n: int, usual: FloatArray | None) -> FloatArray:
    """Return each pair's limit in bytes/s of packets."""
    if limit.kbit is not None:
        return np.full(n, limit.kbit * KBIT)
    if usual is None or limit.times is None:
        raise ValueError("a limit as a share needs the usual goodput")
    return np.asarray(usual / limit.times, dtype=np.float64)


def calmed(lines: Lines) -> Lines:
    """Return the same lines with nothing but their own noise."""
    return replace(lines, trouble=Trouble(shared=0.0, server=0.0))
