"""A throughput server with real TLS on loopback, and a line that measures against it."""

import hashlib
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from schedule_rounds import START

from probe.clock import VirtualClock
from probe.control.certificate import key_of_certificate, own_certificate
from probe.control.keys import public_key
from probe.control.throughput import Ration
from probe.control.throughput_door import BOUNDS, Door, throughput_at
from probe.model.measurement import Measurement
from probe.model.target import Endpoint, Kind
from probe.net.listen import Bounds
from probe.net.listen_udp import DatagramBounds
from probe.net.machine import MachineNet
from probe.net.trust import Roots
from probe.probes.env import ProbeEnv, Timeouts
from probe.probes.measure import measure
from probe.probes.options import ProbeOptions
from probe.probes.transfer import OwnServer, Transfer

KEY = bytes(range(32))
TOKEN = "a" * 43
HASH = hashlib.sha256(TOKEN.encode()).hexdigest()
NAME, NEUTRAL = "chat.example", "example.com"
HERE = "127.0.0.1"


class Anywhere:
    """Lets loopback be dialled."""

    def allows(self, address: str) -> bool:
        del address
        return True


CHAT = Endpoint(
    service="chat",
    kind=Kind.TLS,
    host=NAME,
    port=443,
    tls=True,
    source="test",
    checked_on=date(2026, 1, 1),
)


@dataclass
class Vps:
    """The server's side."""

    tokens: tuple[str, ...] = (HASH,)
    port: int = 0
    day_bytes: int = 100_000_000
    bounds: Bounds = BOUNDS
    datagrams: DatagramBounds = field(default_factory=DatagramBounds)
    clock: VirtualClock = field(default_factory=lambda: VirtualClock(START))

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Door]:
        """Serve, for the length of the block."""
        self.ration = Ration(lambda: self.tokens, self.clock, self.day_bytes)
        with own_certificate(KEY, self.clock.now()) as tls:
            async with throughput_at(
                HERE, self.port, self.ration, frozenset({NAME, NEUTRAL}), tls,
                bounds=self.bounds, datagrams=self.datagrams,
            ) as door:  # fmt: skip
                yield door


def server_at(port: int, *, token: str = TOKEN, key: bytes = KEY) -> OwnServer:
    """Return the server as a line knows it."""
    return OwnServer(
        address=HERE,
        port=port,
        token=token,
        keys=frozenset({public_key(key)}),
        key_of=key_of_certificate,
    )


def line(timeouts: Timeouts = Timeouts(tls_s=3.0, transfer_s=3.0)) -> ProbeEnv:  # noqa: B008
    """Return the line's surroundings."""
    return ProbeEnv(
        net=MachineNet(),
        clock=VirtualClock(START),
        rng=random.Random(1),
        roots=Roots(packaged_pem=b"", system_pem=None),
        dial=Anywhere(),
        timeouts=timeouts,
    )


async def timed(server: OwnServer, wanted: int = 65_536, **more: Any) -> Measurement:
    """Return one look; ``more`` are of the transfer, or ``sni`` and ``random_payload``."""
    here = {name: more.pop(name) for name in ("sni", "random_payload") if name in more}
    transfer = Transfer(wanted=wanted, server=server, **more)
    options = ProbeOptions(addresses=(server.address,), transfer=transfer, **here)
    return await measure(CHAT, line(), options)
