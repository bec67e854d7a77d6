"""WhatsApp's web handshake up to the server's hello: proof that messages could pass.

Unofficial; the sources are two clients that work: tulir/whatsmeow (socket/constants.go,
handshake.go, proto/waWa6, proto/waCert) and WhiskeySockets/Baileys. The handshake is
Noise_XX_25519_AESGCM_SHA256 in binary web socket messages to wss://web.whatsapp.com/ws/chat. A
probe sends the client's hello, reads the server's, and stops: ClientFinish, which would name a
device, is never made.
"""

from dataclasses import dataclass, field
from datetime import datetime

from probe.wire.errors import Fault, WireError
from probe.wire.noise import AESGCM_SHA256, SymmetricState, agree, public_key
from probe.wire.protobuf import encode_field, fields
from probe.wire.xeddsa import verify_xeddsa

__all__ = [
    "CERTIFICATE_KEY",
    "OPENING",
    "ClientHello",
    "ServerHello",
    "client_hello",
    "frame",
    "read_client_hello",
    "read_server_hello",
    "server_hello",
    "split_frame",
    "verify_certificate",
]

OPENING = b"WA\x06\x03"
"""Magic, protocol 6, dictionary 3: before the first frame, and the prologue of the handshake."""

CERTIFICATE_KEY = bytes.fromhex("142375574d0a587166aae71ebe516437c4a28b73e3695c6ce1f7f9545da8ee6b")
"""What signs the intermediate certificate (whatsmeow handshake.go, ``WACertPubKey``)."""

_PATTERN = b"Noise_XX_25519_AESGCM_SHA256"
_MAX_FRAME = 1 << 16  # of what a probe reads; a server's hello has about 350 bytes
_CLIENT_HELLO, _SERVER_HELLO = 2, 3
_EPHEMERAL, _STATIC, _PAYLOAD = 1, 2, 3
_LEAF, _INTERMEDIATE = 1, 2
_DETAILS, _SIGNATURE = 1, 2
_SERIAL, _ISSUER, _KEY, _NOT_BEFORE, _NOT_AFTER = 1, 2, 3, 4, 5


@dataclass(frozen=True, slots=True)
class ClientHello:
    """The bytes of our first web socket message, and what reading the answer needs."""

    packet: bytes
    ephemeral_private: bytes = field(repr=False)
    state: SymmetricState = field(repr=False)


@dataclass(frozen=True, slots=True)
class ServerHello:
    """A server's answer whose two sealed fields opened: it holds the keys that it showed."""

    static_public: bytes
    certificate: bytes


def frame(message: bytes) -> bytes:
    """Return a message behind its length in 3 bytes.

    Raises:
        WireError: ``ARGUMENT``, 16 MiB or more.

    """
    if len(message) >= 1 << 24:
        raise WireError(Fault.ARGUMENT, "a frame has less than 16 MiB")
    return len(message).to_bytes(3, "big") + message


def split_frame(buffer: bytes) -> tuple[bytes, bytes] | None:
    """Return the first message and what follows it; ``None``: more must come.

    Raises:
        WireError: ``FORMAT``, a length of nothing, or of more than 64 KiB.

    """
    if len(buffer) < 3:
        return None
    size = int.from_bytes(buffer[:3], "big")
    if not 0 < size <= _MAX_FRAME:
        raise WireError(Fault.FORMAT, "no length of a handshake's frame")
    return (buffer[3 : 3 + size], buffer[3 + size :]) if len(buffer) >= 3 + size else None


def client_hello(ephemeral_private: bytes, opening: bytes = OPENING) -> ClientHello:
    """Return our hello: the opening, then a frame with our ephemeral key; 43 bytes.

    Raises:
        WireError: ``ARGUMENT``, the key is not 32 bytes.

    """
    ephemeral = public_key(ephemeral_private)
    message = encode_field(_CLIENT_HELLO, encode_field(_EPHEMERAL, ephemeral))
    state = _start(opening, ephemeral)
    return ClientHello(opening + frame(message), ephemeral_private, state)


def read_server_hello(message: bytes, sent: ClientHello) -> ServerHello:
    """Return the server's hello that answers ours (a frame's content).

    Raises:
        WireError: ``SHORT`` or ``FORMAT``, no such message; ``UNPROVEN``, a sealed field does not
            open: it was made for another hello, or altered.

    """
    hello = _inner(fields(message), _SERVER_HELLO)
    ephemeral = _bytes(hello, _EPHEMERAL)
    if len(ephemeral) != 32:
        raise WireError(Fault.FORMAT, "an ephemeral key has 32 bytes")
    state = sent.state.mix_hash(ephemeral).mix_key(agree(sent.ephemeral_private, ephemeral))
    state, static = state.decrypt(_bytes(hello, _STATIC))
    if len(static) != 32:
        raise WireError(Fault.FORMAT, "a static key has 32 bytes")
    state = state.mix_key(agree(sent.ephemeral_private, static))
    _, certificate = state.decrypt(_bytes(hello, _PAYLOAD))
    return ServerHello(static, certificate)


def verify_certificate(hello: ServerHello, at: datetime, root: bytes = CERTIFICATE_KEY) -> bool:
    """Check that WhatsApp's key vouches for the server's, by way of the intermediate one.

    Returns whether both certificates are valid ``at`` an aware time: what is signed as it should
    be and has run out is an old key or a wrong clock of ours, and nobody else's key.

    Raises:
        WireError: ``SHORT`` or ``FORMAT``, no chain; ``UNPROVEN``, a signature, a serial or the
            server's key does not fit.

    """
    chain = fields(hello.certificate)
    middle = _signed(chain, _INTERMEDIATE, root)
    middle_key = _bytes(middle, _KEY)
    if middle.get(_ISSUER, 0) != 0 or len(middle_key) != 32:
        raise WireError(Fault.UNPROVEN, "the intermediate certificate is not of WhatsApp")
    leaf = _signed(chain, _LEAF, middle_key)
    if leaf.get(_ISSUER, 0) != middle.get(_SERIAL, 0):
        raise WireError(Fault.UNPROVEN, "the leaf names another issuer")
    if leaf.get(_KEY) != hello.static_public:
        raise WireError(Fault.UNPROVEN, "the certificate is for another key")
    return _valid(middle, at) and _valid(leaf, at)


def read_client_hello(packet: bytes, opening: bytes = OPENING) -> bytes:
    """Return the ephemeral key of a client's first message, as the lab's server reads it.

    Raises:
        WireError: ``SHORT`` or ``FORMAT``.

    """
    if not packet.startswith(opening):
        raise WireError(Fault.FORMAT, "not WhatsApp's opening")
    found = split_frame(packet[len(opening) :])
    if found is None:
        raise WireError(Fault.SHORT, "the hello is cut")
    return _bytes(_inner(fields(found[0]), _CLIENT_HELLO), _EPHEMERAL)


def server_hello(
    client_ephemeral: bytes,
    *,
    ephemeral_private: bytes,
    static_private: bytes,
    certificate: bytes,
    opening: bytes = OPENING,
) -> bytes:
    """Return a server's hello in its frame, as the lab and the tests send it."""
    ephemeral = public_key(ephemeral_private)
    state = _start(opening, client_ephemeral).mix_hash(ephemeral)
    state = state.mix_key(agree(ephemeral_private, client_ephemeral))
    state, static = state.encrypt(public_key(static_private))
    state = state.mix_key(agree(static_private, client_ephemeral))
    _, payload = state.encrypt(certificate)
    parts = ((_EPHEMERAL, ephemeral), (_STATIC, static), (_PAYLOAD, payload))
    return frame(encode_field(_SERVER_HELLO, b"".join(encode_field(n, v) for n, v in parts)))


def _start(opening: bytes, client_ephemeral: bytes) -> SymmetricState:
    """Return the state after the client's hello.

    Noise would hash the empty payload of this message too; WhatsApp does not (whatsmeow's
    ``doHandshake`` authenticates the ephemeral key alone).
    """
    return SymmetricState.start(AESGCM_SHA256, _PATTERN, opening).mix_hash(client_ephemeral)


def _signed(chain: dict[int, bytes | int], which: int, key: bytes) -> dict[int, bytes | int]:
    """Return the details of one certificate of the chain, after its signature held."""
    certificate = _inner(chain, which)
    details, signature = _bytes(certificate, _DETAILS), _bytes(certificate, _SIGNATURE)
    if len(signature) != 64:
        raise WireError(Fault.FORMAT, "a signature has 64 bytes")
    verify_xeddsa(key, signature, details)
    return fields(details)


def _valid(certificate: dict[int, bytes | int], at: datetime) -> bool:
    begins, ends = certificate.get(_NOT_BEFORE, 0), certificate.get(_NOT_AFTER, 0)
    if not (isinstance(begins, int) and isinstance(ends, int)):
        raise WireError(Fault.FORMAT, "a date is a number")
    return begins <= at.timestamp() <= ends


def _inner(message: dict[int, bytes | int], number: int) -> dict[int, bytes | int]:
    return fields(_bytes(message, number))


def _bytes(message: dict[int, bytes | int], number: int) -> bytes:
    value = message.get(number)
    if not isinstance(value, bytes):
        raise WireError(Fault.FORMAT, f"field {number} is missing")
    return value
