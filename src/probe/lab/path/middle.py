"""The box in the middle: every packet between the line, the vantage abroad and the servers.

Pure: bytes, time and dice come in, packets to send come out. Order on the way out: the line's
link, the home router's NAT, the hops up to the censor, the censor, the hops behind it. What
comes from a server takes the same way back. Malformed packets, and packets that claim to be
somebody else's, are dropped and counted; no packet raises.

Fragments, and protocols other than TCP, UDP and ICMP, are not read: only rules that look at
nothing but addresses cut them.
"""

import random
from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from probe.lab.actions import Layer
from probe.lab.line_spec import Ipv6
from probe.lab.path.choice import Choice
from probe.lab.path.datagrams import UdpPath
from probe.lab.path.destinations import Destination, Destinations
from probe.lab.path.links import LineLink
from probe.lab.path.nat import Nat
from probe.lab.path.outcome import DROP, PASS, Outcome
from probe.lab.path.packets import TCP, UDP, Packet, read_packet
from probe.lab.path.plumbing import Plumbing, Sent, Side, packed
from probe.lab.path.residual import Residual
from probe.lab.path.route import Travel, echo_reply, time_exceeded
from probe.lab.path.sought import Sought
from probe.lab.path.tcp import TcpPath
from probe.lab.rules import Scenario
from probe.lab.situation import Scene
from probe.lab.world import World

__all__ = ["Middle"]

NO_PORT = 0


@dataclass(slots=True)
class _Asker:
    """Whose packet it is, and when it is through the line's link."""

    side: Side
    at_s: float
    late_s: float


class Middle:
    """One scenario on one line; ``counts`` says what became of the packets."""

    def __init__(
        self,
        world: World,
        scenario: Scenario,
        plumbing: Plumbing,
        *,
        now: datetime,
        rng: random.Random,
    ) -> None:
        """Stand in ``world`` at ``now``; ``rng`` is loss, chance and the censor's odd numbers."""
        self.counts: Counter[str] = Counter()
        self.sought = Sought()
        self._rng = rng
        self._abroad = frozenset({packed(plumbing.abroad_v4), packed(plumbing.abroad_v6)})
        self._scene = Scene(world, scenario, now=now, rng=rng)
        self.move(plumbing)
        self._set_up(scenario)

    def move(self, plumbing: Plumbing) -> None:
        """Give the line other addresses; what comes for the old ones comes to nobody."""
        self._plumbing = plumbing
        self._nat = Nat(plumbing)
        self._destinations = Destinations(self._scene, plumbing)

    def play(self, world: World, scenario: Scenario) -> None:
        """Put another censor, line and world in place; connections of before are forgotten."""
        self.sought = Sought()
        self._scene.play(scenario, world)
        self._set_up(scenario)

    def _set_up(self, scenario: Scenario) -> None:
        self._spec = scenario.line
        self._now_line = scenario.line.at(self._scene.now)
        self._line = LineLink(self._now_line, self._rng)
        self._connected = scenario.line.link
        self._ipv6 = scenario.line.ipv6 is not Ipv6.BROKEN
        self._silent = frozenset(scenario.line.silent_hops)
        self._destinations = Destinations(self._scene, self._plumbing)
        self._choice = Choice(self._scene, self.counts)
        self._residual = Residual()
        self._tcp = TcpPath(self._choice, self._residual, self._rng)
        self._udp = UdpPath(self._choice, self._residual, self._rng)

    def set_time(self, now: datetime) -> None:
        """Move the lab's clock; rules begin and end to stand, residual blocks run out."""
        before = self._scene.standing
        self._scene.set_time(now)
        line = self._spec.at(now)
        if line != self._now_line:  # an empty queue, a full bucket
            self._now_line, self._line = line, LineLink(line, self._rng)
        if self._scene.standing != before:
            self._choice.rules_changed()
            self._tcp.rules_changed()
            self._udp.rules_changed()

    def handle(self, packet: bytes, came_from: Side, at_s: float) -> list[Sent]:
        """Return what is sent because of ``packet``, which arrived at ``at_s`` (monotonic)."""
        read = read_packet(packet)
        if read is None or read.ttl == 0:
            return self._lost("malformed")
        if came_from is Side.LINE:
            if not self._connected or (read.family == 6 and not self._ipv6):
                return self._lost("no line")
            late = self._line.up(len(packet), at_s)
            if late is None:
                return self._lost("lost on the line")
            if not self._nat.outward(read):
                return self._lost("not the line's address")
            self.sought.outward(read, len(packet))
            return self._from_client(read, _Asker(came_from, at_s + late, late))
        if came_from is Side.ABROAD:
            if read.source not in self._abroad:
                return self._lost("not the address abroad")
            return self._from_client(read, _Asker(came_from, at_s, 0.0))
        return self._from_server(read, at_s)

    def _lost(self, why: str) -> list[Sent]:
        self.counts[f"dropped: {why}"] += 1
        return []

    def _from_client(self, packet: Packet, asker: _Asker) -> list[Sent]:
        target, at_s = packet.target, asker.at_s
        there = self._destinations.find(target, asker.side)
        going = there.going(packet.ttl)
        control = asker.side is Side.ABROAD
        whole = not packet.fragment
        if packet.protocol == TCP and whole:
            outcome = self._tcp.from_client(packet, there, going, at_s, control=control)
        elif packet.protocol == UDP and whole:
            outcome = self._udp.from_client(packet, there, going, at_s, control=control)
        else:
            outcome = self._unread(there, going, control=control)
        sent: list[Sent] = []
        if not outcome.forward:
            self.counts["dropped: by the censor"] += 1
        elif going.expires:
            self._died(sent, packet, going, asker)
        elif there.known or packet.target != target:  # an intercepted query has found somebody
            asker.late_s += outcome.delay_s  # an upload that is held to a rate waits
            self._onward(sent, packet, there, asker)
        else:
            self._nobody(sent, packet, asker)
        for injected in outcome.injected:
            self.counts["injected"] += 1
            if injected.to_client:
                self._to_client(sent, injected.packet, asker)
            elif there.side is Side.INTERNET:
                sent.append(Sent(injected.packet, Side.INTERNET, asker.late_s))
        return sent

    def _died(self, sent: list[Sent], packet: Packet, going: Travel, asker: _Asker) -> None:
        """Let the router say where a packet's life ends, unless it is one that says nothing."""
        if asker.side is Side.LINE and going.reached + 1 in self._silent:
            self.counts["dropped: too many hops"] += 1
        else:
            self._to_client(sent, time_exceeded(packet, going), asker)

    def _unread(self, there: Destination, going: Travel, *, control: bool) -> Outcome:
        asked = there.about(self._scene, Layer.UDP, NO_PORT, control=control)
        return DROP if self._choice.silences(asked, going) else PASS

    def _onward(self, sent: list[Sent], packet: Packet, there: Destination, asker: _Asker) -> None:
        """Deliver a packet of a client that nobody stopped."""
        packet.age(len(there.travel.hops))
        if there.side is Side.LINE:
            self._nat.inward(packet)
            self._down(sent, packet.wire(), asker.at_s, asker.late_s)
        else:
            sent.append(Sent(packet.wire(), there.side, asker.late_s))

    def _nobody(self, sent: list[Sent], packet: Packet, asker: _Asker) -> None:
        """Let a router answer a ping of itself; the Internet's empty addresses are silent."""
        position = self._destinations.router(packet.target)
        reply = None if position is None else echo_reply(packet, position)
        if reply is None:
            self.counts["dropped: nobody there"] += 1
        else:
            self._to_client(sent, reply, asker)

    def _to_client(self, sent: list[Sent], made: bytes | None, asker: _Asker) -> None:
        """Send the box's own packet to the client, through the home router's NAT."""
        if made is None:
            return
        if asker.side is Side.ABROAD:
            sent.append(Sent(made, asker.side, asker.late_s))
            return
        packet = read_packet(made)
        if packet is not None:
            self._nat.inward(packet)
            self._down(sent, packet.wire(), asker.at_s, asker.late_s)

    def _down(self, sent: list[Sent], packet: bytes, at_s: float, late: float) -> None:
        """Send a packet down the line."""
        if not self._connected:
            self.counts["dropped: no line"] += 1
            return
        delay = self._line.down(len(packet), at_s)
        if delay is None:
            self.counts["dropped: lost on the line"] += 1
            return
        self.sought.homeward(len(packet))
        sent.append(Sent(packet, Side.LINE, late + delay))

    def _from_server(self, packet: Packet, at_s: float) -> list[Sent]:
        side = self._destinations.client(packet.target)
        if side is None:
            return self._lost("from a server to nobody")
        hops = len(self._destinations.find(packet.source, side).travel.hops)
        outcome = PASS
        if packet.protocol == TCP and not packet.fragment:
            outcome = self._tcp.from_server(packet, at_s)
        elif packet.protocol == UDP and not packet.fragment:
            outcome = self._udp.from_server(packet, at_s)
        sent: list[Sent] = []
        for injected in outcome.injected:
            self.counts["injected"] += 1
            if injected.to_client:
                self._to_client(sent, injected.packet, _Asker(side, at_s, 0.0))
            else:
                sent.append(Sent(injected.packet, Side.INTERNET))
        if not outcome.forward:
            self.counts["dropped: by the censor"] += 1
            return sent
        if packet.ttl <= hops:
            self.counts["dropped: too many hops"] += 1
            return sent
        packet.age(hops)
        if side is Side.ABROAD:
            sent.append(Sent(packet.wire(), side, outcome.delay_s))
            return sent
        if packet.family == 6 and not self._ipv6:
            return self._lost("no line")
        self._nat.inward(packet)
        self._down(sent, packet.wire(), at_s, outcome.delay_s)
        return sent
