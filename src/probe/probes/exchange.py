"""One question and its answer in a protocol of its own, over a stream: the step of such kinds.

A server may say anything. What is kept is a name for it, and how far it proves who answered;
its bytes go no further than the codec.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from probe.model.failure import Failure, unknown_failure
from probe.model.measurement import ExchangeStep, Proof
from probe.net.base import NetFailure, Stream
from probe.probes.session import Session
from probe.wire.errors import Fault, WireError

__all__ = ["ANOTHER_QUESTION", "NO_SUCH_PROTOCOL", "Heard", "Line", "converse"]

MAX_BUFFER = 131_072
"""Bytes of one answer: the longest message that is read here, a Tor cell, has half of that."""

MAX_READ = 1 << 20
"""Bytes of all answers together: eight of Tor's longest cells, or one of Telegram's payloads.
A server that never stops (empty frames, padding) costs no more than this."""

_CHUNK = 16_384
_HEAD = 8

NO_SUCH_PROTOCOL = unknown_failure("an answer in another protocol")
ANOTHER_QUESTION = unknown_failure("an answer to another question")
_OTHER_KEY: Failure = "ssl_unknown_authority"

_FAILURES: dict[Proof, Failure] = {
    Proof.OTHER: NO_SUCH_PROTOCOL,
    Proof.FOREIGN: ANOTHER_QUESTION,
    Proof.OTHER_IDENTITY: _OTHER_KEY,
}
_KNOWN_HEADS = (
    (b"HTTP/", "HTTP"),
    (b"<!DOC", "HTML"),
    (b"<html", "HTML"),
    (b"SSH-", "SSH"),
    (b"220 ", "SMTP or FTP"),
    (b"\x15\x03", "a TLS alert"),
    (b"\x16\x03", "TLS"),
)


@dataclass(frozen=True, slots=True)
class Heard:
    """What came, by name, and what it shows; nothing, where anything was an answer."""

    reply: str
    proof: Proof | None


class Line:
    """A stream with one deadline for all of an exchange, and what was read of it so far."""

    def __init__(self, stream: Stream, timeout_s: float) -> None:
        """Start the time now."""
        self._stream = stream
        self._loop = asyncio.get_running_loop()
        self._until_s = self._loop.time() + timeout_s
        self._read = 0
        self.buffer = b""
        self.head = b""

    def _left_s(self) -> float:
        return max(0.0, self._until_s - self._loop.time())

    async def send(self, data: bytes) -> None:
        """Send all of ``data``.

        Raises:
            NetFailure: the network failed, or the time is over.

        """
        await self._stream.send(data, timeout_s=self._left_s())

    async def more(self) -> None:
        """Read on into ``buffer``.

        Raises:
            NetFailure: the network failed, the time is over, or the peer ended (``eof_error``).
            WireError: ``FORMAT``, more than any answer has.

        """
        data = await self._stream.receive(_CHUNK, timeout_s=self._left_s())
        if not data:
            raise NetFailure("eof_error")
        self.head = (self.head + data)[:_HEAD]
        self.buffer += data
        self._read += len(data)
        if len(self.buffer) > MAX_BUFFER or self._read > MAX_READ:
            raise WireError(Fault.FORMAT, "longer than any answer")

    async def take(self, split: Callable[[bytes], tuple[bytes, bytes] | None]) -> bytes:
        """Read until ``split`` finds a message at the front, take it off, and return it.

        Raises:
            NetFailure: see ``more``.
            WireError: what ``split`` raised.

        """
        while (found := split(self.buffer)) is None:
            await self.more()
        message, self.buffer = found
        return message


Ask = Callable[[Line], Awaitable[Heard]]


async def converse(
    session: Session, stream: Stream, address: str, port: int, protocol: str, ask: Ask
) -> ExchangeStep:
    """Let ``ask`` put its question over ``stream``, and record what became of it in one step."""
    recorder = session.recorder
    t0_s, sent, received = recorder.now_s(), stream.bytes_sent, stream.bytes_received
    line = Line(stream, session.env.timeouts.exchange_s)
    heard, failure = await _heard(ask, line)
    step = ExchangeStep(
        t0_s=t0_s,
        t_s=recorder.now_s(),
        failure=failure,
        address=address,
        port=port,
        protocol=protocol,
        reply=None if heard is None else heard.reply,
        proof=None if heard is None else heard.proof,
        bytes_sent=stream.bytes_sent - sent,
        bytes_received=stream.bytes_received - received,
    )
    recorder.add(step)
    return step


async def _heard(ask: Ask, line: Line) -> tuple[Heard | None, Failure | None]:
    """Return what came, and what is wrong with it; a cut keeps the name of what came before."""
    try:
        heard = await ask(line)
    except NetFailure as exc:
        other = _named(line.head)
        if other is None:
            return None, exc.failure
        return Heard(other, Proof.OTHER), _FAILURES[Proof.OTHER]
    except WireError as exc:
        if exc.fault in (Fault.FOREIGN, Fault.UNPROVEN):
            return Heard("an answer to another question", Proof.FOREIGN), ANOTHER_QUESTION
        heard = Heard(_named(line.head) or "something else", Proof.OTHER)
    return heard, None if heard.proof is None else _FAILURES.get(heard.proof)


def _named(head: bytes) -> str | None:
    """Return what other protocol begins with ``head``, if it is a usual one."""
    return next((name for start, name in _KNOWN_HEADS if head.startswith(start)), None)
