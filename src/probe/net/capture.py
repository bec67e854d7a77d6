"""What arrives and leaves, packet by packet: a packet socket with the kernel's filter (Linux).

It needs CAP_NET_RAW and nothing else, and only listens: nothing is ever sent by it. The filter
(``wire.packet_filter``) lets through what concerns the traced host; what arrived between the
socket's birth and its filter is thrown away unread.
"""

import asyncio
import contextlib
import ctypes
import socket
import struct
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import NamedTuple, Self

from probe.errors import InputError
from probe.net import guard
from probe.net.raw import scapy_is_here
from probe.wire.packet_filter import packet_filter

__all__ = ["Capture", "Caught", "what_is_missing"]

_ATTACH_FILTER = 26  # SO_ATTACH_FILTER, asm-generic/socket.h
_EVERY_PROTOCOL = 3  # ETH_P_ALL: others are not shown what leaves
_BUFFER = 4 << 20
_SOL_PACKET, _STATISTICS = 263, 6  # linux/if_packet.h: packets, and those that were dropped
_MAX_PACKETS = 10_000
"""Between two looks at them; a batch of shots brings some hundred. What is more is a flood."""

_SNAP = 65_535

_NO_RIGHT = (
    "CAP_NET_RAW is missing: run it as root, or let a systemd unit have"
    " AmbientCapabilities=CAP_NET_RAW"
)


class Caught(NamedTuple):
    """A packet from its IP header on, and when it was read (event loop's seconds)."""

    at_s: float
    data: bytes


def what_is_missing() -> tuple[str, ...]:
    """Return what this machine lacks to read packets, each with its mend; empty if nothing."""
    missing: list[str] = []
    if not scapy_is_here():
        missing.append("scapy is not installed: install the extra, probe[raw]")
    family = getattr(socket, "AF_PACKET", None)
    if family is None or sys.platform != "linux":
        return (*missing, "packets can be read on Linux only")
    try:
        socket.socket(family, socket.SOCK_DGRAM, 0).close()
    except PermissionError:
        missing.append(_NO_RIGHT)
    except OSError as exc:
        missing.append(f"no packet socket can be opened: {exc.strerror}")
    return tuple(missing)


class Capture:
    """``with Capture([address]) as capture``: packets from and to it, until taken."""

    def __init__(self, addresses: Sequence[str]) -> None:
        """Prepare for ``addresses`` (IP literals), to which the guard must allow packets.

        Raises:
            ForbiddenNetwork: the guard does not allow one.

        """
        for address in addresses:
            guard.check(address)
        self._program = packet_filter(addresses)
        self._caught: list[Caught] = []
        self._sock: socket.socket | None = None
        self._lost = 0

    def __enter__(self) -> Self:
        """Start to listen.

        Raises:
            InputError: this machine does not allow it.

        """
        missing = what_is_missing()
        if missing:
            raise InputError("; ".join(missing))
        protocol = socket.htons(_EVERY_PROTOCOL)
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, protocol)
        sock.settimeout(0.0)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        _attach(sock, packet_filter(()))
        _throw_away(sock)
        _attach(sock, self._program)
        self._sock = sock
        asyncio.get_running_loop().add_reader(sock.fileno(), self._read)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._sock is not None:
            asyncio.get_running_loop().remove_reader(self._sock.fileno())
            self._sock.close()
            self._sock = None

    def take(self) -> list[Caught]:
        """Return what has been caught since the last time."""
        self._read()
        caught, self._caught = self._caught, []
        return caught

    def lost(self) -> int:
        """Return how many more packets there were since the last time this was asked."""
        lost, self._lost = self._lost, 0
        if self._sock is not None:
            _, dropped = struct.unpack("II", self._sock.getsockopt(_SOL_PACKET, _STATISTICS, 8))
            lost += dropped
        return lost

    def _read(self) -> None:
        if self._sock is None:
            return
        now_s = asyncio.get_running_loop().time()
        with contextlib.suppress(BlockingIOError, InterruptedError):
            while True:
                data = self._sock.recv(_SNAP)
                if len(self._caught) < _MAX_PACKETS:
                    self._caught.append(Caught(now_s, data))
                else:
                    self._lost += 1


def _throw_away(sock: socket.socket) -> None:
    """Drop what came before there was a filter; by now nothing more comes."""
    with contextlib.suppress(BlockingIOError):
        while sock.recv(1):
            pass


def _attach(sock: socket.socket, program: bytes) -> None:
    """Give the kernel a filter: a count of instructions and where they are (``sock_fprog``)."""
    buffer = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer))
    sock.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, head)
