"""The way of a packet: which virtual hops it passes, how far its TTL carries it.

Hops are counted as the vantage counts them: the home router is 1, the box plays 2 and on. A
packet reaches hop ``h`` when it still has a TTL there; the censor at a hop sees it before the
router takes one off. Where a way has fewer hops than a rule's ``hop`` (servers inside the
country), the censor stands at the last one.
"""

from dataclasses import dataclass

from probe.lab.path.crafting import TTL, icmp_error, icmp_message
from probe.lab.path.packets import ICMP, ICMP6, Packet
from probe.lab.path.plumbing import DOMESTIC_HOPS, Hop, Side

__all__ = ["Travel", "echo_reply", "hops_between", "time_exceeded", "travel"]

_TIME_EXCEEDED = {4: (11, 0), 6: (3, 0)}
_ECHO = {4: (ICMP, 8, 0), 6: (ICMP6, 128, 129)}
"""Protocol, type of the request, type of the reply."""


@dataclass(frozen=True, slots=True)
class Travel:
    """``hops`` lie on the way; the packet gets as far as the ``reached``-th of them."""

    hops: tuple[Hop, ...]
    reached: int
    expires: bool = False

    def position(self, hop: int) -> int:
        """Return which of the hops, from 1, the censor of a rule's ``hop`` stands at."""
        return max(1, min(hop - 1, len(self.hops)))

    def sees(self, hop: int) -> bool:
        """Return whether the packet gets to the censor at ``hop``."""
        return self.position(hop) <= self.reached

    def ttl_to_client(self, hop: int, initial: int = TTL) -> int:
        """Return the TTL, on the line, of what the machine at ``hop`` sends to the client."""
        return initial - (self.position(hop) - 1)

    def ttl_to_server(self, hop: int, initial: int = TTL) -> int:
        """Return the TTL, at the server, of what the machine at ``hop`` sends there."""
        return initial - (len(self.hops) - self.position(hop) + 1)

    @property
    def ttl_from_server(self) -> int:
        """Return the TTL, on the line, of what a server sends."""
        return TTL - len(self.hops)


def hops_between(hops: tuple[Hop, ...], client: Side, *, foreign: bool) -> tuple[Hop, ...]:
    """Return the hops from ``client`` to a server, nearest first."""
    if client is Side.LINE:
        return hops if foreign else hops[:DOMESTIC_HOPS]
    transit = tuple(hop for hop in reversed(hops) if hop.foreign)
    return transit if foreign else tuple(reversed(hops))


def travel(hops: tuple[Hop, ...], ttl: int) -> Travel:
    """Return how far a packet with ``ttl`` left gets."""
    if ttl > len(hops):
        return Travel(hops, len(hops))
    return Travel(hops, ttl, expires=True)


def time_exceeded(packet: Packet, going: Travel) -> bytes | None:
    """Return what the router says where the TTL of ``packet`` ends (RFC 792, RFC 4443 3.3)."""
    if not going.reached:
        return None
    hop = going.hops[going.reached - 1]
    return icmp_error(
        hop.address(packet.family),
        packet,
        _TIME_EXCEEDED[packet.family],
        ttl=TTL - (going.reached - 1),
        quoted_ttl=1,
    )


def echo_reply(packet: Packet, position: int) -> bytes | None:
    """Return the answer of the ``position``-th hop to a ping of its own address."""
    protocol, request, reply = _ECHO[packet.family]
    if packet.fragment or packet.protocol != protocol or packet.raw[packet.at] != request:
        return None
    return icmp_message(
        packet.target,
        packet.source,
        (reply, 0),
        packet.payload,
        rest=bytes(packet.raw[packet.at + 4 : packet.at + 8]),
        ttl=TTL - (position - 1),
    )
