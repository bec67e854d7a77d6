"""The six cases of each protocol that is spoken over UDP, and of OpenVPN over TCP."""

from collections.abc import Iterator
from dataclasses import dataclass

from protocol_cases import Case, CaseName

from probe.model.target import Kind

__all__ = ["DATAGRAM_CASES"]

SILENCE, REFUSED, RESET = "generic_timeout_error", "connection_refused", "connection_reset"
STRANGE = "unknown_failure: a reply that is not of"
_DOWN = "down down"
_SILENT = "blocked udp.silence"


@dataclass(frozen=True)
class _Spoken:
    """How one protocol fares; ``word`` is what a filter calls it, ``odd`` how noise is seen."""

    title: str
    kind: Kind
    service: str
    host: str
    word: str
    reply: str
    server: str | None
    cut: str = _SILENT
    filtered: str = _SILENT
    odd: str = STRANGE

    def cases(self) -> Iterator[Case]:
        """Yield the six."""
        at = f"host: {self.host}"
        over_udp = f"{at}, protocol: udp"
        everywhere = "by: server, reach: everywhere"
        for name, who, what, seen, verdict in (
            (CaseName.REACHABLE, "", "", self.reply, "ok none"),
            (CaseName.PORT_CLOSED, over_udp, f"refuse, {everywhere}", REFUSED, _DOWN),
            (CaseName.DROPPED, over_udp, "drop", SILENCE, self.cut),
            (CaseName.AWARE, f"protocol: {self.word}", "datagram_drop", SILENCE, self.filtered),
            (CaseName.WRONG_SERVICE, at, "wrong_service", self.odd, _DOWN),
            (CaseName.GARBAGE, at, "garbage", self.odd, _DOWN),
        ):
            yield self._case(name, who, what, seen, verdict)

    def _case(self, name: CaseName, who: str, what: str, seen: str, verdict: str) -> Case:
        return Case(
            self.kind,
            name,
            self.service,
            self.host,
            f"{{id: the-case, who: {{{who}}}, what: {what}}}" if what else "",
            seen,
            verdict,
            world="calls",
            title=self.title,
            server=self.server,
        )


_RESET_REPLY = "hard_reset_server_v2"

_PROTOCOLS = (
    _Spoken("STUN", Kind.STUN, "talk", "stun.talk.example", "stun", "success", "turnserver"),
    _Spoken(
        "QUIC",
        Kind.QUIC,
        "meet",
        "fast.meet.example",
        "quic",
        "pong",
        "caddy",
        cut="blocked quic.timeout.port",
        filtered="blocked quic.timeout.port",
        odd=SILENCE,  # what is not QUIC is no answer to a handshake
    ),
    *(
        _Spoken(title, Kind.OPENVPN, service, host, "openvpn", _RESET_REPLY, "openvpn")
        for title, service, host in (
            ("OpenVPN over UDP", "plainvpn", "udp.plainvpn.example"),
            ("OpenVPN with tls-auth", "authvpn", "auth.authvpn.example"),
            ("OpenVPN with tls-crypt", "authvpn", "crypt.authvpn.example"),
        )
    ),
    _Spoken(
        "WireGuard, a test responder",
        Kind.WIREGUARD,
        "responder",
        "echo.responder.example",
        "wireguard",
        "response",
        None,
        filtered="blocked udp.protocol.wireguard",
    ),
    _Spoken(
        "WireGuard, wireguard-go",
        Kind.WIREGUARD,
        "responder",
        "alone.responder.example",
        "wireguard",
        "response",
        "wireguard-go",
        filtered="blocked udp",  # the real one ignores random bytes, ours does not
    ),
    _Spoken("IKEv2", Kind.IKEV2, "tunnel", "ike.tunnel.example", "ikev2", "", "charon"),
    _Spoken("IKEv2 on 4500", Kind.IKEV2, "tunnel", "natt.tunnel.example", "ikev2", "", "charon"),
)


def _over_tcp() -> Iterator[Case]:
    at = "host: tcp.plainvpn.example"
    everywhere = "by: server, reach: everywhere"
    for name, who, what, seen, verdict in (
        (CaseName.REACHABLE, "", "", _RESET_REPLY, "ok none"),
        (CaseName.PORT_CLOSED, at, f"refuse, {everywhere}", REFUSED, _DOWN),
        (CaseName.DROPPED, at, "drop", SILENCE, "blocked tcp.timeout"),
        (
            CaseName.AWARE,
            f"{at}, looks: openvpn",
            "protocol_reset",
            RESET,
            "blocked exchange.reset",
        ),
        (CaseName.WRONG_SERVICE, at, "wrong_service", "HTTP", _DOWN),
        (CaseName.GARBAGE, at, "garbage", "something else", _DOWN),
    ):
        yield Case(
            Kind.OPENVPN,
            name,
            "plainvpn",
            "tcp.plainvpn.example",
            f"{{id: the-case, who: {{{who}}}, what: {what}}}" if what else "",
            seen,
            verdict,
            world="calls",
            title="OpenVPN over TCP",
            server="openvpn",
        )


DATAGRAM_CASES: tuple[Case, ...] = (
    *(case for spoken in _PROTOCOLS for case in spoken.cases()),
    *_over_tcp(),
)
