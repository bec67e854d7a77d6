"""What the owner of the measuring machine does: stops a round, keeps programs from some hosts."""

import asyncio

from probe.lab.line_spec import LineSpec
from probe.lab.world import World
from probe.model.measurement import Measurement, Variant
from probe.model.target import Endpoint
from probe.probes.env import ProbeEnv
from probe.probes.options import ProbeOptions
from probe.schedule.work import MeasureOne, Partial

__all__ = ["stopping_at", "turned_away"]


def stopping_at(host: str, measure: MeasureOne, stop: asyncio.Event) -> MeasureOne:
    """Return ``measure`` with an owner who sets ``stop`` while ``host`` is first looked at."""

    async def look(
        endpoint: Endpoint,
        env: ProbeEnv,
        options: ProbeOptions,
        *,
        on_interrupt: Partial | None = None,
    ) -> Measurement:
        if endpoint.host == host and options.variant is Variant.MAIN:
            stop.set()  # whoever waits for it has a turn before any answer can come
        return await measure(endpoint, env, options, on_interrupt=on_interrupt)

    return look


def turned_away(line: LineSpec, world: World) -> frozenset[str]:
    """Return the addresses that the machine's own firewall lets nobody out to."""
    sites = (world.site(name) for name in line.firewall)
    return frozenset(address for site in sites if site is not None for address in site.addresses)
