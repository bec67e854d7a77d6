"""What the box does to TCP: at the SYN, when the connection stands, and when a name is read."""

from probe.lab.actions import Action, Layer, Position
from probe.lab.censor import DNS_PORT
from probe.lab.path.choice import DEFAULT_HOP
from probe.lab.path.destinations import Destination
from probe.lab.path.diversion import could_divert, hidden, shifted
from probe.lab.path.flow_path import FlowPath
from probe.lab.path.flows import Fate, TcpFlow, key_of_client, key_of_server
from probe.lab.path.hampering import hampering
from probe.lab.path.opening import Opening, Speech, read_opening
from probe.lab.path.outcome import DROP, PASS, Outcome
from probe.lab.path.packets import ACK, RST, SYN, Packet
from probe.lab.path.route import Travel
from probe.lab.path.stream import FirstBytes
from probe.lab.rules import Rule, What

__all__ = ["TcpPath"]

_SILENT = frozenset({Action.STALL, Action.SNI_DROP, Action.PROTOCOL_DROP})
_RESETS = frozenset({Action.RST, Action.SNI_RESET, Action.HTTP_RESET, Action.PROTOCOL_RESET})
_ENDS = frozenset({Action.FIN, Action.SNI_FIN})
_WALLS = frozenset({Action.DROP, Action.DOWN, Action.DOMESTIC_ONLY, Action.EVERYTHING})
_BESIDE = What(action=Action.RST, position=Position.ON_PATH)


class TcpPath(FlowPath[TcpFlow]):
    """Connections through the box; time is what the caller says."""

    def from_client(
        self, packet: Packet, there: Destination, going: Travel, at_s: float, *, control: bool
    ) -> Outcome:
        """Return what becomes of a packet of a client, which is rewritten when it is diverted."""
        key = key_of_client(packet)
        flow = self._flows.get(key)
        if packet.flags & (SYN | ACK | RST) == SYN:
            if flow is None or flow.isn != packet.sequence:
                flow = TcpFlow(
                    packet, there, control=control, generation=self.generation, at_s=at_s
                )
                self._flows.put(key, flow, at_s)
                if self._choice.listens and packet.target_port != DNS_PORT:
                    flow.first_bytes = FirstBytes(packet.next_sequence)
            flow.seen_s = at_s
            outcome = self._at_syn(flow, packet, there, going, at_s)
        else:
            if flow is None:  # it began before the box did, or was forgotten: only walls hit it
                flow = TcpFlow(packet, there, control=control, generation=-1, at_s=at_s)
                flow.accepted = True
                self._flows.put(key, flow, at_s)
            flow.seen_s = at_s
            outcome = self._after_syn(flow, packet, going, at_s)
        if outcome.forward and not going.expires and flow.wire_server is not flow.server:
            _rewrite_target(flow, packet)
        return outcome

    def from_server(self, packet: Packet, at_s: float) -> Outcome:
        """Return what becomes of a packet of a server, which gets its diverted address back."""
        flow = self._flows.get(key_of_server(packet))
        if flow is None:
            return PASS
        flow.seen_s = at_s
        going = flow.there.travel
        if flow.generation != self.generation:
            self._ask_walls(flow, going)
        if flow.fate is not Fate.OPEN:
            if flow.fate is Fate.RESET:
                ttl = going.ttl_to_server(DEFAULT_HOP)
                return self._injector.again(flow, packet, ttl, client=False)
            return DROP
        if self._held(flow):
            return DROP
        if flow.cut_by is not None and flow.passing(packet) < packet.payload_length:
            return self._cut_answer(flow, flow.cut_by, packet)
        flow.heard_of_server(packet)
        if flow.first_bytes is not None and packet.payload_length:
            self._server_first(flow)
        outcome = PASS
        if flow.hampering is not None:
            outcome = flow.hampering.from_server(packet, at_s)
        if outcome.forward and flow.wire_server is not flow.server:
            _rewrite_source(flow, packet)
        return outcome

    def _at_syn(
        self, flow: TcpFlow, packet: Packet, there: Destination, going: Travel, at_s: float
    ) -> Outcome:
        """Act on the wish to connect, or decide where the connection leads."""
        now = self._choice.scene.now
        flow.residue = self._residual.position(flow.client, flow.server, now)
        if flow.residue is Position.IN_PATH:
            return DROP
        port = packet.target_port
        asked = there.about(self._choice.scene, Layer.TCP, port, control=flow.control)
        rule = self._choice.rule(asked, flow.dice, going)
        if rule is None and there.known and hidden(there.host, port) and not going.expires:
            closed = self._injector.refusal(flow, packet, there.travel.ttl_from_server)
            return Outcome(forward=False, injected=(closed,))
        if rule is None or rule.action is Action.DNS_INTERCEPT:
            self._lead(flow, there, intercepted=rule is not None, at_s=at_s)
            return PASS
        what = rule.what
        self._remember(flow, rule)
        if rule.action is Action.REFUSE:
            ttl = there.ttl_of(rule, going)
            shot = self._injector.refusal(flow, packet, ttl)
            return Outcome(forward=what.position is Position.ON_PATH, injected=(shot,))
        if rule.action is Action.PROHIBITED:
            return self._injector.prohibited(packet, what, going)
        if rule.action is Action.SYN_RESET:
            flow.fate = Fate.RESET
            shots = self._injector.opened_and_reset(flow, what, going)
            return Outcome(forward=False, injected=shots)
        return DROP

    def _lead(self, flow: TcpFlow, there: Destination, *, intercepted: bool, at_s: float) -> None:
        """Decide at which address and port the connection is really answered."""
        address, port = flow.server
        host = there.host
        resolver = there.resolver if intercepted else None
        if resolver is not None:
            address, host = resolver
        rules = self._choice.scene.standing
        if could_divert(rules, host, port, control=flow.control):
            port = shifted(port)
        if (address, port) != flow.server:
            flow.wire_server = (address, port)
            self._flows.put((*flow.client, address, port), flow, at_s)

    def _after_syn(self, flow: TcpFlow, packet: Packet, going: Travel, at_s: float) -> Outcome:
        if flow.generation != self.generation:
            self._ask_walls(flow, going)
        if flow.fate is not Fate.OPEN:
            return self._after_end(flow, packet, going)
        if packet.flags & RST:
            return PASS
        if self._held(flow):
            return DROP
        if not flow.accepted and flow.server_next is not None and packet.flags & ACK:
            outcome = self._accepted(flow, packet, going)
            if outcome is not None:
                return outcome
        if flow.first_bytes is not None and packet.payload_length:
            outcome = self._listen(flow, flow.first_bytes, packet, going)
            if not outcome.forward or outcome.injected:
                return outcome
        return PASS if flow.hampering is None else flow.hampering.from_client(packet, at_s)

    def _accepted(self, flow: TcpFlow, packet: Packet, going: Travel) -> Outcome | None:
        """Act on a connection that only just stands."""
        asked = flow.there.about(
            self._choice.scene, Layer.ACCEPTED, flow.server[1], control=flow.control
        )
        rule = self._choice.rule(asked, flow.dice, going)
        flow.accepted = not going.expires
        flow.client_next = (flow.isn + 1) & 0xFFFFFFFF
        if flow.residue is Position.ON_PATH:
            return self._injector.resets(flow, packet, _BESIDE, going)
        return None if rule is None else self._act(rule, flow, packet, going)

    def _listen(self, flow: TcpFlow, said: FirstBytes, packet: Packet, going: Travel) -> Outcome:
        """Read on in the client's first bytes; act once it is clear what they are."""
        if not going.sees(self._choice.ear):
            return PASS
        flow.client_next = said.next_sequence
        said.add(packet.sequence, packet.payload)
        opening = read_opening(said.data)
        if opening is None and not said.full:
            return PASS
        flow.first_bytes = None
        rule = self._named(flow, opening or Opening(Speech.OTHER), going)
        return PASS if rule is None else self._act(rule, flow, packet, going, opening)

    def _named(self, flow: TcpFlow, opening: Opening, going: Travel) -> Rule | None:
        """Return the rule that hits what the client said."""
        return self._choice.named(
            opening, flow.there, flow.server[1], flow.dice, going, control=flow.control
        )

    def _server_first(self, flow: TcpFlow) -> None:
        """Where the server speaks first there is no name to wait for."""
        flow.first_bytes = None
        rule = self._named(flow, Opening(Speech.OTHER), flow.there.travel)
        if rule is not None:
            flow.hampering = hampering(rule.what, readable=True, packets=flow.server_packets)

    def _act(
        self,
        rule: Rule,
        flow: TcpFlow,
        packet: Packet,
        going: Travel,
        opening: Opening | None = None,
    ) -> Outcome:
        """Do to a standing connection what ``rule`` says."""
        what, action = rule.what, rule.action
        if what.answered:
            flow.cut_later(rule, packet)
            return PASS
        self._remember(flow, rule)
        beside = what.position is Position.ON_PATH
        if action in _SILENT:
            flow.fate = Fate.SILENT
            return DROP
        if action in _RESETS:
            flow.fate = Fate.OPEN if beside else Fate.RESET
            return self._injector.resets(flow, packet, what, going)
        if action in _ENDS or action is Action.ALERT:
            flow.fate = Fate.OPEN if beside else Fate.FINISHED
            if action is Action.ALERT:
                return self._injector.alert(flow, packet, what, going)
            return self._injector.ending(flow, packet, what, going)
        if action in (Action.FREEZE, Action.THROTTLE):
            readable = opening is not None and opening.speech is not Speech.TLS
            flow.hampering = hampering(what, readable=readable, packets=flow.server_packets)
        return PASS

    def _cut_answer(self, flow: TcpFlow, rule: Rule, packet: Packet) -> Outcome:
        """Let the server's answer pass up to where ``rule`` cuts the handshake, and no further."""
        self._remember(flow, rule)
        silent = rule.action in _SILENT
        flow.fate = Fate.SILENT if silent else Fate.RESET
        flow.server_next = flow.cut_at
        passing = self._injector.beginning(flow, packet, flow.passing(packet), flow.there.travel)
        if silent:
            return Outcome(forward=False, injected=passing)
        resets = self._injector.resets_behind(flow, packet, rule.what, flow.there.travel)
        return Outcome(forward=False, injected=passing + resets)

    def _after_end(self, flow: TcpFlow, packet: Packet, going: Travel) -> Outcome:
        """Answer a client who goes on after the end that was made for him."""
        ttl = going.ttl_to_client(DEFAULT_HOP)
        if flow.fate is Fate.FINISHED:
            return self._injector.receipt(flow, packet, ttl)
        if flow.fate is Fate.RESET:
            return self._injector.again(flow, packet, ttl, client=True)
        return DROP

    def _ask_walls(self, flow: TcpFlow, going: Travel) -> None:
        """Cut a connection that rules on addresses hit which stand only since it began."""
        flow.generation = self.generation
        asked = flow.there.about(
            self._choice.scene, Layer.TCP, flow.server[1], control=flow.control
        )
        rule = self._choice.rule(asked, flow.dice, going, begun=flow.begun)
        if rule is not None and rule.action in _WALLS and flow.fate is Fate.OPEN:
            flow.fate = Fate.SILENT


def _rewrite_target(flow: TcpFlow, packet: Packet) -> None:
    address, port = flow.wire_server
    if address != packet.target:
        packet.set_target(address)
    if port != packet.target_port:
        packet.set_target_port(port)


def _rewrite_source(flow: TcpFlow, packet: Packet) -> None:
    address, port = flow.server
    if address != packet.source:
        packet.set_source(address)
    if port != packet.source_port:
        packet.set_source_port(port)
