"""What a measurement needs from outside: network, clock, randomness, roots, limits."""

import random
from collections.abc import Collection, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from probe.clock import Clock
from probe.model.address import is_public
from probe.model.fingerprint import Fingerprint
from probe.net.base import Net
from probe.net.quic import quic_is_here
from probe.net.trust import Roots

if TYPE_CHECKING:
    from probe.wire.pages import MarkIndex

__all__ = [
    "NO_LIMITS",
    "PUBLIC_ONLY",
    "DialPolicy",
    "Limits",
    "NoLimits",
    "ProbeEnv",
    "PublicOnly",
    "Timeouts",
]

CONNECT_TIMES = 4.0
"""A deadline is so many times the 95th percentile of the connects to neutral hosts."""

LONGEST_CONNECT_S = 60.0

NAMES_LONGER = 1.5


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Deadlines in seconds of real time, each of one operation.

    ``late_s`` is how long a UDP socket goes on listening after the first answer; ``udp_s`` how
    long each of the three datagrams of a protocol is waited for; ``transfer_s`` the most that a
    timed transfer may take. ``patience`` is how many times longer a line is waited for that gave
    nothing but silence, before it is called offline; 1 is not at all.
    """

    dns_s: float = 5.0
    tcp_s: float = 10.0
    tls_s: float = 10.0
    http_s: float = 15.0
    exchange_s: float = 10.0
    late_s: float = 2.0
    udp_s: float = 2.0
    transfer_s: float = 20.0
    patience: float = 4.0

    def following(self, connect_s: float) -> "Timeouts":
        """Return the deadlines for a line whose slow connects take ``connect_s`` seconds.

        A connect may take four times that, up to a minute, and never less than usual; the other
        operations are given more in the same proportion.
        """
        connect = min(CONNECT_TIMES * connect_s, LONGEST_CONNECT_S)
        return self.times(max(1.0, connect / self.tcp_s))

    def patiently(self) -> "Timeouts":
        """Return the deadlines for a line of which nothing has been heard yet.

        Names get half as much again: without one nothing is dialled, and an encrypted resolver
        needs two round trips for its answer.
        """
        if self.patience == 1.0:
            return self
        return replace(self.times(self.patience), dns_s=NAMES_LONGER * self.dns_s * self.patience)

    def times(self, factor: float) -> "Timeouts":
        """Return all that waits for an answer so many times longer."""
        return replace(
            self,
            dns_s=self.dns_s * factor,
            tcp_s=self.tcp_s * factor,
            tls_s=self.tls_s * factor,
            http_s=self.http_s * factor,
            exchange_s=self.exchange_s * factor,
            udp_s=self.udp_s * factor,
        )


class Limits(Protocol):
    """Rate limits, entered before the timer of an operation starts."""

    def destination(self, address: str) -> AbstractAsyncContextManager[None]:
        """Wait until ``address`` may be dialled."""
        ...

    def resolver(self, address: str) -> AbstractAsyncContextManager[None]:
        """Wait until the resolver (an address, ``system``, or a DoH URL) may be asked."""
        ...


class NoLimits:
    """No waiting."""

    def destination(self, address: str) -> AbstractAsyncContextManager[None]:
        """Go ahead."""
        del address
        return nullcontext()

    def resolver(self, address: str) -> AbstractAsyncContextManager[None]:
        """Go ahead."""
        del address
        return nullcontext()


NO_LIMITS: Limits = NoLimits()


class DialPolicy(Protocol):
    """Which addresses, learnt from a catalog or from DNS, may be dialled at all."""

    def allows(self, address: str) -> bool:
        """Return whether ``address`` may be dialled."""
        ...


class PublicOnly:
    """Public addresses only: a lying resolver must not aim us at the home router."""

    def allows(self, address: str) -> bool:
        """Return whether ``address`` is public."""
        return is_public(address)


PUBLIC_ONLY: DialPolicy = PublicOnly()


@dataclass(frozen=True, kw_only=True)
class ProbeEnv:
    """One round's surroundings, shared by its measurements.

    ``own_addresses`` are the line's own, for scrubbing; they enter no value. ``secrets`` are of a
    person's own proxies, by the endpoint's id. ``country`` (ISO 3166 alpha-2, ZZ when nobody
    said) is where the line is: whose storefront a store is asked for. ``quic`` is whether this
    machine can shake hands over QUIC (extra ``quic``).
    """

    net: Net
    clock: Clock
    rng: random.Random
    roots: Roots
    fingerprints: tuple[Fingerprint, ...] = ()
    own_addresses: Collection[str] = ()
    secrets: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    timeouts: Timeouts = Timeouts()
    limits: Limits = NO_LIMITS
    dial: DialPolicy = PUBLIC_ONLY
    country: str = "ZZ"
    quic: bool = field(default_factory=quic_is_here)

    @cached_property
    def marks(self) -> "MarkIndex":
        """Return the fingerprints, indexed for matching pages."""
        from probe.wire.pages import MarkIndex

        return MarkIndex(self.fingerprints)
