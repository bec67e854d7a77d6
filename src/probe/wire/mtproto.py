"""MTProto's first question, which a Telegram server answers to anyone: req_pq_multi.

Source: core.telegram.org/mtproto/auth_key and /mtproto/samples-auth_key. No account, no key:
the exchange ends with resPQ. The echo of our 16 random bytes proves that a server read the
question.
"""

from dataclasses import dataclass

from probe.wire.cursor import Cursor, exactly
from probe.wire.errors import Fault, WireError

__all__ = [
    "TELEGRAM_KEY",
    "ResPq",
    "TransportError",
    "message_id",
    "read_answer",
    "read_req_pq",
    "req_pq_multi",
    "res_pq",
]

TELEGRAM_KEY = 0xD09D_1D85_DE64_FD85
"""Fingerprint of Telegram's public key in the documented sample (85FD64DE851D9DD0 on the wire)."""

NONCE_BYTES = 16
_REQ_PQ_MULTI = 0xBE7E_8EF1
_RES_PQ = 0x0516_2463
_VECTOR = 0x1CB5_C415
_MAX_PQ = 64
_MAX_KEYS = 64
_HEADER = 20


@dataclass(frozen=True, slots=True)
class ResPq:
    """A server's answer: a number to factor (we do not) and the keys that it has."""

    server_nonce: bytes
    pq: int
    fingerprints: tuple[int, ...]

    @property
    def has_telegram_key(self) -> bool:
        """Return whether the documented key is among them; no proof, since it is public."""
        return TELEGRAM_KEY in self.fingerprints


@dataclass(frozen=True, slots=True)
class TransportError:
    """A refusal below the messages: 404, 429 (too many connections), 444 (wrong data centre)."""

    code: int


def message_id(unix_ns: int) -> int:
    """Return a client's message id for a time in nanoseconds: about Unix time times 2^32.

    Raises:
        WireError: ``ARGUMENT``, before 1970 or after 2106.

    """
    number = (unix_ns << 32) // 1_000_000_000 & ~3
    if not 0 <= number < 1 << 64:
        raise WireError(Fault.ARGUMENT, "no time that a message id can hold")
    return number


def req_pq_multi(nonce: bytes, message: int) -> bytes:
    """Return the question without a transport's envelope: 40 bytes.

    Raises:
        WireError: ``ARGUMENT``, the nonce is not 16 bytes, or ``message`` no id of a client's.

    """
    if message % 4 or not 0 <= message < 1 << 64:
        raise WireError(Fault.ARGUMENT, "a client's message id is a multiple of 4 of 64 bits")
    body = _REQ_PQ_MULTI.to_bytes(4, "little") + exactly(nonce, NONCE_BYTES, "a nonce")
    return _plain(message, body)


def read_req_pq(payload: bytes) -> bytes:
    """Return the nonce of a question, as the lab's server reads it.

    Raises:
        WireError: ``SHORT`` or ``FORMAT``.

    """
    cursor = _opened(payload, _REQ_PQ_MULTI)
    return cursor.take(NONCE_BYTES, "nonce")


def res_pq(nonce: bytes, answer: ResPq, message: int, padding: bytes = b"") -> bytes:
    """Return a server's answer without envelope, as the lab and the tests send it.

    Raises:
        WireError: ``ARGUMENT``, a number or a nonce that does not fit.

    """
    if answer.pq < 0 or not all(0 <= n < 1 << 64 for n in (message, *answer.fingerprints)):
        raise WireError(Fault.ARGUMENT, "ids and fingerprints have 64 bits")
    number = answer.pq.to_bytes((answer.pq.bit_length() + 7) // 8, "big")
    if len(number) > _MAX_PQ:
        raise WireError(Fault.ARGUMENT, "pq is too long")
    string = bytes([len(number)]) + number
    body = _RES_PQ.to_bytes(4, "little") + exactly(nonce, NONCE_BYTES, "a nonce")
    body += exactly(answer.server_nonce, NONCE_BYTES, "a nonce") + string + bytes(-len(string) % 4)
    body += _VECTOR.to_bytes(4, "little") + len(answer.fingerprints).to_bytes(4, "little")
    body += b"".join(key.to_bytes(8, "little") for key in answer.fingerprints)
    return _plain(message, body + padding)


def read_answer(payload: bytes, nonce: bytes) -> ResPq | TransportError:
    """Return what a server answered to the question with our ``nonce``.

    The length of the message is not held against its content: servers pad (the documented sample
    says 168 for 80 bytes).

    Raises:
        WireError: ``SHORT``; ``FORMAT``, no such answer; ``FOREIGN``, another nonce.

    """
    if 4 <= len(payload) < _HEADER:  # an error has four bytes, and padding where that is in use
        code = -int.from_bytes(payload[:4], "little", signed=True)
        if code <= 0:
            raise WireError(Fault.FORMAT, "a few bytes that are no error")
        return TransportError(code)
    cursor = _opened(payload, _RES_PQ)
    if cursor.take(NONCE_BYTES, "nonce") != nonce:
        raise WireError(Fault.FOREIGN, "the answer has another nonce")
    server_nonce = cursor.take(NONCE_BYTES, "server's nonce")
    pq = _read_string(cursor)
    if cursor.little(4, "vector") != _VECTOR:
        raise WireError(Fault.FORMAT, "no list of keys")
    count = cursor.little(4, "keys")
    if count > _MAX_KEYS:
        raise WireError(Fault.FORMAT, "too many keys")
    keys = tuple(cursor.little(8, "fingerprint") for _ in range(count))
    return ResPq(server_nonce, int.from_bytes(pq, "big"), keys)


def _plain(message: int, body: bytes) -> bytes:
    """Return an unencrypted message: no key id, the message's id, its length, its body."""
    return bytes(8) + message.to_bytes(8, "little") + len(body).to_bytes(4, "little") + body


def _opened(payload: bytes, constructor: int) -> Cursor:
    cursor = Cursor(payload)
    if cursor.take(8, "key id") != bytes(8):
        raise WireError(Fault.FORMAT, "not an unencrypted message")
    cursor.take(_HEADER - 8, "header")
    if cursor.little(4, "constructor") != constructor:
        raise WireError(Fault.FORMAT, "another constructor")
    return cursor


def _read_string(cursor: Cursor) -> bytes:
    """Return a short TL string: its length, its bytes, zeros up to a multiple of 4."""
    size = cursor.number(1, "length")
    if size > _MAX_PQ:
        raise WireError(Fault.FORMAT, "pq is too long")
    value = cursor.take(size, "pq")
    cursor.take(-(size + 1) % 4, "padding")
    return value
