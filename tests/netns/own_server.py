"""A throughput server in the lab's internet, as a volunteer's own would be: run by ``--server``.

It stands at an address of the world that has a web site as well, at a port of its own.
"""

import asyncio
import hashlib

from probe.clock import SystemClock
from probe.control.certificate import key_of_certificate, own_certificate
from probe.control.keys import public_key
from probe.control.throughput import Ration
from probe.control.throughput_door import throughput_at
from probe.lab.world import World
from probe.probes.transfer import OwnServer

__all__ = ["HOST", "NAME", "NEUTRAL", "PORT", "known_as"]

HOST, PORT = "www.newspaper.example", 8443
NAME, NEUTRAL = "web.messenger.example", "example.com"
_KEY, _TOKEN = bytes(range(32)), "a" * 43
_PLENTY = 2_000_000_000


def known_as(world: World) -> OwnServer:
    """Return the server as a line knows it."""
    return OwnServer(
        address=world.sites[HOST].addresses[0],
        port=PORT,
        token=_TOKEN,
        keys=frozenset({public_key(_KEY)}),
        key_of=key_of_certificate,
    )


async def _serve() -> None:
    from probe.lab.scenario import load_world
    from probe.lab.world import build_world

    clock = SystemClock()
    world = build_world(load_world("small", "2026-03-02"), "XX")
    hashed = hashlib.sha256(_TOKEN.encode()).hexdigest()
    ration = Ration(lambda: (hashed,), clock, _PLENTY)
    with own_certificate(_KEY, clock.now()) as tls:
        at = known_as(world)
        async with throughput_at(at.address, PORT, ration, frozenset({NAME, NEUTRAL}), tls):
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve())
