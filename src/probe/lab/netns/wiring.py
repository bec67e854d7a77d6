"""The lab's links and the state of its line, put into the namespaces by ``ip``."""

from probe.lab.line import LabError
from probe.lab.line_spec import Ipv6
from probe.lab.netns import links
from probe.lab.netns.addresses import Addresses
from probe.lab.netns.box import Box
from probe.lab.netns.director import Played
from probe.lab.netns.line_state import router_lines, state_of, vantage_lines
from probe.lab.netns.namespaces import Ground, Place
from probe.lab.netns.passage import Passage
from probe.lab.netns.wires import Wire, open_tun
from probe.lab.owner import turned_away
from probe.lab.path.plumbing import Side

__all__ = ["Wiring"]

_SIDES = {
    Place.ROUTER: Side.LINE,
    Place.ABROAD_ROUTER: Side.ABROAD,
    Place.INTERNET: Side.INTERNET,
}
_LANS = ((Place.VANTAGE, Place.ROUTER), (Place.ABROAD, Place.ABROAD_ROUTER))


class Wiring:
    """What is between the namespaces of one lab."""

    def __init__(self, ground: Ground, *, tun: bool) -> None:
        """Wire ``ground``, by TUN devices or else by veth pairs and AF_PACKET."""
        self._ground = ground
        self._tun = tun
        self._ipv6 = links.has_ipv6()
        self._walls = False  # a kernel without rules plays all else

    def lay(self, addresses: Addresses) -> dict[Side, Wire]:
        """Make the links, from the wires outwards, and return the box's ends.

        Raises:
            LabError: the kernel refuses one.

        """
        ground, six = self._ground, self._ipv6
        for place in Place:
            with ground.inside(place):
                links.settle(place)
        wires = links.open_wires(ground, tun=self._tun)
        for place, router in _LANS:
            other = ground.places[router]
            with ground.inside(place):
                links.run_ip(links.lan_batch(other), keep=(other.fd,))
        for place, batch in (
            (Place.VANTAGE, links.line_batch()),
            (Place.ROUTER, links.router_batch()),
            (Place.ABROAD_ROUTER, links.abroad_router_batch(addresses, ipv6=six)),
            (Place.ABROAD, links.abroad_batch(addresses, ipv6=six)),
            (Place.INTERNET, links.internet_batch(addresses, ipv6=six)),
        ):
            with ground.inside(place):
                links.run_ip(batch)
        return {_SIDES[place]: wire for place, wire in wires.items()}

    def arrange(self, box: Box, path: Passage, played: Played, *, tunnelled: bool) -> None:
        """Put the line into the state that is played, and the internet's ways back to it.

        Raises:
            LabError: this machine cannot play it (no IPv6, no TUN for a VPN).

        """
        addresses, spec, six = played.addresses, played.scenario.line, self._ipv6
        if spec.ipv6 is not Ipv6.NONE and not six:
            raise LabError("this kernel has no IPv6, and the scenario's line does")
        walled = turned_away(spec, played.world)
        self._walls = self._walls or bool(walled)
        state = state_of(spec, tunnelled=tunnelled, walled=walled if self._walls else None)
        if tunnelled != box.tunnelled:
            with self._ground.inside(Place.VANTAGE):
                box.tunnel(open_tun(links.TUNNEL) if tunnelled else None)
            path.tunnelled = tunnelled
        for place, batch in (
            (Place.INTERNET, links.client_routes(addresses, ipv6=six)),
            (Place.ROUTER, router_lines(state, addresses, ipv6=six)),
            (Place.VANTAGE, vantage_lines(state, addresses, ipv6=six)),
        ):
            with self._ground.inside(place):
                links.run_ip(batch)
