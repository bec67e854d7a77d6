"""Which addresses the lab's places have, as the world gives them."""

import ipaddress
from dataclasses import dataclass

from probe.lab.addresses import AddressBook
from probe.lab.line_spec import HOME, LineSpec
from probe.lab.path.plumbing import Plumbing, standard_hops
from probe.lab.world import World

__all__ = ["Addresses", "addresses_of", "plumbing_of"]

_AT_HOME, _ELSEWHERE = ("192.168.1.23", "192.168.1.1"), ("192.168.2.23", "192.168.2.1")
"""The measured machine and its router, in the blocks that most of them hand out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Addresses of the vantage, of the control abroad and of their routers.

    ``tunnel_v4`` is where the line's VPN comes out. The line has IPv6 only where the scenario
    gives it; the address is set aside in any case.
    """

    line_v4: str
    line_gateway_v4: str
    line_public_v4: str
    line_v6: str
    line_gateway_v6: str
    abroad_v4: str
    abroad_gateway_v4: str
    abroad_v6: str
    abroad_gateway_v6: str
    tunnel_v4: str
    nameserver: str
    abroad_nameserver: str

    def of_the_line(self) -> tuple[str, ...]:
        """Return what the servers see the line come from."""
        return (self.line_public_v4, self.line_v6)

    def outside(self) -> tuple[str, ...]:
        """Return every address that is not in the internet's namespace but routed out of it."""
        return (*self.of_the_line(), self.abroad_v4, self.abroad_v6, self.tunnel_v4)


def _neighbour(address: str, bits: int) -> str:
    """Return the first address of the network around ``address``, or its second if that is it."""
    network = ipaddress.ip_network(f"{address}/{bits}", strict=False)
    first = network.network_address + 1
    return str(first if str(first) != address else first + 1)


def addresses_of(world: World, line: LineSpec) -> Addresses:
    """Return the addresses of a world; the same world always has the same.

    On another network than its usual one, the line has other ones for itself.
    """
    at_home = line.network == HOME
    own, gateway = _AT_HOME if at_home else _ELSEWHERE
    book = AddressBook({*world.hosts, world.own_address, world.abroad_address})
    elsewhere = book.v4(f"the measured line at {line.network}", foreign=False)
    return Addresses(
        line_v4=own,
        line_gateway_v4=gateway,
        line_public_v4=world.own_address if at_home else elsewhere,
        line_v6=world.own_address_v6,
        line_gateway_v6=_neighbour(world.own_address_v6, 64),
        abroad_v4=world.abroad_address,
        abroad_gateway_v4=_neighbour(world.abroad_address, 24),
        abroad_v6=world.abroad_address_v6,
        abroad_gateway_v6=_neighbour(world.abroad_address_v6, 64),
        tunnel_v4=book.v4("the exit of the VPN", foreign=True),
        nameserver=world.nameserver,
        abroad_nameserver=world.open_resolver,
    )


def plumbing_of(addresses: Addresses) -> Plumbing:
    """Return where the path stands between these addresses."""
    return Plumbing(
        line_v4=addresses.line_v4,
        line_public_v4=addresses.line_public_v4,
        line_v6=addresses.line_v6,
        abroad_v4=addresses.abroad_v4,
        abroad_v6=addresses.abroad_v6,
        hops=standard_hops(),
    )
