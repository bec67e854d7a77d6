"""Asking a resolver over the seam's datagrams and streams: UDP, TCP and TLS.

An answer is recorded whatever it says: judging a bogon is the analysis' work. Over UDP, replies
that do not fit the question are passed over, because an injector may get its packet in first,
and the socket goes on listening: two different answers to one question are a race.
"""

import asyncio
from dataclasses import dataclass

from probe.model.failure import Failure
from probe.net.base import Datagrams, NetFailure, Stream
from probe.net.dnswire import BadReply, Question, Reply, read_reply, reply_failure

__all__ = ["DnsResult", "LateReply", "UdpExchange", "ask_stream", "result_of"]

MAX_LATE = 8
_MAX_FOREIGN = 64
_SILENCE = "generic_timeout_error"

RESEND_S = 5.0
"""What resolvers are usually given before they are asked again (resolv.conf(5), ``timeout``)."""


@dataclass(frozen=True, slots=True)
class DnsResult:
    """How a question ended; ``reply`` is what came when it was a reply at all."""

    failure: Failure | None
    reply: Reply | None = None


@dataclass(frozen=True, slots=True)
class LateReply:
    """Another reply to an answered question; ``at_s`` is in the event loop's time."""

    at_s: float
    reply: Reply


@dataclass(slots=True)
class _Heard:
    """What came while a reply was waited for."""

    fitting: Reply | None = None
    aside: Reply | None = None  # the first one in other letters than the question's
    wrong: Failure | None = None  # the first one that is no reply to the question
    count: int = 0

    def take(self, data: bytes, question: Question) -> None:
        """Read one datagram."""
        self.count += 1
        try:
            reply = read_reply(data, question)
        except BadReply as exc:
            self.wrong = self.wrong or exc.failure
            return
        if reply.same_case:
            self.fitting = reply
        else:
            self.aside = self.aside or reply


class UdpExchange:
    """One question over a connected UDP socket."""

    def __init__(self, datagrams: Datagrams, question: Question) -> None:
        """Prepare; nothing is sent yet."""
        self._datagrams = datagrams
        self._question = question
        self._first: Reply | None = None

    async def ask(self, *, timeout_s: float) -> DnsResult:
        """Send the question, and return the first reply that fits it.

        A reply in other letters than the question's is kept aside, and counts only when no
        better one comes in time (some resolvers change the case). Within a deadline longer than
        a resolver is usually given, what stays unanswered is sent again, as it is: datagrams
        get lost.
        """
        began_s = asyncio.get_running_loop().time()
        tries = max(1, int(timeout_s // RESEND_S))
        heard = _Heard()
        failure: Failure | None = None
        for number in range(1, tries + 1):
            failure = await self._once(heard, began_s + timeout_s * number / tries)
            if failure != _SILENCE:
                break
        reply = heard.fitting or heard.aside
        if reply is not None:
            return self._take(reply)
        silent = failure in (None, _SILENCE)
        return DnsResult(heard.wrong if silent and heard.wrong is not None else failure)

    async def _once(self, heard: "_Heard", until_s: float) -> Failure | None:
        """Send, and listen until a reply fits, or until ``until_s``; return why it ended early."""
        loop = asyncio.get_running_loop()
        try:
            await self._datagrams.send(self._question.wire)
            while heard.count < _MAX_FOREIGN:
                data = await self._datagrams.receive(timeout_s=max(0.0, until_s - loop.time()))
                heard.take(data, self._question)
                if heard.fitting is not None:
                    return None
        except NetFailure as exc:
            return exc.failure
        return None

    def _take(self, reply: Reply) -> DnsResult:
        self._first = reply
        return DnsResult(reply_failure(reply), reply)

    async def late(self, *, listen_s: float) -> tuple[LateReply, ...]:
        """Go on listening for ``listen_s`` and return replies that differ from the first."""
        if self._first is None:
            return ()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + listen_s
        found: list[LateReply] = []
        for _ in range(_MAX_FOREIGN):
            left = deadline - loop.time()
            if left <= 0 or len(found) >= MAX_LATE:
                break
            try:
                data = await self._datagrams.receive(timeout_s=left)
                reply = read_reply(data, self._question)
            except BadReply:
                continue
            except NetFailure:
                break
            if _differs(reply, self._first):
                found.append(LateReply(loop.time(), reply))
        return tuple(found)


def _differs(one: Reply, other: Reply) -> bool:
    return one.rcode != other.rcode or set(one.addresses) != set(other.addresses)


async def ask_stream(stream: Stream, question: Question, *, timeout_s: float) -> DnsResult:
    """Ask over TCP or TLS (RFC 7766 framing: two bytes of length)."""
    try:
        async with asyncio.timeout(timeout_s):
            framed = len(question.wire).to_bytes(2, "big") + question.wire
            await stream.send(framed, timeout_s=timeout_s)
            size = int.from_bytes(await _exactly(stream, 2, timeout_s), "big")
            wire = await _exactly(stream, size, timeout_s)
    except NetFailure as exc:
        return DnsResult(exc.failure)
    except TimeoutError:
        return DnsResult("generic_timeout_error")
    return result_of(wire, question)


def result_of(wire: bytes, question: Question) -> DnsResult:
    """Return the result of a reply that came over a stream: there is only this one."""
    try:
        reply = read_reply(wire, question)
    except BadReply as exc:
        return DnsResult(exc.failure)
    return DnsResult(reply_failure(reply), reply)


async def _exactly(stream: Stream, size: int, timeout_s: float) -> bytes:
    data = b""
    while len(data) < size:
        more = await stream.receive(size - len(data), timeout_s=timeout_s)
        if not more:
            raise NetFailure("eof_error")
        data += more
    return data
