"""IKE_SA_INIT: the first question of IKEv2, which every responder answers.

Source: RFC 7296 sections 1.2, 2.6 (cookies), 2.23 (port 4500), 3; registries of IANA for the
algorithms. Any answer with our SPI proves reachability: a proposal taken, a cookie wanted,
another key exchange wanted, none acceptable. IKE_AUTH is never begun.
"""

from dataclasses import dataclass, field
from enum import Enum, IntEnum

from probe.wire.cursor import Cursor, exactly
from probe.wire.errors import Fault, WireError
from probe.wire.ikev2_message import (
    FLAG_INITIATOR,
    FLAG_RESPONSE,
    IKE_SA_INIT,
    VERSION,
    Message,
    Notify,
    Payload,
    PayloadKind,
    decode_message,
    encode_message,
    encode_notify,
    read_notify,
)

__all__ = [
    "Answer",
    "AnswerKind",
    "Group",
    "looks_like_ike",
    "marked",
    "notify_answer",
    "read_answer",
    "read_request",
    "sa_answer",
    "sa_init",
    "unmarked",
]

NON_ESP_MARKER = bytes(4)
_NO_SPI = bytes(8)
_MAX_COOKIE = 64
_INVALID_KE, _NO_PROPOSAL, _COOKIE = 17, 14, 16_390


class Group(IntEnum):
    """Key exchanges that random bytes are valid for; an elliptic point of group 19 must be real."""

    MODP_2048 = 14
    CURVE_25519 = 31

    @property
    def size(self) -> int:
        """Return the length of a public value in bytes."""
        return 256 if self is Group.MODP_2048 else 32


class AnswerKind(Enum):
    """What a responder said; each of them is proof that it was reached."""

    ACCEPTED = "accepted"
    COOKIE = "cookie"
    OTHER_GROUP = "invalid_ke_payload"
    NO_PROPOSAL = "no_proposal_chosen"
    OTHER_ERROR = "other_error"


@dataclass(frozen=True, slots=True)
class Answer:
    """A responder's answer: the cookie or group that it wants, or its error's number."""

    kind: AnswerKind
    responder_spi: bytes
    cookie: bytes = field(default=b"", repr=False)
    group: int | None = None
    notify: int | None = None


def sa_init(
    *,
    spi: bytes,
    nonce: bytes,
    public_value: bytes,
    group: Group = Group.CURVE_25519,
    cookie: bytes = b"",
) -> bytes:
    """Return the request: 152 bytes with Curve25519 and a nonce of 32.

    ``spi`` is 8 random bytes, ``nonce`` 16 to 256, ``public_value`` a public value of ``group``.
    One proposal: AES-256-CBC, HMAC-SHA-256 as PRF, HMAC-SHA-256-128, the group. A ``cookie`` that
    a responder asked for goes first, and all else must be as it was (section 2.6).

    Raises:
        WireError: ``ARGUMENT``, a length out of range, or an SPI of zeros.

    """
    exactly(public_value, group.size, "a public value of this group")
    if not 16 <= len(nonce) <= 256 or len(cookie) > _MAX_COOKIE or spi == _NO_SPI:
        raise WireError(Fault.ARGUMENT, "nonce of 16 to 256 bytes, cookie up to 64, SPI not zero")
    payloads = [
        Payload(PayloadKind.SA, _proposal(group)),
        Payload(PayloadKind.KEY_EXCHANGE, group.to_bytes(2, "big") + b"\x00\x00" + public_value),
        Payload(PayloadKind.NONCE, nonce),
    ]
    if cookie:
        payloads.insert(0, encode_notify(Notify(_COOKIE, cookie)))
    return encode_message(Message(spi, _NO_SPI, FLAG_INITIATOR, tuple(payloads)))


def marked(packet: bytes) -> bytes:
    """Return a packet as it goes to port 4500: behind four zero bytes, so that it is not ESP."""
    return NON_ESP_MARKER + packet


def unmarked(datagram: bytes) -> bytes:
    """Return the packet of a datagram of port 4500.

    Raises:
        WireError: ``FORMAT``, there is no marker: ESP, a keep-alive, or no IKE at all.

    """
    if not datagram.startswith(NON_ESP_MARKER):
        raise WireError(Fault.FORMAT, "no marker of IKE on port 4500")
    return datagram[len(NON_ESP_MARKER) :]


def read_answer(packet: bytes, spi: bytes) -> Answer:
    """Return what a responder answered to the request with our ``spi``.

    Raises:
        WireError: ``SHORT``; ``FORMAT``, no response to IKE_SA_INIT; ``FOREIGN``, another SPI.

    """
    message = decode_message(packet)
    if message.exchange != IKE_SA_INIT or not message.flags & FLAG_RESPONSE or message.message_id:
        raise WireError(Fault.FORMAT, "not a response to IKE_SA_INIT")
    if message.initiator_spi != spi:
        raise WireError(Fault.FOREIGN, "the response has another SPI")
    if all(message.first(kind) for kind in (PayloadKind.SA, PayloadKind.KEY_EXCHANGE)):
        if message.responder_spi == _NO_SPI or message.first(PayloadKind.NONCE) is None:
            raise WireError(Fault.FORMAT, "a proposal taken without SPI or nonce")
        return Answer(AnswerKind.ACCEPTED, message.responder_spi)
    for payload in message.payloads:
        if payload.kind == PayloadKind.NOTIFY:
            answer = _of_notify(read_notify(payload.body), message.responder_spi)
            if answer is not None:
                return answer
    raise WireError(Fault.FORMAT, "a response that says nothing")


def read_request(packet: bytes) -> tuple[Message, bytes]:
    """Return a request and the cookie in it, as the lab's responder reads it.

    Raises:
        WireError: ``SHORT``; ``FORMAT``, not a request of IKE_SA_INIT.

    """
    message = decode_message(packet)
    opening = message.exchange == IKE_SA_INIT and message.flags & FLAG_INITIATOR
    if not opening or message.responder_spi != _NO_SPI or message.first(PayloadKind.SA) is None:
        raise WireError(Fault.FORMAT, "not a request of IKE_SA_INIT")
    notify = message.first(PayloadKind.NOTIFY)
    told = read_notify(notify.body) if notify else Notify(0)
    return message, told.data if told.kind == _COOKIE else b""


def notify_answer(request: Message, notify: Notify) -> bytes:
    """Return a responder's answer that is a notification alone."""
    payloads = (encode_notify(notify),)
    return encode_message(Message(request.initiator_spi, _NO_SPI, FLAG_RESPONSE, payloads))


def sa_answer(request: Message, *, spi: bytes, nonce: bytes, public_value: bytes) -> bytes:
    """Return a responder's answer that takes the request's proposal."""
    kept = request.first(PayloadKind.SA) or Payload(PayloadKind.SA, b"")
    asked = request.first(PayloadKind.KEY_EXCHANGE)
    group = asked.body[:2] if asked else bytes(2)
    payloads = (
        kept,
        Payload(PayloadKind.KEY_EXCHANGE, group + b"\x00\x00" + public_value),
        Payload(PayloadKind.NONCE, nonce),
    )
    return encode_message(Message(request.initiator_spi, spi, FLAG_RESPONSE, payloads))


def looks_like_ike(packet: bytes) -> bool:
    """Return whether a filter could take a packet for IKE: the version or the exchange is right."""
    head = packet.removeprefix(NON_ESP_MARKER)
    return head[17:18] == bytes([VERSION]) or head[18:19] == bytes([IKE_SA_INIT])


def _of_notify(notify: Notify, responder_spi: bytes) -> Answer | None:
    if notify.kind == _COOKIE:
        if not 0 < len(notify.data) <= _MAX_COOKIE:
            raise WireError(Fault.FORMAT, "a cookie has 1 to 64 bytes")
        return Answer(AnswerKind.COOKIE, responder_spi, cookie=notify.data)
    if notify.kind == _INVALID_KE:
        group = Cursor(notify.data).number(2, "group")
        return Answer(AnswerKind.OTHER_GROUP, responder_spi, group=group)
    if notify.kind == _NO_PROPOSAL:
        return Answer(AnswerKind.NO_PROPOSAL, responder_spi)
    if notify.is_error:
        return Answer(AnswerKind.OTHER_ERROR, responder_spi, notify=notify.kind)
    return None


def _proposal(group: Group) -> bytes:
    """Return the one proposal: protocol IKE, no SPI, four transforms (section 3.3)."""
    transforms = (
        _transform(3, 1, 12, b"\x80\x0e\x01\x00"),  # ENCR_AES_CBC, key length 256
        _transform(3, 2, 5),  # PRF_HMAC_SHA2_256
        _transform(3, 3, 12),  # AUTH_HMAC_SHA2_256_128
        _transform(0, 4, group),
    )
    body = b"\x01\x01\x00" + bytes([len(transforms)]) + b"".join(transforms)
    return b"\x00\x00" + (4 + len(body)).to_bytes(2, "big") + body


def _transform(more: int, kind: int, number: int, attributes: bytes = b"") -> bytes:
    size = (8 + len(attributes)).to_bytes(2, "big")
    return bytes([more, 0]) + size + bytes([kind, 0]) + number.to_bytes(2, "big") + attributes
