"""The parent's end of the line to the servers: orders out, answers in, in the same order."""

import asyncio
import secrets
from collections import deque

import msgspec

from probe.errors import ProbeError
from probe.lab.messages import MAX_LINE, Ask, Hello, Told

__all__ = ["LabError", "Line"]


class LabError(ProbeError):
    """The lab's second process could not be started, went away, or refused an order."""


class Line(asyncio.Protocol):
    """One connection from the servers; whoever waits may be cancelled without disturbing others.

    A caller without the token is hung up on; the first with it sets ``ready``.
    """

    def __init__(self, token: str, ready: "asyncio.Future[Line]") -> None:
        """Expect ``token`` as the first line."""
        self._token = token
        self._ready = ready
        self._known = False
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._waiting: deque[asyncio.Future[Told]] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take lines as they become complete."""
        self._buffer += data
        while (end := self._buffer.find(b"\n")) >= 0:
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
            self._take(line)
        if len(self._buffer) > (MAX_LINE if self._known else 1024):
            self.close()

    def _take(self, line: bytes) -> None:
        try:
            if self._known:
                told = msgspec.json.decode(line, type=Told)
                future = self._waiting.popleft()
                if not future.done():
                    future.set_result(told)
                return
            hello = msgspec.json.decode(line, type=Hello)
        except (msgspec.MsgspecError, IndexError):
            self.close()
            return
        if not secrets.compare_digest(hello.token, self._token) or self._ready.done():
            self.close()
            return
        self._known = True
        self._ready.set_result(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell everybody who waits."""
        del exc
        self._transport = None
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_exception(LabError("the lab's servers went away"))

    async def ask(self, ask: Ask, *, timeout_s: float) -> Told:
        """Send one order and return its answer.

        Raises:
            LabError: no answer within ``timeout_s``, or a refusal.

        """
        if self._transport is None or self._transport.is_closing():
            raise LabError("the lab's servers went away")
        future: asyncio.Future[Told] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        self._transport.write(msgspec.json.encode(ask) + b"\n")
        try:
            async with asyncio.timeout(timeout_s):
                told = await future
        except TimeoutError as exc:
            raise LabError("the lab's servers do not answer") from exc
        if told.error is not None:
            raise LabError(f"the lab's servers refused: {told.error}")
        return told

    def close(self) -> None:
        """Hang up; the servers end by it."""
        if self._transport is not None:
            self._transport.close()
