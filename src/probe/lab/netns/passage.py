"""What the box asks of each packet: the path, and beside it the exit of the line's VPN.

A VPN's packets enter the path abroad, at the address of the control there: so they meet what
everybody meets and nothing of what is done on the line, as behind a real one. What comes back
is told apart by its port, since the two machines take theirs from different ranges.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from probe.lab.netns.addresses import Addresses, plumbing_of
from probe.lab.path import Middle
from probe.lab.path.nat import Nat
from probe.lab.path.packets import ICMP, TCP, UDP, Packet, read_packet
from probe.lab.path.plumbing import Plumbing, Sent, Side
from probe.lab.path.sought import Sought
from probe.lab.rules import Scenario
from probe.lab.world import World

__all__ = ["TUNNEL_PORTS", "Homeward", "Passage"]

TUNNEL_PORTS = 32_768
"""From here on Linux takes ports for connections; the control abroad is given lower ones."""

_ERRORS = (3, 11, 12)
"""ICMP messages that quote the packet that they are about."""


@dataclass(frozen=True, slots=True)
class Homeward:
    """A packet to put into the line's VPN, ``after_s`` seconds from now."""

    packet: bytes
    after_s: float = 0.0
    to: None = None


class Passage:
    """The path of one lab; another network, or another world, may need another ``Middle``."""

    def __init__(
        self,
        world: World,
        scenario: Scenario,
        addresses: Addresses,
        *,
        now: datetime,
        rng: random.Random,
    ) -> None:
        """Stand between ``addresses``."""
        self._rng = rng
        self._now = now
        self._plumbing = plumbing_of(addresses)
        self._exit = _exit_of(self._plumbing, addresses)
        self._middle = Middle(world, scenario, self._plumbing, now=now, rng=rng)
        self.tunnelled = False

    @property
    def counts(self) -> Counter[str]:
        """Return what became of the packets."""
        return self._middle.counts

    @property
    def sought(self) -> Sought:
        """Return whom the line sought since the last scenario began."""
        return self._middle.sought

    def play(self, world: World, scenario: Scenario, addresses: Addresses) -> None:
        """Put another censor, line and world in place."""
        plumbing = plumbing_of(addresses)
        if plumbing == self._plumbing:
            self._middle.play(world, scenario)
            return
        counts = self._middle.counts
        self._plumbing = plumbing
        self._exit = _exit_of(plumbing, addresses)
        self._middle = Middle(world, scenario, plumbing, now=self._now, rng=self._rng)
        self._middle.counts.update(counts)

    def move(self, addresses: Addresses) -> None:
        """Let the line go on from other addresses; the censor remembers what he saw."""
        self._plumbing = plumbing_of(addresses)
        self._exit = _exit_of(self._plumbing, addresses)
        self._middle.move(self._plumbing)

    def set_time(self, now: datetime) -> None:
        """Move the lab's clock."""
        self._now = now
        self._middle.set_time(now)

    def handle(
        self, packet: bytes, came_from: Side | None, at_s: float
    ) -> "Sequence[Sent | Homeward]":
        """Return what is sent because of ``packet``; ``None`` is the line's VPN, as in answers."""
        if came_from is None:
            return self._from_tunnel(packet, at_s)
        sent = self._middle.handle(packet, came_from, at_s)
        if self.tunnelled and came_from is Side.INTERNET:
            return [self._perhaps_home(one) for one in sent]
        return sent

    def _from_tunnel(self, packet: bytes, at_s: float) -> "Sequence[Sent | Homeward]":
        read = read_packet(packet)
        if read is None or read.family == 6 or not self._exit.outward(read):
            self.counts["dropped: not the tunnel's address"] += 1
            return ()
        sent = self._middle.handle(read.wire(), Side.ABROAD, at_s)
        return [self._home(one) if one.to is Side.ABROAD else one for one in sent]

    def _perhaps_home(self, sent: Sent) -> "Sent | Homeward":
        """Send what was asked for through the tunnel back into it."""
        if sent.to is not Side.ABROAD:
            return sent
        read = read_packet(sent.packet)
        if read is None or read.family == 6 or _asked_from(read) < TUNNEL_PORTS:
            return sent
        return self._home(sent)

    def _home(self, sent: Sent) -> "Sent | Homeward":
        read = read_packet(sent.packet)
        if read is None:
            return sent
        self._exit.inward(read)
        return Homeward(read.wire(), sent.after_s)


def _exit_of(plumbing: Plumbing, addresses: Addresses) -> Nat:
    """Return the translation between the tunnel's own address and where it comes out."""
    return Nat(replace(plumbing, line_v4=addresses.tunnel_v4, line_public_v4=plumbing.abroad_v4))


def _asked_from(packet: Packet) -> int:
    """Return the port from which what this answers was asked; of no port, one of the tunnel's."""
    if packet.fragment:
        return 0
    if packet.protocol in (TCP, UDP):
        return packet.target_port
    raw, at = packet.raw, packet.at
    quoted = at + 8
    if packet.protocol == ICMP and raw[at] in _ERRORS and len(raw) >= quoted + 24:
        header = (raw[quoted] & 0x0F) * 4
        if len(raw) >= quoted + header + 2:
            return int.from_bytes(raw[quoted + header : quoted + header + 2], "big")
    return TUNNEL_PORTS
