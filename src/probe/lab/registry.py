"""The lab's answer to "whose network is this address in?": a small database of its blocks.

AS numbers are of the block for documentation (RFC 5398), names are invented.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path

from probe.lab.addresses import V4_BLOCKS, V6_BLOCKS
from probe.lab.world import World
from probe.schedule.mmdb import AddressRange, mmdb_bytes
from probe.schedule.network import NetworkLookup

__all__ = ["ABROAD_ASN", "LINE_ASN", "networks_of", "open_registry"]

LINE_ASN = 64500
ABROAD_ASN = 64510
FIRST_ASN = 64520
_NAMES = {False: "Simulated Telecom", True: "Simulated network abroad"}
_NUMBERS = {False: LINE_ASN, True: ABROAD_ASN}


def networks_of(world: World) -> dict[str, int]:
    """Return the AS number of each foreign address: one a service, as large ones have.

    The numbers are private ones (RFC 6996). What belongs to no service is left to its block.
    """
    owners: dict[str, str] = {}
    for address, host in world.hosts.items():
        services = sorted({s for site in world.sites_at(host) for s in site.services})
        if host.foreign and services:
            owners[address] = services[0]
    numbers = {name: FIRST_ASN + n for n, name in enumerate(sorted(set(owners.values())))}
    return {address: numbers[name] for address, name in owners.items()}


def _range(first: int, last: int, country: str, asn: int, name: str) -> AddressRange:
    data: dict[str, str | int] = {
        "autonomous_system_number": asn,
        "autonomous_system_organization": name,
        "country_code": country,
    }
    return AddressRange(first=first, last=last, data=data)


def _block(
    block: IPv4Network | IPv6Network, country: str, networks: Mapping[int, int], *, foreign: bool
) -> Iterator[AddressRange]:
    """Yield the ranges of a block: single addresses that have a network, and the rest."""
    start, end = int(block.network_address), int(block.broadcast_address)
    asn, name = _NUMBERS[foreign], _NAMES[foreign]
    for address in sorted(a for a in networks if start <= a <= end):
        if address > start:
            yield _range(start, address - 1, country, asn, name)
        number = networks[address]
        yield _range(address, address, country, number, f"Simulated network {number}")
        start = address + 1
    if start <= end:
        yield _range(start, end, country, asn, name)


def open_registry(
    folder: Path,
    *,
    country: str,
    abroad: str,
    now: datetime,
    networks: Mapping[str, int] | None = None,
) -> NetworkLookup:
    """Write the database into ``folder`` and open it; ``country`` is the vantage's.

    ``networks`` are AS numbers of single addresses; the others have their block's.
    """
    ranges: list[AddressRange] = []
    for blocks in (V4_BLOCKS, V6_BLOCKS):
        for foreign, block in blocks.items():
            mine = {
                int(ip_address(a)): asn
                for a, asn in (networks or {}).items()
                if ip_address(a) in block
            }
            where = abroad if foreign else country
            ranges.extend(_block(block, where, mine, foreign=foreign))
    file = folder / "lab.mmdb"
    ordered = sorted(ranges, key=lambda one: one.first)
    file.write_bytes(mmdb_bytes(ordered, kind="probe-lab", built_epoch=int(now.timestamp())))
    return NetworkLookup(file, None)
