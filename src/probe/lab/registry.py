"""The lab's answer to "whose network is this address in?": a small database of its blocks.

AS numbers are of the block for documentation (RFC 5398), names are invented.
"""

import ipaddress
from datetime import datetime
from pathlib import Path

from probe.lab.addresses import V4_BLOCKS, V6_BLOCKS
from probe.schedule.mmdb import AddressRange, mmdb_bytes
from probe.schedule.network import NetworkLookup

__all__ = ["ABROAD_ASN", "LINE_ASN", "open_registry"]

LINE_ASN = 64500
ABROAD_ASN = 64510
_NAMES = {False: "Simulated Telecom", True: "Simulated network abroad"}
_NUMBERS = {False: LINE_ASN, True: ABROAD_ASN}


def _range(
    block: ipaddress.IPv4Network | ipaddress.IPv6Network, country: str, *, foreign: bool
) -> AddressRange:
    return AddressRange(
        first=int(block.network_address),
        last=int(block.broadcast_address),
        data={
            "autonomous_system_number": _NUMBERS[foreign],
            "autonomous_system_organization": _NAMES[foreign],
            "country_code": country,
        },
    )


def open_registry(folder: Path, *, country: str, abroad: str, now: datetime) -> NetworkLookup:
    """Write the database into ``folder`` and open it; ``country`` is the vantage's."""
    blocks = [
        _range(block, abroad if foreign else country, foreign=foreign)
        for blocks in (V4_BLOCKS, V6_BLOCKS)
        for foreign, block in blocks.items()
    ]
    file = folder / "lab.mmdb"
    ordered = sorted(blocks, key=lambda block: block.first)
    file.write_bytes(mmdb_bytes(ordered, kind="probe-lab", built_epoch=int(now.timestamp())))
    return NetworkLookup(file, None)
