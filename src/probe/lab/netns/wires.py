"""Ends of links at which the box takes and puts whole IP packets.

A TUN device gives them as they are. Where /dev/net/tun may not be opened, a veth pair and an
AF_PACKET socket on the box's end take its place (packet(7)): frames have Ethernet headers, which
are put on and taken off here, and the router's end must not leave checksums and segmentation to
a device that does neither.
"""

import contextlib
import errno
import fcntl
import os
import socket
import struct
from typing import Protocol

from probe.lab.line import LabError

__all__ = [
    "MAX_PACKET",
    "PACKET_PREFIX",
    "TUN",
    "PacketWire",
    "TunWire",
    "Wire",
    "open_packet",
    "open_tun",
    "plain_sending",
]

TUN = "/dev/net/tun"
MAX_PACKET = 65_535
PACKET_PREFIX = "probew"
"""The box's ends of AF_PACKET wires are named so."""

_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_SIOCETHTOOL = 0x8946
_OFF = (0x17, 0x19, 0x1F, 0x24, 0x2C)
"""ETHTOOL_STXCSUM, SSG, STSO, SGSO, SGRO (linux/ethtool.h)."""
_SOL_PACKET, _PACKET_IGNORE_OUTGOING = 263, 23
_ETH_P_ALL, _ETHERNET = 3, 14
_V4, _V6 = b"\x08\x00", b"\x86\xdd"
_FULL = (errno.ENOBUFS, errno.EAGAIN, errno.EIO, errno.ENETDOWN, errno.EINVAL, errno.EMSGSIZE)
"""What a full or downed link says: the packet is lost, as it would be on a real one."""


class Wire(Protocol):
    """One end of a link, without waiting; ``fd`` is what a loop watches."""

    fd: int

    def read(self) -> bytes:
        """Return the next IP packet; raises ``BlockingIOError`` when there is none."""
        ...

    def write(self, packet: bytes) -> None:
        """Put one IP packet on the link; a link that is full or down loses it."""
        ...

    def close(self) -> None:
        """Close; the link vanishes with its namespace."""
        ...


class TunWire:
    """The user-space end of a TUN device."""

    __slots__ = ("fd",)

    def __init__(self, fd: int) -> None:
        """Take over a non-blocking descriptor of /dev/net/tun that has its interface."""
        self.fd = fd

    def read(self) -> bytes:
        """Return the next packet."""
        return os.read(self.fd, MAX_PACKET)

    def write(self, packet: bytes) -> None:
        """Put one packet on the link."""
        try:
            os.write(self.fd, packet)
        except OSError as exc:
            if exc.errno not in _FULL:
                raise

    def close(self) -> None:
        """Close."""
        os.close(self.fd)


class PacketWire:
    """The box's end of a veth pair, read and written as Ethernet frames."""

    __slots__ = ("_head", "_sock", "fd")

    def __init__(self, sock: socket.socket, mac: bytes) -> None:
        """Take over a bound, non-blocking AF_PACKET socket; both ends have the address ``mac``."""
        self._sock = sock
        self._head = mac + mac
        self.fd = sock.fileno()

    def read(self) -> bytes:
        """Return the next packet that is IP."""
        while True:
            frame = self._sock.recv(MAX_PACKET)
            if frame[12:14] in (_V4, _V6):
                return _trimmed(frame[_ETHERNET:])

    def write(self, packet: bytes) -> None:
        """Put one packet on the link."""
        kind = _V6 if packet[0] >> 4 == 6 else _V4
        try:
            self._sock.send(self._head + kind + packet)
        except OSError as exc:
            if exc.errno not in _FULL:
                raise

    def close(self) -> None:
        """Close."""
        self._sock.close()


def _trimmed(packet: bytes) -> bytes:
    """Return the packet without the padding that Ethernet adds to short ones."""
    if len(packet) < 20:
        return packet
    if packet[0] >> 4 == 4:
        return packet[: int.from_bytes(packet[2:4], "big") or len(packet)]
    return packet[: 40 + int.from_bytes(packet[4:6], "big")] if len(packet) >= 40 else packet


def open_tun(name: str) -> TunWire:
    """Make the TUN device ``name`` in this thread's network namespace.

    Raises:
        LabError: the device may not be opened, or the kernel has no TUN.

    """
    try:
        fd = os.open(TUN, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as exc:
        raise LabError(f"{TUN} cannot be opened: {exc.strerror}") from exc
    try:
        fcntl.ioctl(fd, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI))
    except OSError as exc:
        os.close(fd)
        raise LabError(f"no TUN device can be made: {exc.strerror}") from exc
    return TunWire(fd)


def open_packet(name: str, mac: bytes) -> PacketWire:
    """Open the veth end ``name`` of this thread's network namespace.

    Raises:
        LabError: AF_PACKET is not allowed here.

    """
    sock = None
    try:
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
        sock.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
        sock.bind((name, _ETH_P_ALL))
        sock.settimeout(0.0)
    except OSError as exc:
        if sock is not None:
            sock.close()
        raise LabError(f"no AF_PACKET socket can be opened: {exc.strerror}") from exc
    return PacketWire(sock, mac)


def plain_sending(name: str) -> None:
    """Make ``name`` send finished packets: no checksum or segmentation is left to the device.

    Raises:
        LabError: the kernel refuses.

    """
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
        for command in _OFF:
            _ethtool(sock, name, command)


def _ethtool(sock: socket.socket, name: str, command: int) -> None:
    """Set one feature to 0 (struct ethtool_value behind struct ifreq)."""
    import ctypes

    value = ctypes.create_string_buffer(struct.pack("=II", command, 0))
    request = struct.pack("16sP16x", name.encode(), ctypes.addressof(value))
    try:
        fcntl.ioctl(sock.fileno(), _SIOCETHTOOL, request)
    except OSError as exc:
        if exc.errno != errno.EOPNOTSUPP:  # a device that never had the feature
            raise LabError(f"offloads of {name} cannot be turned off: {exc.strerror}") from exc
