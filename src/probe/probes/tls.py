"""The TLS handshake and the certificate: the third step, and the whole of kind ``tls``."""

from probe.model.failure import Failure
from probe.model.measurement import CertificateCheck, TlsStep
from probe.model.target import Trust
from probe.net.base import Stream
from probe.net.tls import Handshake, TlsStream, client_handshake
from probe.net.trust import verify_chain
from probe.probes.naming import each_address
from probe.probes.peer import Peer, peer_of
from probe.probes.session import Session
from probe.probes.tcp import connect

__all__ = ["probe_tls", "shake_hands"]


async def shake_hands(
    session: Session, stream: Stream, address: str, port: int, peer: Peer
) -> tuple[TlsStep, TlsStream | None]:
    """Shake hands, judge the certificate, record both in one step.

    The stream is returned whenever the handshake was completed, also when the certificate is
    bad: what is served over a forged certificate is evidence.
    """
    env, recorder = session.env, session.recorder
    t0_s = recorder.now_s()
    shaken = await client_handshake(
        stream, sni=peer.sni, alpn=peer.alpn, timeout_s=env.timeouts.tls_s
    )
    t_s = recorder.now_s()
    certificate = None
    if shaken.stream is not None and shaken.chain:
        certificate = verify_chain(
            shaken.chain, peer.name, env.roots, env.clock.now(), trust=peer.trust
        )
    step = TlsStep(
        t0_s=t0_s,
        t_s=t_s,
        failure=_failure(shaken, certificate, peer.trust),
        address=address,
        port=port,
        sni=peer.sni,
        alpn_offered=peer.alpn,
        alpn=shaken.alpn,
        version=shaken.version,
        cipher=shaken.cipher,
        alert=shaken.alert,
        certificate=certificate,
        chain=shaken.chain,
        bytes_sent=shaken.bytes_sent,
        bytes_received=shaken.bytes_received,
    )
    recorder.add(step)
    return step, shaken.stream


def _failure(
    shaken: Handshake, certificate: CertificateCheck | None, trust: Trust
) -> Failure | None:
    if shaken.failure is not None:
        return shaken.failure
    if certificate is None:  # a handshake without a certificate identifies nobody
        return None if trust is Trust.NONE else "ssl_invalid_certificate"
    return certificate.packaged


async def probe_tls(session: Session) -> None:
    """Resolve, connect, shake hands, then close."""
    port = session.endpoint.port or 443
    peer = peer_of(session)

    async def attempt(address: str) -> bool:
        stream = await connect(session, address, port)
        if stream is None:
            return False
        try:
            step, _ = await shake_hands(session, stream, address, port, peer)
        finally:
            await stream.aclose()
        return step.failure is None

    await each_address(session, attempt)
