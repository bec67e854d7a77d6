"""The address-mapped network: every address of the catalog leads somewhere else, on loopback.

A probe dials the public address and never learns where it went. The lab says where.
"""

import random
from typing import Literal, Protocol

from probe.net import guard
from probe.net.base import NetFailure, Resolved
from probe.net.dns import UdpExchange
from probe.net.dnswire import question
from probe.net.sockets import SocketDatagrams, SocketStream, dial_tcp, dial_udp

__all__ = ["MappedNet", "Mapper"]

_DNS_PORT = 53
_SAID_BY_SYSTEM = frozenset(
    {"dns_nxdomain_error", "dns_no_answer", "generic_timeout_error", "dns_server_misbehaving"}
)


class Mapper(Protocol):
    """Where each endpoint of the mapped network really listens."""

    async def locate(
        self, transport: Literal["tcp", "udp"], address: str, port: int
    ) -> tuple[str, int]:
        """Return the address and port that stand for these.

        Raises:
            NetFailure: when the mapped network has no way there.

        """
        ...

    def nameservers(self) -> tuple[str, ...]:
        """Return the resolvers of the mapped network, as addresses in it."""
        ...


class MappedNet:
    """A network seen through a mapper; it needs no consent, and the guard still holds below."""

    def __init__(self, mapper: Mapper) -> None:
        """Dial through ``mapper``."""
        guard.install()
        self._mapper = mapper
        self._rng = random.Random(0)  # noqa: S311 - ids of queries that stay on this machine

    async def connect_tcp(self, address: str, port: int, *, timeout_s: float) -> SocketStream:
        """Connect to what stands for ``address`` and ``port``."""
        where, at = await self._mapper.locate("tcp", address, port)
        return await dial_tcp(where, at, timeout_s=timeout_s)

    async def open_udp(self, address: str, port: int) -> SocketDatagrams:
        """Open a UDP socket to what stands for ``address`` and ``port``."""
        where, at = await self._mapper.locate("udp", address, port)
        return await dial_udp(where, at)

    async def system_resolve(self, name: str, family: int, *, timeout_s: float) -> Resolved:
        """Ask the mapped network's first resolver, and say what getaddrinfo would say.

        Raises:
            NetFailure: as the system resolver's errors are named (``net.classify``): all but
                "no such name" and "no address" is ``dns_server_misbehaving``.

        """
        asked = question(name, "AAAA" if family == 6 else "A", self._rng, edns=False)
        datagrams = await self.open_udp(self._mapper.nameservers()[0], _DNS_PORT)
        try:
            result = await UdpExchange(datagrams, asked).ask(timeout_s=timeout_s)
        finally:
            await datagrams.aclose()
        if result.failure is not None or result.reply is None:
            said = result.failure in _SAID_BY_SYSTEM
            raise NetFailure(
                result.failure if said and result.failure else "dns_server_misbehaving"
            )
        canonical = result.reply.cnames[-1] if result.reply.cnames else None
        return Resolved(result.reply.addresses, canonical)

    def nameservers(self) -> tuple[str, ...]:
        """Return the resolvers of the mapped network."""
        return self._mapper.nameservers()
