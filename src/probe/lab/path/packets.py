"""One IP packet on its way: read once, rewritten in place, its checksums kept right.

IPv4 (RFC 791) and IPv6 (RFC 8200) with TCP, UDP and ICMP. Whatever is truncated, lies about
its lengths or has a wrong header checksum is no packet. Fragments are packets without ports:
addresses and TTL can be rewritten, nobody reads names in them.
"""

from probe.lab.path.checksums import MODULUS, adjusted, checksum

__all__ = [
    "ACK",
    "FIN",
    "ICMP",
    "ICMP6",
    "PSH",
    "RST",
    "SYN",
    "TCP",
    "UDP",
    "Packet",
    "read_packet",
]

ICMP, TCP, UDP, ICMP6 = 1, 6, 17, 58
FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10

_FRAGMENT = 44
_AUTHENTICATION = 51
_OPTIONS = frozenset({0, 43, 60})  # hop-by-hop, routing, destination
_MAX_EXTENSIONS = 8
_SUM_AT = {TCP: 16, UDP: 6, ICMP6: 2}  # of the checksums that cover the addresses


class Packet:
    """A packet whose header fields were read; ``raw`` holds exactly the packet."""

    __slots__ = (
        "acknowledgement",
        "at",
        "end",
        "family",
        "flags",
        "fragment",
        "payload_at",
        "protocol",
        "raw",
        "sequence",
        "source",
        "source_port",
        "target",
        "target_port",
        "ttl",
        "window",
    )

    raw: bytearray
    family: int
    protocol: int
    source: bytes
    target: bytes
    ttl: int
    at: int  # where the transport header starts
    end: int  # of the transport's payload
    fragment: int  # 0 whole, 1 a first fragment, 2 a later one
    source_port: int
    target_port: int
    sequence: int
    acknowledgement: int
    flags: int
    window: int
    payload_at: int

    @property
    def payload(self) -> bytes:
        """Return what the transport carries."""
        return bytes(self.raw[self.payload_at : self.end])

    @property
    def payload_length(self) -> int:
        """Return the length of what the transport carries."""
        return self.end - self.payload_at

    @property
    def next_sequence(self) -> int:
        """Return the sequence number after this segment; SYN and FIN count as one each."""
        taken = self.payload_length + bool(self.flags & SYN) + bool(self.flags & FIN)
        return (self.sequence + taken) & 0xFFFFFFFF

    def set_source(self, address: bytes) -> None:
        """Write another source address of the same family."""
        self._readdress(12 if self.family == 4 else 8, self.source, address)
        self.source = address

    def set_target(self, address: bytes) -> None:
        """Write another target address of the same family."""
        self._readdress(16 if self.family == 4 else 24, self.target, address)
        self.target = address

    def set_source_port(self, port: int) -> None:
        """Write another source port of TCP or UDP."""
        self._write_covered(self.at, port.to_bytes(2, "big"))
        self.source_port = port

    def set_target_port(self, port: int) -> None:
        """Write another target port of TCP or UDP."""
        self._write_covered(self.at + 2, port.to_bytes(2, "big"))
        self.target_port = port

    def age(self, hops: int) -> None:
        """Take ``hops`` off the TTL, which must be larger."""
        self.ttl -= hops
        self.raw[8 if self.family == 4 else 7] = self.ttl

    def wire(self) -> bytes:
        """Return the packet as it is sent, with the header's checksum of what was rewritten."""
        raw = self.raw
        if self.family == 4:
            raw[10:12] = b"\0\0"
            raw[10:12] = checksum(raw[: self.at]).to_bytes(2, "big")
        return bytes(raw)

    def _readdress(self, offset: int, old: bytes, new: bytes) -> None:
        self.raw[offset : offset + len(old)] = new
        self._cover(old, new)

    def _write_covered(self, offset: int, new: bytes) -> None:
        old = bytes(self.raw[offset : offset + len(new)])
        self.raw[offset : offset + len(new)] = new
        self._cover(old, new)

    def _cover(self, old: bytes, new: bytes) -> None:
        """Keep the transport's checksum right, when this packet carries it."""
        within = _SUM_AT.get(self.protocol)
        if within is None or self.fragment == 2:
            return
        raw, where = self.raw, self.at + within
        before = (raw[where] << 8) | raw[where + 1] if where + 2 <= len(raw) else 0
        if before == 0 and (self.protocol == UDP or where + 2 > len(raw)):
            return  # UDP without a checksum (RFC 768), or a fragment too short for one
        after = adjusted(before, old, new)
        if after == 0 and self.protocol == UDP:
            after = MODULUS
        raw[where : where + 2] = after.to_bytes(2, "big")


def read_packet(data: bytes) -> Packet | None:
    """Return the packet that ``data`` starts with, ``None`` when it is malformed.

    Bytes after the packet (the padding of short Ethernet frames) are cut off.
    """
    if not data:
        return None
    version = data[0] >> 4
    if version == 4:
        packet = _read_v4(data)
    elif version == 6:
        packet = _read_v6(data)
    else:
        return None
    return None if packet is None or not _read_transport(packet) else packet


def _read_v4(data: bytes) -> Packet | None:
    header = (data[0] & 0x0F) * 4
    if header < 20 or len(data) < header:
        return None
    total = (data[2] << 8) | data[3]
    if not header <= total <= len(data):
        return None
    if int.from_bytes(data[:header], "big") % MODULUS:
        return None
    packet = Packet()
    packet.raw = bytearray(data if len(data) == total else data[:total])
    packet.family = 4
    fragment = ((data[6] << 8) | data[7]) & 0x3FFF
    packet.fragment = 0 if not fragment else 1 if not fragment & 0x1FFF else 2
    packet.ttl = data[8]
    packet.protocol = data[9]
    packet.source = data[12:16]
    packet.target = data[16:20]
    packet.at = header
    packet.end = total
    return packet


def _read_v6(data: bytes) -> Packet | None:
    if len(data) < 40:
        return None
    total = 40 + ((data[4] << 8) | data[5])
    if total > len(data):
        return None
    packet = Packet()
    packet.raw = bytearray(data if len(data) == total else data[:total])
    packet.family = 6
    packet.fragment = 0
    packet.ttl = data[7]
    packet.source = data[8:24]
    packet.target = data[24:40]
    packet.end = total
    packet.protocol = data[6]
    packet.at = 40
    return packet if packet.protocol in _SUM_AT or _skip_extensions(packet) else None


def _skip_extensions(packet: Packet) -> bool:
    """Move to the transport header; return whether the chain of headers is sound."""
    raw = packet.raw
    for _ in range(_MAX_EXTENSIONS):
        kind, at = packet.protocol, packet.at
        if kind not in _OPTIONS and kind not in (_FRAGMENT, _AUTHENTICATION):
            return True
        if packet.fragment == 2:
            return True  # what follows is the middle of something
        if at + 8 > packet.end:
            return False
        if kind == _FRAGMENT:
            field = (raw[at + 2] << 8) | raw[at + 3]
            if field & 0xFFF9:  # an atomic fragment (RFC 6946) is whole
                packet.fragment = 2 if field & 0xFFF8 else 1
            length = 8
        elif kind == _AUTHENTICATION:
            length = (raw[at + 1] + 2) * 4
        else:
            length = (raw[at + 1] + 1) * 8
        if at + length > packet.end:
            return False
        packet.protocol = raw[at]
        packet.at = at + length
    return False


def _read_transport(packet: Packet) -> bool:
    """Read ports, numbers and lengths; return whether the transport header is sound."""
    raw, at, end = packet.raw, packet.at, packet.end
    packet.payload_at = at
    packet.source_port = packet.target_port = packet.flags = 0
    if packet.fragment:
        return True
    protocol = packet.protocol
    if protocol == TCP:
        if at + 20 > end:
            return False
        packet.payload_at = at + (raw[at + 12] >> 4) * 4
        if not at + 20 <= packet.payload_at <= end:
            return False
        fields = int.from_bytes(raw[at : at + 16], "big")
        packet.source_port = fields >> 112
        packet.target_port = (fields >> 96) & 0xFFFF
        packet.sequence = (fields >> 64) & 0xFFFFFFFF
        packet.acknowledgement = (fields >> 32) & 0xFFFFFFFF
        packet.flags = (fields >> 16) & 0x3F
        packet.window = fields & 0xFFFF
        return True
    if protocol == UDP:
        if at + 8 > end:
            return False
        fields = int.from_bytes(raw[at : at + 6], "big")
        packet.source_port = fields >> 32
        packet.target_port = (fields >> 16) & 0xFFFF
        packet.payload_at = at + 8
        packet.end = at + (fields & 0xFFFF)
        return packet.payload_at <= packet.end <= end
    if protocol in (ICMP, ICMP6):
        packet.payload_at = at + 8
        return packet.payload_at <= end
    return True
