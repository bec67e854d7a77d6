"""OpenVPN's control packets, as far as the first answer of a server proves it is one.

Source: the OpenVPN wire protocol draft (openvpn.github.io/openvpn-rfc), "Control channel wire
packet structure" and "Overview of OPCODEs"; ooni/spec ts-040. A probe sends a hard reset, reads
the server's, may acknowledge it, and stops: the inner TLS handshake is never begun.
"""

from dataclasses import dataclass
from enum import IntEnum

from probe.wire.cursor import Cursor, exactly
from probe.wire.errors import Fault, WireError

__all__ = [
    "ControlPacket",
    "Opcode",
    "acknowledgement",
    "body",
    "check_reset",
    "frame",
    "hard_reset",
    "head",
    "looks_like_openvpn",
    "read_body",
    "read_head",
    "server_reset",
    "split_frame",
]

SESSION_BYTES = 8
_MAX_ACKS = 8  # RELIABLE_ACK_SIZE of OpenVPN; more were never sent
_MAX_PACKET = 65_535
_TLV_FLAGS = 0x01
_FLAG_RESEND_WKC = 0x01


class Opcode(IntEnum):
    """The high five bits of the first byte."""

    CONTROL_V1 = 4
    ACK_V1 = 5
    HARD_RESET_CLIENT_V2 = 7
    HARD_RESET_SERVER_V2 = 8
    HARD_RESET_CLIENT_V3 = 10
    """Of a client with a tls-crypt-v2 key; its wrapped key follows the packet."""


@dataclass(frozen=True, slots=True)
class ControlPacket:
    """A control packet without its wrapping.

    ``session`` is the sender's, ``peer_session`` the receiver's (present with ``acks`` only);
    ``packet_id`` is absent from acknowledgements.
    """

    opcode: Opcode
    session: bytes
    acks: tuple[int, ...] = ()
    peer_session: bytes = b""
    packet_id: int | None = 0
    payload: bytes = b""
    key_id: int = 0

    def __post_init__(self) -> None:
        exactly(self.session, SESSION_BYTES, "a session id")
        exactly(self.peer_session, SESSION_BYTES if self.acks else 0, "the peer's session id")
        if len(self.acks) > _MAX_ACKS or not 0 <= self.key_id < 8:
            raise WireError(Fault.ARGUMENT, "at most 8 acknowledgements, and a key id under 8")
        if (self.packet_id is None) != (self.opcode is Opcode.ACK_V1):
            raise WireError(Fault.ARGUMENT, "all but acknowledgements have a packet id")
        if any(not 0 <= n < 1 << 32 for n in (*self.acks, self.packet_id or 0)):
            raise WireError(Fault.ARGUMENT, "a packet id has 32 bits")

    @property
    def wants_wrapped_key_again(self) -> bool:
        """Return whether a server reset asks for the wrapped key once more (early negotiation)."""
        cursor = Cursor(self.payload)
        while cursor.left >= 4:
            kind, size = cursor.number(2, "TLV type"), cursor.number(2, "TLV length")
            if size > cursor.left:
                return False
            value = int.from_bytes(cursor.take(size, "TLV value"), "big")
            if kind == _TLV_FLAGS and size == 2 and value & _FLAG_RESEND_WKC:
                return True
        return False


def hard_reset(session: bytes, opcode: Opcode = Opcode.HARD_RESET_CLIENT_V2) -> ControlPacket:
    """Return a client's first packet; ``session`` is 8 fresh random bytes.

    Raises:
        WireError: ``ARGUMENT``, another length, or an opcode that is no client's reset.

    """
    if opcode not in (Opcode.HARD_RESET_CLIENT_V2, Opcode.HARD_RESET_CLIENT_V3):
        raise WireError(Fault.ARGUMENT, "not a reset of a client")
    return ControlPacket(opcode, session)


def server_reset(session: bytes, client: ControlPacket) -> ControlPacket:
    """Return a server's answer to a client's reset, as the lab and the tests send it."""
    return ControlPacket(
        Opcode.HARD_RESET_SERVER_V2,
        session,
        acks=(client.packet_id or 0,),
        peer_session=client.session,
    )


def acknowledgement(session: bytes, received: ControlPacket) -> ControlPacket:
    """Return the packet that acknowledges ``received`` in our ``session``."""
    return ControlPacket(
        Opcode.ACK_V1,
        session,
        acks=(received.packet_id or 0,),
        peer_session=received.session,
        packet_id=None,
    )


def check_reset(packet: ControlPacket, session: bytes) -> ControlPacket:
    """Return ``packet`` if it is a server's answer to the reset that we sent in ``session``.

    The echo of our 8 random bytes is what a blind injector cannot know.

    Raises:
        WireError: ``FORMAT``, not a server's reset; ``FOREIGN``, it answers another one.

    """
    if packet.opcode is not Opcode.HARD_RESET_SERVER_V2:
        raise WireError(Fault.FORMAT, "not a reset of a server")
    if packet.peer_session != session or 0 not in packet.acks:
        raise WireError(Fault.FOREIGN, "the reset answers another session")
    return packet


def head(packet: ControlPacket) -> bytes:
    """Return the first 9 bytes: opcode, key id, session. No wrapping hides them."""
    return bytes([packet.opcode << 3 | packet.key_id]) + packet.session


def read_head(cursor: Cursor) -> tuple[Opcode, int, bytes]:
    """Read opcode, key id and session.

    Raises:
        WireError: ``FORMAT``, an opcode that no control packet of today has; ``SHORT``.

    """
    first = cursor.number(1, "opcode")
    try:
        opcode = Opcode(first >> 3)
    except ValueError as problem:
        raise WireError(Fault.FORMAT, "no opcode of a control packet") from problem
    return opcode, first & 7, cursor.take(SESSION_BYTES, "session id")


def body(packet: ControlPacket) -> bytes:
    """Return what follows the head: acknowledgements, packet id, payload."""
    acks = b"".join(n.to_bytes(4, "big") for n in packet.acks)
    number = b"" if packet.packet_id is None else packet.packet_id.to_bytes(4, "big")
    return bytes([len(packet.acks)]) + acks + packet.peer_session + number + packet.payload


def read_body(opcode: Opcode, key_id: int, session: bytes, data: bytes) -> ControlPacket:
    """Return the control packet with this head and the unwrapped ``data`` behind it.

    Raises:
        WireError: ``SHORT`` or ``FORMAT``.

    """
    cursor = Cursor(data)
    count = cursor.number(1, "acknowledgements")
    if count > _MAX_ACKS:
        raise WireError(Fault.FORMAT, "too many acknowledgements")
    acks = tuple(cursor.number(4, "acknowledgement") for _ in range(count))
    peer = cursor.take(SESSION_BYTES, "the peer's session id") if count else b""
    packet_id = None if opcode is Opcode.ACK_V1 else cursor.number(4, "packet id")
    if opcode is Opcode.ACK_V1:
        cursor.end("acknowledgement")
    return ControlPacket(opcode, session, acks, peer, packet_id, cursor.rest(), key_id)


def frame(packet: bytes) -> bytes:
    """Return a packet as it travels over TCP: behind its length in 2 bytes.

    Raises:
        WireError: ``ARGUMENT``, empty or longer than 65,535 bytes.

    """
    if not 0 < len(packet) <= _MAX_PACKET:
        raise WireError(Fault.ARGUMENT, "a packet over TCP has 1 to 65535 bytes")
    return len(packet).to_bytes(2, "big") + packet


def split_frame(buffer: bytes) -> tuple[bytes, bytes] | None:
    """Return the first packet of a TCP stream and what follows it; ``None``: more must come.

    Raises:
        WireError: ``FORMAT``, a length of zero.

    """
    if len(buffer) < 2:
        return None
    size = int.from_bytes(buffer[:2], "big")
    if size == 0:
        raise WireError(Fault.FORMAT, "an empty packet")
    return (buffer[2 : 2 + size], buffer[2 + size :]) if len(buffer) >= 2 + size else None


def looks_like_openvpn(packet: bytes) -> bool:
    """Return whether the first byte is an opcode of OpenVPN (1 to 11), as a filter would say."""
    return bool(packet) and 1 <= packet[0] >> 3 <= 11
