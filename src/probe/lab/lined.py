"""The line of a scenario as loopback can play it: its facts, its clock, its dead and broken parts.

What the namespaces do by routes and interfaces is done here at the door of the mapped network.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Literal

from probe.clock import Clock
from probe.lab.line_spec import HOME, Ipv6, LineSpec
from probe.lab.process import LabView
from probe.model.address import family_of
from probe.net.base import NetFailure
from probe.schedule.line import LineFacts

__all__ = ["LinedView", "OffClock", "facts_of"]

_NAT64 = ip_network("64:ff9b::/96")
NOBODY = "3ffe:a:ffff:ffff::1"
"""An IPv6 address at which nothing answers."""


class OffClock:
    """A clock that is off from the servers' by a fixed number of seconds."""

    virtual = True

    def __init__(self, truth: Clock, offset_s: float) -> None:
        """Show ``truth`` plus ``offset_s``."""
        self._truth = truth
        self._offset = timedelta(seconds=offset_s)

    def now(self) -> datetime:
        """Return what this machine takes for the time."""
        return self._truth.now() + self._offset

    def monotonic_s(self) -> float:
        """Return seconds on a clock that nobody sets."""
        return self._truth.monotonic_s()

    async def sleep(self, seconds: float) -> None:
        """Wait; a second lasts as long on a clock that is wrong."""
        await self._truth.sleep(seconds)


class LinedView:
    """The lab seen through a line: without a link nothing leaves, a tunnel ends abroad."""

    def __init__(
        self,
        line: LineSpec,
        here: LabView,
        abroad: LabView,
        clock: Clock,
        *,
        walled: Collection[str] = (),
    ) -> None:
        """Look through ``line``, which may be tunnelled at certain hours of ``clock``.

        A firewall of the machine lets nobody out to the ``walled`` addresses.
        """
        self._line = line
        self._walled = frozenset(walled)
        self._here = here
        self._abroad = abroad
        self._clock = clock

    async def locate(
        self, transport: Literal["tcp", "udp"], address: str, port: int
    ) -> tuple[str, int]:
        """Return the loopback address and port that stand for an address of the world.

        Raises:
            NetFailure: this line has no way there.

        """
        if address in self._walled:
            raise NetFailure("permission_denied")  # EACCES, as where a rule prohibits it
        if not self._line.link:
            raise NetFailure("network_unreachable")
        if not self._line.gateway:
            raise NetFailure("host_unreachable")
        view = self._abroad if self._line.tunnelled(self._clock.now()) else self._here
        return await view.locate(transport, self._leads_to(address), port)

    def _leads_to(self, address: str) -> str:
        """Return the address that ``address`` leads to over the families that this line has."""
        if family_of(address) == 6:
            if self._line.ipv6 is Ipv6.NONE:
                raise NetFailure("network_unreachable")
            return NOBODY if self._line.ipv6 is Ipv6.BROKEN else _behind_nat64(address)
        if not self._line.ipv4 and address not in self.nameservers():  # that one has IPv6, too
            raise NetFailure("network_unreachable")
        return address

    def nameservers(self) -> tuple[str, ...]:
        """Return the resolver that this line is configured with."""
        return self._here.nameservers()


def _behind_nat64(address: str) -> str:
    """Return the IPv4 address that a NAT64 leads to, or ``address`` itself (RFC 6052)."""
    ip = ip_address(address)
    return str(IPv4Address(int(ip) & 0xFFFFFFFF)) if ip in _NAT64 else address


def facts_of(line: LineSpec, now: datetime, *own: str) -> LineFacts:
    """Return what the operating system says of such a line at ``now``.

    ``own`` are the public addresses that it has at home, of IPv6 where that works; elsewhere its
    address is not known.
    """
    line = line.at(now)
    at_home = line.link and line.network == HOME
    block = 1 if line.network == HOME else 2
    mine = [a for a in own if family_of(a) == 4 or line.ipv6 is Ipv6.WORKS]
    addresses = (f"192.168.{block}.23", *(mine if at_home else ()))
    return LineFacts(
        default_route=line.link,
        gateway=f"192.168.{block}.1" if line.link else None,
        gateway_reachable=line.link and line.gateway,
        tunnel=line.tunnelled(now),
        ipv6_route=line.link and line.ipv6 is not Ipv6.NONE,
        addresses=addresses if line.link else (),
    )
