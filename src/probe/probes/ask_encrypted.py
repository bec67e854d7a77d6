"""Asking a resolver that a network cannot read: DNS over TLS (RFC 7858) and HTTPS (RFC 8484)."""

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from probe.errors import InputError
from probe.model.address import authority, parse_ip
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
from probe.probes.peer import HTTP_ALPN, Peer
from probe.probes.resolvers import DOH_BY_ADDRESS, DOT_BY_ADDRESS
from probe.probes.session import Session, ascii_host

__all__ = ["DOT_PORT", "ask_doh", "ask_dot", "record_answer"]

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
    label = authority(address, DOT_PORT)
    return record_answer(session, result, name, qtype, DnsEngine.DOT, label, t0_s)


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
    return record_answer(session, result, name, qtype, DnsEngine.DOH, url, t0_s)


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


def record_answer(
    session: Session,
    result: DnsResult,
    name: str,
    qtype: str,
    engine: DnsEngine,
    label: str,
    t0_s: float,
) -> DnsStep:
    """Record an answer that came encrypted, as one step that ends now."""
    step = dns_step(
        result,
        own=session.env.own_addresses,
        name=name,
        qtype=qtype,
        engine=engine,
        resolver=label,
        t0_s=t0_s,
        t_s=session.recorder.now_s(),
    )
    session.recorder.add(step)
    return step
