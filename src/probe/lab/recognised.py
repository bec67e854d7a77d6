"""What a filter takes a datagram for, by its first bytes: the protocol, and which of its messages.

As the real ones do it: a type and a length, an opcode, a magic number. A QUIC packet with a short
header says nothing by itself; in an exchange that began with a long one it is QUIC all the same.
"""

from dataclasses import dataclass

from probe.wire.errors import WireError
from probe.wire.ikev2 import NON_ESP_MARKER
from probe.wire.openvpn import Opcode
from probe.wire.quic import read_long_header
from probe.wire.stun import looks_like_stun
from probe.wire.wireguard import looks_like_wireguard

__all__ = ["MESSAGES", "PROTOCOLS", "Recogniser", "Said"]

_WIREGUARD = {1: "initiation", 2: "response", 3: "cookie", 4: "data"}
_STUN = {0x0001: "binding_request", 0x0101: "binding_success", 0x0111: "binding_error"}
_QUIC_V1 = ("initial", "zero_rtt", "handshake", "retry")
_QUIC_V2 = ("retry", "initial", "zero_rtt", "handshake")
_IKE = {34: "sa_init", 35: "auth"}
_V2 = 0x6B33_43CF
_LEAST_OPENVPN = 14
_IKE_HEADER = 28

PROTOCOLS = frozenset({"stun", "wireguard", "quic", "ikev2", "openvpn"})
MESSAGES = frozenset(
    {
        *_WIREGUARD.values(),
        *_STUN.values(),
        *_QUIC_V1,
        "versions",
        "short",
        *_IKE.values(),
        *(opcode.name.lower() for opcode in Opcode),
    }
)


@dataclass(frozen=True, slots=True)
class Said:
    """What a datagram was taken for; ``None`` is nothing that is known."""

    protocol: str | None = None
    message: str | None = None


class Recogniser:
    """Looks at the datagrams of one exchange, in both directions."""

    __slots__ = ("_quic",)

    def __init__(self) -> None:
        """Know nothing of it yet."""
        self._quic = False

    def look(self, datagram: bytes) -> Said:
        """Return what ``datagram`` is taken for."""
        for read in (_stun, _wireguard, _quic, _ikev2, _openvpn):
            said = read(datagram)
            if said is not None:
                self._quic = self._quic or said.protocol == "quic"
                return said
        if self._quic and datagram and datagram[0] & 0xC0 == 0x40:
            return Said("quic", "short")
        return Said()


def _stun(data: bytes) -> Said | None:
    if len(data) < 20 or not looks_like_stun(data):
        return None
    return Said("stun", _STUN.get(int.from_bytes(data[:2], "big")))


def _wireguard(data: bytes) -> Said | None:
    return Said("wireguard", _WIREGUARD[data[0]]) if looks_like_wireguard(data) else None


def _quic(data: bytes) -> Said | None:
    try:
        version = read_long_header(data).version
    except WireError:
        return None
    if version == 0 or version & 0x0F0F_0F0F == 0x0A0A_0A0A:
        return Said("quic", "versions")
    if version not in (1, _V2) or not data[0] & 0x40:
        return None
    return Said("quic", (_QUIC_V2 if version == _V2 else _QUIC_V1)[data[0] >> 4 & 3])


def _ikev2(data: bytes) -> Said | None:
    head = data.removeprefix(NON_ESP_MARKER) if data[:4] == NON_ESP_MARKER else data
    if len(head) < _IKE_HEADER or head[17] != 0x20:
        return None
    if int.from_bytes(head[24:28], "big") != len(head):
        return None
    return Said("ikev2", _IKE.get(head[18]))


def _openvpn(data: bytes) -> Said | None:
    if len(data) < _LEAST_OPENVPN or data[0] & 7:
        return None
    try:
        return Said("openvpn", Opcode(data[0] >> 3).name.lower())
    except ValueError:
        return None
