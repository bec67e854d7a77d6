"""A control server with real TLS on loopback, and lines that ask it."""

import asyncio
import random
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from schedule_rounds import (
    SECRET,
    START,
    VANTAGE,
    FakeProbe,
    catalog,
    environment,
    settings,
    targets,
)

from probe.clock import VirtualClock
from probe.control.address import control_address
from probe.control.certificate import own_certificate
from probe.control.client import LiveControl
from probe.control.keys import public_key
from probe.control.lookout import Lookout, served_by
from probe.control.server import ControlServer
from probe.control.tokens import known_tokens
from probe.model.target import Catalog, Endpoint
from probe.net.base import Stream
from probe.net.listen import Bounds, Listening, listening
from probe.net.machine import MachineNet
from probe.net.trust import Roots
from probe.schedule.choose import Wanted
from probe.schedule.line import LineFacts
from probe.schedule.session import Session

KEY = bytes(range(32))
PUBLIC = public_key(KEY)
TOKEN = "a" * 43
NO_ROOTS = Roots(packaged_pem=b"", system_pem=None)
LINE = LineFacts(default_route=True, gateway_reachable=True, tunnel=False)


@dataclass
class Abroad:
    """The control's side: what each host does there, and what was looked at."""

    endpoints: tuple[Endpoint, ...] = field(default_factory=lambda: targets(5))
    key: bytes = KEY
    country: str = "NL"
    wait_s: float = 20.0
    bounds: Bounds = field(default_factory=Bounds)
    probe: FakeProbe = field(default_factory=lambda: FakeProbe(VirtualClock(START)))
    tokens: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Put the parts together."""
        import hashlib

        self.clock = VirtualClock(START)
        self.probe.clock = self.clock
        self.catalog: Catalog = catalog(*self.endpoints)
        self.said: list[str] = []
        if not self.tokens:
            self.tokens = (hashlib.sha256(TOKEN.encode()).hexdigest(),)
        self.session = Session(
            settings=settings(country=self.country),
            catalog=self.catalog,
            env=environment(self.clock),
            rng=random.Random(1),
            vantage=VANTAGE,
            secret=SECRET,
            measure=self.probe,
            line=lambda: LINE,
        )
        served = served_by(self.catalog, Wanted(everything=True, country=VANTAGE.country))
        self.lookout = Lookout(self.session, served, self.said.append)
        self.server = ControlServer(
            self.lookout, lambda: self.tokens, self.key, wait_s=self.wait_s, read_s=0.5
        )

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Listening]:
        """Listen and look, for the length of the block."""
        with own_certificate(self.key, self.clock.now()) as tls:
            async with (
                listening(
                    "127.0.0.1", 0, self.server.serve, tls=tls, bounds=self.bounds
                ) as listener,
                asyncio.TaskGroup() as group,
            ):
                looking = group.create_task(self.lookout.run())
                yield listener
                looking.cancel()


def line(
    port: int, abroad: Abroad, *, said: list[str] | None = None, **changes: object
) -> LiveControl:
    """Return a line's view of the control on a port."""
    fields: dict[str, object] = {
        "address": control_address(f"https://127.0.0.1:{port}"),
        "token": TOKEN,
        "net": MachineNet(),
        "roots": NO_ROOTS,
        "clock": VirtualClock(START + timedelta(seconds=20)),
        "rng": random.Random(2),
        "keys": {PUBLIC},
        "catalog_digest": abroad.catalog.digest,
        "name": "live control 1",
        "say": (said if said is not None else []).append,
    }
    fields.update(changes)
    return LiveControl(**fields)  # type: ignore[arg-type]


async def asked(control: LiveControl, endpoints: tuple[Endpoint, ...]) -> None:
    """Ask about a round's endpoints, as a panel does."""
    control.expect(endpoints)
    await control.run()


@asynccontextmanager
async def hostile(
    answer: Callable[[bytes], bytes | Awaitable[bytes]], key: bytes = KEY
) -> AsyncIterator[int]:
    """Stand where a control should be: reads a whole request, and says what ``answer`` gives."""

    async def serve(stream: Stream) -> None:
        request = b""
        while b"\r\n\r\n" not in request:
            request += await stream.receive(65_536, timeout_s=5.0)
        head, _, body = request.partition(b"\r\n\r\n")
        size = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        while len(body) < size:
            body += await stream.receive(65_536, timeout_s=5.0)
        reply = answer(body)
        await stream.send(reply if isinstance(reply, bytes) else await reply, timeout_s=5.0)

    with own_certificate(key, START) as tls:
        async with listening("127.0.0.1", 0, serve, tls=tls) as listener:
            yield listener.port


def http(body: bytes, status: int = 200) -> bytes:
    """Return an HTTP response."""
    head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


async def raw(port: int, data: bytes, *, wait_s: float = 5.0) -> bytes:
    """Send bytes inside TLS, and return all that comes back."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    try:
        writer.write(data)
        await writer.drain()
        async with asyncio.timeout(wait_s):
            return await _response(reader)
    finally:
        writer.transport.abort()


async def _response(reader: asyncio.StreamReader) -> bytes:
    """Return one whole response, or what there is until the end."""
    found = b""
    while part := await reader.read(100_000):
        found += part
        head, _, body = found.partition(b"\r\n\r\n")
        if b"Content-Length: " in head:
            size = int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])
            if len(body) >= size:
                break
    return found


def request(
    body: bytes, *, token: str = TOKEN, path: str = "/v1/observe", method: str = "POST"
) -> bytes:
    """Return an HTTP request with a token."""
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


__all__ = [
    "KEY",
    "PUBLIC",
    "TOKEN",
    "Abroad",
    "asked",
    "hostile",
    "http",
    "known_tokens",
    "line",
    "raw",
    "request",
]
