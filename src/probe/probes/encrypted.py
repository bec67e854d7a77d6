"""DNS inside TLS: as an engine that resolves a name, and as the kinds ``dot`` and ``doh``."""

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from probe.errors import InputError
from probe.model.address import parse_ip
from probe.model.measurement import DnsEngine, DnsStep
from probe.model.target import Trust
from probe.net.base import NetFailure
from probe.net.dns import DnsResult, ask_stream
from probe.net.dnswire import question
from probe.net.doh import DOH_LIMITS, doh_request, doh_result
from probe.net.http import exchange
from probe.net.tls import TlsStream, client_handshake
from probe.net.trust import verify_chain
from probe.probes.ask import dns_step
from probe.probes.http import send_request
from probe.probes.naming import each_address
from probe.probes.resolver import NEUTRAL_NAME
from probe.probes.resolvers import DOH_BY_ADDRESS, DOT_BY_ADDRESS, place_label
from probe.probes.session import Session, ascii_host
from probe.probes.tcp import connect
from probe.probes.tls import HTTP_ALPN, Peer, peer_of, shake_hands

__all__ = ["ask_doh", "ask_dot", "probe_doh", "probe_dot"]

DOT_PORT = 853
_Ask = Callable[[TlsStream], Awaitable[DnsResult]]


async def ask_dot(session: Session, name: str, qtype: str) -> DnsStep:
    """Ask over TLS (RFC 7858) at the resolver of the options; all of it is one step."""
    address = session.options.resolver or DOT_BY_ADDRESS
    asked = question(name, qtype, session.env.rng)

    async def ask(stream: TlsStream) -> DnsResult:
        return await ask_stream(stream, asked, timeout_s=session.env.timeouts.dns_s)

    t0_s, result = await _inside_tls(
        session, (address, DOT_PORT), Peer(None, address, (), Trust.PUBLIC), ask
    )
    label = place_label(address, DOT_PORT)
    return _record(session, result, name, qtype, DnsEngine.DOT, label, t0_s)


async def ask_doh(session: Session, name: str, qtype: str) -> tuple[DnsStep, ...]:
    """Ask over HTTPS, at the URL of the options, else at known ones until one answers."""
    urls = (session.options.doh_url,) if session.options.doh_url else DOH_BY_ADDRESS
    steps: list[DnsStep] = []
    for url in urls:
        step = await _ask_one_doh(session, url, name, qtype)
        steps.append(step)
        if step.rcode is not None:
            break
    return tuple(steps)


async def _ask_one_doh(session: Session, url: str, name: str, qtype: str) -> DnsStep:
    host, port, path = _doh_place(url)
    asked = question(name, qtype, session.env.rng, identity=0)
    request = doh_request(asked, host=host, port=port, path=path)

    async def ask(stream: TlsStream) -> DnsResult:
        answer = await exchange(
            stream,
            request,
            http2=stream.alpn == "h2",
            timeout_s=session.env.timeouts.dns_s,
            limits=DOH_LIMITS,
        )
        return doh_result(answer, asked)

    t0_s = session.recorder.now_s()
    try:
        address = await _doh_address(session, host)
    except NetFailure as exc:
        result = DnsResult(exc.failure)
    else:
        peer = Peer(None if parse_ip(host) else host, host, HTTP_ALPN, Trust.PUBLIC)
        t0_s, result = await _inside_tls(session, (address, port), peer, ask)
    return _record(session, result, name, qtype, DnsEngine.DOH, url, t0_s)


def _doh_place(url: str) -> tuple[str, int, str]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if host is None or parts.scheme != "https":
        raise InputError(f"not the URL of a DoH resolver: {url!r}")
    query = f"?{parts.query}" if parts.query else ""
    return ascii_host(host), port or 443, (parts.path or "/") + query


async def _doh_address(session: Session, host: str) -> str:
    """Return where the DoH resolver is: given, written in its URL, or as the system says."""
    env, given = session.env, session.options.doh_addresses
    if given or parse_ip(host) is not None:
        return given[0] if given else host
    resolved = await env.net.system_resolve(host, 4, timeout_s=env.timeouts.dns_s)
    public = [a for a in resolved.addresses if env.dial.allows(a)]
    if not public:
        raise NetFailure("dns_no_answer")
    return public[0]


async def _inside_tls(
    session: Session, place: tuple[str, int], peer: Peer, ask: _Ask
) -> tuple[float, DnsResult]:
    """Connect, shake hands, verify, ask; return when it began and how it ended.

    An answer over a certificate that is not valid is no answer: it is the certificate's failure.
    """
    env, recorder = session.env, session.recorder
    async with env.limits.resolver(place[0]):
        t0_s = recorder.now_s()
        try:
            stream = recorder.count(await env.net.connect_tcp(*place, timeout_s=env.timeouts.tcp_s))
        except NetFailure as exc:
            return t0_s, DnsResult(exc.failure)
    try:
        shaken = await client_handshake(
            stream, sni=peer.sni, alpn=peer.alpn, timeout_s=env.timeouts.tls_s
        )
        if shaken.stream is None or not shaken.chain:
            return t0_s, DnsResult(shaken.failure or "ssl_invalid_certificate")
        check = verify_chain(shaken.chain, peer.name, env.roots, env.clock.now(), peer.trust)
        if check.packaged is not None:
            return t0_s, DnsResult(check.packaged)
        return t0_s, await ask(shaken.stream)
    finally:
        await stream.aclose()


def _record(
    session: Session,
    result: DnsResult,
    name: str,
    qtype: str,
    engine: DnsEngine,
    label: str,
    t0_s: float,
) -> DnsStep:
    step = dns_step(
        result,
        name=name,
        qtype=qtype,
        engine=engine,
        resolver=label,
        t0_s=t0_s,
        t_s=session.recorder.now_s(),
    )
    session.recorder.add(step)
    return step


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
            result = await ask_stream(inside, asked, timeout_s=session.env.timeouts.dns_s)
        finally:
            await stream.aclose()
        label = place_label(address, port)
        _record(session, result, NEUTRAL_NAME, "A", DnsEngine.DOT, label, t0_s)
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
        _record(session, result, NEUTRAL_NAME, "A", DnsEngine.DOH, label, t0_s)
        return step.failure is None and result.failure is None

    await each_address(session, attempt)
