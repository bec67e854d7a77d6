"""The throughput service: so many bytes, one way or the other, to somebody who holds a token.

It is what "the same server under another name" needs: it answers under the names of a list, with
the certificate of its own key, and with bytes that mean nothing. Off unless asked for; a holder
has a budget, and so has the day. Nothing is kept of who came.
"""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import h11
import msgspec

from probe.clock import Clock
from probe.control.requests import (
    UNKNOWN,
    OneRequestServer,
    Reply,
    Talk,
    holder_of,
)
from probe.control.server import TokenRate
from probe.errors import InputError
from probe.net.base import NetFailure
from probe.probes.meter import Meter
from probe.probes.own_server import Took
from probe.probes.transfer import BYTES_PATH, MAX_WANTED
from probe.schedule.budget import day_start
from probe.wire.errors import WireError
from probe.wire.media import FRESH_S, media_answer, media_key, read_media

__all__ = ["Ration", "ThroughputServer", "checked_names", "filler", "wanted_of"]

_HOLDER_BYTES = 32_000_000.0  # a holder may take at once
_HOLDER_PER_SECOND = 2_000.0  # and so fast again: 170 MB a day
_UPLOAD_S = 18.0  # a little less than the client's patience: it is told how far it came
_WRITE_S = 20.0
_KEYS_S = 5.0
_BLOCK = hashlib.shake_128(b"probe throughput").digest(16_384)
"""What is sent, again and again: nothing on the way can make it smaller."""

_NAME_CHARS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-")
_MOST_NAMES = 200


def checked_names(names: Sequence[str]) -> frozenset[str]:
    """Return the allowlist in lower case.

    Raises:
        InputError: it is empty or too long, or one is no name.

    """
    found = frozenset(name.strip().lower().rstrip(".") for name in names)
    for name in found:
        if not name or len(name) > 253 or not _NAME_CHARS.issuperset(name) or "." not in name:
            raise InputError(f"{name[:60]!r} is no host name", field="--name")
    if not 1 <= len(found) <= _MOST_NAMES:
        raise InputError(
            "the throughput service answers under a list of names only",
            field="--name",
            mend=f"give 1 to {_MOST_NAMES}, one of them of no interest to anybody: example.com",
        )
    return found


@dataclass
class Ration:
    """What may still be given: to each holder, and to all of them today."""

    tokens: Callable[[], Sequence[str]]
    clock: Clock
    day_bytes: int
    rate: TokenRate = field(init=False)
    _day: datetime | None = None
    _today: int = 0
    _keys: tuple[bytes, ...] = ()
    _keys_at_s: float | None = None

    def __post_init__(self) -> None:
        """Count on the clock."""
        self.rate = TokenRate(self.clock, _HOLDER_BYTES, _HOLDER_PER_SECOND)

    def grant(self, holder: int, size: int) -> bool:
        """Take ``size`` bytes from a holder's budget and the day's; ``False``: nothing is taken."""
        today = day_start(self.clock.now())
        if today != self._day:
            self._day, self._today = today, 0
        if self._today + size > self.day_bytes or not self.rate.take(holder, size):
            return False
        self._today += size
        return True

    def echo(self, datagram: bytes) -> bytes | None:
        """Return the answer to a datagram of a call; silence to what no holder has sealed now."""
        now_s = int(self.clock.now().timestamp())
        for holder, key in enumerate(self._media_keys()):
            try:
                told = read_media(datagram, key)
            except WireError:
                continue
            fresh = abs(told.made_s - now_s) <= FRESH_S
            granted = fresh and self.grant(holder, 2 * len(datagram))
            return media_answer(datagram, key) if granted else None
        return None

    def _media_keys(self) -> tuple[bytes, ...]:
        """Return the holders' keys, read anew after a while: a token can be ended."""
        now_s = self.clock.monotonic_s()
        if self._keys_at_s is None or now_s - self._keys_at_s > _KEYS_S:
            self._keys = tuple(media_key(one) for one in self.tokens())
            self._keys_at_s = now_s
        return self._keys


def wanted_of(target: bytes) -> int | None:
    """Return the bytes that a path asks for, ``None`` where it asks for none or too many."""
    head, _, number = target.decode("latin-1").rpartition("/")
    if head != BYTES_PATH or not number.isascii() or not number.isdecimal() or len(number) > 7:
        return None
    return int(number) if 1 <= int(number) <= MAX_WANTED else None


def filler(size: int) -> bytes:
    """Return up to one block of bytes that no compression makes smaller."""
    return _BLOCK[:size]


@dataclass
class ThroughputServer(OneRequestServer):
    """HTTP/1.1 over connections that ``probe.net.listen`` hands to ``serve``."""

    ration: Ration
    upload_s: float = _UPLOAD_S

    async def answer(self, talk: Talk, request: h11.Request) -> Reply | None:
        """Return what to say; the bytes that are asked for are sent here."""
        holder = holder_of(request, self.ration.tokens())
        if holder is None:
            return UNKNOWN
        upload = request.target == BYTES_PATH.encode()
        if request.method != (b"POST" if upload else b"GET"):
            return Reply(405, b"GET /bytes/N, or POST /bytes\n")
        size = _length(request) if upload else wanted_of(request.target)
        if size is None:
            return Reply(413, f"1 to {MAX_WANTED} bytes\n".encode())
        if not self.ration.grant(holder, size):
            return Reply(429, b"the budget is spent\n", retry_after_s=3600)
        if upload:
            return await self._taken(talk)
        await self._give(talk, size)
        return None

    async def _give(self, talk: Talk, size: int) -> None:
        """Send so many bytes, block by block, as fast as they are taken."""
        headers = [
            ("Content-Type", "application/octet-stream"),
            ("Content-Length", str(size)),
            ("Connection", "close"),
        ]
        connection = talk.connection
        out = connection.send(h11.Response(status_code=200, headers=headers)) or b""
        left = size
        while left > 0:
            part = filler(left)
            left -= len(part)
            out += connection.send(h11.Data(data=part)) or b""
            await talk.stream.send(out, timeout_s=_WRITE_S)
            out = b""

    async def _taken(self, talk: Talk) -> Reply:
        """Count what comes, until all is there or the time is over, and say what was seen."""
        loop = asyncio.get_running_loop()
        meter, whole = Meter(loop.time()), False
        try:
            async with asyncio.timeout(self.upload_s):
                whole = await _count(talk, meter)
        except TimeoutError:
            pass
        except NetFailure:
            if not meter.total:
                raise
        return Reply(200, msgspec.json.encode(Took(marks=meter.marks, whole=whole)))


def _length(request: h11.Request) -> int | None:
    """Return the length of an upload, ``None`` where it is not said, or too much.

    One in chunks has no length, whatever stands beside them (RFC 9112 section 6.3).
    """
    if any(name == b"transfer-encoding" for name, _ in request.headers):
        return None
    given = [value for name, value in request.headers if name == b"content-length"]
    number = given[0].decode("latin-1") if len(given) == 1 else ""
    if not number.isdecimal() or len(number) > 7:
        return None
    return int(number) if 1 <= int(number) <= MAX_WANTED else None


async def _count(talk: Talk, meter: Meter) -> bool:
    """Count a body; return whether it ended as it should."""
    loop = asyncio.get_running_loop()
    while True:
        event = talk.connection.next_event()
        if isinstance(event, h11.Data):
            meter.add(len(event.data), loop.time())
        elif isinstance(event, h11.EndOfMessage):
            return True
        elif event is h11.NEED_DATA:
            await talk.feed()
        else:
            return False
