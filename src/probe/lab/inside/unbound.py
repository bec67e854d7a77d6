"""unbound's configuration: the line's recursive resolver, and the open resolvers of the world.

All names are asked of the lab's own name servers, and answers are kept as long as they say. The
open resolvers pass the client's network on (RFC 7871), as the large ones do. A name server that
is slow because the machine is busy is waited for: there is no other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from probe.lab.inside.keys import KeyFiles

__all__ = ["Resolver", "unbound_config"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolver:
    """One unbound: where it listens, from where it asks whom, and whether it says for whom."""

    doors: Sequence[tuple[str, int]]
    outgoing: str
    authority: str
    subnets: bool = False
    keys: KeyFiles | None = None  # for DNS over TLS and HTTPS


def unbound_config(resolver: Resolver, folder: Path) -> str:
    """Return the configuration; every path in it lies in ``folder``."""
    lines = [
        "server:",
        *_server(resolver, folder),
        *(f"  interface: {address}@{port}" for address, port in resolver.doors),
        "remote-control:",
        "  control-enable: no",
        "forward-zone:",
        '  name: "."',
        f"  forward-addr: {resolver.authority}",
    ]
    return "\n".join(lines) + "\n"


def _server(resolver: Resolver, folder: Path) -> list[str]:
    modules = "subnetcache iterator" if resolver.subnets else "iterator"
    settings = {
        "verbosity": "0",
        "do-daemonize": "no",
        "use-syslog": "no",
        "username": '""',
        "chroot": '""',
        "pidfile": '""',
        "directory": f'"{folder}"',
        "num-threads": "1",
        "outgoing-interface": resolver.outgoing,
        "ip-freebind": "yes",
        "access-control": "0.0.0.0/0 allow",
        "do-not-query-localhost": "no",
        "module-config": f'"{modules}"',
        "qname-minimisation": "no",
        "unblock-lan-zones": "yes",
        "insecure-lan-zones": "yes",
        "unknown-server-time-limit": "2000",
        "infra-cache-min-rtt": "1000",
        "infra-cache-max-rtt": "4000",
        "infra-keep-probing": "yes",
        "msg-cache-size": "1m",
        "rrset-cache-size": "1m",
        "outgoing-range": "512",
        "num-queries-per-thread": "512",
        "incoming-num-tcp": "24",
        "edns-buffer-size": "1232",
        "max-udp-size": "1232",
    }
    lines = [f"  {name}: {value}" for name, value in settings.items()]
    lines.append("  access-control: ::/0 allow")
    if resolver.subnets:
        lines.append(f"  send-client-subnet: {resolver.authority}")
    if resolver.keys is not None:
        lines += [
            f'  tls-service-pem: "{resolver.keys.chain}"',
            f'  tls-service-key: "{resolver.keys.key}"',
            "  tls-port: 853",
            "  https-port: 443",
            '  http-endpoint: "/dns-query"',
        ]
    return lines
