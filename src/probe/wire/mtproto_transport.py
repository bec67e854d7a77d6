"""MTProto's envelopes over TCP, and the obfuscation that hides them.

Source: core.telegram.org/mtproto/mtproto-transports. Abridged and intermediate are plain to see
for a filter; obfuscated, all bytes look random. Comparing them tells a filter of the protocol
from a filter of what it does not know.
"""

import hashlib
from dataclasses import dataclass
from enum import Enum

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes

from probe.wire.comparison import Randomness
from probe.wire.cursor import exactly
from probe.wire.errors import Fault, WireError

__all__ = ["Envelope", "Obfuscation", "looks_like_mtproto", "obfuscation", "read_obfuscation"]

INIT_BYTES = 64
_SECRET = 16
_MAX_PAYLOAD = 1 << 20  # of what a probe reads; resPQ has about 100 bytes
_MAX_PADDING = 15
_QUICK_ACK = 0x8000_0000
_TRIES = 100
_FORBIDDEN = (
    b"HEAD",
    b"POST",
    b"GET ",
    b"OPTI",
    b"\x16\x03\x01\x02",
    b"\xdd\xdd\xdd\xdd",
    b"\xee\xee\xee\xee",
)


class Envelope(Enum):
    """How a length is written before a payload; the value opens an unobfuscated connection."""

    ABRIDGED = b"\xef"
    INTERMEDIATE = b"\xee\xee\xee\xee"
    PADDED = b"\xdd\xdd\xdd\xdd"
    """Intermediate with up to 15 random bytes behind the payload; for use with obfuscation."""

    @property
    def tag(self) -> bytes:
        """Return the four bytes that name this envelope inside an obfuscated opening."""
        return self.value * (4 // len(self.value))

    def wrap(self, payload: bytes, padding: bytes = b"") -> bytes:
        """Return a payload in its envelope.

        Raises:
            WireError: ``ARGUMENT``, a length that is no multiple of 4, or padding out of place.

        """
        size = len(payload)
        if size % 4 or not 0 < size <= _MAX_PAYLOAD:
            raise WireError(Fault.ARGUMENT, "a payload has whole words, and up to 1 MiB")
        if len(padding) > (_MAX_PADDING if self is Envelope.PADDED else 0):
            raise WireError(Fault.ARGUMENT, "only the padded envelope has padding, up to 15 bytes")
        if self is not Envelope.ABRIDGED:
            return (size + len(padding)).to_bytes(4, "little") + payload + padding
        words = size // 4
        head = bytes([words]) if words < 0x7F else b"\x7f" + words.to_bytes(3, "little")
        return head + payload

    def split(self, buffer: bytes) -> tuple[bytes, bytes] | None:
        """Return the first payload of a stream and what follows; ``None``: more must come.

        A padded payload keeps its padding: only its reader knows where it ends.

        Raises:
            WireError: ``FORMAT``, a length of nothing, of more than 1 MiB, or a quick
                acknowledgement, which we never ask for.

        """
        if self is Envelope.ABRIDGED:
            head, words = 1, buffer[0] if buffer else 0
            if words == 0x7F:
                head, words = 4, int.from_bytes(buffer[1:4], "little")
            size = 4 * words
        else:
            head, size = 4, int.from_bytes(buffer[:4], "little")
        if len(buffer) < head:
            return None
        if self is Envelope.ABRIDGED and buffer[0] > 0x7F:
            size = _QUICK_ACK
        if not 0 < size <= _MAX_PAYLOAD:
            raise WireError(Fault.FORMAT, "no length of an MTProto payload")
        if len(buffer) < head + size:
            return None
        return buffer[head : head + size], buffer[head + size :]


@dataclass(slots=True)
class Obfuscation:
    """Two AES-256-CTR streams, as long as the connection lives: they count the bytes they saw."""

    opening: bytes
    envelope: Envelope
    _out: CipherContext
    _in: CipherContext

    def encrypt(self, data: bytes) -> bytes:
        """Return our next bytes as they are sent."""
        return self._out.update(data)

    def decrypt(self, data: bytes) -> bytes:
        """Return the other side's next bytes as they were meant."""
        return self._in.update(data)


def obfuscation(
    rng: Randomness,
    envelope: Envelope = Envelope.PADDED,
    *,
    secret: bytes = b"",
    data_centre: int | None = None,
) -> Obfuscation:
    """Return the streams of a new connection; its ``opening`` of 64 bytes is sent first, as it is.

    ``secret`` (16 bytes) and ``data_centre`` (negative: a media one) are for MTProxies only.

    Raises:
        WireError: ``ARGUMENT``, a secret of another length, a number out of range, or an ``rng``
            that gives nothing but openings of other protocols.

    """
    _check_secret(secret)
    tail = envelope.tag
    if data_centre is not None:
        if not -0x8000 <= data_centre < 0x8000:
            raise WireError(Fault.ARGUMENT, "a data centre's number has 16 bits")
        tail += data_centre.to_bytes(2, "little", signed=True)
    for _ in range(_TRIES):
        plain = rng.randbytes(56) + tail + rng.randbytes(8 - len(tail))
        if _is_free(plain):
            streams = _streams(plain, secret)
            hidden = streams[0].update(plain)
            return Obfuscation(plain[:56] + hidden[56:], envelope, *streams)
    raise WireError(Fault.ARGUMENT, "this randomness is none")


def read_obfuscation(opening: bytes, secret: bytes = b"") -> Obfuscation:
    """Return a server's streams for a client's opening, as the lab's server reads it.

    Raises:
        WireError: ``SHORT``; ``FORMAT``, it names no envelope: another protocol or secret.

    """
    _check_secret(secret)
    if len(opening) < INIT_BYTES:
        raise WireError(Fault.SHORT, "an opening has 64 bytes")
    plain = opening[:INIT_BYTES]
    theirs, ours = _streams(plain, secret)
    tag = theirs.update(plain)[56:60]
    for envelope in Envelope:
        if envelope.tag == tag:
            return Obfuscation(plain, envelope, ours, theirs)
    raise WireError(Fault.FORMAT, "not an obfuscated MTProto connection")


def looks_like_mtproto(data: bytes) -> bool:
    """Return whether the first bytes of a connection name an envelope, as a filter would look."""
    return data.startswith(tuple(envelope.value for envelope in Envelope))


def _check_secret(secret: bytes) -> None:
    if secret:
        exactly(secret, _SECRET, "a proxy's secret")


def _is_free(plain: bytes) -> bool:
    """Return whether an opening begins like no other protocol that the servers speak."""
    return not (plain.startswith(_FORBIDDEN) or plain.startswith(b"\xef") or plain[4:8] == bytes(4))


def _streams(plain: bytes, secret: bytes) -> tuple[CipherContext, CipherContext]:
    """Return the streams of the client's bytes and of the server's."""
    return _stream(plain, secret), _stream(plain[::-1], secret)


def _stream(plain: bytes, secret: bytes) -> CipherContext:
    key, counter = plain[8:40], plain[40:56]
    if secret:
        key = hashlib.sha256(key + secret).digest()
    return Cipher(algorithms.AES(key), modes.CTR(counter)).encryptor()
