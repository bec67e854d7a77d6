"""Taking the volunteer's own address out of what a server wrote; pure.

OONI replaces the known address as text. This also knows the other spellings in which block
pages, proxies and control pages echo it: mapped, exploded, percent-encoded, dashed, reversed,
hexadecimal, decimal, base64 of the packed bytes. And where an address in a text can be nobody's
but the client's or the server's, every literal goes (``scrub_literals``), so that nothing rests
on knowing one's own address.
"""

import base64
import ipaddress
import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from urllib.parse import unquote

from probe.model.address import IPAddress, embedded_ipv4, parse_ip

__all__ = [
    "SCRUBBED",
    "address_spellings",
    "beside_own",
    "scrub",
    "scrub_address",
    "scrub_literals",
    "scrub_url",
]

SCRUBBED = "[scrubbed]"
_EDGE_BEFORE, _EDGE_AFTER = r"(?<![0-9A-Za-z])", r"(?![0-9A-Za-z])"
_V4_TEXT = re.compile(r"(?<![0-9A-Za-z.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9A-Za-z]|\.[0-9])")
_V6_TEXT = re.compile(r"(?<![0-9A-Za-z:.])[0-9A-Fa-f:.]{3,45}(?![0-9A-Za-z:])")
_MAC_TEXT = re.compile(
    r"(?<![0-9A-Za-z])(?:[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}"
    r"|(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4})(?![0-9A-Za-z])"
)
_BARE_MAC = re.compile(r"(?<![0-9A-Za-z])[0-9A-Fa-f]{12}(?![0-9A-Za-z])")
_DASHED_V4 = re.compile(r"(?<![0-9A-Za-z-])(?:[0-9]{1,3}[-_]){3}[0-9]{1,3}(?![0-9A-Za-z-])")
_CANDIDATE = re.compile(r"[.:-][0-9A-Fa-f]{0,4}[.:-][0-9A-Fa-f]{0,4}[.:0-9A-Fa-f-]")
"""What every literal has inside: two marks not more than four digits apart."""

_LOCAL_V6 = (
    ("fe80::", ipaddress.IPv6Network("fe80::/10")),
    ("fec0::", ipaddress.IPv6Network("fec0::/10")),
    ("fd00::", ipaddress.IPv6Network("fc00::/7")),
)

_QUERY = re.compile(r"[?#].*", re.DOTALL)
_USERINFO = re.compile(r"^([a-z][a-z0-9+.-]{0,20}:)?//[^/?#]*@", re.IGNORECASE)


def scrub(text: str, own: Collection[str]) -> str:
    """Return ``text`` without any spelling of the addresses in ``own`` (see above)."""
    if not own or not text:
        return text
    text = _scrub_neighbours(text, own)
    spellings, exact, folded = _patterns(frozenset(own))
    lowered = text.lower()
    if not any(spelling in lowered for spelling in spellings):  # far cheaper than the patterns
        return text
    return exact.sub(SCRUBBED, folded.sub(SCRUBBED, text))


def scrub_literals(text: str, own: Collection[str] = ()) -> str:
    """Return ``text`` without any IP literal or MAC address, and without ``own``."""
    text = scrub(text, own)
    if _CANDIDATE.search(text) is None:
        return text
    text = _MAC_TEXT.sub(SCRUBBED, text)
    return _V4_TEXT.sub(_literal, _V6_TEXT.sub(_literal, text))


def scrub_url(url: str, own: Collection[str] = ()) -> str:
    """Return a URL fit to keep: host and path stay, what could name a person goes.

    A captive portal writes the client's address and MAC into the query of its redirect; queries,
    fragments and user names are dropped whole. The host stays even when it is a literal (where a
    block page lives is evidence), unless it is one's own.
    """
    head = _USERINFO.sub(lambda match: f"{match.group(1) or ''}//", url)
    head, dropped = _QUERY.subn("", head)
    place, slash, path = _split_path(head)
    where = _BARE_MAC.sub(SCRUBBED, _MAC_TEXT.sub(SCRUBBED, scrub(place, own)))
    kept = where + slash + _scrub_path(path, own)
    return f"{kept}?{SCRUBBED}" if dropped else kept


def _scrub_path(path: str, own: Collection[str]) -> str:
    """Return a path without what names a client, in more spellings than a page is searched for."""
    plain = unquote(path) if "%" in path else path
    kept = _BARE_MAC.sub(SCRUBBED, _DASHED_V4.sub(SCRUBBED, scrub_literals(plain, own)))
    return path if kept == plain else kept


def scrub_address(address: str, own: Collection[str]) -> str:
    """Return an address that a resolver gave, or what stands for one that names this household.

    One's own address (or its /64, or the router's) becomes ``0.0.0.0`` or ``::``, "this host"
    (RFC 1122). Of local IPv6 addresses the prefix stays: their other half may be a MAC.
    """
    ip = parse_ip(address)
    if ip is None:
        return address
    mine = [known for known in map(parse_ip, own) if known is not None]
    if isinstance(ip, ipaddress.IPv4Address):
        return "0.0.0.0" if ip in mine else address  # noqa: S104 - nothing is bound to it
    if ip in mine or any(ip in _household(k) for k in mine if k.version == 6):
        return "::"
    return next((prefix for prefix, net in _LOCAL_V6 if ip in net), address)


def beside_own(address: str, own: Collection[str]) -> bool:
    """Return whether ``address`` lies in this line's own network: it shares a private /24."""
    ip = parse_ip(address.partition("%")[0])
    if not isinstance(ip, ipaddress.IPv4Address) or not ip.is_private or ip.is_loopback:
        return False
    near = ipaddress.ip_network(f"{ip}/24", strict=False)
    return any(known in near for known in map(parse_ip, own) if known is not None)


def _split_path(url: str) -> tuple[str, str, str]:
    scheme, mark, rest = url.partition("//")
    if not mark:
        return "", "", url
    host, slash, path = rest.partition("/")
    return scheme + mark + host, slash, path


def _literal(match: "re.Match[str]") -> str:
    found = match.group(0)
    bare = found.rstrip(".")
    if parse_ip(bare) is None or not bare.strip(":"):
        return found
    return SCRUBBED + found[len(bare) :]


def _scrub_neighbours(text: str, own: Collection[str]) -> str:
    """Drop IPv6 literals of one's own /64: they are the same household."""
    lowered = text.lower()
    nets = [
        _household(ip)
        for ip in map(parse_ip, own)
        if isinstance(ip, ipaddress.IPv6Address) and f"{int(ip) >> 112:x}:" in lowered
    ]
    if not nets:
        return text

    def replaced(match: "re.Match[str]") -> str:
        ip = parse_ip(match.group(0).rstrip("."))
        same = isinstance(ip, ipaddress.IPv6Address) and any(ip in net for net in nets)
        return SCRUBBED if same else match.group(0)

    return _V6_TEXT.sub(replaced, text)


def _household(ip: ipaddress.IPv6Address) -> ipaddress.IPv6Network:
    return ipaddress.IPv6Network((int(ip) >> 64 << 64, 64))


@lru_cache(maxsize=32)
def _patterns(
    own: frozenset[str],
) -> "tuple[tuple[str, ...], re.Pattern[str], re.Pattern[str]]":
    """Return all spellings in lower case, a pattern of those where case counts, and the rest's."""
    exact: set[str] = set()
    folded: set[str] = set()
    for text in own:
        for spelling, case_counts in address_spellings(text):
            (exact if case_counts else folded).add(spelling)
    lowered = tuple(sorted({spelling.lower() for spelling in exact | folded}))
    return lowered, _one_of(exact, 0), _one_of(folded, re.IGNORECASE)


def _one_of(spellings: set[str], flags: int) -> "re.Pattern[str]":
    if not spellings:
        return re.compile(r"(?!)")
    longest_first = sorted(spellings, key=lambda s: (-len(s), s))
    body = "|".join(re.escape(s) for s in longest_first)
    return re.compile(f"{_EDGE_BEFORE}(?:{body}){_EDGE_AFTER}", flags)


def address_spellings(text: str) -> Iterator[tuple[str, bool]]:
    """Yield every spelling of an address, and whether the case of its letters counts."""
    ip = parse_ip(text)
    if ip is None:
        return
    for plain in _plain(ip):
        yield plain, False
        for mark in ".:":
            if mark in plain:
                yield plain.replace(mark, f"%{ord(mark):02x}"), False
                yield plain.replace(mark, "-"), False
                yield plain.replace(mark, "_"), False
    packed = ip.packed
    yield packed.hex(), False
    yield "0x" + packed.hex(), False
    yield str(int(ip)), False
    for encoded in (base64.b64encode(packed), base64.urlsafe_b64encode(packed)):
        yield encoded.decode("ascii"), True
        yield encoded.decode("ascii").rstrip("="), True
    inner = embedded_ipv4(ip)
    if inner is not None:
        yield from address_spellings(str(inner))


def _plain(ip: IPAddress) -> Iterator[str]:
    if isinstance(ip, ipaddress.IPv4Address):
        octets = str(ip).split(".")
        yield ".".join(octets)
        yield ".".join(reversed(octets))
        yield ".".join(octet.zfill(3) for octet in octets)
        groups = ip.packed.hex()
        yield f"::ffff:{groups[:4]}:{groups[4:]}"
        yield f"::ffff:{int(groups[:4], 16):x}:{int(groups[4:], 16):x}"
        yield f"::ffff:{ip}"
        return
    yield ip.compressed
    yield ip.exploded
    yield ".".join(reversed(ip.packed.hex()))
