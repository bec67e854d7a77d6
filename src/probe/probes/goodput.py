"""Goodput: one object, or one stream of datagrams, timed while it comes.

Asked for by ``ProbeOptions.transfer``, whatever the endpoint's kind. Nothing of what came is
kept: bytes against time, that is all. An answer that is not the object (a block page, another
certificate) has no speed, so it ends before the transfer's step.
"""

from dataclasses import dataclass

from probe.model.failure import Failure
from probe.model.goodput import Direction, Transport
from probe.model.measurement import TcpStep, TransferStep
from probe.model.target import Trust
from probe.net.base import Stream
from probe.net.http import HttpLimits, HttpRequest, HttpResult, exchange
from probe.probes.http import RANGE_HEADROOM, record_answer, request_of
from probe.probes.meter import Meter, MeteredStream
from probe.probes.naming import each_address
from probe.probes.options import UNSET
from probe.probes.own_server import upload_over
from probe.probes.peer import Peer
from probe.probes.session import Session, ascii_host
from probe.probes.tcp import connect
from probe.probes.tls import shake_hands
from probe.probes.transfer import BYTES_PATH, HAS_OBJECT, OwnServer, Transfer

__all__ = ["NOT_THE_OBJECT", "NOT_TOLD", "NO_OBJECT", "probe_goodput"]

NO_OBJECT = "the catalog names no object to download here"
NOT_THE_OBJECT = "what came is not the object: it is shorter, or no answer of HTTP"
NOT_TOLD = "no transfer was asked for"
NOT_THE_SERVER = "it is not the server whose key is trusted"
_ALPN = ("http/1.1",)
"""One object over one connection: HTTP/2's windows would be measured along with the path."""


async def probe_goodput(session: Session) -> None:
    """Time the transfer of the options."""
    transfer = session.options.transfer
    if transfer is None:
        session.reason = NOT_TOLD
        return
    if transfer.transport is Transport.UDP:
        from probe.probes.media import time_media

        await time_media(session, transfer)
    elif transfer.server is None and session.endpoint.range_bytes is None:
        session.reason = NO_OBJECT
    elif transfer.transport is Transport.QUIC:
        from probe.probes.goodput_quic import over_quic

        await over_quic(session, transfer)
    else:
        await _over_tcp(session, transfer)


def peer_for(session: Session, server: OwnServer | None, alpn: tuple[str, ...] = _ALPN) -> Peer:
    """Return whom to expect: a neutral name is sent, and the host's certificate is asked for."""
    endpoint, chosen = session.endpoint, session.options.sni
    host = ascii_host(endpoint.host)
    sni = (endpoint.sni or host) if chosen is UNSET else chosen
    trust = endpoint.trust if server is None else Trust.NONE
    name = endpoint.sni or host
    return Peer(sni=None if sni is None else ascii_host(sni), name=name, alpn=alpn, trust=trust)


def download_of(session: Session, transfer: Transfer) -> HttpRequest:
    """Return the request for the object, or for as many bytes of one's own server."""
    server = transfer.server
    if server is None:
        port = session.endpoint.port or (443 if session.endpoint.tls else 80)
        return request_of(session.endpoint, port, range_bytes=transfer.wanted)
    return HttpRequest(
        "GET",
        ascii_host(session.endpoint.host),
        server.port,
        f"{BYTES_PATH}/{transfer.wanted}",
        headers=(("Authorization", f"Bearer {server.token}"),),
    )


async def _over_tcp(session: Session, transfer: Transfer) -> None:
    """Connect, shake hands where the endpoint does, and time what comes."""
    request = download_of(session, transfer)

    async def attempt(address: str) -> bool:
        stream = await connect(session, address, request.port)
        if stream is None:
            return False
        try:
            metered = MeteredStream(stream, session.recorder.now_s)
            inside = await _inside(session, metered, address, request, transfer.server)
            if inside is None:
                return False
            run = _Run(session, transfer, metered, address, request)
            return await (run.down if transfer.direction is Direction.DOWNLOAD else run.up)(inside)
        finally:
            await stream.aclose()

    await each_address(session, attempt)


async def _inside(
    session: Session,
    stream: MeteredStream,
    address: str,
    request: HttpRequest,
    server: OwnServer | None,
) -> Stream | None:
    """Return the stream to ask over, ``None`` where somebody else answers."""
    if not request.tls:
        return stream
    peer = peer_for(session, server)
    step, inside = await shake_hands(session, stream, address, request.port, peer)
    if server is not None and inside is not None and not server.is_it(step.chain):
        session.reason = NOT_THE_SERVER
        return None
    return inside if step.failure is None else None


@dataclass(slots=True)
class _Run:
    """One transfer over one connection."""

    session: Session
    transfer: Transfer
    stream: MeteredStream
    address: str
    request: HttpRequest

    async def down(self, inside: Stream) -> bool:
        """Ask for the object and read it to its end, to the cap, or to a long silence."""
        session, wanted = self.session, self.transfer.wanted
        t0_s = session.recorder.now_s()
        meter = self.stream.running = Meter(t0_s)
        result = await exchange(
            inside,
            self.request,
            timeout_s=session.env.timeouts.transfer_s,
            limits=HttpLimits(body=wanted, wire=wanted + RANGE_HEADROOM),
        )
        t_s = session.recorder.now_s()
        if meter.total:
            record_answer(session, self.address, self.request, _bodiless(result), t0_s)
        if result.status is not None and result.status not in HAS_OBJECT:
            return False
        if not is_object(session, self.transfer, result, min(meter.total, len(result.body))):
            return False
        meter.end(t_s)
        add_transfer(session, self.transfer, meter, self.address, self.request.port, t0_s, t_s,
                     result.failure)  # fmt: skip
        return result.failure is None

    async def up(self, inside: Stream) -> bool:
        """Send so many bytes to one's own server, and keep what it saw of them."""
        session = self.session
        t0_s = session.recorder.now_s()
        told = await upload_over(
            session, inside, self.request, self.transfer.wanted, now_s=session.recorder.now_s
        )
        if told is None:
            return False
        t_s = session.recorder.now_s()
        add_transfer(session, self.transfer, told.meter, self.address, self.request.port, t0_s,
                     t_s, told.failure)  # fmt: skip
        return told.failure is None


def is_object(session: Session, transfer: Transfer, result: HttpResult, size: int) -> bool:
    """Return whether ``size`` bytes that an answer brought can be the object, or a part of it.

    Of an answer that was cut off at what was wanted there must be so many, of one that ended by
    itself as many as the catalog knows of the file: a page in its place, however it is packed,
    has no speed. What broke off may be the object as far as it came; what is no HTTP is not.
    """
    if result.failure is not None:
        whole = result.status is not None or result.failure != "http_request_failed"
    else:
        known = None if result.truncated or transfer.server else session.endpoint.range_bytes
        whole = size >= min(transfer.wanted, known or transfer.wanted)
    if not whole:
        session.reason = NOT_THE_OBJECT
    return whole


def _bodiless(result: HttpResult) -> HttpResult:
    """Return the head of an answer; a file's bytes are no evidence, and are not hashed."""
    return HttpResult(
        failure=result.failure,
        protocol=result.protocol,
        status=result.status,
        headers=result.headers,
        truncated=result.truncated,
    )


def add_transfer(
    session: Session,
    transfer: Transfer,
    meter: Meter,
    address: str,
    port: int,
    t0_s: float,
    t_s: float,
    failure: Failure | None,
    *,
    rtt_s: float | None = None,
    lost_share: float | None = None,
) -> None:
    """Record what a meter counted from ``t0_s`` to ``t_s`` (of the measurement)."""
    session.recorder.add(
        TransferStep(
            t0_s=t0_s,
            t_s=t_s,
            failure=failure,
            address=address,
            port=port,
            direction=transfer.direction,
            transport=transfer.transport,
            wanted=transfer.wanted,
            received=meter.total,
            marks=meter.marks,
            longest_stall_s=meter.longest_stall_s,
            stalled_at=meter.stalled_at,
            rtt_s=_rtt_s(session, address) if rtt_s is None else rtt_s,
            lost_share=lost_share,
        )
    )


def _rtt_s(session: Session, address: str) -> float | None:
    """Return how long the connection to an address took: SYN and SYN/ACK, one round trip."""
    for step in reversed(session.recorder.steps):
        if isinstance(step, TcpStep) and step.address == address and step.failure is None:
            return step.t_s - step.t0_s
    return None
