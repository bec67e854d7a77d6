"""OONI's own control of a web measurement, as a contemporaneous control of ours."""

from collections.abc import Callable
from typing import Any

from probe.ingest.ooni_parts import Cutter
from probe.ingest.ooni_values import Where, failure_of, integer, mapping, place_of, text
from probe.model.address import parse_ip
from probe.model.control import ControlKind, ControlObservation
from probe.model.failure import Failure
from probe.model.target import Endpoint
from probe.wire.pages import page_title

__all__ = ["compared", "control_of", "tor_control"]

_SOURCE = "ooni-test-helper"
_UNSAID = "unknown_failure: the test helper did not say why"


def control_of(
    keys: dict[str, Any], cut: Cutter, where: Where, *, page: bool
) -> ControlObservation | None:
    """Return what the test helper saw of ``where``; ``page``: also how its page looked.

    The helper follows redirects, so its page is that of the last address of the chain.
    """
    control = mapping(keys, "control")
    if not control or failure_of(keys.get("control_failure")) is not None:
        return None
    dns, http = mapping(control, "dns"), mapping(control, "http_request")
    listed = dns.get("addrs")
    addresses = [a for a in listed if isinstance(a, str)] if isinstance(listed, list) else []
    operation, failure = _failed(control, cut, where, page=page)
    info = mapping(control, "ip_info")
    literal = tuple(a for a in addresses[:64] if parse_ip(a) is not None)
    asns = (integer(mapping(info, a), "asn") for a in literal)
    status = integer(http, "status_code")
    length = integer(http, "body_length")
    return ControlObservation(
        endpoint=_id(cut, where),
        source=_SOURCE,
        kind=ControlKind.LIVE,
        observed=cut.started,
        failure=failure,
        failed_operation=operation,
        addresses=literal,
        asns=tuple(dict.fromkeys(a for a in asns if a)),
        status=status if page and status is not None and status > 0 else None,
        title=text(http, "title") or None if page else None,
        body_length=length if page and length is not None and length >= 0 else None,
    )


def compared(keys: dict[str, Any]) -> tuple[int | None, str | None]:
    """Return length and title of the page as OONI compared them with the helper's.

    OONI compared whole bodies; what is in the file may be cut, or taken out. Only the ratio of
    the lengths is known, so the shorter side is taken for ours: the ratio stays.
    """
    http = mapping(mapping(keys, "control"), "http_request")
    theirs = integer(http, "body_length")
    ratio = keys.get("body_proportion")
    length = None
    if isinstance(ratio, int | float) and not isinstance(ratio, bool) and 0 < ratio <= 1:
        length = round(theirs * ratio) if theirs is not None and theirs > 0 else None
    return length, (text(http, "title") or None if keys.get("title_match") is True else None)


def _id(cut: Cutter, where: Where) -> str:
    for part in cut.parts.values():
        e = part.endpoint
        if (e.host, e.port, e.tls) == (where.host, where.port, where.scheme == "https"):
            return e.id
    return ""


def _failed(
    control: dict[str, Any], cut: Cutter, where: Where, *, page: bool
) -> tuple[str | None, Failure | None]:
    """Return where the helper failed for ``where``, and how."""
    dns = failure_of(mapping(control, "dns").get("failure"))
    if dns is not None:
        return "dns", dns
    mine = cut.trace.addresses(where.host)
    for operation, key in (("tcp", "tcp_connect"), ("tls", "tls_handshake")):
        seen = [
            v
            for place, v in mapping(control, key).items()
            if isinstance(v, dict) and _is_at(place, mine, where.port)
        ]
        if seen and not any(v.get("status") is True for v in seen):
            return operation, failure_of(seen[-1].get("failure")) or _UNSAID
    failure = failure_of(mapping(control, "http_request").get("failure"))
    return ("http", failure) if page and failure is not None else (None, None)


def _is_at(place: str, addresses: frozenset[str], port: int) -> bool:
    found = place_of(place)
    return found is not None and found[1] == port and found[0] in addresses


def tor_control(cut: Cutter) -> Callable[[Endpoint], ControlObservation] | None:
    """Return the control of old tests: the same request through Tor, at the same time."""
    page = cut.trace.tor_pages[-1] if cut.trace.tor_pages else None
    if page is None or (page.status is None and page.failure is None):
        return None

    def seen(endpoint: Endpoint) -> ControlObservation:
        return ControlObservation(
            endpoint=endpoint.id,
            source="tor",
            kind=ControlKind.LIVE,
            observed=cut.started,
            failure=page.failure,
            failed_operation="http" if page.failure is not None else None,
            status=page.status,
            title=page_title(page.words),
            body_length=len(page.body) if page.body is not None else None,
        )

    return seen
