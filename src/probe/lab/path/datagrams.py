"""What the box does to UDP: walls, refusals, DNS lies, names in QUIC, messages by their kind."""

from probe.lab.actions import Action, Layer, Position
from probe.lab.censor import DNS_PORT
from probe.lab.path.destinations import Destination
from probe.lab.path.flow_path import FlowPath
from probe.lab.path.flows import UdpFlow, key_of_client, key_of_server
from probe.lab.path.hampering import Loss, hampering
from probe.lab.path.names import answer_query
from probe.lab.path.opening import Opening, Speech
from probe.lab.path.outcome import DROP, PASS, Outcome
from probe.lab.path.packets import Packet
from probe.lab.path.quic import QuicOpening, looks_initial
from probe.lab.path.quic_close import closing_datagram
from probe.lab.path.route import Travel
from probe.lab.recognised import Recogniser
from probe.lab.rules import ALERTS, Rule

__all__ = ["UdpPath"]


class UdpPath(FlowPath[UdpFlow]):
    """Datagrams through the box."""

    def from_client(
        self, packet: Packet, there: Destination, going: Travel, at_s: float, *, control: bool
    ) -> Outcome:
        """Return what becomes of a datagram of a client."""
        flow = self._flow_of(packet, there, at_s, control=control)
        if flow.cut or self._held(flow):
            return DROP
        if flow.generation != self.generation or going.expires:
            self._ask_walls(flow, going)
            flow.generation = -1 if going.expires else self.generation
        if flow.loss is not None and not flow.loss.from_client(packet, at_s).forward:
            return DROP
        intercepted = flow.rule is not None and flow.rule.action is Action.DNS_INTERCEPT
        if flow.rule is not None and not intercepted:
            return self._stopped(packet, flow, flow.rule, going)
        if packet.target_port == DNS_PORT:
            outcome = answer_query(packet, flow, there, going, self._choice, self._injector)
            if outcome.forward and intercepted and not going.expires:
                self._lead(packet, flow, at_s)
            return outcome
        if self._choice.reads_datagrams and self._read(flow, packet, going):
            return DROP
        if flow.quic is not None and going.sees(self._choice.ear):
            heard = self._listen(flow, flow.quic, packet, going)
            if heard is not None:
                return heard
        return PASS if flow.hampering is None else flow.hampering.from_client(packet, at_s)

    def _flow_of(
        self, packet: Packet, there: Destination, at_s: float, *, control: bool
    ) -> UdpFlow:
        """Return the flow of a client's datagram; it may begin with it."""
        key = key_of_client(packet)
        flow = self._flows.get(key)
        if flow is None or flow.server[0] != packet.target:  # or known by a rewritten address
            flow = UdpFlow(packet, there, control=control, at_s=at_s)
            self._flows.put(key, flow, at_s)
            if self._choice.listens and looks_initial(packet.payload):
                flow.quic = QuicOpening()
        flow.seen_s = at_s
        return flow

    def from_server(self, packet: Packet, at_s: float) -> Outcome:
        """Return what becomes of a datagram of a server."""
        flow = self._flows.get(key_of_server(packet))
        if flow is None:
            return PASS
        flow.seen_s = at_s
        flow.packets += 1
        if flow.cut or self._held(flow):
            return DROP
        if flow.generation != self.generation:
            self._ask_walls(flow, flow.there.travel)
            flow.generation = self.generation
        rule = flow.rule
        if rule is not None and rule.action is not Action.DNS_INTERCEPT:
            return PASS if rule.what.position is Position.ON_PATH else DROP
        if flow.loss is not None and not flow.loss.from_server(packet, at_s).forward:
            return DROP
        if self._choice.reads_datagrams and self._read(flow, packet, flow.there.travel):
            return DROP
        if packet.source != flow.server[0]:
            packet.set_source(flow.server[0])
        return PASS if flow.hampering is None else flow.hampering.from_server(packet, at_s)

    def _listen(
        self, flow: UdpFlow, said: QuicOpening, packet: Packet, going: Travel
    ) -> Outcome | None:
        """Read on in a QUIC client's hello; cut or hamper the connection by its name.

        Only an alert can be made up, in an Initial packet. For the rest QUIC authenticates its
        packets, so every other rule on hellos is a drop in the path, and nothing beside it.
        """
        hello = said.add(packet.payload)
        if hello is None:
            if said.over:
                flow.quic = None
            return None
        flow.quic = None
        opening = Opening(Speech.TLS, hello.sni)
        rule = self._choice.named(
            opening,
            flow.there,
            flow.server[1],
            flow.dice,
            going,
            control=flow.control,
            protocol="quic",
        )
        if rule is None:
            return None
        if rule.action in (Action.FREEZE, Action.THROTTLE):
            flow.hampering = hampering(rule.what, readable=True, packets=flow.packets)
            return None
        beside = rule.what.position is Position.ON_PATH
        if rule.action is not Action.ALERT and beside:
            return None
        flow.cut = not beside
        self._remember(flow, rule)
        if rule.action is not Action.ALERT:
            return DROP
        forged = closing_datagram(said, ALERTS[rule.what.alert])
        shot = self._injector.datagram(packet, forged, rule.what, going)
        return Outcome(forward=beside, injected=(shot,))

    def _read(self, flow: UdpFlow, packet: Packet, going: Travel) -> bool:
        """Return whether a datagram, of either side, is cut for what it is."""
        if flow.server[1] == DNS_PORT:
            return False
        if flow.recogniser is None:
            flow.recogniser = Recogniser()
        data = packet.payload
        said = flow.recogniser.look(data)
        asked = self._choice.scene.about_datagram(
            flow.there.host, flow.server[1], said, len(data), control=flow.control
        )
        rule = self._choice.rule(asked, flow.dice, going, event=f"/{said.message}/{len(data)}")
        if rule is None:
            return False
        self._remember(flow, rule)
        return True

    def _wall(self, flow: UdpFlow, going: Travel) -> Rule | None:
        asked = flow.there.about(
            self._choice.scene, Layer.UDP, flow.server[1], control=flow.control
        )
        return self._choice.rule(asked, flow.dice, going)

    def _ask_walls(self, flow: UdpFlow, going: Travel) -> None:
        """See what the rules on addresses do to a flow: stop it, thin it out, or nothing."""
        rule = self._wall(flow, going)
        loses = rule is not None and rule.action is Action.LOSE
        flow.rule = None if loses else rule
        flow.loss = Loss(rule.what.share, rule.what.way, self._rng) if rule and loses else None

    def _stopped(self, packet: Packet, flow: UdpFlow, rule: Rule, going: Travel) -> Outcome:
        """Return what a rule on addresses does to a datagram."""
        what = rule.what
        self._remember(flow, rule)
        if rule.action is Action.REFUSE:
            shots = self._injector.port_unreachable(packet, flow.there.ttl_of(rule, going))
            return Outcome(forward=what.position is Position.ON_PATH, injected=shots)
        if rule.action is Action.PROHIBITED:
            return self._injector.prohibited(packet, what, going)
        return DROP

    def _lead(self, packet: Packet, flow: UdpFlow, at_s: float) -> None:
        """Send a query to the line's own resolver, and remember whom the client meant."""
        resolver = flow.there.resolver
        if resolver is not None and resolver[0] != packet.target:
            packet.set_target(resolver[0])
            self._flows.put(key_of_client(packet), flow, at_s)
