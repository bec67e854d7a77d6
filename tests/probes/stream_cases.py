"""The six cases of each protocol that is spoken over a connection."""

from dataclasses import dataclass, field

from protocol_cases import Case, CaseName

from probe.model.target import Kind

__all__ = ["STREAM_CASES"]

CLOSED, SILENT, RESET = "connection_refused", "generic_timeout_error", "connection_reset"


@dataclass(frozen=True)
class _Protocol:
    """How one protocol fares; a pair is what is seen and the verdict."""

    kind: Kind
    service: str
    host: str
    reachable: tuple[str, str]
    aware: tuple[str, str, str]  # the rule first
    wrong: tuple[str, str]
    garbage: tuple[str, str]
    closed: tuple[str, str] = (CLOSED, "blocked tcp.refused")
    dropped: tuple[str, str] = (SILENT, "blocked tcp.timeout")
    cases: tuple[Case, ...] = field(init=False)

    def __post_init__(self) -> None:
        at = f"host: {self.host}"
        rows = (
            (CaseName.REACHABLE, "", *self.reachable),
            (CaseName.PORT_CLOSED, _rule(at, "refuse"), *self.closed),
            (CaseName.DROPPED, _rule(at, "drop"), *self.dropped),
            (CaseName.AWARE, *self.aware),
            (CaseName.WRONG_SERVICE, _rule(at, "wrong_service"), *self.wrong),
            (CaseName.GARBAGE, _rule(at, "garbage"), *self.garbage),
        )
        cases = tuple(
            Case(self.kind, case, self.service, self.host, rule, seen, verdict)
            for case, rule, seen, verdict in rows
        )
        object.__setattr__(self, "cases", cases)


def _rule(who: str, what: str) -> str:
    return f"{{id: the-case, who: {{{who}}}, what: {what}}}"


_DOWN = "down down"

_PROTOCOLS = (
    _Protocol(
        Kind.TOR_OR,
        "tor",
        "relay.tor.example",
        reachable=("VERSIONS CERTS AUTH_CHALLENGE NETINFO", "ok none"),
        aware=(
            _rule("host: relay.tor.example, looks: tor", "protocol_reset"),
            RESET,
            "blocked tls.reset.shape",
        ),
        wrong=("HTTP", _DOWN),
        garbage=("something else", _DOWN),
    ),
    _Protocol(
        Kind.TOR_DIR,
        "tor",
        "directory.tor.example",
        reachable=("status 200", "ok none"),
        aware=(
            _rule("host: directory.tor.example, keyword: /tor/status-vote", "http_reset"),
            RESET,
            "blocked http.reset",
        ),
        wrong=("status 200", "inconclusive http.unexpected"),
        garbage=("eof_error", _DOWN),  # without the end of a line it is no answer yet
    ),
    _Protocol(
        Kind.OBFS4,
        "tor",
        "bridge.tor.example",
        reachable=("connected", "inconclusive tcp_only"),
        # Nothing is said to a bridge, so nothing is there to be recognised: it is not claimed.
        aware=(
            _rule("host: bridge.tor.example, looks: random", "protocol_reset"),
            "connected",
            "inconclusive tcp_only",
        ),
        wrong=("connected", "inconclusive tcp_only"),
        garbage=("connected", "inconclusive tcp_only"),
    ),
    _Protocol(
        Kind.MTPROTO,
        "telegram",
        "dc.telegram.example",
        reachable=("resPQ", "ok none"),
        aware=(
            _rule("host: dc.telegram.example, looks: mtproto", "protocol_reset"),
            RESET,
            "blocked exchange.reset.protocol",
        ),
        wrong=("HTTP", _DOWN),
        garbage=("something else", _DOWN),
    ),
    _Protocol(
        Kind.WHATSAPP,
        "whatsapp",
        "web.chat.example",
        reachable=("a server's hello", "ok none"),
        aware=(_rule("sni: web.chat.example", "sni_reset"), RESET, "blocked tls.reset.sni"),
        wrong=("status 200", "inconclusive unexplained"),
        garbage=("eof_error", _DOWN),  # without the end of a line it is no answer yet
    ),
    _Protocol(
        Kind.SIGNAL_PROXY,
        "signal",
        "proxy.signal.example",
        reachable=("a handshake with Signal's own authority", "ok none"),
        aware=(_rule("sni: proxy.signal.example", "sni_reset"), RESET, "blocked tls.reset.sni"),
        wrong=("something else", _DOWN),
        garbage=("something else", _DOWN),
    ),
)

STREAM_CASES: tuple[Case, ...] = tuple(case for one in _PROTOCOLS for case in one.cases)
