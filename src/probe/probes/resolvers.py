"""Resolvers that are public by intent, and how a resolver is named in a step."""

from probe.model.address import authority
from probe.probes.session import Session

__all__ = [
    "CONFIGURED",
    "DOH_BY_ADDRESS",
    "DOT_BY_ADDRESS",
    "PUBLIC_RESOLVERS",
    "resolver_label",
]

CONFIGURED = "configured"
"""The label of the line's own resolver: its address can say where a volunteer lives."""

DOH_BY_ADDRESS = (
    "https://1.1.1.1/dns-query",
    "https://9.9.9.9/dns-query",
    "https://8.8.8.8/dns-query",
)
"""Encrypted resolvers that need no name to be found, and no SNI; asked in turn until one answers.
Their certificates carry the addresses (RFC 8484; the operators' documentation)."""

DOT_BY_ADDRESS = "1.1.1.1"

PUBLIC_RESOLVERS = frozenset(
    """
    1.1.1.1 1.0.0.1 2606:4700:4700::1111 2606:4700:4700::1001
    8.8.8.8 8.8.4.4 2001:4860:4860::8888 2001:4860:4860::8844
    9.9.9.9 149.112.112.112 2620:fe::fe 2620:fe::9
    208.67.222.222 208.67.220.220 2620:119:35::35 2620:119:53::53
    94.140.14.14 94.140.15.15 77.88.8.8 77.88.8.1
    """.split()  # noqa: SIM905 - a list of words reads better as one
)
"""Anycast resolvers for the public (Cloudflare, Google, Quad9, OpenDNS, AdGuard, Yandex): that a
line uses one of them says nothing about where it is."""


def resolver_label(session: Session, server: tuple[str, int]) -> str:
    """Return ``address:port`` for a resolver that was chosen or is public, else ``configured``."""
    address, port = server
    if address == session.options.resolver or address in PUBLIC_RESOLVERS:
        return authority(address, port)
    return CONFIGURED
