"""A call's datagrams to a server of one's own: at what rate they come back, and how many do not.

Each is sent when it is due, and answers are read meanwhile. What is forged, doubled or too late
is no answer. With ``random_payload`` in the options the same stream goes in disguise.
"""

import asyncio
import hashlib
from dataclasses import dataclass, field

from probe.model.failure import Failure
from probe.net.base import Datagrams, NetFailure
from probe.probes.goodput import add_transfer
from probe.probes.meter import Meter
from probe.probes.naming import each_address
from probe.probes.session import Session
from probe.probes.transfer import Transfer
from probe.wire.errors import WireError
from probe.wire.media import PACKET, RATE_HZ, media_key, media_packet, read_media

__all__ = ["NO_SERVER", "time_media"]

NO_SERVER = "datagrams at a rate are sent to a server of one's own only"

_LINGER_S = 1.0
"""The last packets are waited for so long."""

_MOST_FAILURES = 8
_NONCE = 8
_SILENCE: Failure = "generic_timeout_error"


async def time_media(session: Session, transfer: Transfer) -> None:
    """Send the stream, count what comes back, and record one transfer."""
    server = transfer.server
    if server is None:
        session.reason = NO_SERVER
        return

    async def attempt(address: str) -> bool:
        env, recorder = session.env, session.recorder
        async with env.limits.destination(address):
            t0_s = recorder.now_s()
            call = _Call(session, max(1, transfer.wanted // PACKET), server.token, t0_s)
            try:
                datagrams = recorder.count(await env.net.open_udp(address, server.port))
            except NetFailure as exc:
                call.failure = exc.failure
            else:
                try:
                    await call.run(datagrams)
                finally:
                    await datagrams.aclose()
        came = len(call.seen)
        add_transfer(
            session, transfer, call.meter, address, server.port, t0_s, recorder.now_s(),
            None if came else call.failure or _SILENCE,
            rtt_s=call.rtt_s, lost_share=1.0 - came / max(1, call.sent),
        )  # fmt: skip
        return bool(came)

    await each_address(session, attempt)


@dataclass(slots=True)
class _Call:
    """One stream; times are those of the measurement."""

    session: Session
    count: int
    token: str = field(repr=False)
    t0_s: float = 0.0
    sent: int = 0
    refused: int = 0
    failure: Failure | None = None
    rtt_s: float | None = None
    seen: set[int] = field(default_factory=set)
    sent_at_s: dict[int, float] = field(default_factory=dict)
    meter: Meter = field(init=False)

    def __post_init__(self) -> None:
        self.meter = Meter(self.t0_s)

    async def run(self, datagrams: Datagrams) -> None:
        """Send and listen; a network that refuses again and again ends it."""
        token = hashlib.sha256(self.token.encode()).hexdigest()
        key, stream = media_key(token), self.session.env.rng.getrandbits(32)
        loop = asyncio.get_running_loop()
        ends_s = loop.time() + self.count / RATE_HZ + _LINGER_S
        async with asyncio.TaskGroup() as group:
            listening = group.create_task(self._listen(datagrams, key, stream, ends_s))
            await self._send(datagrams, key, stream)
            if self.refused >= _MOST_FAILURES:
                listening.cancel()

    async def _send(self, datagrams: Datagrams, key: bytes, stream: int) -> None:
        """Send each packet when it is due."""
        env, loop = self.session.env, asyncio.get_running_loop()
        began_s = loop.time()
        for number in range(self.count):
            nonce = env.rng.randbytes(_NONCE) if self.session.options.random_payload else b""
            made_s = int(env.clock.now().timestamp())
            packet = media_packet(number, stream=stream, made_s=made_s, key=key, nonce=nonce)
            try:
                self.sent_at_s[number] = loop.time()
                await datagrams.send(packet)
                self.sent += 1
            except NetFailure as exc:
                self._refused(exc)
            if self.refused >= _MOST_FAILURES:
                return
            await asyncio.sleep(max(0.0, began_s + (number + 1) / RATE_HZ - loop.time()))

    async def _listen(self, datagrams: Datagrams, key: bytes, stream: int, ends_s: float) -> None:
        """Read answers until all are there, or the time is over.

        It waits for one in one go: a wait that is broken off may lose what came at that moment.
        """
        loop = asyncio.get_running_loop()
        while len(self.seen) < self.count and (left_s := ends_s - loop.time()) > 0:
            try:
                data = await datagrams.receive(timeout_s=left_s)
            except NetFailure as exc:
                if exc.failure == _SILENCE or self.refused >= _MOST_FAILURES:
                    return
                self._refused(exc)
            else:
                self._answered(data, key, stream, loop.time())

    def _refused(self, exc: NetFailure) -> None:
        """Count what the network said in the place of an answer (ICMP)."""
        self.failure = exc.failure
        self.refused += 1

    def _answered(self, data: bytes, key: bytes, stream: int, at_s: float) -> None:
        try:
            told = read_media(data, key, answer=True)
        except WireError:
            return
        went_s = self.sent_at_s.get(told.sequence)
        if told.stream != stream or went_s is None or told.sequence in self.seen:
            return
        self.seen.add(told.sequence)
        self.rtt_s = min(at_s - went_s, at_s - went_s if self.rtt_s is None else self.rtt_s)
        self.meter.add(len(data), self.session.recorder.now_s())
