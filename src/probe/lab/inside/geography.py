"""Where an address of the lab stands: at home, or abroad.

It is how servers tell the measured line from the control abroad, and from the exit of a VPN.
"""

import ipaddress

from probe.lab.addresses import V4_BLOCKS, V6_BLOCKS
from probe.lab.world import World

__all__ = ["Geography"]

_HOME = (V4_BLOCKS[False], V6_BLOCKS[False])


class Geography:
    """Answers by address alone, as servers and name servers must."""

    def __init__(self, world: World) -> None:
        """Know the hosts of ``world``."""
        self._world = world

    def abroad(self, address: str) -> bool:
        """Return whether ``address`` (or the network that starts with it) is outside the country.

        Hosts stand where the world says; everything else where its block lies. What is no
        address is abroad.
        """
        host = self._world.hosts.get(address)
        if host is not None:
            return host.foreign
        try:
            ip = ipaddress.ip_address(address)
        except ValueError:
            return True
        return not any(ip.version == block.version and ip in block for block in _HOME)
