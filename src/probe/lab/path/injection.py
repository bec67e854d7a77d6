"""The packets that a censor makes up, as the two kinds of machine make them.

A machine in the path drops the segment that it acts on, so both ends are told in the numbers
that each expects next (RFC 9293 3.10.7.4, RFC 5961 3.2: a RST must hit RCV.NXT exactly). A
machine beside the path must guess what arrives first: like the Chinese one it sends a RST and
three RST/ACKs at 0, 1460 and 4380 bytes further on, with odd TTL and IP identification (Weaver
et al., NDSS 2009; Wang et al., IMC 2017).
"""

import random

from probe.lab.actions import Position
from probe.lab.path.crafting import icmp_error, tcp_segment, udp_datagram
from probe.lab.path.flows import TcpFlow
from probe.lab.path.outcome import Injected, Outcome
from probe.lab.path.packets import ACK, FIN, PSH, RST, SYN, Packet
from probe.lab.path.route import Travel
from probe.lab.rules import ALERTS, What

__all__ = ["Injector"]

AHEAD = (0, 1460, 4380)
"""Bytes; where a machine beside the path guesses the window to be."""

_WINDOW = 0x3908
_PROHIBITED = {4: (3, 13), 6: (1, 1)}
_PORT_UNREACHABLE = {4: (3, 3), 6: (1, 4)}


class Injector:
    """Makes packets for a connection; ``rng`` gives TTLs and identifications."""

    def __init__(self, rng: random.Random) -> None:
        """Draw from ``rng``."""
        self._rng = rng

    def refusal(self, flow: TcpFlow, syn: Packet, ttl: int) -> Injected:
        """Return the RST that a closed port answers to a SYN (RFC 9293 3.10.7.1)."""
        reset = tcp_segment(
            flow.server,
            flow.client,
            RST | ACK,
            sequence=0,
            acknowledgement=syn.next_sequence,
            ttl=ttl,
        )
        return Injected(reset, to_client=True)

    def resets(self, flow: TcpFlow, packet: Packet, what: What, going: Travel) -> Outcome:
        """Return RSTs to both ends, in answer to a segment of the client."""
        if what.position is Position.ON_PATH:
            return Outcome(forward=True, injected=self._volley(flow, packet, what, going))
        numbers = (_next_of_server(flow, packet), packet.next_sequence, flow.client_next)
        return Outcome(forward=False, injected=_resets(flow, what, going, *numbers))

    def beginning(
        self, flow: TcpFlow, packet: Packet, size: int, going: Travel
    ) -> tuple[Injected, ...]:
        """Return the first bytes of a server's segment alone, with the TTL that it would have."""
        if not size:
            return ()
        part = tcp_segment(
            flow.server,
            flow.client,
            ACK | PSH,
            sequence=packet.sequence,
            acknowledgement=packet.acknowledgement,
            window=_WINDOW,
            payload=packet.payload[:size],
            ttl=max(1, packet.ttl - len(going.hops)),
        )
        return (Injected(part, to_client=True),)

    def resets_behind(
        self, flow: TcpFlow, packet: Packet, what: What, going: Travel
    ) -> tuple[Injected, ...]:
        """Return RSTs to both ends, in the middle of what the server says in ``packet``."""
        heard = packet.acknowledgement
        return _resets(flow, what, going, flow.cut_at, heard, heard)

    def _volley(
        self, flow: TcpFlow, packet: Packet, what: What, going: Travel
    ) -> tuple[Injected, ...]:
        """Return what a machine beside the path sends; it saw a copy and guesses what is next."""
        shots: list[Injected] = []
        for flags, ahead in ((RST, 0), *((RST | ACK, further) for further in AHEAD)):
            initial = self._rng.randrange(65, 256, 2)
            ident = self._rng.getrandbits(16) | 1
            to_client = tcp_segment(
                flow.server,
                flow.client,
                flags,
                sequence=packet.acknowledgement + ahead,
                acknowledgement=packet.next_sequence if flags & ACK else 0,
                window=_WINDOW,
                ttl=going.ttl_to_client(what.hop, initial),
                ident=ident,
            )
            to_server = tcp_segment(
                flow.client,
                flow.wire_server,
                flags,
                sequence=packet.next_sequence + ahead,
                acknowledgement=packet.acknowledgement if flags & ACK else 0,
                window=_WINDOW,
                ttl=going.ttl_to_server(what.hop, initial),
                ident=ident,
            )
            shots.append(Injected(to_client, to_client=True))
            shots.append(Injected(to_server, to_client=False))
        return tuple(shots)

    def ending(
        self, flow: TcpFlow, packet: Packet, what: What, going: Travel, payload: bytes = b""
    ) -> Outcome:
        """Return a last word in the server's name with FIN, and a RST to the server."""
        beside = what.position is Position.ON_PATH
        sequence = packet.acknowledgement if beside else _next_of_server(flow, packet)
        last = tcp_segment(
            flow.server,
            flow.client,
            FIN | ACK | (PSH if payload else 0),
            sequence=sequence,
            acknowledgement=packet.next_sequence,
            window=_WINDOW,
            payload=payload,
            ttl=going.ttl_to_client(what.hop),
        )
        reset = tcp_segment(
            flow.client,
            flow.wire_server,
            RST,
            sequence=packet.next_sequence if beside else flow.client_next,
            ttl=going.ttl_to_server(what.hop),
        )
        if not beside:
            flow.server_next = (sequence + len(payload) + 1) & 0xFFFFFFFF
        return Outcome(
            forward=beside,
            injected=(Injected(last, to_client=True), Injected(reset, to_client=False)),
        )

    def alert(self, flow: TcpFlow, packet: Packet, what: What, going: Travel) -> Outcome:
        """Return a fatal TLS alert in the server's name (RFC 8446 6), and an end."""
        record = bytes((0x15, 3, 3, 0, 2, 2, ALERTS[what.alert]))
        return self.ending(flow, packet, what, going, record)

    def again(self, flow: TcpFlow, packet: Packet, ttl: int, *, client: bool) -> Outcome:
        """Return another RST to who goes on after the first, in the number that it expects."""
        if packet.flags & RST or not packet.flags & ACK:
            return Outcome(forward=False)
        source, target = (flow.server, flow.client) if client else (flow.client, flow.wire_server)
        reset = tcp_segment(source, target, RST, sequence=packet.acknowledgement, ttl=ttl)
        return Outcome(forward=False, injected=(Injected(reset, to_client=client),))

    def receipt(self, flow: TcpFlow, packet: Packet, ttl: int) -> Outcome:
        """Return the ACK of a finished server to what the client still says."""
        if packet.flags & (RST | SYN) or not (packet.payload_length or packet.flags & FIN):
            return Outcome(forward=False)
        received = tcp_segment(
            flow.server,
            flow.client,
            ACK,
            sequence=flow.server_next or 0,
            acknowledgement=packet.next_sequence,
            window=_WINDOW,
            ttl=ttl,
        )
        return Outcome(forward=False, injected=(Injected(received, to_client=True),))

    def opened_and_reset(self, flow: TcpFlow, what: What, going: Travel) -> tuple[Injected, ...]:
        """Return a SYN in the server's name, and the RST that follows it.

        The client takes the bare SYN for a simultaneous open and is in SYN-RECEIVED when the RST
        comes, so that it reads "reset" and not "refused" (RFC 9293 3.5, 3.10.7.4). The RST
        acknowledges nothing: should it come first or alone, it is ignored (3.10.7.3).
        """
        ttl = going.ttl_to_client(what.hop)
        begun = self._rng.getrandbits(32)
        opening = tcp_segment(
            flow.server, flow.client, SYN, sequence=begun, window=_WINDOW, ttl=ttl
        )
        reset = tcp_segment(flow.server, flow.client, RST, sequence=begun + 1, ttl=ttl)
        return (Injected(opening, to_client=True), Injected(reset, to_client=True))

    def prohibited(self, packet: Packet, what: What, going: Travel) -> Outcome:
        """Return ICMP "administratively prohibited" from the hop of ``what``, and no packet on.

        RFC 1812 5.2.7.1 and RFC 4443 3.1.
        """
        source = going.hops[going.position(what.hop) - 1].address(packet.family)
        ttl = going.ttl_to_client(what.hop)
        shots = _error(source, packet, _PROHIBITED[packet.family], ttl)
        return Outcome(forward=False, injected=shots)

    def port_unreachable(self, packet: Packet, ttl: int) -> tuple[Injected, ...]:
        """Return what a closed UDP port answers, in the server's name."""
        return _error(packet.target, packet, _PORT_UNREACHABLE[packet.family], ttl)

    def datagram(self, query: Packet, payload: bytes, what: What, going: Travel) -> Injected:
        """Return an answer in the name of who was asked."""
        beside = what.position is Position.ON_PATH
        initial = self._rng.randrange(65, 256, 2) if beside else 64
        ident = self._rng.getrandbits(16) | 1 if beside else 0
        made = udp_datagram(
            (query.target, query.target_port),
            (query.source, query.source_port),
            payload,
            ttl=going.ttl_to_client(what.hop, initial),
            ident=ident,
        )
        return Injected(made, to_client=True)


def _resets(
    flow: TcpFlow, what: What, going: Travel, server_next: int, heard: int, client_next: int
) -> tuple[Injected, ...]:
    """Return a RST to each end, in the numbers that each takes; the client has been ``heard``."""
    to_client = tcp_segment(
        flow.server,
        flow.client,
        RST | ACK,
        sequence=server_next,
        acknowledgement=heard,
        ttl=going.ttl_to_client(what.hop),
    )
    to_server = tcp_segment(
        flow.client,
        flow.wire_server,
        RST,
        sequence=client_next,
        ttl=going.ttl_to_server(what.hop),
    )
    return Injected(to_client, to_client=True), Injected(to_server, to_client=False)


def _error(source: bytes, packet: Packet, kind: tuple[int, int], ttl: int) -> tuple[Injected, ...]:
    """Return the error that ``source`` sends; the NAT translates the quote with the packet."""
    made = icmp_error(source, packet, kind, ttl=ttl, quoted_ttl=max(1, packet.ttl))
    return () if made is None else (Injected(made, to_client=True),)


def _next_of_server(flow: TcpFlow, packet: Packet) -> int:
    """Return what the client expects next: all that the server sent, or what was acknowledged."""
    return packet.acknowledgement if flow.server_next is None else flow.server_next
