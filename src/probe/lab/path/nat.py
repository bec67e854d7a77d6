"""The 1:1 translation between the line's private address and the one that others see.

Ports stay as they are, so no table is needed. ICMP errors quote packets; the quoted addresses
are translated as well (RFC 5508), or the sender would not recognise its own packet. IPv6 is
not translated.
"""

from probe.lab.path.checksums import adjusted, checksum
from probe.lab.path.packets import ICMP, Packet
from probe.lab.path.plumbing import Plumbing, packed

__all__ = ["Nat"]

_ERRORS = frozenset({3, 4, 5, 11, 12})
_QUOTED_SOURCE, _QUOTED_TARGET = 12, 16


class Nat:
    """Translates in place."""

    def __init__(self, plumbing: Plumbing) -> None:
        """Translate between ``line_v4`` and ``line_public_v4``; let ``line_v6`` through."""
        self._private = packed(plumbing.line_v4)
        self._public = packed(plumbing.line_public_v4)
        self._v6 = packed(plumbing.line_v6)

    def outward(self, packet: Packet) -> bool:
        """Translate a packet of the line; return whether its source was the line's at all."""
        if packet.family == 6:
            return packet.source == self._v6
        if packet.source != self._private:
            return False
        packet.set_source(self._public)
        if packet.protocol == ICMP and not packet.fragment:
            _translate_quote(packet, _QUOTED_TARGET, self._private, self._public)
        return True

    def inward(self, packet: Packet) -> None:
        """Translate a packet to the line."""
        if packet.family == 4 and packet.target == self._public:
            packet.set_target(self._private)
            if packet.protocol == ICMP and not packet.fragment:
                _translate_quote(packet, _QUOTED_SOURCE, self._public, self._private)


def _translate_quote(packet: Packet, field: int, old: bytes, new: bytes) -> None:
    """Translate an address in the header that an ICMP error quotes, if it is ``old``.

    The quoted transport checksum is adjusted when it is quoted at all; then the message's own
    checksum is made anew.
    """
    raw, at = packet.raw, packet.at
    quote = at + 8
    if raw[at] not in _ERRORS or len(raw) < quote + 20 or raw[quote] >> 4 != 4:
        return
    where = quote + field
    if raw[where : where + 4] != old:
        return
    raw[where : where + 4] = new
    _adjust(raw, quote + 10, old, new)
    within = {6: 16, 17: 6}.get(raw[quote + 9])
    header = (raw[quote] & 0x0F) * 4
    if within is not None and quote + header + within + 2 <= len(raw):
        checked = quote + header + within
        if raw[quote + 9] == 6 or any(raw[checked : checked + 2]):
            _adjust(raw, checked, old, new)
    raw[at + 2 : at + 4] = b"\0\0"
    raw[at + 2 : at + 4] = checksum(raw[at:]).to_bytes(2, "big")


def _adjust(raw: bytearray, where: int, old: bytes, new: bytes) -> None:
    before = (raw[where] << 8) | raw[where + 1]
    raw[where : where + 2] = adjusted(before, old, new).to_bytes(2, "big")
