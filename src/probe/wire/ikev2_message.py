"""IKEv2 messages and their chains of payloads, unencrypted ones (RFC 7296 sections 3.1 to 3.10)."""

from dataclasses import dataclass
from enum import IntEnum

from probe.wire.cursor import Cursor, exactly
from probe.wire.errors import Fault, WireError

__all__ = [
    "Message",
    "Notify",
    "Payload",
    "PayloadKind",
    "decode_message",
    "encode_message",
    "encode_notify",
    "read_notify",
]

HEADER_BYTES = 28
IKE_SA_INIT = 34
VERSION = 0x20
FLAG_INITIATOR = 0x08
FLAG_RESPONSE = 0x20
_MAX_PAYLOADS = 64
_CRITICAL = 0x80


class PayloadKind(IntEnum):
    """The payloads of the first exchange (section 3.2)."""

    NONE = 0
    SA = 33
    KEY_EXCHANGE = 34
    NONCE = 40
    NOTIFY = 41
    VENDOR_ID = 43


@dataclass(frozen=True, slots=True)
class Payload:
    """One payload: its number (not all have a name here), its body, its critical bit."""

    kind: int
    body: bytes
    critical: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """A message of which nothing is encrypted."""

    initiator_spi: bytes
    responder_spi: bytes
    flags: int
    payloads: tuple[Payload, ...]
    exchange: int = IKE_SA_INIT
    message_id: int = 0
    version: int = VERSION

    def first(self, kind: PayloadKind) -> Payload | None:
        """Return the first payload of a kind."""
        return next((payload for payload in self.payloads if payload.kind == kind), None)


@dataclass(frozen=True, slots=True)
class Notify:
    """A status (from 16384 on) or an error of the other side (section 3.10)."""

    kind: int
    data: bytes = b""

    @property
    def is_error(self) -> bool:
        """Return whether this ends the exchange."""
        return self.kind < 16_384


def encode_message(message: Message) -> bytes:
    """Return the bytes of a message.

    Raises:
        WireError: ``ARGUMENT``, a number or a length out of range.

    """
    first, *following = (*(payload.kind for payload in message.payloads), PayloadKind.NONE)
    chain = b""
    for payload, after in zip(message.payloads, following, strict=True):
        size = 4 + len(payload.body)
        if size > 0xFFFF or not 0 <= after < 256:
            raise WireError(Fault.ARGUMENT, "a payload has up to 65531 bytes and a kind of a byte")
        critical = _CRITICAL if payload.critical else 0
        chain += bytes([after, critical]) + size.to_bytes(2, "big") + payload.body
    try:
        numbers = bytes([first, message.version, message.exchange, message.flags])
        tail = message.message_id.to_bytes(4, "big") + (HEADER_BYTES + len(chain)).to_bytes(
            4, "big"
        )
    except (ValueError, OverflowError) as problem:
        raise WireError(Fault.ARGUMENT, "a header field is out of range") from problem
    spis = exactly(message.initiator_spi, 8, "an SPI") + exactly(message.responder_spi, 8, "an SPI")
    return spis + numbers + tail + chain


def decode_message(data: bytes) -> Message:
    """Return the message of a datagram (without the non-ESP marker).

    Raises:
        WireError: ``SHORT``; ``FORMAT``, lengths that do not agree, or another major version.

    """
    cursor = Cursor(data)
    spi_i, spi_r = cursor.take(8, "initiator's SPI"), cursor.take(8, "responder's SPI")
    kind = cursor.number(1, "next payload")
    version, exchange, flags = (
        cursor.number(1, field) for field in ("version", "exchange", "flags")
    )
    message_id, size = cursor.number(4, "message id"), cursor.number(4, "length")
    if version >> 4 != VERSION >> 4:
        raise WireError(Fault.FORMAT, "not IKEv2")
    if size > len(data):
        raise WireError(Fault.SHORT, "the message is cut")
    if size != len(data):
        raise WireError(Fault.FORMAT, "more bytes than the message has")
    payloads: list[Payload] = []
    while kind != PayloadKind.NONE:
        if len(payloads) == _MAX_PAYLOADS:
            raise WireError(Fault.FORMAT, "too many payloads")
        after, flag = cursor.number(1, "next payload"), cursor.number(1, "critical")
        length = cursor.number(2, "payload length")
        if length < 4:
            raise WireError(Fault.FORMAT, "a payload shorter than its header")
        body = cursor.take(length - 4, "payload")
        payloads.append(Payload(kind, body, bool(flag & _CRITICAL)))
        kind = after
    cursor.end("message")
    return Message(spi_i, spi_r, flags, tuple(payloads), exchange, message_id, version)


def encode_notify(notify: Notify) -> Payload:
    """Return the payload of a notification that belongs to no SPI.

    Raises:
        WireError: ``ARGUMENT``, a number of more than 16 bits.

    """
    if not 0 <= notify.kind < 1 << 16:
        raise WireError(Fault.ARGUMENT, "a notification's number has 16 bits")
    return Payload(PayloadKind.NOTIFY, b"\x00\x00" + notify.kind.to_bytes(2, "big") + notify.data)


def read_notify(body: bytes) -> Notify:
    """Return a notification.

    Raises:
        WireError: ``SHORT``.

    """
    cursor = Cursor(body)
    cursor.take(1, "protocol")
    spi = cursor.number(1, "SPI size")
    kind = cursor.number(2, "notification")
    cursor.take(spi, "SPI")
    return Notify(kind, cursor.rest())
