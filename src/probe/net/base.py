"""The network seam: what a probe may ask of a network, real, fake or mapped.

Every method has a deadline in seconds of real time. A failure of the network is raised as
``NetFailure`` carrying a name of the closed vocabulary; nothing else is raised for one.
Cancellation and bugs propagate.
"""

from dataclasses import dataclass
from typing import Protocol

from probe.model.failure import Failure, check_failure

__all__ = ["Datagrams", "Net", "NetFailure", "Resolved", "Stream", "StreamServer"]


class NetFailure(Exception):  # noqa: N818 - it is a failure of the network, no error of ours
    """The network failed; ``failure`` says how, in OONI's words."""

    def __init__(self, failure: Failure) -> None:
        """Keep the name of the failure."""
        check_failure(failure)
        self.failure = failure
        super().__init__(failure)


class Stream(Protocol):
    """A connected byte stream; counters hold bytes that crossed it, also before a failure."""

    bytes_sent: int
    bytes_received: int

    async def send(self, data: bytes, *, timeout_s: float) -> None:
        """Send all of ``data``."""
        ...

    async def receive(self, max_bytes: int, *, timeout_s: float) -> bytes:
        """Return 1 to ``max_bytes`` bytes, or ``b""`` at the end of the stream."""
        ...

    async def aclose(self) -> None:
        """Close; never raises."""
        ...


class Datagrams(Protocol):
    """A UDP socket connected to one address (so that ICMP port-unreachable is seen)."""

    bytes_sent: int
    bytes_received: int

    async def send(self, data: bytes) -> None:
        """Send one datagram."""
        ...

    async def receive(self, *, timeout_s: float) -> bytes:
        """Return the next datagram from that address."""
        ...

    async def aclose(self) -> None:
        """Close; never raises."""
        ...


@dataclass(frozen=True, slots=True)
class Resolved:
    """What the system resolver said: addresses of one family, and its canonical name."""

    addresses: tuple[str, ...]
    canonical: str | None = None


class StreamServer(Protocol):
    """A listening socket; ``address`` and ``port`` are where it listens."""

    address: str
    port: int

    async def aclose(self) -> None:
        """Stop listening."""
        ...


class Net(Protocol):
    """A network that probes can be run against."""

    async def connect_tcp(self, address: str, port: int, *, timeout_s: float) -> Stream:
        """Connect to an IP literal; names are never resolved here."""
        ...

    async def open_udp(self, address: str, port: int) -> Datagrams:
        """Open a connected UDP socket to an IP literal."""
        ...

    async def system_resolve(self, name: str, family: int, *, timeout_s: float) -> Resolved:
        """Ask the system resolver (getaddrinfo) for addresses of family 4 or 6."""
        ...

    def nameservers(self) -> tuple[str, ...]:
        """Return the addresses of the resolvers that the system is configured with."""
        ...
