"""Datagrams like those of a call, for a server of one's own: RTP with a seal in its payload.

An RTP header (RFC 3550 section 5.1: version 2, dynamic payload type), then the time, a seal and
filler. The seal is HMAC-SHA256 with the hash of a token, cut to 64 bits; the answer has one of its
own, so that neither side can be spoken for. In disguise the whole packet is whitened: no byte of
it looks like RTP, and its length and rate are the same.
"""

import hashlib
import hmac
from dataclasses import dataclass

from probe.wire.errors import Fault, WireError

__all__ = [
    "FRESH_S",
    "LEAST",
    "MOST",
    "PACKET",
    "RATE_HZ",
    "Media",
    "looks_like_media",
    "media_answer",
    "media_key",
    "media_packet",
    "read_media",
]

PACKET = 172
"""Bytes: 12 of header and 20 ms of G.711 (RFC 3551), what a telephone call sends."""

MOST = 1_500
"""Bytes: no packet of a call is longer, and a long one takes long to read."""

RATE_HZ = 50
"""Packets a second, one each 20 ms."""

FRESH_S = 300
"""A packet older or newer than this is no question: it may be somebody's recording."""

_HEADER, _TIME, _SEAL, _NONCE = 12, 4, 8, 8
LEAST = _HEADER + _TIME + _SEAL
_VERSION_2, _PAYLOAD_TYPE = 0x80, 111
_SAMPLES = 160  # of 8 kHz in 20 ms: the clock of RTP
_DISGUISED = range(0x20, 0x40)
"""First bytes of a disguised packet: neither RTP nor QUIC (RFC 9443 section 3), nor STUN."""


@dataclass(frozen=True, slots=True)
class Media:
    """What a packet says: its place in the stream, and when it was made (seconds since 1970)."""

    sequence: int
    stream: int
    made_s: int
    disguised: bool
    length: int


def media_key(token_hash: str) -> bytes:
    """Return the key of a token, by the SHA-256 of it (64 hexadecimal digits)."""
    return hashlib.sha256(b"probe media 1 " + token_hash.encode()).digest()


def media_packet(
    sequence: int, *, stream: int, made_s: int, key: bytes, nonce: bytes = b"", size: int = PACKET
) -> bytes:
    """Return packet ``sequence`` of a stream; with a ``nonce`` of 8 bytes, in disguise.

    Raises:
        WireError: ``ARGUMENT``, a number or size that no packet has.

    """
    room = size - len(nonce)
    if room < LEAST or size > MOST or not 0 <= sequence < 1 << 16 or len(nonce) not in (0, _NONCE):
        raise WireError(Fault.ARGUMENT, "no such packet of media")
    head = bytes((_VERSION_2, _PAYLOAD_TYPE)) + sequence.to_bytes(2, "big")
    head += (sequence * 160 % (1 << 32)).to_bytes(4, "big") + (stream % (1 << 32)).to_bytes(
        4, "big"
    )
    head += (made_s % (1 << 32)).to_bytes(_TIME, "big")
    whole = head + _seal(key, b"ask", head)
    whole += _stream_of(key, b"filler" + head, room - len(whole))
    return whole if not nonce else _whitened(whole, key, _marked(nonce))


def looks_like_media(datagram: bytes) -> bool:
    """Return whether a filter could take a datagram for RTP: the version is in its place."""
    return len(datagram) >= _HEADER and datagram[0] >> 6 == 2


def read_media(datagram: bytes, key: bytes, *, answer: bool = False) -> Media:
    """Return what a packet (or the answer to one) says.

    Raises:
        WireError: ``SHORT``; ``FORMAT``, no packet of media; ``UNPROVEN``, another key's.

    """
    if len(datagram) > MOST:
        raise WireError(Fault.FORMAT, "too long for media")
    disguised = bool(datagram) and datagram[0] in _DISGUISED
    if len(datagram) < LEAST + (_NONCE if disguised else 0):
        raise WireError(Fault.SHORT, "too short for media")
    whole = _bare(datagram[: _NONCE + LEAST], key) if disguised else datagram
    head, seal = whole[: _HEADER + _TIME], whole[_HEADER + _TIME : LEAST]
    if not disguised and (head[0], head[1]) != (_VERSION_2, _PAYLOAD_TYPE):
        raise WireError(Fault.FORMAT, "not a packet of media")
    if not hmac.compare_digest(seal, _seal(key, b"say" if answer else b"ask", head)):
        raise WireError(Fault.UNPROVEN, "the seal is another key's")
    return Media(
        sequence=int.from_bytes(head[2:4], "big"),
        stream=int.from_bytes(head[8:12], "big"),
        made_s=int.from_bytes(head[12:16], "big"),
        disguised=disguised,
        length=len(datagram),
    )


def media_answer(datagram: bytes, key: bytes) -> bytes:
    """Return the answer to a packet that ``read_media`` has read: as long, sealed the other way."""
    disguised = datagram[0] in _DISGUISED
    whole = _bare(datagram, key) if disguised else datagram
    head = whole[: _HEADER + _TIME]
    said = head + _seal(key, b"say", head) + whole[LEAST:]
    return said if not disguised else _whitened(said, key, datagram[:_NONCE])


def _seal(key: bytes, way: bytes, head: bytes) -> bytes:
    return hmac.digest(key, way + head, "sha256")[:_SEAL]


def _stream_of(key: bytes, label: bytes, size: int) -> bytes:
    return hashlib.shake_128(key + label).digest(size)


def _marked(nonce: bytes) -> bytes:
    return bytes((_DISGUISED.start | nonce[0] & 0x1F,)) + nonce[1:]


def _whitened(whole: bytes, key: bytes, nonce: bytes) -> bytes:
    mask = _stream_of(key, b"white" + nonce, len(whole))
    white = int.from_bytes(whole, "big") ^ int.from_bytes(mask, "big")
    return nonce + white.to_bytes(len(whole), "big")


def _bare(datagram: bytes, key: bytes) -> bytes:
    nonce, rest = datagram[:_NONCE], datagram[_NONCE:]
    return _whitened(rest, key, nonce)[_NONCE:]
