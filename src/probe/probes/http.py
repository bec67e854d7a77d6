"""Kind ``http``: one request; what is kept of the answer names nobody."""

import hashlib
from collections.abc import Callable

from probe.model.measurement import HttpStep
from probe.model.target import Endpoint, Expect
from probe.net.base import Stream
from probe.net.http import BROWSER_HEADERS, HttpLimits, HttpRequest, HttpResult, exchange
from probe.probes import expected
from probe.probes.env import ProbeEnv
from probe.probes.naming import each_address
from probe.probes.peer import peer_of
from probe.probes.session import Session, ascii_host
from probe.probes.tcp import connect
from probe.probes.tls import shake_hands
from probe.wire.pages import decode_body, page_title
from probe.wire.scrub import scrub_literals, scrub_url

__all__ = [
    "KEPT_HEADERS",
    "RANGE_HEADROOM",
    "Met",
    "probe_http",
    "record_answer",
    "request_of",
    "send_request",
]

Met = Callable[[HttpResult, str], bool]
"""Whether an answer, and its body as text, are what is expected."""

KEPT_HEADERS = frozenset(
    """
    alt-svc cf-mitigated content-encoding content-length content-type date location retry-after
    server via x-amzn-waf-action x-blocked-by x-cache x-datadome x-powered-by x-squid-error
    x-sucuri-block x-vercel-mitigated
    """.split()  # noqa: SIM905 - a list of words reads better as one
)
"""Headers that tell a service from a middlebox, a refusal from a challenge, and the time. None
that names a point of presence (it tells the volunteer's city), a request or a client."""

_UNSCRUBBED = frozenset({"content-length", "content-type", "date", "retry-after"})


STOREFRONT = "{country}"
"""Stands in a path for the country whose storefront is asked, in lower case."""

NO_COUNTRY = "the country of this line is not known, so no storefront can be asked"

RANGE_HEADROOM = 16_384
"""What may cross beside a bounded body: the answer's head, TLS records, HTTP/2 frames."""


def request_of(
    endpoint: Endpoint,
    port: int,
    storefront: str = "ZZ",
    *,
    path: str | None = None,
    range_bytes: int | None = None,
) -> HttpRequest:
    """Return the request that the endpoint asks for, of the storefront of a country.

    At ``path`` where that is given; for ``range_bytes`` where the endpoint's own are too few.
    """
    wanted = path or endpoint.path or "/"
    return HttpRequest(
        method=endpoint.method,
        host=ascii_host(endpoint.host),
        port=port,
        path=wanted.replace(STOREFRONT, storefront.lower()),
        tls=endpoint.tls,
        host_header=endpoint.host_header,
        headers=_headers(range_bytes or endpoint.range_bytes),
    )


def _headers(range_bytes: int | None) -> tuple[tuple[str, str], ...]:
    """Return a browser's headers; for the start of a file, those of a download (RFC 9110, 14)."""
    if range_bytes is None:
        return BROWSER_HEADERS
    plain = tuple(h for h in BROWSER_HEADERS if h[0] not in ("Accept", "Accept-Encoding"))
    asked = ("Range", f"bytes=0-{range_bytes - 1}")
    return (*plain, ("Accept", "*/*"), ("Accept-Encoding", "identity"), asked)


def _limits(endpoint: Endpoint) -> HttpLimits:
    """Return what one answer may cost; a server that knows no ranges is cut off all the same."""
    size = endpoint.range_bytes
    if size is not None:
        return HttpLimits(body=size, wire=size + RANGE_HEADROOM)
    return HttpLimits() if endpoint.read_bytes is None else HttpLimits(body=endpoint.read_bytes)


async def probe_http(session: Session) -> None:
    """Resolve, connect, shake hands where the endpoint says so, and send one request."""
    await fetch(session)


async def fetch(session: Session) -> HttpResult | None:
    """Measure as ``probe_http`` does, and return the answer of the attempt that passed."""
    endpoint = session.endpoint
    port = endpoint.port or (443 if endpoint.tls else 80)
    storefront = session.options.storefront or session.env.country
    if storefront == "ZZ" and STOREFRONT in (endpoint.path or ""):
        session.reason = NO_COUNTRY
        return None
    request = request_of(endpoint, port, storefront)
    answers: list[HttpResult] = []

    async def attempt(address: str) -> bool:
        stream = await connect(session, address, port)
        if stream is None:
            return False
        try:
            trusted, result = await _over(session, stream, address, request)
        finally:
            await stream.aclose()
        passed = trusted and result is not None and result.failure is None
        if passed and result is not None:
            answers.append(result)
        return passed

    await each_address(session, attempt)
    return answers[-1] if answers else None


async def _over(
    session: Session, stream: Stream, address: str, request: HttpRequest
) -> tuple[bool, HttpResult | None]:
    """Go on over a connection; a bad certificate does not end it, what is served is evidence."""
    if not request.tls:
        return True, await send_request(session, stream, address, request, http2=False)
    step, inside = await shake_hands(session, stream, address, request.port, peer_of(session))
    if inside is None:
        return False, None
    result = await send_request(session, inside, address, request, http2=inside.alpn == "h2")
    return step.failure is None, result


async def send_request(
    session: Session,
    stream: Stream,
    address: str,
    request: HttpRequest,
    *,
    http2: bool,
    limits: HttpLimits | None = None,
    met: Met | None = None,
) -> HttpResult:
    """Send one request and record the answer; the body goes no further than the caller.

    ``met`` says whether an answer is what the kind expects, in the place of the endpoint.
    """
    env, recorder = session.env, session.recorder
    t0_s = recorder.now_s()
    result = await exchange(
        stream,
        request,
        http2=http2,
        timeout_s=env.timeouts.http_s,
        limits=limits or _limits(session.endpoint),
    )
    record_answer(session, address, request, result, t0_s, met)
    return result


def record_answer(
    session: Session,
    address: str,
    request: HttpRequest,
    result: HttpResult,
    t0_s: float,
    met: Met | None = None,
) -> None:
    """Record what came back for a request that went out at ``t0_s`` (of the measurement)."""
    env, recorder = session.env, session.recorder
    t_s = recorder.now_s()
    page = decode_body(bytes(result.body), result.header("content-type"))
    title = page_title(page)
    answered = result.status is not None
    expect = session.endpoint.expect
    recorder.add(
        HttpStep(
            t0_s=t0_s,
            t_s=t_s,
            failure=result.failure,
            method=request.method,
            host=request.host_header or request.host,
            path=request.path,
            address=address,
            port=request.port,
            tls=request.tls,
            protocol=result.protocol,
            status=result.status,
            headers=_kept(result, env),
            title=scrub_literals(title, env.own_addresses) if title else None,
            body_length=len(result.body),
            body_sha256=_body_hash(result, page, env) if answered else None,
            body_truncated=result.truncated,
            expected=_expected(expect, result, page, met) if answered else None,
            absent=expected.absent(expect, result, page) if answered else None,
            fingerprints=env.marks.find(
                status=result.status, headers=result.headers, title=title, page=page
            )
            if answered
            else (),
        )
    )


def _kept(result: HttpResult, env: ProbeEnv) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name, _scrubbed(name, "".join(c for c in value if c.isprintable()), env))
        for name, value in result.headers
        if name in KEPT_HEADERS
    )


def _scrubbed(name: str, value: str, env: ProbeEnv) -> str:
    if name in _UNSCRUBBED:
        return value
    if name == "location":
        return scrub_url(value, env.own_addresses)
    return scrub_literals(value, env.own_addresses)


def _body_hash(result: HttpResult, page: str, env: ProbeEnv) -> str:
    """Return the hash of the body; of one that holds addresses, the hash without them.

    A page that echoes the client's address has a hash from which the address could be found by
    trying all of them, and one that no control can share.
    """
    scrubbed = scrub_literals(page, env.own_addresses)
    body = bytes(result.body) if scrubbed == page else scrubbed.encode("utf-8", "replace")
    return hashlib.sha256(body).hexdigest()


def _expected(expect: Expect | None, result: HttpResult, page: str, met: Met | None) -> bool | None:
    return expected.met(expect, result, page) if met is None else met(result, page)
