"""What the box remembers of a TCP connection and of a UDP exchange."""

from enum import Enum, auto

from probe.lab.actions import Position
from probe.lab.path.destinations import Destination
from probe.lab.path.hampering import Hampering, Loss
from probe.lab.path.packets import Packet
from probe.lab.path.quic import QuicOpening
from probe.lab.path.stream import FirstBytes
from probe.lab.path.table import FlowKey
from probe.lab.recognised import Recogniser
from probe.lab.rules import Rule

__all__ = ["Fate", "TcpFlow", "UdpFlow", "key_of_client", "key_of_server"]


class Fate(Enum):
    """What becomes of the packets of a connection."""

    OPEN = auto()  # they pass
    SILENT = auto()  # they vanish
    RESET = auto()  # they vanish, and who sends again is told once more
    FINISHED = auto()  # the box plays the server, which said its last


class TcpFlow:
    """A connection, from the client's SYN on; addresses are those outside the home router."""

    __slots__ = (
        "accepted",
        "begun",
        "client",
        "client_next",
        "control",
        "cut_at",
        "cut_by",
        "dice",
        "fate",
        "first_bytes",
        "generation",
        "hampering",
        "isn",
        "residue",
        "seen_s",
        "server",
        "server_next",
        "server_packets",
        "there",
        "wire_server",
    )

    def __init__(
        self,
        packet: Packet,
        there: Destination,
        *,
        control: bool,
        generation: int,
        at_s: float,
    ) -> None:
        """Begin with a SYN of the client, or in the middle with any segment of his."""
        self.client = (packet.source, packet.source_port)
        self.server = (packet.target, packet.target_port)
        self.wire_server = self.server  # where the server is really asked
        self.there = there
        self.isn = packet.sequence
        self.client_next = packet.sequence  # the first byte of the client that was not let through
        self.control = control
        self.generation = generation  # of the rules that were last asked about it
        self.begun = generation >= 0  # here, with a SYN
        self.seen_s = at_s
        self.dice: dict[str, bool] = {}
        self.fate = Fate.OPEN
        self.accepted = False  # the handshake is complete
        self.first_bytes: FirstBytes | None = None  # while they are still listened to
        self.server_next: int | None = None  # the next sequence number of the server
        self.server_packets = 0
        self.hampering: Hampering | None = None
        self.residue: Position | None = None  # an earlier connection was hit
        self.cut_by: Rule | None = None  # once the server has said so much
        self.cut_at = 0  # the first byte of the server that does not pass then

    def cut_later(self, rule: Rule, packet: Packet) -> None:
        """Let so much of what the server answers ``packet`` pass as ``rule`` says."""
        begins = packet.acknowledgement if self.server_next is None else self.server_next
        self.cut_by = rule
        self.cut_at = (begins + rule.what.answered) & 0xFFFFFFFF

    def passing(self, packet: Packet) -> int:
        """Return how many bytes of a server's segment lie before the cut, 0 to all of them."""
        room = (self.cut_at - packet.sequence) & 0xFFFFFFFF
        return 0 if room >= 1 << 31 else min(room, packet.payload_length)

    def heard_of_server(self, packet: Packet) -> None:
        """Note how far the server's stream has come."""
        self.server_packets += 1
        reached = packet.next_sequence
        if self.server_next is None or 0 < (reached - self.server_next) & 0xFFFFFFFF < 1 << 31:
            self.server_next = reached


class UdpFlow:
    """Datagrams between a client's port and a server's."""

    __slots__ = (
        "client",
        "control",
        "cut",
        "dice",
        "generation",
        "hampering",
        "loss",
        "packets",
        "quic",
        "recogniser",
        "rule",
        "seen_s",
        "server",
        "there",
    )

    def __init__(self, packet: Packet, there: Destination, *, control: bool, at_s: float) -> None:
        """Begin with a datagram of the client."""
        self.client = (packet.source, packet.source_port)
        self.server = (packet.target, packet.target_port)
        self.control = control
        self.there = there
        self.generation = -1
        self.seen_s = at_s
        self.dice: dict[str, bool] = {}
        self.rule: Rule | None = None  # on its addresses, as of ``generation``
        self.loss: Loss | None = None
        self.quic: QuicOpening | None = None  # while it is listened to
        self.recogniser: Recogniser | None = None  # made when somebody reads datagrams
        self.cut = False  # for the name that it gave
        self.packets = 0  # of the server
        self.hampering: Hampering | None = None


def key_of_client(packet: Packet) -> FlowKey:
    """Return the flow that a packet of the client belongs to."""
    return (packet.source, packet.source_port, packet.target, packet.target_port)


def key_of_server(packet: Packet) -> FlowKey:
    """Return the flow that a packet of the server belongs to."""
    return (packet.target, packet.target_port, packet.source, packet.source_port)
