"""What a censor (or a server) in the lab can do, and at which moment of a connection it acts.

One table, ``ACTIONS``, names for each action the layers at which it is asked for, the stages
that can express it, whose doing it is, from where it is felt and the parameters it takes. A
new stage or action is one more row; the evaluation (``censor``) and the parser (``scenario``)
read the table and need no change.
"""

from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "ACTIONS",
    "NETNS_PARAMETERS",
    "Action",
    "ActionSpec",
    "By",
    "Layer",
    "Limit",
    "Position",
    "Reach",
    "Stage",
    "Way",
]


class Stage(StrEnum):
    """Where a scenario can be played."""

    LOOPBACK = "loopback"  # servers on 127.0.0.1 and ::1; no privileges
    NETNS = "netns"  # single packets through a middlebox, in network namespaces


class Layer(StrEnum):
    """The moment at which the censor is asked."""

    UDP = "udp"  # a datagram is about to reach a server
    DATAGRAM = "datagram"  # its bytes are readable: which protocol, which of its messages
    TCP = "tcp"  # a SYN arrives
    ACCEPTED = "accepted"  # the connection stands, nothing was said
    DNS = "dns"  # a query is readable
    HELLO = "hello"  # a TLS ClientHello is readable
    CERTIFICATE = "certificate"  # somebody answers the ClientHello: who?
    HTTP = "http"  # a request is readable (plain, or inside a TLS that the actor ends)
    LOOKS = "looks"  # the first bytes look like some protocol (plain bytes, or the kind of hello)
    SPEAKER = "speaker"  # somebody is to speak the host's own protocol: who?


class By(StrEnum):
    """Who does it; the network cannot write into a TLS that it does not end."""

    NETWORK = "network"
    SERVER = "server"


class Reach(StrEnum):
    """From where it is felt."""

    HERE = "here"  # on this line; the uncensored control is spared
    EVERYWHERE = "everywhere"  # also by the control


class Position(StrEnum):
    """Where the censor's machine stands."""

    IN_PATH = "in_path"  # packets go through it: it can drop them
    ON_PATH = "on_path"  # it sees a copy: it can only add packets, which race with the real ones


class Limit(StrEnum):
    """What becomes of the packets above a rate."""

    POLICED = "policed"  # dropped
    SHAPED = "shaped"  # queued


class Way(StrEnum):
    """Which packets of a connection are slowed or lost."""

    DOWN = "down"  # the server's
    UP = "up"  # the client's
    BOTH = "both"  # each way by itself


class Action(StrEnum):
    """What is done."""

    NXDOMAIN = "nxdomain"
    SERVFAIL = "servfail"
    REFUSED = "refused"  # the DNS answer code; a refused connection is ``refuse``
    DNS_TIMEOUT = "dns_timeout"
    DNS_PROHIBITED = "dns_prohibited"  # ICMP "administratively prohibited" about one question
    BOGON = "bogon"
    FORGED = "forged"
    SECOND_ANSWER = "second_answer"
    DNS64 = "dns64"  # RFC 6147: IPv4 addresses are answered as IPv6 ones below 64:ff9b::/96
    DNS_INTERCEPT = "dns_intercept"  # port 53 of every address is answered by the line's resolver
    REFUSE = "refuse"
    PROHIBITED = "prohibited"  # ICMP "administratively prohibited" from the censor's hop
    SYN_RESET = "syn_reset"  # a SYN and a RST answer the SYN: it is cut while it opens
    DROP = "drop"
    STALL = "stall"  # the SYN/ACK passes, nothing after it
    RST = "rst"
    FIN = "fin"
    SNI_RESET = "sni_reset"
    SNI_FIN = "sni_fin"
    SNI_DROP = "sni_drop"
    ALERT = "alert"
    MITM = "mitm"
    EXPIRED_CERT = "expired_cert"
    WRONG_NAME_CERT = "wrong_name_cert"
    CLIENT_CERT = "client_cert"  # the server asks the client for a certificate
    BLOCK_PAGE = "block_page"
    REDIRECT = "redirect"
    TAMPER = "tamper"
    TRUNCATE = "truncate"  # the answer ends early
    HTTP_RESET = "http_reset"
    FREEZE = "freeze"
    THROTTLE = "throttle"
    PROTOCOL_RESET = "protocol_reset"  # for what the first bytes look like
    PROTOCOL_DROP = "protocol_drop"
    WRONG_SERVICE = "wrong_service"  # another service (the web, SIP) answers at the port
    GARBAGE = "garbage"  # bytes of nothing answer
    MUTE = "mute"  # the port is open, and nobody says a word
    TRANSPORT_FLOOD = "transport_flood"  # MTProto's -429: too many connections from here
    STATUS = "status"
    CHALLENGE = "challenge"
    DATAGRAM_DROP = "datagram_drop"  # this one vanishes; what is otherwise passes
    LOSE = "lose"  # a share of the datagrams vanishes, each by its own chance
    UNAUTHORIZED = "unauthorized"  # a STUN server wants credentials from everybody (401)
    ECHO = "echo"  # other bytes answer what is of no protocol: a responder for tests
    DOWN = "down"
    DOMESTIC_ONLY = "domestic_only"
    EVERYTHING = "everything"


_BOTH = frozenset(Stage)
_PACKETS = frozenset({Stage.NETNS})
_MAPPED = frozenset({Stage.LOOPBACK})

NETNS_PARAMETERS = frozenset({"hop", "limit", "packets", "position", "residual", "way"})
"""Fields of ``what`` that need single packets; a scenario with one plays in ``netns`` only."""


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """One row: ``parameters`` are the fields of ``what`` that the action reads."""

    layers: frozenset[Layer]
    by: By = By.NETWORK
    reach: Reach = Reach.HERE
    parameters: frozenset[str] = frozenset()
    stages: frozenset[Stage] = _BOTH
    blind: bool = False  # acts on bytes that it need not read: also on those inside TLS


def _spec(
    *layers: Layer,
    takes: str = "",
    by: By = By.NETWORK,
    blind: bool = False,
    stages: frozenset[Stage] = _BOTH,
) -> ActionSpec:
    return ActionSpec(
        frozenset(layers),
        by=by,
        parameters=frozenset(takes.split()),
        blind=blind,
        stages=stages,
    )


def _everywhere(*layers: Layer, takes: str = "") -> ActionSpec:
    return ActionSpec(
        frozenset(layers),
        by=By.SERVER,
        reach=Reach.EVERYWHERE,
        parameters=frozenset(takes.split()),
    )


ACTIONS: dict[Action, ActionSpec] = {
    Action.NXDOMAIN: _spec(Layer.DNS, takes="types position hop"),
    Action.SERVFAIL: _spec(Layer.DNS, takes="types position hop"),
    Action.REFUSED: _spec(Layer.DNS, takes="types position hop"),
    Action.DNS_TIMEOUT: _spec(Layer.DNS, takes="types hop"),
    Action.DNS_PROHIBITED: _spec(Layer.DNS, takes="types hop", stages=_PACKETS),
    Action.BOGON: _spec(Layer.DNS, takes="types answers position hop"),
    Action.FORGED: _spec(Layer.DNS, takes="types answers position hop"),
    Action.SECOND_ANSWER: _spec(Layer.DNS, takes="types answers position hop"),
    Action.DNS64: _spec(Layer.DNS, stages=_MAPPED),
    Action.DNS_INTERCEPT: _spec(Layer.UDP, Layer.TCP, takes="hop"),
    Action.REFUSE: _spec(Layer.TCP, Layer.UDP, takes="position hop"),
    Action.PROHIBITED: _spec(Layer.TCP, Layer.UDP, takes="hop", stages=_PACKETS),
    Action.SYN_RESET: _spec(Layer.TCP, takes="hop", stages=_PACKETS),
    Action.DROP: _spec(Layer.TCP, Layer.UDP, takes="residual hop"),
    Action.RST: _spec(Layer.ACCEPTED, takes="residual position hop"),
    Action.FIN: _spec(Layer.ACCEPTED, takes="residual position hop"),
    Action.STALL: _spec(Layer.ACCEPTED, takes="residual hop"),
    Action.SNI_RESET: _spec(Layer.HELLO, takes="answered residual position hop"),
    Action.SNI_FIN: _spec(Layer.HELLO, takes="residual position hop"),
    Action.SNI_DROP: _spec(Layer.HELLO, takes="answered residual hop"),
    Action.ALERT: _spec(Layer.HELLO, takes="alert residual position hop"),
    Action.MITM: _spec(Layer.CERTIFICATE, takes="ca issuer name"),
    Action.EXPIRED_CERT: _everywhere(Layer.CERTIFICATE),
    Action.WRONG_NAME_CERT: _everywhere(Layer.CERTIFICATE),
    Action.CLIENT_CERT: _everywhere(Layer.CERTIFICATE),
    Action.BLOCK_PAGE: _spec(Layer.HTTP, takes="status title body"),
    Action.REDIRECT: _spec(Layer.HTTP, takes="status location"),
    Action.TAMPER: _spec(Layer.HTTP, takes="body"),
    Action.TRUNCATE: _spec(Layer.HTTP, takes="bytes", blind=True),
    Action.HTTP_RESET: _spec(Layer.HTTP, takes="residual position hop"),
    Action.FREEZE: _spec(Layer.HTTP, takes="bytes packets hop", blind=True),
    Action.THROTTLE: _spec(Layer.HTTP, takes="rate limit way hop", blind=True),
    Action.PROTOCOL_RESET: _spec(Layer.LOOKS, takes="residual position hop"),
    Action.PROTOCOL_DROP: _spec(Layer.LOOKS, takes="residual hop"),
    Action.WRONG_SERVICE: _everywhere(Layer.SPEAKER, Layer.DATAGRAM),
    Action.GARBAGE: _everywhere(Layer.SPEAKER, Layer.DATAGRAM),
    Action.MUTE: _everywhere(Layer.SPEAKER),
    Action.TRANSPORT_FLOOD: _everywhere(Layer.SPEAKER),
    Action.STATUS: _spec(Layer.HTTP, takes="status title body", by=By.SERVER),
    Action.CHALLENGE: _spec(Layer.HTTP, takes="status", by=By.SERVER),
    Action.DATAGRAM_DROP: _spec(Layer.DATAGRAM, takes="residual hop"),
    Action.LOSE: _spec(Layer.UDP, takes="share way hop", stages=_PACKETS),
    Action.UNAUTHORIZED: _everywhere(Layer.DATAGRAM),
    Action.ECHO: _everywhere(Layer.DATAGRAM),
    Action.DOWN: _everywhere(Layer.TCP, Layer.UDP),
    Action.DOMESTIC_ONLY: _spec(Layer.TCP, Layer.UDP),
    Action.EVERYTHING: _spec(Layer.TCP, Layer.UDP),
}
