"""One trace from the capture to what is told: shots, hop, whose it is; nothing near is kept."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from probe.analysis.locate import flooded, locate
from probe.analysis.locate_words import sentence
from probe.clock import Clock
from probe.model.trace import Trace
from probe.net.capture import Capture, Caught
from probe.probes.trace import Aim, Pace, Tracing, keep_nothing, say_nothing
from probe.schedule.network import NetworkLookup
from probe.schedule.whereabouts import hop_rows, scrubbed

__all__ = ["TraceRequest", "run_trace"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceRequest:
    """What is traced, how, and what for: ``own`` are addresses that no result may hold."""

    host: str
    aim: Aim
    pace: Pace
    country: str = "ZZ"
    own: tuple[str, ...] = ()


async def run_trace(
    request: TraceRequest,
    lookup: NetworkLookup,
    *,
    clock: Clock,
    rng: random.Random,
    stop: asyncio.Event,
    progress: Callable[[str], None] = say_nothing,
    kept: Callable[[Sequence[Caught]], None] = keep_nothing,
) -> Trace:
    """Shoot, locate, name; what was found until ``stop`` is told as well.

    ``kept`` is given every packet as it was caught, with all its addresses.

    Raises:
        InputError: packets cannot be read here, or an extra is missing.
        ForbiddenNetwork: the guard does not allow an address.

    """
    aim = request.aim
    with Capture(aim.addresses) as capture:
        tracing = Tracing(
            aim, request.pace, capture, clock, rng, stop=stop, progress=progress, kept=kept
        )
        shots = await tracing.run()
    located = flooded(locate(shots, aim.trigger), tracing.lost)
    rows = hop_rows(shots, lookup, country=request.country, own=request.own)
    return Trace(
        trigger=aim.trigger,
        host=request.host,
        address=aim.address,
        port=aim.port,
        target=aim.target,
        neutral=aim.neutral_address or aim.neutral or "",
        country=request.country,
        rounds=tracing.rounds,
        interrupted=stop.is_set(),
        located=located,
        hops=rows,
        sentence=sentence(located, rows, aim.trigger, aim.target),
        shots=scrubbed(shots, request.own),
    )
