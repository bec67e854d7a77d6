"""The network as a plan allows it: what was not announced cannot be sent.

``probe run --dry-run`` promises that packets go only to the names, ports, resolvers and
addresses it lists, and to the public addresses that those names resolve to. This door stands
between the probes and the network and keeps the promise, whatever a bug or a hostile answer
asks for: each connection is checked against the endpoint that is being measured.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from probe.errors import ForbiddenNetwork
from probe.model.target import Endpoint
from probe.net.base import Datagrams, Net, Resolved, Stream
from probe.probes.options import ProbeOptions
from probe.probes.session import ascii_host
from probe.schedule.contacts import Place, may_dial

__all__ = ["PlannedNet"]

_Now = tuple[Endpoint, ProbeOptions]


class PlannedNet:
    """A network that only carries measurements of the plan's endpoints."""

    def __init__(self, net: Net, endpoints: Iterable[Endpoint]) -> None:
        """Stand before ``net`` for a plan of ``endpoints``."""
        self._net = net
        self._planned = frozenset(endpoint.id for endpoint in endpoints)
        self._now: ContextVar[_Now | None] = ContextVar("measured", default=None)

    @contextmanager
    def measuring(self, endpoint: Endpoint, options: ProbeOptions) -> Iterator[None]:
        """Open the door for one measurement, in this task and those it starts.

        Raises:
            ForbiddenNetwork: the endpoint is not in the plan.

        """
        if endpoint.id not in self._planned:
            raise ForbiddenNetwork("an endpoint that is not in this round's plan")
        token = self._now.set((endpoint, options))
        try:
            yield
        finally:
            self._now.reset(token)

    async def connect_tcp(self, address: str, port: int, *, timeout_s: float) -> Stream:
        """Connect, where the plan allows it.

        Raises:
            ForbiddenNetwork: it does not.

        """
        self._check(address, port)
        return await self._net.connect_tcp(address, port, timeout_s=timeout_s)

    async def open_udp(self, address: str, port: int) -> Datagrams:
        """Open a UDP socket, where the plan allows it.

        Raises:
            ForbiddenNetwork: it does not.

        """
        self._check(address, port)
        return await self._net.open_udp(address, port)

    async def system_resolve(self, name: str, family: int, *, timeout_s: float) -> Resolved:
        """Ask for the name of the endpoint that is being measured.

        Raises:
            ForbiddenNetwork: another name was asked for.

        """
        endpoint, _ = self._measured()
        if name != ascii_host(endpoint.host):
            raise ForbiddenNetwork("a name that is not in this round's plan was asked for")
        return await self._net.system_resolve(name, family, timeout_s=timeout_s)

    def nameservers(self) -> tuple[str, ...]:
        """Return the resolvers of the network behind."""
        return self._net.nameservers()

    def _measured(self) -> _Now:
        now = self._now.get()
        if now is None:
            raise ForbiddenNetwork("a packet was about to be sent outside a measurement")
        return now

    def _check(self, address: str, port: int) -> None:
        """Refuse without a name or address: journals are read by others."""
        endpoint, options = self._measured()
        if not may_dial(Place(address, port), endpoint, options, self._net.nameservers()):
            raise ForbiddenNetwork("an address or port that is not in this round's plan")
