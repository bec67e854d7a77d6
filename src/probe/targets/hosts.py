"""Which hosts a target file may name: public names and public addresses only.

A name is checked by its form here; what it resolves to is checked when it is dialled.
"""

import re

from probe.model.address import is_public, parse_ip

__all__ = ["host_problem", "name_problem"]

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)\Z")
_NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)\Z")

_LOCAL_SUFFIXES = frozenset(
    """
    localhost localdomain local internal intranet lan home corp private domain workgroup
    home.arpa in-addr.arpa ip6.arpa svc cluster.local onion i2p alt
    """.split()  # noqa: SIM905 - a list of words reads better as one
)
"""Suffixes that stay inside a network or a machine (RFC 6761, 6762, 7686, 8375, 9476; the cloud
metadata name metadata.google.internal among them), or that no public resolver may be asked."""


def host_problem(host: str) -> str | None:
    """Return why ``host`` may not be measured, ``None`` when it may."""
    ip = parse_ip(host)
    if ip is None:
        return name_problem(host)
    if host != str(ip):
        return f"an address in another form than its usual one, {ip}"
    return None if is_public(host) else "not a public address"


def name_problem(name: str) -> str | None:
    """Return why ``name`` is not a public host name, ``None`` when it is one."""
    if name != name.lower():
        return "upper case in a host name"
    labels = name.split(".")
    if len(name) > 253 or not all(_LABEL.match(label) for label in labels):
        return "not a host name (use punycode for other alphabets)"
    if _NUMBER.match(labels[-1]):
        return "an address in disguise"
    if len(labels) < 2:
        return "a name without a dot is local"
    if any(".".join(labels[start:]) in _LOCAL_SUFFIXES for start in range(len(labels))):
        return "a name of the local network"
    return None
