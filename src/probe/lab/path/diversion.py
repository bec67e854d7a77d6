"""Which connections are led to servers that play the network, and at which ports.

What must end a connection to do its work (interception, pages in a server's name) cannot be
done packet by packet. On the SYN the box rewrites the port ``P`` to ``P + 20000``; there the
network's own actors listen on every address. Names are not known that early, so every
connection that such a rule could concern is led there, and most are answered honestly.
"""

import ipaddress
from collections.abc import Iterable

from probe.lab.actions import Action, By, Layer, Reach
from probe.lab.censor import DNS_PORT
from probe.lab.rules import Rule
from probe.lab.world import Host
from probe.model.address import parse_ip

__all__ = ["DIVERTED", "OFFSET", "could_divert", "hidden", "shifted", "unshifted"]

OFFSET = 20_000

_LIES = frozenset(
    {
        Action.NXDOMAIN,
        Action.SERVFAIL,
        Action.REFUSED,
        Action.DNS_TIMEOUT,
        Action.BOGON,
        Action.FORGED,
        Action.SECOND_ANSWER,
    }
)
_PAGES = frozenset(
    {Action.MITM, Action.BLOCK_PAGE, Action.REDIRECT, Action.TAMPER, Action.TRUNCATE}
)

DIVERTED = _LIES | _PAGES
"""What the network's own servers play at shifted ports; all else of the network the box does.

A DNS lie over UDP is the box's; a reset of a request inside a TLS that an interception ends is
the servers' as well.
"""


def shifted(port: int) -> int:
    """Return where connections to ``port`` are led; high ports stay (there is no room above)."""
    return port + OFFSET if port < OFFSET else port


def unshifted(port: int) -> int:
    """Return the port that was shifted to ``port``."""
    return port - OFFSET if OFFSET <= port < 2 * OFFSET else port


def hidden(host: Host, port: int) -> bool:
    """Return whether only connections that were led there may arrive at ``port``.

    Who knocks there himself must find it closed, as it is on the real host.
    """
    return port != unshifted(port) and port not in host.ports


def could_divert(rules: Iterable[Rule], host: Host, port: int, *, control: bool) -> bool:
    """Return whether one of the standing ``rules`` might have to end a connection to ``host``."""
    if port >= OFFSET or port not in host.ports:
        return False
    actions = _LIES if port == DNS_PORT else _PAGES
    return any(
        rule.by is By.NETWORK
        and rule.action in actions
        and (not control or rule.reach is Reach.EVERYWHERE)
        and _concerns(rule, host, port)
        for rule in rules
    )


def _concerns(rule: Rule, host: Host, port: int) -> bool:
    """Return whether ``host`` could be meant, whatever the name will be."""
    who = rule.who
    address = parse_ip(host.address)
    return (
        (not who.port or port in who.port)
        and (who.foreign is None or rule.layers <= {Layer.DNS} or who.foreign is host.foreign)
        and (
            not who.address
            or address is None
            or any(address in ipaddress.ip_network(net) for net in who.address)
        )
    )
