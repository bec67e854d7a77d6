"""A middlebox in the small world, a client that speaks through it, an independent packet reader.

The reader shares no code with ``probe.lab.path``: checksums are summed word by word.
"""

import random
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from probe.lab.actions import ACTIONS, Action
from probe.lab.line_spec import LineSpec
from probe.lab.path import Middle, Plumbing, Sent, Side, standard_hops
from probe.lab.path.crafting import icmp_message, tcp_segment, udp_datagram
from probe.lab.path.plumbing import packed
from probe.lab.rules import Rule, Scenario, What, Who
from probe.lab.scenario import load_scenario
from probe.lab.world import World, build_world

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LINE_V4 = "192.168.1.23"
NONE = load_scenario("none")
WORLD: World = build_world(NONE.services or (), "XX")
PLUMBING = Plumbing(
    line_v4=LINE_V4,
    line_public_v4=WORLD.own_address,
    line_v6="3ffe:b::23",
    abroad_v4="33.9.9.9",
    abroad_v6="3ffe:a::99",
    hops=standard_hops(),
)
WEB = "web.messenger.example"
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


def address(name: str, *, family: int = 4) -> str:
    """Return the first address of a site."""
    return next(a for a in WORLD.sites[name].addresses if (":" in a) == (family == 6))


def rule(action: Action, who: Who | None = None, *, what: dict[str, Any] = {}, **more: Any) -> Rule:  # noqa: B006 - it is not changed
    """Return a rule as the parser would make it."""
    spec = ACTIONS[action]
    base = Rule(
        id=str(action),
        who=who or Who(),
        what=What(action=action, **what),
        by=spec.by,
        reach=spec.reach,
        layers=spec.layers,
    )
    return msgspec.structs.replace(base, **more)


def scenario(rules: Iterable[Rule] = (), line: LineSpec | None = None) -> Scenario:
    """Return a scenario of the small world."""
    return msgspec.structs.replace(NONE, rules=tuple(rules), line=line or LineSpec())


def words_sum(data: bytes) -> int:
    """Return the ones' complement sum, the slow and plain way (RFC 1071)."""
    total = 0
    for index in range(0, len(data), 2):
        total += struct.unpack("!H", data[index : index + 2].ljust(2, b"\0"))[0]
        total = (total & 0xFFFF) + (total >> 16)
    return total


@dataclass
class Seen:
    """A packet as an independent reader sees it; reading asserts that all checksums are right."""

    wire: bytes
    family: int = 4
    ttl: int = 0
    ident: int = 0
    protocol: int = 0
    source: bytes = b""
    target: bytes = b""
    sport: int = 0
    dport: int = 0
    seq: int = 0
    ack: int = 0
    flags: int = 0
    kind: tuple[int, int] = (0, 0)
    payload: bytes = b""

    def __post_init__(self) -> None:
        """Take the bytes apart."""
        wire = self.wire
        self.family = wire[0] >> 4
        if self.family == 4:
            assert wire[0] == 0x45
            _, _, total, self.ident, _, self.ttl, self.protocol, _, self.source, self.target = (
                struct.unpack("!BBHHHBBH4s4s", wire[:20])
            )
            assert total == len(wire)
            assert words_sum(wire[:20]) == 0xFFFF
            body = wire[20:]
        else:
            _, length, self.protocol, self.ttl, self.source, self.target = struct.unpack(
                "!IHBB16s16s", wire[:40]
            )
            assert length == len(wire) - 40
            body = wire[40:]
        pseudo = self.source + self.target + struct.pack("!II", len(body), self.protocol)
        if self.protocol == 1:
            pseudo = b""
        assert words_sum(pseudo + body) == 0xFFFF, "transport checksum"
        if self.protocol in (1, 58):
            self.kind = (body[0], body[1])
            self.payload = body[8:]
            return
        self.sport, self.dport = struct.unpack("!HH", body[:4])
        if self.protocol == 17:
            assert struct.unpack("!H", body[4:6])[0] == len(body)
            self.payload = body[8:]
            return
        self.seq, self.ack, offset, self.flags = struct.unpack("!IIBB", body[4:14])
        self.payload = body[(offset >> 4) * 4 :]


@dataclass
class Rig:
    """A middlebox and one client's TCP numbers."""

    rules: tuple[Rule, ...] = ()
    line: LineSpec = field(default_factory=LineSpec)
    seed: int = 1
    at: float = 0.0

    def __post_init__(self) -> None:
        """Build the box."""
        self.middle = Middle(
            WORLD, scenario(self.rules, self.line), PLUMBING, now=NOON, rng=random.Random(self.seed)
        )

    def later(self, seconds: float) -> None:
        """Move the lab's clock."""
        self._now = getattr(self, "_now", NOON) + timedelta(seconds=seconds)
        self.middle.set_time(self._now)

    def send(self, packet: bytes, side: Side = Side.LINE, at: float | None = None) -> list[Sent]:
        """Put a packet through."""
        return self.middle.handle(packet, side, self.at if at is None else at)

    def query(self, wire: bytes, server: str, sport: int = 5353, port: int = 53) -> list[Sent]:
        """Send a datagram of the line."""
        source = LINE_V4 if "." in server else PLUMBING.line_v6
        return self.send(udp_datagram((packed(source), sport), (packed(server), port), wire))

    def ping(self, server: str, ttl: int = 64) -> list[Sent]:
        """Ping from the line."""
        source = LINE_V4 if "." in server else PLUMBING.line_v6
        kind = (8, 0) if "." in server else (128, 0)
        return self.send(icmp_message(packed(source), packed(server), kind, b"hello", ttl=ttl))


@dataclass
class Talk:
    """One TCP connection through a rig, as both ends' stacks number it."""

    rig: Rig
    server: str
    port: int = 443
    sport: int = 40_000
    side: Side = Side.LINE
    isn: int = 0xFFFFFFF0  # so that numbers wrap
    server_isn: int = 0x7FFFFFFF

    def __post_init__(self) -> None:
        """Start with nothing sent."""
        v6 = ":" in self.server
        here = PLUMBING.line_v6 if v6 else LINE_V4
        away = PLUMBING.abroad_v6 if v6 else PLUMBING.abroad_v4
        self.client = packed(here if self.side is Side.LINE else away)
        outside = PLUMBING.line_v6 if v6 else PLUMBING.line_public_v4
        self.outside = packed(outside) if self.side is Side.LINE else self.client
        self.peer = packed(self.server)
        self.wire_port = self.port
        self.snd = self.isn  # next of the client
        self.rcv = 0  # next of the server

    def say(
        self, flags: int = ACK, payload: bytes = b"", *, ttl: int = 64, seq: int | None = None
    ) -> list[Sent]:
        """Send a segment of the client; without ``seq`` the next one."""
        at = self.snd if seq is None else seq
        out = self.rig.send(
            tcp_segment(
                (self.client, self.sport),
                (self.peer, self.port),
                flags,
                sequence=at,
                acknowledgement=self.rcv if flags & ACK else 0,
                window=64_240,
                payload=payload,
                ttl=ttl,
            ),
            self.side,
        )
        if seq is None:
            self.snd = (at + len(payload) + bool(flags & SYN) + bool(flags & FIN)) & 0xFFFFFFFF
        return out

    def hear(self, flags: int = ACK, payload: bytes = b"", at: float | None = None) -> list[Sent]:
        """Send a segment of the server, which comes from where it was really asked."""
        seq = self.rcv if not flags & SYN else self.server_isn
        out = self.rig.send(
            tcp_segment(
                (self.peer, self.wire_port),
                (self.outside, self.sport),
                flags,
                sequence=seq,
                acknowledgement=self.snd,
                window=64_240,
                payload=payload,
            ),
            Side.INTERNET,
            at,
        )
        self.rcv = (seq + len(payload) + bool(flags & SYN) + bool(flags & FIN)) & 0xFFFFFFFF
        return out

    def open(self) -> list[Sent]:
        """Shake hands; return what the last ACK caused."""
        (syn,) = self.say(SYN)
        self.wire_port = Seen(syn.packet).dport
        self.hear(SYN | ACK)
        return self.say(ACK)


def to_client(sent: Iterable[Sent], side: Side = Side.LINE) -> list[Seen]:
    """Return what goes to the client, read."""
    return [Seen(item.packet) for item in sent if item.to is side]


def to_server(sent: Iterable[Sent]) -> list[Seen]:
    """Return what goes to the servers, read."""
    return [Seen(item.packet) for item in sent if item.to is Side.INTERNET]


def client_hello(name: str | None, *, pad: int = 0) -> bytes:
    """Return a TLS ClientHello that names ``name``."""
    extensions = b""
    if name is not None:
        host = name.encode()
        entry = b"\0" + struct.pack("!H", len(host)) + host
        listed = struct.pack("!H", len(entry)) + entry
        extensions += struct.pack("!HH", 0, len(listed)) + listed
    if pad:
        extensions = struct.pack("!HH", 21, pad) + bytes(pad) + extensions
    body = b"\3\3" + bytes(32) + b"\0" + b"\0\2\x13\x01" + b"\1\0"
    body += struct.pack("!H", len(extensions)) + extensions
    message = b"\1" + len(body).to_bytes(3, "big") + body
    return b"\x16\3\1" + struct.pack("!H", len(message)) + message
