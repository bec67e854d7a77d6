"""Kind ``quic``: first a question without a name, then a handshake with it, then a PING.

The version negotiation shows no name and no key, so that a filter of names lets it pass: compared
with the handshake it tells "UDP on this port" from "this name". What the handshake is for needs
aioquic; a machine without it asks the first question only, and says so.
"""

from probe.model.failure import unknown_failure
from probe.model.measurement import TlsStep, UdpStep
from probe.net.base import NetFailure
from probe.net.quic import QuicHandshake, quic_handshake
from probe.net.trust import verify_chain
from probe.probes.datagrams import Question, ask
from probe.probes.naming import each_address
from probe.probes.peer import Peer, peer_of
from probe.probes.session import Session
from probe.probes.tcp import connect
from probe.probes.tls import shake_hands
from probe.wire.quic import looks_like_quic, read_version_negotiation, version_probe

__all__ = [
    "HANDSHAKE",
    "NO_CERTIFICATE",
    "NO_QUIC",
    "PING",
    "QUIC_PORT",
    "VERSIONS",
    "certificate_step",
    "probe_quic",
]

QUIC_PORT = 443
VERSIONS, HANDSHAKE, PING = "quic-versions", "quic", "quic-ping"
"""The protocols of the three steps."""

NO_QUIC = "aioquic is not installed (extra quic): no handshake was tried"
NO_CERTIFICATE = unknown_failure("a QUIC handshake that showed no certificate")
"""Whoever it was with: nothing tells."""

_FILLER = 1200


async def probe_quic(session: Session) -> None:
    """Ask for versions, shake hands and ping; a later step is tried whatever the earlier said.

    With a random payload only the first is sent, and over TCP a handshake of TLS in its place.
    """
    port = session.endpoint.port or QUIC_PORT
    peer = peer_of(session)

    async def attempt(address: str) -> bool:
        if session.options.over_tcp:
            return await _over_tcp(session, address, port, peer)
        asked = await ask(session, address, port, _versions(session))
        if session.options.random_payload or asked.failure == "connection_refused":
            return asked.failure is None
        if not session.env.quic:
            session.reason = NO_QUIC
            return asked.failure is None
        return await _handshake(session, address, port, peer)

    await each_address(session, attempt)


def _versions(session: Session) -> Question:
    rng = session.env.rng
    destination, source = rng.randbytes(8), rng.randbytes(8)

    def read(reply: bytes) -> str:
        read_version_negotiation(reply, destination=destination, source=source)
        return "version_negotiation"

    return Question(
        VERSIONS,
        lambda: version_probe(
            destination=destination, source=source, filler=rng.randbytes(_FILLER)
        ),
        read,
        looks_like_quic,
    )


async def _handshake(session: Session, address: str, port: int, peer: Peer) -> bool:
    """Shake hands and ping; record a step each, and the certificate as one of TLS."""
    env, recorder = session.env, session.recorder
    async with env.limits.destination(address):
        t0_s = recorder.now_s()
        try:
            datagrams = recorder.count(await env.net.open_udp(address, port))
        except NetFailure as exc:
            told = QuicHandshake(failure=exc.failure)
        else:
            try:
                told = await quic_handshake(
                    datagrams, sni=peer.sni, alpn=peer.alpn, timeout_s=env.timeouts.tls_s
                )
            finally:
                await datagrams.aclose()
    shaken = told.completed and bool(told.chain)
    first = UdpStep(
        t0_s=t0_s,
        t_s=recorder.now_s(),
        failure=None if shaken else told.failure or NO_CERTIFICATE,
        address=address,
        port=port,
        protocol=HANDSHAKE,
        sent=told.sent,
        received=told.received,
        reply=_reply(told),
    )
    recorder.add(first)
    if not shaken:
        return False
    step = certificate_step(session, told, address, port, peer, first.t_s)
    recorder.add(step)
    if step.failure is not None:
        return False
    recorder.add(_ping(told, address, port, first.t_s))
    return told.after


def _reply(told: QuicHandshake) -> str | None:
    if told.completed:
        return "handshake"
    return None if told.alert is None else f"alert {told.alert}"


def _ping(told: QuicHandshake, address: str, port: int, at_s: float) -> UdpStep:
    """Return what came after the handshake: some filters wait for it to be over."""
    return UdpStep(
        t0_s=at_s,
        t_s=at_s,
        failure=None if told.after else told.failure,
        address=address,
        port=port,
        protocol=PING,
        sent=1,
        received=int(told.after),
        reply="pong" if told.after else None,
    )


def certificate_step(
    session: Session, told: QuicHandshake, address: str, port: int, peer: Peer, at_s: float
) -> TlsStep:
    """Return the certificate of a handshake as a step of TLS at ``at_s``, judged."""
    env = session.env
    check = verify_chain(told.chain, peer.name, env.roots, env.clock.now(), trust=peer.trust)
    return TlsStep(
        t0_s=at_s,
        t_s=at_s,
        failure=check.packaged,
        address=address,
        port=port,
        sni=peer.sni,
        alpn_offered=peer.alpn,
        alpn=told.alpn,
        version=told.version,
        cipher=told.cipher,
        certificate=check,
        chain=told.chain,
        bytes_sent=told.bytes_sent,
        bytes_received=told.bytes_received,
    )


async def _over_tcp(session: Session, address: str, port: int, peer: Peer) -> bool:
    """Shake hands with TLS at the same address and port, to see whether only QUIC fails."""
    stream = await connect(session, address, port)
    if stream is None:
        return False
    web = Peer(peer.sni, peer.name, ("h2", "http/1.1"), peer.trust)
    try:
        step, _ = await shake_hands(session, stream, address, port, web)
    finally:
        await stream.aclose()
    return step.failure is None
