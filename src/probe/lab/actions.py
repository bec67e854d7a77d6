"""What a censor (or a server) in the lab can do, and at which moment of a connection it acts.

One table, ``ACTIONS``, names for each action the layers at which it is asked for, the stages
that can express it, whose doing it is, from where it is felt and the parameters it takes. A
new stage or action is one more row; the evaluation (``censor``) and the parser (``scenario``)
read the table and need no change.
"""

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["ACTIONS", "Action", "ActionSpec", "By", "Layer", "Reach", "Stage"]


class Stage(StrEnum):
    """Where a scenario can be played."""

    LOOPBACK = "loopback"  # servers on 127.0.0.1 and ::1; no privileges
    NETNS = "netns"  # single packets through a middlebox, in network namespaces


class Layer(StrEnum):
    """The moment at which the censor is asked."""

    UDP = "udp"  # a datagram is about to reach a server
    TCP = "tcp"  # a SYN arrives
    ACCEPTED = "accepted"  # the connection stands, nothing was said
    DNS = "dns"  # a query is readable
    HELLO = "hello"  # a TLS ClientHello is readable
    CERTIFICATE = "certificate"  # somebody answers the ClientHello: who?
    HTTP = "http"  # a request is readable (plain, or inside a TLS that the actor ends)


class By(StrEnum):
    """Who does it; the network cannot write into a TLS that it does not end."""

    NETWORK = "network"
    SERVER = "server"


class Reach(StrEnum):
    """From where it is felt."""

    HERE = "here"  # on this line; the uncensored control is spared
    EVERYWHERE = "everywhere"  # also by the control


class Action(StrEnum):
    """What is done."""

    NXDOMAIN = "nxdomain"
    SERVFAIL = "servfail"
    REFUSED = "refused"  # the DNS answer code; a refused connection is ``refuse``
    DNS_TIMEOUT = "dns_timeout"
    BOGON = "bogon"
    FORGED = "forged"
    SECOND_ANSWER = "second_answer"
    REFUSE = "refuse"
    DROP = "drop"
    RST = "rst"
    FIN = "fin"
    SNI_RESET = "sni_reset"
    SNI_FIN = "sni_fin"
    SNI_DROP = "sni_drop"
    ALERT = "alert"
    MITM = "mitm"
    EXPIRED_CERT = "expired_cert"
    WRONG_NAME_CERT = "wrong_name_cert"
    BLOCK_PAGE = "block_page"
    REDIRECT = "redirect"
    TAMPER = "tamper"
    HTTP_RESET = "http_reset"
    FREEZE = "freeze"
    THROTTLE = "throttle"
    STATUS = "status"
    CHALLENGE = "challenge"
    DOWN = "down"
    DOMESTIC_ONLY = "domestic_only"
    EVERYTHING = "everything"


_BOTH = frozenset(Stage)


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """One row: ``parameters`` are the fields of ``what`` that the action reads."""

    layers: frozenset[Layer]
    by: By = By.NETWORK
    reach: Reach = Reach.HERE
    parameters: frozenset[str] = frozenset()
    stages: frozenset[Stage] = _BOTH
    blind: bool = False  # acts on bytes that it need not read: also on those inside TLS


def _spec(*layers: Layer, takes: str = "", by: By = By.NETWORK, blind: bool = False) -> ActionSpec:
    return ActionSpec(frozenset(layers), by=by, parameters=frozenset(takes.split()), blind=blind)


def _everywhere(*layers: Layer, takes: str = "") -> ActionSpec:
    return ActionSpec(
        frozenset(layers),
        by=By.SERVER,
        reach=Reach.EVERYWHERE,
        parameters=frozenset(takes.split()),
    )


ACTIONS: dict[Action, ActionSpec] = {
    Action.NXDOMAIN: _spec(Layer.DNS, takes="types"),
    Action.SERVFAIL: _spec(Layer.DNS, takes="types"),
    Action.REFUSED: _spec(Layer.DNS, takes="types"),
    Action.DNS_TIMEOUT: _spec(Layer.DNS, takes="types"),
    Action.BOGON: _spec(Layer.DNS, takes="types answers"),
    Action.FORGED: _spec(Layer.DNS, takes="types answers"),
    Action.SECOND_ANSWER: _spec(Layer.DNS, takes="types answers"),
    Action.REFUSE: _spec(Layer.TCP, Layer.UDP),
    Action.DROP: _spec(Layer.TCP, Layer.UDP),
    Action.RST: _spec(Layer.ACCEPTED),
    Action.FIN: _spec(Layer.ACCEPTED),
    Action.SNI_RESET: _spec(Layer.HELLO),
    Action.SNI_FIN: _spec(Layer.HELLO),
    Action.SNI_DROP: _spec(Layer.HELLO),
    Action.ALERT: _spec(Layer.HELLO, takes="alert"),
    Action.MITM: _spec(Layer.CERTIFICATE, takes="ca"),
    Action.EXPIRED_CERT: _everywhere(Layer.CERTIFICATE),
    Action.WRONG_NAME_CERT: _everywhere(Layer.CERTIFICATE),
    Action.BLOCK_PAGE: _spec(Layer.HTTP, takes="status title body"),
    Action.REDIRECT: _spec(Layer.HTTP, takes="status location"),
    Action.TAMPER: _spec(Layer.HTTP, takes="body"),
    Action.HTTP_RESET: _spec(Layer.HTTP),
    Action.FREEZE: _spec(Layer.HTTP, takes="bytes", blind=True),
    Action.THROTTLE: _spec(Layer.HTTP, takes="rate", blind=True),
    Action.STATUS: _spec(Layer.HTTP, takes="status title body", by=By.SERVER),
    Action.CHALLENGE: _spec(Layer.HTTP, takes="status", by=By.SERVER),
    Action.DOWN: _everywhere(Layer.TCP, Layer.UDP),
    Action.DOMESTIC_ONLY: _spec(Layer.TCP, Layer.UDP),
    Action.EVERYTHING: _spec(Layer.TCP, Layer.UDP),
}
