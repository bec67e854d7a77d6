"""Who speaks over UDP (and OpenVPN over TCP) as programs of the real world do.

Each serves the endpoints of its kind, in a few processes at most; the rest stays ours, and so does
what only a server of the lab does on demand: noise, another service, silence to everybody.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from probe.lab.world import Host, World
from probe.model.target import Endpoint, Kind
from probe.wire.published import responder_public_key

__all__ = [
    "CHARON",
    "OPENVPN",
    "TUNNEL_PROGRAMS",
    "TURNSERVER",
    "WIREGUARD_GO",
    "Stand",
    "stands",
]

OPENVPN, WIREGUARD_GO, CHARON, TURNSERVER = "openvpn", "wireguard-go", "charon", "turnserver"
TUNNEL_PROGRAMS = (OPENVPN, WIREGUARD_GO, CHARON, TURNSERVER)

_MOST = 16
"""Processes of one program at most."""

_IKE_PORTS = (500, 4500)
_Spoken = tuple[Host, str, int, Endpoint]


@dataclass(frozen=True, slots=True)
class Stand:
    """One process: its program, the doors (address and port) it serves, and on whose terms."""

    program: str
    carrier: str
    doors: tuple[tuple[str, int], ...]
    endpoint: Endpoint


def stands(world: World, hosts: Iterable[Host], programs: Collection[str]) -> tuple[Stand, ...]:
    """Share out what ``hosts``, a part of the world's, speak among those of ``programs``."""
    usable = tuple(hosts)
    makers = {
        OPENVPN: _openvpn(usable),
        WIREGUARD_GO: _wireguard(world, usable),
        CHARON: _charon(world, usable),
        TURNSERVER: _turnserver(usable),
    }
    found: list[Stand] = []
    for program, made in makers.items():
        if program in programs:
            found += [stand for _, stand in zip(range(_MOST), made, strict=False)]
    return tuple(found)


def _spoken(hosts: Iterable[Host], kind: Kind) -> Iterator[_Spoken]:
    for host in hosts:
        for (carrier, port), endpoint in sorted(host.terms.items()):
            if endpoint.kind is kind:
                yield host, carrier, port, endpoint


def _openvpn(hosts: Iterable[Host]) -> Iterator[Stand]:
    """Yield a process for each address, port and carrier; where the wrapping is known."""
    for host, carrier, port, endpoint in _spoken(hosts, Kind.OPENVPN):
        if endpoint.wrap is not None:
            yield Stand(OPENVPN, carrier, ((host.address, port),), endpoint)


def _wireguard(world: World, hosts: Iterable[Host]) -> Iterator[Stand]:
    """Yield the first test responder that has its port for itself: the program binds it at all."""
    ours = [one for one in _spoken(hosts, Kind.WIREGUARD) if one[3].key == responder_public_key()]
    for name in sorted({endpoint.host for _, _, _, endpoint in ours}):
        mine = [one for one in ours if one[3].host == name]
        port, endpoint = mine[0][2], mine[0][3]
        doors = tuple((host.address, port) for host, _, _, _ in mine)
        if _alone(world, doors):
            yield Stand(WIREGUARD_GO, "udp", doors, endpoint)
            return


def _alone(world: World, doors: Collection[tuple[str, int]], ports: Collection[int] = ()) -> bool:
    """Return whether nobody else in the world hears datagrams at ``ports``, else at the doors'."""
    ports = ports or {port for _, port in doors}
    return all(
        (host.address, port) in doors
        for host in world.hosts.values()
        for port in ports
        if host.hears_datagrams(port)
    )


def _charon(world: World, hosts: Iterable[Host]) -> Iterator[Stand]:
    """Yield one process for both ports at every address, if all of them are its to serve."""
    spoken = tuple(_spoken(hosts, Kind.IKEV2))
    doors = tuple((host.address, port) for host, _, port, _ in spoken)
    if doors and _alone(world, doors, _IKE_PORTS):
        yield Stand(CHARON, "udp", doors, spoken[0][3])


def _turnserver(hosts: Iterable[Host]) -> Iterator[Stand]:
    """Yield a process for each port, at all addresses that speak STUN there."""
    found: dict[int, tuple[list[tuple[str, int]], Endpoint]] = {}
    for host, _, port, endpoint in _spoken(hosts, Kind.STUN):
        found.setdefault(port, ([], endpoint))[0].append((host.address, port))
    for _, (doors, endpoint) in sorted(found.items()):
        yield Stand(TURNSERVER, "udp", tuple(doors), endpoint)
