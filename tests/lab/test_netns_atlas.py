"""The lab's map of networks."""

from pathlib import Path

from path_rig import PLUMBING

from probe.lab.netns.atlas import lab_maps, write_maps
from probe.lab.netns.request import CONTROL_VARIABLE
from probe.schedule.network import NetworkLookup


def test_the_map_knows_the_routers_and_the_country(tmp_path: Path) -> None:
    """AS of each hop, both families; blocks are in the country or abroad."""
    write_maps(tmp_path, PLUMBING.hops, "XX", built_epoch=1)
    with NetworkLookup(tmp_path / "asn.mmdb", tmp_path / "country.mmdb") as lookup:
        for hop in PLUMBING.hops:
            for address in (hop.address_v4, hop.address_v6):
                seen = lookup.seen(address)
                assert (seen.asn, seen.country) == (hop.asn, "XA" if hop.foreign else "XX")
                assert seen.name.startswith("Lab ")
        assert lookup.seen("33.77.77.77").asn is None


def test_the_map_is_beside_the_labs_socket(tmp_path: Path) -> None:
    """Found by who is in the lab, and by nobody else."""
    assert lab_maps({}) is None
    inside = {CONTROL_VARIABLE: str(tmp_path / "control")}
    assert lab_maps(inside) is None
    write_maps(tmp_path, PLUMBING.hops, "XX", built_epoch=1)
    assert lab_maps(inside) == (tmp_path / "asn.mmdb", tmp_path / "country.mmdb")
