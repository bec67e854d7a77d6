"""What the lab's web servers answer to one request, and what the censor writes over it."""

import base64
import binascii
import re
from dataclasses import dataclass, replace
from email.utils import format_datetime

from probe.lab.actions import Action, Layer
from probe.lab.answers import answer
from probe.lab.rules import Rule
from probe.lab.situation import Situation, View
from probe.lab.world import Host, Site, short_body
from probe.model.address import family_of

__all__ = ["WebRequest", "WebResponse", "bare_host", "respond"]

_TRACE = "/cdn-cgi/trace"
_BLOCKED = "Access to this site is blocked"
_REASONS = {
    403: "This service is not available in your country.",
    451: "Unavailable for legal reasons.",
    503: "Down for maintenance.",
}


@dataclass(frozen=True, slots=True)
class WebRequest:
    """One request; ``sealed`` is whether the network cannot read it, ``range`` its header."""

    method: str
    host: str | None
    target: str
    body: bytes
    sealed: bool
    range: str | None = None


@dataclass(frozen=True, slots=True)
class WebResponse:
    """One response; ``reset`` cuts the connection instead.

    ``stop_after`` and ``rate`` (bytes, bytes per second) hamper its way; with ``ends`` the
    connection ends where it stops.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    reset: bool = False
    stop_after: int | None = None
    rate: int | None = None
    ends: bool = False


def respond(
    request: WebRequest, situation: Situation, host: Host, port: int, *, control: View
) -> WebResponse:
    """Return what comes back for ``request`` at ``host`` now."""
    situation.counts["http"] += 1
    site = situation.world.site(bare_host(request.host))
    if site is None or site.name not in host.names:
        site = situation.world.default_site(host)
    name = bare_host(request.host)
    seen = situation.about_name(
        Layer.HTTP,
        host,
        port,
        name,
        control=control,
        sealed=request.sealed,
        target=request.target,
    )
    rule = situation.decide(seen)
    honest = _honest(request, situation, host, port, site, control=control)
    response = honest if rule is None else _hampered(rule, honest, situation)
    return _dated(response, situation)


def bare_host(host: str | None) -> str | None:
    """Return a Host header without its port."""
    if host is None:
        return None
    name, _, port = host.rpartition(":")
    return (name if port.isdigit() and name else host).strip("[]").lower()


def _honest(
    request: WebRequest,
    situation: Situation,
    host: Host,
    port: int,
    site: Site | None,
    *,
    control: View,
) -> WebResponse:
    if host.block_page:
        return _page(403, short_body(_BLOCKED))
    if host.resolver and request.target.partition("?")[0] in host.doh_paths:
        return _doh(request, situation, host, port, control=control)
    if request.target == _TRACE:
        return _trace(situation, host, request.host, control=control)
    if site is None:
        return _page(404, short_body("Not found"))
    page = site.page(request.target)
    whole = _page(page.status, page.body)
    if page.location is not None:
        whole = replace(whole, headers=(*whole.headers, ("location", page.location)))
    return _part(whole, request.range) if page.status == 200 else whole


def _trace(situation: Situation, host: Host, name: str | None, *, control: View) -> WebResponse:
    """Return what Cloudflare's edges say of the client: lines of ``name=value``, its address."""
    world = situation.world
    own = (world.own_address, world.own_address_v6)
    if control:
        own = (world.abroad_address, world.abroad_address_v6)
    seen = own[family_of(host.address) == 6]
    text = f"fl=1\nh={bare_host(name) or host.address}\nip={seen}\nvisit_scheme=https\nwarp=off\n"
    return WebResponse(200, (("content-type", "text/plain"),), text.encode())


_RANGE = re.compile(r"bytes=(\d{1,9})-(\d{1,9})")


def _part(whole: WebResponse, asked: str | None) -> WebResponse:
    """Return the part of a page that a single range asks for (RFC 9110, section 14)."""
    found = _RANGE.fullmatch(asked or "")
    if found is None or not int(found[1]) <= int(found[2]):
        return whole
    size = len(whole.body)
    first, last = int(found[1]), min(int(found[2]), size - 1)
    if first >= size:
        return WebResponse(416, (("content-range", f"bytes */{size}"),))
    span = ("content-range", f"bytes {first}-{last}/{size}")
    return WebResponse(206, (*whole.headers, span), whole.body[first : last + 1])


def _page(status: int, body: bytes) -> WebResponse:
    return WebResponse(status, (("content-type", "text/html; charset=utf-8"),), body)


def _doh(
    request: WebRequest, situation: Situation, host: Host, port: int, *, control: View
) -> WebResponse:
    """Answer DNS over HTTPS, GET and POST (RFC 8484)."""
    wire = request.body
    if request.method == "GET":
        encoded = request.target.partition("dns=")[2].partition("&")[0]
        try:
            wire = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
        except (binascii.Error, ValueError):
            wire = b""
    replies = answer(wire, situation, host, port, control=control, sealed=request.sealed)
    if not replies:
        return WebResponse(400)
    return WebResponse(200, (("content-type", "application/dns-message"),), replies[0].wire)


def _hampered(rule: Rule, honest: WebResponse, situation: Situation) -> WebResponse:
    """Return what ``rule`` makes of the honest response."""
    what = rule.what
    match rule.action:
        case Action.BLOCK_PAGE:
            title = what.title or _BLOCKED
            body = what.body.encode() if what.body is not None else short_body(title)
            return _page(what.status or 403, body)
        case Action.REDIRECT:
            where = what.location or f"http://{situation.world.block_page}/"
            return WebResponse(what.status or 302, (("location", where),))
        case Action.STATUS:
            status = what.status or 403
            title = what.title or f"{status}"
            text = what.body or _REASONS.get(status, "")
            return _page(status, short_body(title, text))
        case Action.CHALLENGE:
            page = _page(what.status or 403, short_body("Just a moment..."))
            return WebResponse(
                page.status, (*page.headers, ("cf-mitigated", "challenge")), page.body
            )
        case Action.TAMPER:
            extra = (what.body or "<script>/* injected */</script>").encode()
            return replace(honest, body=honest.body + extra)
        case Action.FREEZE:
            return replace(honest, stop_after=what.bytes)
        case Action.TRUNCATE:
            return replace(honest, stop_after=what.bytes, ends=True)
        case Action.THROTTLE:
            return replace(honest, rate=what.rate)
        case _:
            return WebResponse(0, reset=True)


def _dated(response: WebResponse, situation: Situation) -> WebResponse:
    """Add the headers that every server sends; the date is the lab's."""
    if response.reset:
        return response
    date = format_datetime(situation.now.replace(microsecond=0), usegmt=True)
    headers = (("date", date), ("server", "lab"), *response.headers)
    return replace(response, headers=headers)
