"""Who a packet is for: the host, the side where it stands, the hops before it."""

import ipaddress

from probe.lab.actions import By, Layer
from probe.lab.censor import Request
from probe.lab.path.plumbing import Hop, Plumbing, Side, packed
from probe.lab.path.route import Travel, hops_between, travel
from probe.lab.rules import Rule
from probe.lab.situation import Scene
from probe.lab.world import NAMESERVER, Host, World

__all__ = ["Destination", "Destinations"]

MAX_KNOWN = 4096
MAX_ASKED = 64


class Destination:
    """An address as one of the clients sees it."""

    __slots__ = ("_asked", "host", "known", "resolver", "side", "travel")

    def __init__(
        self,
        host: Host,
        side: Side,
        way: tuple[Hop, ...],
        *,
        known: bool,
        resolver: tuple[bytes, Host] | None,
    ) -> None:
        """Stand on ``side`` behind ``way``; ``resolver`` answers DNS in its place if need be."""
        self.host = host
        self.side = side
        self.known = known  # somebody is there
        self.resolver = resolver
        self.travel = Travel(way, len(way))
        self._asked: dict[tuple[Layer, int, bool], Request] = {}

    def going(self, ttl: int) -> Travel:
        """Return how far a packet to here gets with ``ttl``."""
        return self.travel if ttl > self.travel.reached else travel(self.travel.hops, ttl)

    def about(self, scene: Scene, layer: Layer, port: int, *, control: bool) -> Request:
        """Return what the censor sees of a packet to here."""
        key = (layer, port, control)
        asked = self._asked.get(key)
        if asked is None:
            if len(self._asked) >= MAX_ASKED:
                self._asked.clear()
            asked = scene.about_address(layer, self.host, port, control=control)
            self._asked[key] = asked
        return asked

    def ttl_of(self, rule: Rule, going: Travel) -> int:
        """Return the TTL, on the line, of what ``rule`` answers in the server's name."""
        if rule.by is By.SERVER:
            return self.travel.ttl_from_server
        return going.ttl_to_client(rule.what.hop)


class Destinations:
    """Knows the world by packed addresses; what is asked often is remembered, within bounds."""

    def __init__(self, scene: Scene, plumbing: Plumbing) -> None:
        """Look into the world of ``scene``."""
        self._scene = scene
        self._hops = plumbing.hops
        world = scene.world
        self._hosts = {packed(address): host for address, host in world.hosts.items()}
        self._resolvers = _resolvers(world)
        self._clients = {
            packed(plumbing.line_public_v4): Side.LINE,
            packed(plumbing.line_v6): Side.LINE,
            packed(plumbing.abroad_v4): Side.ABROAD,
            packed(plumbing.abroad_v6): Side.ABROAD,
        }
        self._routers = {
            hop.address(family): position
            for position, hop in enumerate(plumbing.hops, start=1)
            for family in (4, 6)
        }
        self._known: dict[tuple[bytes, Side], Destination] = {}

    def client(self, address: bytes) -> Side | None:
        """Return which client has ``address``."""
        return self._clients.get(address)

    def router(self, address: bytes) -> int | None:
        """Return which virtual hop, from 1, has ``address``."""
        return self._routers.get(address)

    def find(self, address: bytes, client: Side) -> Destination:
        """Return who is at ``address``, as seen from ``client``."""
        key = (address, client)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            found = self._known[key] = self._made(address, client)
        return found

    def _made(self, address: bytes, client: Side) -> Destination:
        host = self._hosts.get(address)
        side = self._clients.get(address, Side.INTERNET)
        known = host is not None or side is not Side.INTERNET
        if host is None:
            host = self._scene.strangers(str(ipaddress.ip_address(address)))
        way = hops_between(self._hops, client, foreign=host.foreign)
        resolver = self._resolvers.get(len(address))
        return Destination(host, side, way, known=known, resolver=resolver)


def _resolvers(world: World) -> dict[int, tuple[bytes, Host]]:
    """Return the line's own resolver by the length of its address."""
    site = world.site(NAMESERVER)
    addresses = [world.nameserver, *(site.addresses if site is not None else ())]
    found: dict[int, tuple[bytes, Host]] = {}
    for address in addresses:
        host = world.hosts.get(address)
        if host is not None:
            found.setdefault(len(packed(address)), (packed(address), host))
    return found
