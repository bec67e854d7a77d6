"""The lab's map of networks: whose its routers are and which country its blocks lie in.

Two MaxMind DB files in the lab's folder, in the form in which ``probe`` reads real ones. Only
``probe trace`` asks them: what servers belong to whom is no matter of the lab's verdicts.
"""

import ipaddress
from collections.abc import Iterable, Mapping
from pathlib import Path

from probe.lab.addresses import ABROAD, V4_BLOCKS, V6_BLOCKS
from probe.lab.netns.request import CONTROL_VARIABLE
from probe.lab.path.plumbing import Hop
from probe.schedule.mmdb import AddressRange, mmdb_bytes

__all__ = ["lab_maps", "write_maps"]

_NAMES = {False: "Lab Provider", True: "Lab Transit"}
_ASN, _COUNTRY = "asn.mmdb", "country.mmdb"


def write_maps(folder: Path, hops: Iterable[Hop], country: str, *, built_epoch: int) -> None:
    """Write both files into ``folder``; ``country`` is that of the measured line."""
    for name, ranges in ((_ASN, _routers(hops)), (_COUNTRY, _blocks(country))):
        kind = f"lab-{name.removesuffix('.mmdb')}"
        ordered = sorted(ranges, key=lambda one: one.first)
        (folder / name).write_bytes(mmdb_bytes(ordered, kind=kind, built_epoch=built_epoch))


def _routers(hops: Iterable[Hop]) -> list[AddressRange]:
    return [
        AddressRange(
            number,
            number,
            {"autonomous_system_number": hop.asn, "autonomous_system_organization": name},
        )
        for hop in hops
        for name in (_NAMES[hop.foreign],)
        for number in (
            int(ipaddress.ip_address(hop.address_v4)),
            int(ipaddress.ip_address(hop.address_v6)),
        )
    ]


def _blocks(country: str) -> list[AddressRange]:
    return [
        AddressRange(
            int(block.network_address),
            int(block.broadcast_address),
            {"country_code": ABROAD if foreign else country},
        )
        for blocks in (V4_BLOCKS, V6_BLOCKS)
        for foreign, block in blocks.items()
    ]


def lab_maps(environ: Mapping[str, str]) -> tuple[Path, Path] | None:
    """Return the files for AS and country of the lab around this process, if there is one."""
    control = environ.get(CONTROL_VARIABLE)
    if not control:
        return None
    paths = Path(control).with_name(_ASN), Path(control).with_name(_COUNTRY)
    return paths if all(path.exists() for path in paths) else None
