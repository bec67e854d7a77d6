"""Looks at others beside one that failed: neutral hosts, and neighbours on the same network.

Both are endpoints of this round's plan; no address is ever scanned. A neutral host tells a line
that broke meanwhile from a block; a neighbour tells an address from a whole network.
"""

import asyncio
from collections.abc import Iterable, Sequence
from ipaddress import ip_network

import msgspec
from msgspec.structs import replace

from probe.analysis.endings import ending_of
from probe.analysis.udp_facts import must_answer, speaks_udp
from probe.model.address import family_of
from probe.model.measurement import DnsStep, Measurement, Outcome, Variant
from probe.model.target import Endpoint
from probe.probes.options import ProbeOptions
from probe.schedule.work import Work

__all__ = ["FRESH_S", "Beside", "Neighbour", "reached_at"]

FRESH_S = 5.0
"""A look at a neutral host this young serves several endpoints that failed at once."""

OTHERS_OVER_UDP = 2
"""Silence of so many others makes it a matter of UDP altogether."""

_PREFIX = {4: 24, 6: 48}


class Neighbour(msgspec.Struct, frozen=True):
    """Another endpoint of the round, the address it was reached at, and how it went."""

    endpoint: Endpoint
    address: str
    asn: int | None
    passed: bool


def reached_at(measurement: Measurement) -> str | None:
    """Return the address that a look ended at, ``None`` when it never came to dial one."""
    last = measurement.steps[-1] if measurement.steps else None
    return None if last is None or isinstance(last, DnsStep) else last.address


class Beside:
    """What the chains of a round look at beside their own endpoints."""

    def __init__(self, work: Work, neutral: Sequence[Endpoint]) -> None:
        """Use ``neutral`` hosts abroad that passed when the round began, in turn."""
        self._work = work
        self._neutral = tuple(neutral)
        self._turn = 0
        self._latest: tuple[float, tuple[Measurement, ...]] | None = None
        self._asking = asyncio.Lock()
        self._seen: dict[tuple[str, str], Neighbour] = {}

    # --- neutral hosts

    async def anchors(self, options: ProbeOptions) -> tuple[Measurement, ...]:
        """Return a look at a neutral host, and at another when that one fails.

        Looks that were taken a moment ago are returned again, without their bytes: nothing was
        sent for them a second time.
        """
        if not self._neutral:
            return ()
        async with self._asking:
            now_s = self._work.env.clock.monotonic_s()
            if self._latest is not None and now_s - self._latest[0] < FRESH_S:
                return tuple(replace(m, bytes_sent=0, bytes_received=0) for m in self._latest[1])
            found = [await self._one(options)]
            if not ending_of(found[0]).passed and len(self._neutral) > 1:
                found.append(await self._one(options))
            taken = tuple(m for m in found if m.outcome is Outcome.MEASURED)
            self._latest = (self._work.env.clock.monotonic_s(), taken)
            return taken

    async def _one(self, options: ProbeOptions) -> Measurement:
        endpoint = self._neutral[self._turn % len(self._neutral)]
        self._turn += 1
        return await self._work.measure(endpoint, options)

    # --- neighbours

    def note(self, endpoint: Endpoint, measurement: Measurement) -> None:
        """Remember where a first look ended, and whether it passed; nothing of what is private."""
        own = (Variant.MAIN, Variant.OTHER_FAMILY)
        address = reached_at(measurement)
        if measurement.outcome is not Outcome.MEASURED or measurement.variant not in own:
            return
        if address is None or endpoint.private is not None:
            return
        found = Neighbour(endpoint, address, _asn(measurement, address), _passed(measurement))
        self._seen[endpoint.id, address] = found

    def neighbour(self, endpoint: Endpoint, failed: Measurement) -> Neighbour | None:
        """Return another service's endpoint on the network where ``failed`` ended.

        One that passed is preferred, then one as near as possible. The address itself is none:
        it may be cut for every name. ``None``: this round met nobody else there.
        """
        address = reached_at(failed)
        if address is None:
            return None
        asn = _asn(failed, address)
        own = {seen.address for seen in self._seen.values() if seen.endpoint.id == endpoint.id}
        near = [
            seen
            for seen in self._seen.values()
            if seen.endpoint.service != endpoint.service
            and seen.endpoint.host != endpoint.host
            and seen.address not in own | {address}
            and (_close(seen.address, address) or (asn is not None and seen.asn == asn))
            and family_of(seen.address) == family_of(address)
        ]
        return max(near, key=lambda n: (n.passed, _close(n.address, address)), default=None)

    def over_udp(self, endpoint: Endpoint) -> tuple[Neighbour, ...]:
        """Return up to two endpoints of other services that owe an answer over UDP.

        Each is another service's, at another address; those that passed come first.
        """
        by_service: dict[str, Neighbour] = {}
        for seen in sorted(self._seen.values(), key=lambda n: not n.passed):
            other = seen.endpoint
            if other.service != endpoint.service and speaks_udp(other) and must_answer(other):
                by_service.setdefault(other.service, seen)
        return tuple(by_service.values())[:OTHERS_OVER_UDP]


def _passed(measurement: Measurement) -> bool:
    return ending_of(measurement).passed


def _asn(measurement: Measurement, address: str) -> int | None:
    answers: Iterable[tuple[str, int | None]] = (
        (a.address, a.asn) for s in measurement.steps if isinstance(s, DnsStep) for a in s.answers
    )
    return next((asn for known, asn in answers if known == address), None)


def _close(one: str, two: str) -> bool:
    family = family_of(one)
    if family is None or family != family_of(two):
        return False
    network = ip_network(f"{one}/{_PREFIX[family]}", strict=False)
    return network == ip_network(f"{two}/{_PREFIX[family]}", strict=False)
