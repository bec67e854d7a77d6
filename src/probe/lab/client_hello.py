"""Read the server name from a TLS ClientHello, as a censor on the path would (RFC 8446, 6066)."""

from dataclasses import dataclass

__all__ = ["ClientHello", "NotTls", "read_client_hello"]

MAX_HELLO = 16_384 + 5
_HANDSHAKE = 0x16
_CLIENT_HELLO = 0x01
_SERVER_NAME = 0x0000
_ALPN = 0x0010


class NotTls(ValueError):  # noqa: N818 - it names what was found
    """The bytes are no TLS ClientHello."""


@dataclass(frozen=True, slots=True)
class ClientHello:
    """The part of a ClientHello that a censor looks at."""

    sni: str | None
    alpn: bool = False  # protocols are offered


class _Cursor:
    """Reads big-endian fields; running out of bytes means that the hello is malformed."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        part = self._data[self._at : self._at + count]
        if len(part) < count:
            raise NotTls("a field runs past the end")
        self._at += count
        return part

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def vector(self, size: int) -> bytes:
        return self.take(self.number(size))

    @property
    def left(self) -> int:
        return len(self._data) - self._at


def _handshake_bytes(data: bytes) -> bytes | None:
    """Join the handshake records; ``None`` while they are incomplete."""
    joined = b""
    at = 0
    while at + 5 <= len(data):
        if data[at] != _HANDSHAKE or data[at + 1] != 3:
            raise NotTls("no handshake record")
        length = int.from_bytes(data[at + 3 : at + 5], "big")
        if not 0 < length <= MAX_HELLO:
            raise NotTls("a record of an impossible length")
        record = data[at + 5 : at + 5 + length]
        joined += record
        if len(record) < length:
            return None
        if len(joined) >= 4 and len(joined) >= 4 + int.from_bytes(joined[1:4], "big"):
            return joined
        at += 5 + length
    return None


def read_client_hello(data: bytes) -> ClientHello | None:
    """Return the hello that ``data`` starts with, or ``None`` while it is incomplete.

    Raises:
        NotTls: when these bytes cannot become a ClientHello.

    """
    if data[:1] not in (b"", b"\x16"):
        raise NotTls("no handshake record")
    message = _handshake_bytes(data)
    if message is None:
        if len(data) > MAX_HELLO:
            raise NotTls("longer than a ClientHello may be")
        return None
    if message[0] != _CLIENT_HELLO:
        raise NotTls("no ClientHello")
    body = _Cursor(message[4 : 4 + int.from_bytes(message[1:4], "big")])
    body.take(2 + 32)  # legacy version, random
    body.vector(1)  # session id
    body.vector(2)  # cipher suites
    body.vector(1)  # compression methods
    return _extended(body.vector(2)) if body.left else ClientHello(None)


def _extended(extensions: bytes) -> ClientHello:
    cursor = _Cursor(extensions)
    sni: str | None = None
    alpn = False
    while cursor.left:
        kind, value = cursor.number(2), cursor.vector(2)
        alpn = alpn or kind == _ALPN
        if kind == _SERVER_NAME and value and sni is None:
            sni = _host_name(value)
    return ClientHello(sni, alpn)


def _host_name(value: bytes) -> str | None:
    names = _Cursor(_Cursor(value).vector(2))
    while names.left:
        name_type, name = names.number(1), names.vector(2)
        if name_type == 0:
            return name.decode("ascii", "replace").lower()
    return None
