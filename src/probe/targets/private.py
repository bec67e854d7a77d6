"""A person's own bridges and proxies, from a file that only they can read.

They are measured like any other endpoint and named by nothing but a label: no message of this
module quotes a line. The formats are the ones in which such things are handed around: a bridge
line of Tor's, a link to a Signal proxy, a link to a Telegram proxy.
"""

import base64
import binascii
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from probe.errors import InputError
from probe.model.target import Category, Endpoint, Kind, Plan, Risk, Service, Trust
from probe.targets.hosts import host_problem

__all__ = ["PRIVATE_SERVICE", "Private", "load_private"]

PRIVATE_SERVICE = "private"
MAX_BYTES = 65_536
MAX_ENTRIES = 50
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_PLACE = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)):([0-9]{1,5})\Z")
_NAMED = re.compile(r"([A-Za-z0-9.-]+)(?::([0-9]{1,5}))?\Z")
_FINGERPRINT = re.compile(r"\$?([0-9A-Fa-f]{40})\Z")
_SIGNAL_LINK = re.compile(r"(?:https|sgnl)://signal\.tube/?#(.+)\Z")
_TELEGRAM_LINK = re.compile(r"(?:tg://proxy|https://t\.me/proxy)\?")
_SECRET_BYTES = 16
_PADDED = b"\xdd"
_FORMS = (
    "a bridge line of Tor's (plain or obfs4), https://signal.tube/#HOST, "
    "or tg://proxy?server=HOST&port=PORT&secret=SECRET"
)


@dataclass(frozen=True, slots=True)
class Private:
    """The service that they make up, and the secrets of those that have one, by endpoint id."""

    service: Service
    secrets: Mapping[str, bytes] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class _Entry:
    kind: Kind
    host: str = field(repr=False)
    port: int = field(repr=False)
    identity: str | None = field(default=None, repr=False)
    secret: bytes = field(default=b"", repr=False)


def load_private(path: Path) -> Private:
    """Read a file of bridges and proxies, one a line; ``#`` begins a remark.

    Raises:
        InputError: others may read the file, or a line cannot be measured; the line's number is
            named and nothing of its content.

    """
    lines = _read(path).splitlines()
    endpoints: list[Endpoint] = []
    secrets: dict[str, bytes] = {}
    for number, line in enumerate(lines, start=1):
        text = line.partition(" #")[0].strip()
        if not text or text.startswith("#"):
            continue
        try:
            entry = _entry(text)
        except _Unfit as exc:
            raise InputError(str(exc), file=str(path), line=number, mend=_FORMS) from None
        endpoint = _endpoint(entry, len(endpoints) + 1)
        endpoints.append(endpoint)
        if entry.secret:
            secrets[endpoint.id] = entry.secret
    if not 0 < len(endpoints) <= MAX_ENTRIES:
        raise InputError(f"1 to {MAX_ENTRIES} bridges and proxies are measured", file=str(path))
    service = Service(
        id=PRIVATE_SERVICE,
        name="Your own bridges and proxies",
        category=Category.CIRCUMVENTION,
        endpoints=tuple(endpoints),
    )
    return Private(service, secrets)


class _Unfit(Exception):  # noqa: N818 - a line, no failure of the program
    """A line that cannot be measured; its words quote nothing."""


def _read(path: Path) -> str:
    """Return the file's text, if it is a plain file that nobody else can read.

    What is checked is what was opened: a link is followed, and cannot be turned round in between.

    Raises:
        InputError: it is not.

    """
    try:
        with open(path, "rb", opener=_at_once) as file:
            _check_file(path, os.fstat(file.fileno()))
            raw = file.read(MAX_BYTES + 1)
    except OSError as exc:
        raise InputError(exc.strerror or "it cannot be read", file=str(path)) from exc
    if len(raw) > MAX_BYTES:
        raise InputError(f"longer than {MAX_BYTES} bytes", file=str(path))
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError("not UTF-8", file=str(path)) from None


def _at_once(path: str, flags: int) -> int:
    """Open without waiting: of a pipe, the other end may never come."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _check_file(path: Path, seen: os.stat_result) -> None:
    if not stat.S_ISREG(seen.st_mode):
        raise InputError("not a plain file", file=str(path))
    if os.name != "posix":
        return
    if seen.st_mode & _OTHERS:
        raise InputError(
            "others on this machine may read it", file=str(path), mend="chmod 600 FILE"
        )
    if seen.st_uid not in (0, os.geteuid()):
        raise InputError("it is somebody else's, who reads it", file=str(path), mend="copy it")


def _endpoint(entry: _Entry, number: int) -> Endpoint:
    wrapped = entry.kind in (Kind.TOR_OR, Kind.SIGNAL_PROXY)
    return Endpoint(
        service=PRIVATE_SERVICE,
        kind=entry.kind,
        host=entry.host,
        port=entry.port,
        tls=wrapped,
        trust=Trust.NONE if entry.kind is Kind.TOR_OR else Trust.PUBLIC,
        identity=entry.identity,
        risk=Risk.HIGH,
        plan=Plan.DEFAULT,
        source="the user's own file",
        checked_on=date(1970, 1, 1),
        private=f"own-{number}",
    )


def _entry(text: str) -> _Entry:
    signal = _SIGNAL_LINK.match(text)
    if signal is not None:
        return _signal(signal.group(1))
    if _TELEGRAM_LINK.match(text) is not None:
        return _telegram(text)
    return _bridge(text.split())


def _signal(place: str) -> _Entry:
    named = _NAMED.match(place)
    if named is None:
        raise _Unfit("no host of a Signal proxy")
    return _Entry(Kind.SIGNAL_PROXY, _host(named.group(1)), _port(named.group(2) or "443"))


def _telegram(text: str) -> _Entry:
    query = parse_qs(urlsplit(text).query, max_num_fields=8)
    server, port, secret = (query.get(name, [""])[0] for name in ("server", "port", "secret"))
    return _Entry(Kind.MTPROTO, _host(server), _port(port), secret=_secret(secret))


def _secret(text: str) -> bytes:
    """Return the 16 bytes of a proxy's secret, written in hexadecimal or base64.

    Raises:
        _Unfit: another form; one that begins with ``ee`` asks for a disguise as TLS.

    """
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        try:
            raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except (binascii.Error, ValueError):
            raise _Unfit("a secret in no known form") from None
    if len(raw) == _SECRET_BYTES + 1 and raw.startswith(_PADDED):
        return raw[1:]
    if len(raw) != _SECRET_BYTES:
        raise _Unfit("a secret that is not measured (16 bytes, perhaps behind dd, are)")
    return raw


def _bridge(words: list[str]) -> _Entry:
    """Read ``[Bridge] [transport] ADDRESS:PORT [FINGERPRINT] [name=value ...]``."""
    if words[:1] == ["Bridge"]:
        words = words[1:]
    place = _PLACE.match(words[0]) if words else None
    kind = Kind.TOR_OR
    if place is None and len(words) > 1:
        if words[0] != "obfs4":
            raise _Unfit("a transport that is not measured")
        kind, words = Kind.OBFS4, words[1:]
        place = _PLACE.match(words[0])
    if place is None:
        raise _Unfit("no bridge and no proxy")
    found = _FINGERPRINT.match(words[1]) if len(words) > 1 else None
    identity = found.group(1).upper() if found is not None and kind is Kind.TOR_OR else None
    return _Entry(kind, _host(place.group(1) or place.group(2)), _port(place.group(3)), identity)


def _host(host: str) -> str:
    folded = host.lower().rstrip(".")
    if host_problem(folded) is not None:
        raise _Unfit("a host that is not public, or none")
    return folded


def _port(text: str) -> int:
    port = int(text) if text.isdigit() and len(text) <= 5 else 0
    if not 0 < port < 65_536:
        raise _Unfit("no port")
    return port
