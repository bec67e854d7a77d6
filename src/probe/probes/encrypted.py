"""Kinds ``dot`` and ``doh``: whether an encrypted resolver is reached and answers."""

from probe.model.address import authority
from probe.model.measurement import DnsEngine
from probe.net.dns import ask_stream
from probe.net.dnswire import question
from probe.net.doh import doh_request, doh_result
from probe.probes.ask_encrypted import DOT_PORT, record_answer
from probe.probes.http import send_request
from probe.probes.naming import each_address
from probe.probes.peer import peer_of
from probe.probes.resolver import NEUTRAL_NAME
from probe.probes.session import Session, ascii_host
from probe.probes.tcp import connect
from probe.probes.tls import shake_hands

__all__ = ["probe_doh", "probe_dot"]


async def probe_dot(session: Session) -> None:
    """Kind ``dot``: connect, shake hands, ask the neutral name, each a step."""
    port = session.endpoint.port or DOT_PORT
    peer = peer_of(session)

    async def attempt(address: str) -> bool:
        stream = await connect(session, address, port)
        if stream is None:
            return False
        try:
            step, inside = await shake_hands(session, stream, address, port, peer)
            if inside is None:
                return False
            t0_s = session.recorder.now_s()
            asked = question(NEUTRAL_NAME, "A", session.env.rng)
            # what TCP has to send again comes later than a datagram's answer may
            result = await ask_stream(inside, asked, timeout_s=session.env.timeouts.exchange_s)
        finally:
            await stream.aclose()
        label = authority(address, port)
        record_answer(session, result, NEUTRAL_NAME, "A", DnsEngine.DOT, label, t0_s)
        return step.failure is None and result.failure is None

    await each_address(session, attempt)


async def probe_doh(session: Session) -> None:
    """Kind ``doh``: connect, shake hands, request, and read the neutral name's answer.

    The request is a step of its own: a refusal or a page instead of a DNS message is evidence.
    """
    endpoint = session.endpoint
    port = endpoint.port or 443
    host = ascii_host(endpoint.host)
    peer = peer_of(session)
    url_port = "" if port == 443 else f":{port}"
    label = f"https://{host}{url_port}{endpoint.path or '/dns-query'}"

    async def attempt(address: str) -> bool:
        stream = await connect(session, address, port)
        if stream is None:
            return False
        asked = question(NEUTRAL_NAME, "A", session.env.rng, identity=0)
        request = doh_request(
            asked,
            host=host,
            port=port,
            path=endpoint.path or "/dns-query",
            method="POST" if endpoint.method == "POST" else "GET",
        )
        try:
            step, inside = await shake_hands(session, stream, address, port, peer)
            if inside is None:
                return False
            t0_s = session.recorder.now_s()
            answer = await send_request(
                session, inside, address, request, http2=inside.alpn == "h2"
            )
        finally:
            await stream.aclose()
        if answer.failure is not None:
            return False
        result = doh_result(answer, asked)
        record_answer(session, result, NEUTRAL_NAME, "A", DnsEngine.DOH, label, t0_s)
        return step.failure is None and result.failure is None

    await each_address(session, attempt)
