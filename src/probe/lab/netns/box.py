"""The box in the middle: takes packets off wires, asks the path what becomes of them, sends them.

What the path (``probe.lab.path``) does to a packet is pure; this is the loop around it. Nothing
slow may happen here: every packet of every place passes through one thread.
"""

import asyncio
import heapq
import itertools
import traceback
from collections.abc import Mapping, Sequence
from typing import Protocol

from probe.lab.netns.wires import Wire
from probe.lab.path.plumbing import Side
from probe.net.pcap import Tape

__all__ = ["Box", "Outgoing", "Path"]

AT_ONCE = 64
"""Packets taken off one wire before the others have their turn."""

MAX_HELD = 100_000
"""Packets that may be on their way; a link that holds more loses them."""


_TAPED = (Side.LINE, Side.INTERNET)


class Outgoing(Protocol):
    """A packet and where it goes, ``after_s`` seconds from now; ``None`` is the line's VPN."""

    @property
    def packet(self) -> bytes:
        """Return the whole packet."""
        ...

    @property
    def to(self) -> Side | None:
        """Return the wire."""
        ...

    @property
    def after_s(self) -> float:
        """Return how long it is on its way."""
        ...


class Path(Protocol):
    """What stands between the wires."""

    def handle(self, packet: bytes, came_from: Side | None, at_s: float) -> Sequence[Outgoing]:
        """Return what is sent because ``packet`` came in at ``at_s`` (monotonic seconds)."""
        ...


class Box:
    """Moves packets between wires until it is closed."""

    def __init__(self, path: Path, wires: Mapping[Side, Wire], *, tape: Tape | None = None) -> None:
        """Join ``wires`` by ``path``; what crosses is kept on ``tape``."""
        self._path = path
        self._wires: dict[Side | None, Wire] = {}
        self._wires.update(wires.items())
        self._tape = tape
        self._held: list[tuple[float, int, bytes, Side | None]] = []
        self._number = itertools.count()
        self._timer: asyncio.TimerHandle | None = None
        self._timed_for = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self.packets = 0
        self.lost = 0
        self.faults: list[str] = []  # what went wrong in the path itself, the first few

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        """Move packets from now on, in ``loop``."""
        self._loop = loop
        for side, wire in self._wires.items():
            loop.add_reader(wire.fd, self._readable, side, wire, loop)

    @property
    def tunnelled(self) -> bool:
        """Return whether the line's VPN has a wire."""
        return None in self._wires

    def tunnel(self, wire: Wire | None) -> None:
        """Join the wire of the line's VPN, or part with it: then its interface vanishes."""
        old = self._wires.pop(None, None)
        if old is not None:
            if self._loop is not None:
                self._loop.remove_reader(old.fd)
            old.close()
        if wire is not None:
            self._wires[None] = wire
            if self._loop is not None:
                self._loop.add_reader(wire.fd, self._readable, None, wire, self._loop)

    def close(self) -> None:
        """Move nothing any more, and close the wires."""
        if self._timer is not None:
            self._timer.cancel()
        for wire in self._wires.values():
            if self._loop is not None:
                self._loop.remove_reader(wire.fd)
            wire.close()
        self._wires.clear()

    def _readable(self, side: Side | None, wire: Wire, loop: asyncio.AbstractEventLoop) -> None:
        """Take what has come by one wire; the loop asks again while there is more."""
        read, handle, time, tape = wire.read, self._path.handle, loop.time, self._tape
        for _ in range(AT_ONCE):
            try:
                packet = read()
            except OSError:  # nothing left; or the link is down, which nobody is told of
                return
            if not packet:
                return
            self.packets += 1
            now = time()
            if tape is not None and side in _TAPED:
                tape.keep(packet, now)
            try:
                sent = handle(packet, side, now)
            except Exception:  # noqa: BLE001 - the box outlives a fault in the path, and tells it
                self._fault()
                continue
            for one in sent:
                if one.after_s <= 0.0:
                    self._put(one.packet, one.to, now)
                else:
                    self._hold(one, now)

    def _put(self, packet: bytes, side: Side | None, now: float) -> None:
        if self._tape is not None and side in _TAPED:
            self._tape.keep(packet, now)
        wire = self._wires.get(side)
        if wire is not None:
            wire.write(packet)

    def _hold(self, sent: Outgoing, now: float) -> None:
        """Keep a packet until its time has come; of the same instant the first stays first."""
        if len(self._held) >= MAX_HELD:
            self.lost += 1
            return
        due = now + sent.after_s
        heapq.heappush(self._held, (due, next(self._number), sent.packet, sent.to))
        if self._timer is None or due < self._timed_for:
            self._set_timer(due)

    def _set_timer(self, due: float) -> None:
        if self._loop is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timed_for = due
        self._timer = self._loop.call_at(due, self._due)

    def _due(self) -> None:
        """Send what is due, and wait for the next."""
        self._timer = None
        if self._loop is None:
            return
        now = self._loop.time()
        held = self._held
        while held and held[0][0] <= now:
            _, _, packet, side = heapq.heappop(held)
            self._put(packet, side, now)
        if held:
            self._set_timer(held[0][0])

    def _fault(self) -> None:
        if len(self.faults) < 5:
            self.faults.append(traceback.format_exc(limit=-3))
