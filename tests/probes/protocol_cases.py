"""What each protocol must show, as data: six situations, what the probe sees, what is concluded.

One row is a protocol in a situation. ``endpoint`` is an endpoint of a shipped world, ``rules`` are
in the language of scenarios (``what`` as text or mapping); nothing else is wrong with the line.
``reply`` and ``failure`` are of the last step; ``verdict`` is state and mechanism (a node or any
below it). ``python tests/scenarios/protocols.py`` plays the rows, and docs/protocols.md is made of
what it found. A protocol of another kind is a few more rows.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

__all__ = ["CASES", "PROTOCOLS", "Case", "Situation"]


class Situation(StrEnum):
    """What stands between the line and an answer."""

    REACHABLE = "reachable"
    CLOSED = "port closed"
    DROPPED = "silently dropped"
    FILTERED = "dropped or reset by a filter of the protocol"
    OTHER_SERVICE = "another service at the port"
    GARBAGE = "garbage"


@dataclass(frozen=True)
class Case:
    """One row; ``server`` is the program of the real world that serves it in namespaces."""

    protocol: str
    situation: Situation
    endpoint: str
    rules: tuple[Mapping[str, Any], ...]
    reply: str | None
    failure: str | None
    verdict: str
    world: str = "calls"
    server: str | None = None

    @property
    def name(self) -> str:
        """Return what the row is called."""
        return f"{self.protocol}: {self.situation}"


SILENCE, REFUSED = "generic_timeout_error", "connection_refused"
_SERVER = {"by": "server", "reach": "everywhere"}


@dataclass(frozen=True)
class _Spoken:
    """A protocol over UDP: where it is spoken, and what is said of it when it is cut."""

    name: str
    endpoint: str
    filter: str  # what a filter calls it
    reply: str
    server: str
    cut: str = "blocked udp.silence"
    filtered: str = "blocked udp.silence"
    answered: str = "ok none"
    other: str | None = None  # how a reply that is none is told

    @property
    def host(self) -> str:
        """Return the endpoint's host."""
        return self.endpoint.split("/")[2].partition(":")[0]


_UDP = (
    _Spoken("STUN", "talk/udp-stun/stun.talk.example:3478", "stun", "success", "turnserver"),
    _Spoken(
        "QUIC",
        "meet/quic/fast.meet.example:443",
        "quic",
        "pong",
        "caddy",
        cut="blocked quic.timeout.port",
        filtered="blocked quic.timeout.port",
        other=SILENCE,  # what is not QUIC is no answer to a handshake
    ),
    _Spoken(
        "OpenVPN over UDP",
        "plainvpn/openvpn/udp.plainvpn.example:1194",
        "openvpn",
        "hard_reset_server_v2",
        "openvpn",
    ),
    _Spoken(
        "OpenVPN with tls-auth",
        "authvpn/openvpn/auth.authvpn.example:1194",
        "openvpn",
        "hard_reset_server_v2",
        "openvpn",
    ),
    _Spoken(
        "OpenVPN with tls-crypt",
        "authvpn/openvpn/crypt.authvpn.example:1194",
        "openvpn",
        "hard_reset_server_v2",
        "openvpn",
    ),
    _Spoken(
        "WireGuard, a test responder",
        "responder/wireguard/echo.responder.example:51820",
        "wireguard",
        "response",
        "",
        filtered="blocked udp.protocol.wireguard",
    ),
    _Spoken(
        "WireGuard, wireguard-go",
        "responder/wireguard/alone.responder.example:51821",
        "wireguard",
        "response",
        "wireguard-go",
        filtered="blocked udp",
    ),
    _Spoken("IKEv2", "tunnel/ikev2/ike.tunnel.example:500", "ikev2", "", "charon"),
    _Spoken("IKEv2 on 4500", "tunnel/ikev2/natt.tunnel.example:4500", "ikev2", "", "charon"),
)


def _cases(spoken: _Spoken) -> Iterator[Case]:
    def case(
        situation: Situation,
        rule: Mapping[str, Any] | None,
        verdict: str,
        failure: str | None,
        reply: str | None = None,
    ) -> Case:
        rules = () if rule is None else ({"id": "case", **rule},)
        server = spoken.server or None
        return Case(
            spoken.name, situation, spoken.endpoint, rules, reply, failure, verdict, server=server
        )

    host = {"host": spoken.host, "protocol": "udp"}
    odd = spoken.other or "unknown_failure"
    yield case(Situation.REACHABLE, None, spoken.answered, None, spoken.reply)
    closed = {"who": host, "what": "refuse", **_SERVER}
    yield case(Situation.CLOSED, closed, "down down", REFUSED)
    yield case(Situation.DROPPED, {"who": host, "what": "drop"}, spoken.cut, SILENCE)
    shape = {"who": {"protocol": spoken.filter}, "what": "datagram_drop"}
    yield case(Situation.FILTERED, shape, spoken.filtered, SILENCE)
    at_host = {"host": spoken.host}
    another = {"who": at_host, "what": "wrong_service"}
    yield case(Situation.OTHER_SERVICE, another, "down down", odd)
    yield case(Situation.GARBAGE, {"who": at_host, "what": "garbage"}, "down down", odd)


_OVER_TCP = "plainvpn/openvpn/tcp.plainvpn.example:443+tcp"


def _openvpn_over_tcp() -> Iterator[Case]:
    """Yield what the language can do to a connection without reading it."""
    name, who = "OpenVPN over TCP", {"host": "tcp.plainvpn.example", "protocol": "tcp"}
    refuse = {"id": "case", "who": who, "what": "refuse", **_SERVER}
    drop = {"id": "case", "who": who, "what": "drop"}
    reply = "hard_reset_server_v2"
    for situation, rules, said, failure, verdict in (
        (Situation.REACHABLE, (), reply, None, "ok none"),
        (Situation.CLOSED, (refuse,), None, REFUSED, "down down"),
        (Situation.DROPPED, (drop,), None, SILENCE, "blocked tcp.timeout"),
    ):
        yield Case(name, situation, _OVER_TCP, rules, said, failure, verdict, server="openvpn")


CASES: tuple[Case, ...] = (
    *(case for spoken in _UDP for case in _cases(spoken)),
    *_openvpn_over_tcp(),
)

PROTOCOLS: tuple[str, ...] = tuple(dict.fromkeys(case.protocol for case in CASES))
"""In the order of the page."""
