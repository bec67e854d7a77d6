"""Reading what may be anything: safe accessors, and OONI's words in ours."""

import base64
import binascii
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec

from probe.model.failure import FAILURES, Failure, unknown_failure

__all__ = [
    "Where",
    "clean",
    "failure_of",
    "integer",
    "items",
    "mapping",
    "place_of",
    "raw_bytes",
    "seconds",
    "text",
    "time_of",
    "where_of",
]

MAX_ITEMS = 2_000
MAX_TEXT = 2_000

_LEGACY = {
    "address_family_not_supported_error": "address_family_not_supported",
    "connection_done": "eof_error",
    "connection_lost_error": "connection_reset",
    "connection_refused_error": "connection_refused",
    "deferred_timeout_error": "generic_timeout_error",
    "dns_lookup_error": "dns_server_misbehaving",
    "dns_name_error": "dns_nxdomain_error",
    "dns_name_failure": "dns_nxdomain_error",
    "response_never_received": "eof_error",
    "task_timed_out": "generic_timeout_error",
    "tcp_timed_out_error": "generic_timeout_error",
    "no_route_to_host": "host_unreachable",
    "ssl_handshake_failed": "ssl_failed_handshake",
}
"""Names of ooniprobe 1 and 2 and of measurement_kit (facts: ooni-format section 8)."""


def text(source: dict[str, Any], key: str) -> str | None:
    """Return a string, cut at 2,000 characters, or ``None``."""
    value = source.get(key)
    return value[:MAX_TEXT] if isinstance(value, str) else None


def clean(value: str) -> str:
    """Return ``value`` without characters that drive a terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in value)


def integer(source: dict[str, Any], key: str) -> int | None:
    """Return a number as an integer; a boolean is none."""
    value = source.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if abs(value) < 2**53 else None  # also false for NaN


def seconds(source: dict[str, Any], *keys: str) -> float | None:
    """Return the first of ``keys`` that is a time between zero and a week."""
    for key in keys:
        value = source.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value) if 0 <= value < 7 * 86_400 else None
    return None


def mapping(source: dict[str, Any], key: str) -> dict[str, Any]:
    """Return an object, empty when it is something else."""
    value = source.get(key)
    return value if isinstance(value, dict) else {}


def items(source: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """Return a list's objects, at most 2,000; one object alone counts as a list of one."""
    value = source.get(key)
    if isinstance(value, dict):
        return [value]
    if not isinstance(value, list):
        return []
    return [v for v in value[:MAX_ITEMS] if isinstance(v, dict)]


def failure_of(value: Any) -> Failure | None:
    """Return a failure in our vocabulary; legacy names are translated, others kept as unknown."""
    if not isinstance(value, str) or not value:
        return None
    if value in FAILURES:
        return value
    if value in _LEGACY:
        return _LEGACY[value]
    if "certificate verify failed" in value:
        return "ssl_invalid_certificate"
    bare = value.removeprefix("unknown_failure:").strip()
    return unknown_failure(clean(bare))


_TIMES = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S.%f")


def time_of(value: Any) -> datetime | None:
    """Return a time of OONI's, which is UTC without saying so."""
    if not isinstance(value, str):
        return None
    for form in _TIMES:
        try:
            return datetime.strptime(value[:40], form).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None


def raw_bytes(value: Any) -> bytes | None:
    """Return bytes of a string, or of ``{"format": "base64", "data": ...}``; ``None`` if broken."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace")
    if isinstance(value, dict) and isinstance(value.get("data"), str):
        try:
            return base64.b64decode(value["data"], validate=True)
        except (binascii.Error, ValueError):
            return None
    return None


_PLACE = re.compile(r"\[?([0-9A-Za-z.:_-]{1,60})\]?:(\d{1,5})\Z")


def place_of(value: Any) -> tuple[str, int] | None:
    """Return address and port of ``1.2.3.4:443`` or ``[::1]:443``."""
    found = _PLACE.match(value) if isinstance(value, str) else None
    if found is None or not 0 < int(found[2]) < 65_536:
        return None
    return found[1], int(found[2])


class Where(msgspec.Struct, frozen=True):
    """The parts of a web address; the port also when the address does not say it."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def site(self) -> tuple[str, str, int]:
        """Return what makes two requests go to one endpoint."""
        return self.scheme, self.host, self.port


def where_of(value: Any) -> Where | None:
    """Return the parts of a web address, ``None`` for anything else."""
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        return None
    try:
        parts = urlsplit(value)
        port = parts.port
        host = parts.hostname
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host or clean(host) != host:
        return None
    standard = 443 if parts.scheme == "https" else 80
    return Where(parts.scheme, host, port or standard, clean(parts.path) or "/")
