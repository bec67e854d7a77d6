"""Sending to a server of one's own: what was sent is known when the server says what it took.

The kernel of this machine takes an upload long before it is on its way, so that the time at which
it was handed over says little. The server counts, and answers with its marks; it answers early
when its own time is over. Without an answer only an upper bound is known: what was handed over.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import h11
import msgspec

from probe.model.failure import Failure
from probe.net.base import NetFailure, Stream
from probe.net.http import HttpRequest
from probe.probes.meter import Meter
from probe.probes.session import Session
from probe.probes.transfer import BYTES_PATH

__all__ = ["MAX_MARKS", "Took", "Upload", "upload_over"]

MAX_MARKS = 160
"""Of 512 KiB there are some 130 marks; a server that tells of more is not believed."""

_MAX_ANSWER = 16_384
_PART = 16_384
_NO_ANSWER: Failure = "http_request_failed"


class Took(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the server took: (bytes so far, seconds since the request), as in a transfer's step."""

    marks: tuple[tuple[int, float], ...]
    whole: bool


@dataclass(frozen=True, slots=True)
class Upload:
    """What is known of an upload."""

    meter: Meter
    failure: Failure | None


async def upload_over(
    session: Session,
    inside: Stream,
    request: HttpRequest,
    wanted: int,
    *,
    now_s: Callable[[], float],
) -> Upload | None:
    """Send ``wanted`` bytes, listening meanwhile; ``None`` where the server takes no upload."""
    sent = Meter(now_s())
    http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_ANSWER)
    answer = _Answer()
    timeout_s = session.env.timeouts.transfer_s
    try:
        async with asyncio.timeout(timeout_s):
            await inside.send(_head(http, request, wanted), timeout_s=timeout_s)
            async with asyncio.TaskGroup() as group:
                body = session.env.rng.randbytes(wanted)
                sending = group.create_task(_send(http, inside, body, sent, now_s, timeout_s))
                await _read(http, inside, answer, timeout_s)
                sending.cancel()
    except* TimeoutError:
        answer.failure = answer.failure or "generic_timeout_error"
    except* NetFailure as group_:
        answer.failure = answer.failure or _first(group_)
    except* h11.RemoteProtocolError:
        answer.failure = _NO_ANSWER
    return answer.told(sent, wanted, now_s())


def _first(group: BaseExceptionGroup[NetFailure]) -> Failure:
    found = group.exceptions[0]
    return _first(found) if isinstance(found, BaseExceptionGroup) else found.failure


def _head(http: h11.Connection, request: HttpRequest, wanted: int) -> bytes:
    headers = [("Host", request.host), ("Content-Length", str(wanted)), *request.headers]
    return http.send(h11.Request(method="POST", target=BYTES_PATH, headers=headers)) or b""


async def _send(
    http: h11.Connection,
    inside: Stream,
    body: bytes,
    sent: Meter,
    now_s: Callable[[], float],
    timeout_s: float,
) -> None:
    """Send the body in parts; a peer that has gone may have said why before."""
    for at in range(0, len(body), _PART):
        part = body[at : at + _PART]
        try:
            await inside.send(http.send(h11.Data(data=part)) or b"", timeout_s=timeout_s)
        except NetFailure:
            return
        sent.add(len(part), now_s())


@dataclass(slots=True)
class _Answer:
    """What came back."""

    status: int | None = None
    body: bytes = b""
    failure: Failure | None = None

    def told(self, sent: Meter, wanted: int, at_s: float) -> Upload | None:
        """Return the server's count, else what was handed over, which is the most that went."""
        if self.status is not None and self.status != 200:
            return None
        took = None if self.status is None else _took(self.body, wanted)
        if took is None:
            sent.end(at_s)
            return Upload(sent, self.failure or _NO_ANSWER)
        meter = Meter(0.0)
        before = 0
        for so_far, seconds in took.marks:
            meter.add(so_far - before, seconds)
            before = so_far
        return Upload(meter, None if took.whole else "generic_timeout_error")


def _took(body: bytes, wanted: int) -> Took | None:
    """Return what the server says, ``None`` where it cannot be so."""
    try:
        told = msgspec.json.decode(body, type=Took)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    counts = [0, *(so_far for so_far, _ in told.marks)]
    times = [0.0, *(seconds for _, seconds in told.marks)]
    ordered = counts == sorted(set(counts)) and times == sorted(times)
    return told if ordered and counts[-1] <= wanted and len(counts) <= MAX_MARKS else None


async def _read(http: h11.Connection, inside: Stream, answer: _Answer, timeout_s: float) -> None:
    """Read the answer, which may come before all is sent."""
    while True:
        event = http.next_event()
        if isinstance(event, h11.Response):
            answer.status = event.status_code
        elif isinstance(event, h11.Data):
            answer.body += bytes(event.data)
            if len(answer.body) > _MAX_ANSWER:
                raise h11.RemoteProtocolError("longer than any answer")
        elif isinstance(event, h11.EndOfMessage):
            return
        elif event is h11.NEED_DATA:
            data = await inside.receive(_PART, timeout_s=timeout_s)
            if not data:
                raise NetFailure("eof_error")
            http.receive_data(data)
        else:
            raise h11.RemoteProtocolError("no answer")
