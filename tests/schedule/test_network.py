"""The network of an address, from files; the address itself goes nowhere."""

import ipaddress
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.clock import VirtualClock
from probe.errors import InputError
from probe.model.measurement import Answer, DnsEngine, DnsStep, Measurement
from probe.model.target import Kind
from probe.schedule.database import install_database
from probe.schedule.mmdb import AddressRange, mmdb_bytes
from probe.schedule.network import NetworkLookup, Seen, annotated

CLOCK = VirtualClock(datetime(2024, 6, 1, tzinfo=UTC))


def ranges(*rows: tuple[str, str, dict[str, str | int]]) -> list[AddressRange]:
    """Return ranges of addresses given as text."""
    return [
        AddressRange(int(ipaddress.ip_address(a)), int(ipaddress.ip_address(b)), data)
        for a, b, data in rows
    ]


def database(path: Path, *rows: tuple[str, str, dict[str, str | int]]) -> Path:
    """Write a small database."""
    path.write_bytes(mmdb_bytes(ranges(*rows), kind="test", built_epoch=1_700_000_000))
    return path


@pytest.fixture
def asn_file(tmp_path: Path) -> Path:
    """Return a database of two networks."""
    return database(
        tmp_path / "asn.mmdb",
        ("1.1.1.0", "1.1.1.255", {"autonomous_system_number": 13335}),
        (
            "8.8.8.0",
            "8.8.9.127",
            {
                "autonomous_system_number": 15169,
                "autonomous_system_organization": "G\u001b[2J" * 99,
            },
        ),
        ("2001:4860::", "2001:4860:ffff:ffff:ffff:ffff:ffff:ffff", {"asn": "AS15169"}),
    )


def test_as_and_country_are_found_for_both_families(asn_file: Path, tmp_path: Path) -> None:
    """Ranges are inclusive at both ends, IPv4 and IPv6 alike, and what is outside is unknown."""
    country = database(tmp_path / "cc.mmdb", ("8.8.8.0", "8.8.8.255", {"country_code": "us"}))
    with NetworkLookup(asn_file, country) as lookup:
        assert lookup.seen("1.1.1.255").asn == 13335
        assert lookup.seen("8.8.8.8") == Seen(
            asn=15169, name=lookup.seen("8.8.8.8").name, country="US"
        )
        assert lookup.seen("8.8.9.127").asn == 15169
        assert lookup.seen("8.8.9.128") == Seen()
        assert lookup.seen("2001:4860:4860::8888").asn == 15169
        assert lookup.seen("2606:4700::1111") == Seen()


def test_a_network_name_carries_no_escape_sequence_and_is_bounded(asn_file: Path) -> None:
    """A database is a file from elsewhere: its texts must not drive a terminal."""
    with NetworkLookup(asn_file, None) as lookup:
        name = lookup.seen("8.8.8.8").name
    assert name.isprintable()
    assert len(name) <= 100


def test_private_addresses_and_names_are_not_looked_up(asn_file: Path) -> None:
    """What is not public is not known."""
    with NetworkLookup(asn_file, None) as lookup:
        for text in ("10.0.0.1", "127.0.0.1", "fe80::1", "example.org", ""):
            assert lookup.seen(text) == Seen()


def test_no_error_text_repeats_the_address(tmp_path: Path) -> None:
    """The reader's own error names the address (IPv6 in an IPv4 file); ours says nothing."""

    class Reader:
        def get(self, address: str) -> None:
            raise ValueError(
                f"Error looking up {address}. You attempted to look up an IPv6 address"
            )

    lookup = NetworkLookup(None, None)
    lookup._readers = [Reader()]
    assert lookup.seen("2001:4860:4860::8888") == Seen()


@pytest.mark.parametrize("content", [b"", b"not a database", b"\xab\xcd\xefMaxMind.com", None])
def test_a_broken_database_is_named_and_refused(tmp_path: Path, content: bytes | None) -> None:
    """The error names the file and the mend."""
    path = tmp_path / "asn.mmdb"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"asn\.mmdb"):
        NetworkLookup(path, None)


def test_a_truncated_tree_gives_nothing_and_no_traceback(asn_file: Path, tmp_path: Path) -> None:
    """Bytes knocked out of the middle make an unknown network, not a crash."""
    raw = bytearray(asn_file.read_bytes())
    raw[40:400] = b"\xff" * 360
    path = tmp_path / "bad.mmdb"
    path.write_bytes(bytes(raw))
    with NetworkLookup(path, None) as lookup:
        for address in ("1.1.1.1", "8.8.8.8", "2001:4860::1"):
            assert lookup.seen(address).country is None


def test_dns_answers_get_the_as_of_their_addresses(asn_file: Path) -> None:
    """The addresses of targets are annotated; everything else of the measurement stays."""
    step = DnsStep(
        t0_s=0.0,
        t_s=0.1,
        hostname="dns.google",
        qtype="A",
        engine=DnsEngine.UDP,
        resolver="192.0.2.53:53",
        answers=(Answer(address="8.8.8.8"), Answer(address="10.10.34.34")),
    )
    measurement = Measurement(
        endpoint="e", service="s", kind=Kind.DNS, started=CLOCK.now(), steps=(step,)
    )
    with NetworkLookup(asn_file, None) as lookup:
        (seen,) = annotated(measurement, lookup).steps
    assert isinstance(seen, DnsStep)
    assert [a.asn for a in seen.answers] == [15169, None]
    assert msgspec.structs.replace(seen, answers=step.answers) == step


def _package(path: Path, **files: bytes) -> Path:
    with tarfile.open(path, "w:gz") as package:
        for name, data in files.items():
            source = path.with_name("member")
            source.write_bytes(data)
            package.add(source, f"package/{name.replace('__', '.').replace('_', '-')}")
    return path


def test_a_package_of_csv_files_is_converted_and_installed(tmp_path: Path) -> None:
    """``@ip-location-db/asn`` comes as CSV; where two ranges overlap, the later start wins."""
    package = _package(
        tmp_path / "asn.tgz",
        asn_ipv4__csv=b'1.0.0.0,1.255.255.255,1,Wide\n1.1.1.0,1.1.1.255,13335,"Cloudflare, Inc."\n',
        asn_ipv6__csv=b"2001:4860::,2001:4860:ffff::,15169,Google LLC\n",
        asn_ipv4_num__csv=b"16777216,16777471,13335,x\n",
    )
    target = tmp_path / "data" / "asn.mmdb"
    installed = install_database(package, "asn", target, clock=CLOCK)
    assert installed.source == "asn-ipv4.csv, asn-ipv6.csv"
    with NetworkLookup(target, None) as lookup:
        assert lookup.seen("1.1.1.1") == Seen(asn=13335, name="Cloudflare, Inc.")
        assert lookup.seen("1.1.2.1") == Seen(asn=1, name="Wide")
        assert lookup.seen("1.0.0.1") == Seen(asn=1, name="Wide")
        assert lookup.seen("2001:4860::8888").asn == 15169


def test_a_ready_database_is_installed_as_it_is(asn_file: Path, tmp_path: Path) -> None:
    """An ``.mmdb`` file is checked and copied; a package's whole one beats its halves."""
    target = tmp_path / "data" / "asn.mmdb"
    install_database(asn_file, "asn", target, clock=CLOCK)
    assert target.read_bytes() == asn_file.read_bytes()
    package = _package(tmp_path / "p.tgz", asn__mmdb=asn_file.read_bytes(), asn_ipv4__mmdb=b"x")
    assert install_database(package, "asn", target, clock=CLOCK).source == "asn.mmdb"


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("asn.mmdb", b"nonsense", "not a MaxMind DB"),
        ("asn.csv", b"\xff\xfe\n", "UTF-8"),
        ("asn.csv", b"1.1.1.0,1.1.1.255,AS1,x\n", "range"),
        ("asn.csv", b"1.1.1.255,1.1.1.0,13335,x\n", "range"),
        ("asn.csv", b"1.1.1.0,2001::,13335,x\n", "range"),
        ("asn.csv", b"1.1.1.0\n", "range"),
        ("asn.csv", b"203.0.113.0,203.0.113.255,1,x\n", "well-known"),
        ("asn.tgz", b"no archive", "cannot be read"),
    ],
)
def test_what_is_no_database_is_refused_and_the_old_one_stays(
    tmp_path: Path, name: str, content: bytes, problem: str
) -> None:
    """A bad download never replaces a good file."""
    source = tmp_path / name
    source.write_bytes(content)
    target = tmp_path / "data" / "asn.mmdb"
    target.parent.mkdir()
    target.write_bytes(b"old")
    with pytest.raises(InputError, match=problem):
        install_database(source, "asn", target, clock=CLOCK)
    assert target.read_bytes() == b"old"
    assert [p.name for p in target.parent.iterdir()] == ["asn.mmdb"]


@given(st.lists(st.integers(0, 2**32 - 2), min_size=1, max_size=40, unique=True), st.data())
def test_every_address_of_a_written_database_is_found_and_no_other(
    cuts: list[int], data: st.DataObject
) -> None:
    """Property: for any set of ranges, a lookup agrees with a linear search."""
    import maxminddb

    cuts.sort()
    items = [
        AddressRange(a, b - 1, {"n": i})
        for i, (a, b) in enumerate(zip(cuts, [*cuts[1:], cuts[-1] + 1], strict=True))
        if i % 3 != 2
    ]
    raw = mmdb_bytes(items, kind="test", built_epoch=1)
    import io

    with maxminddb.open_database(io.BytesIO(raw), maxminddb.MODE_FD) as reader:
        for number in [*cuts, data.draw(st.integers(0, 2**32 - 1))]:
            expected = next((r.data["n"] for r in items if r.first <= number <= r.last), None)
            found = reader.get(str(ipaddress.IPv4Address(number)))
            assert (found["n"] if isinstance(found, dict) else None) == expected


def test_ranges_that_overlap_are_refused_by_the_writer() -> None:
    """The tree can hold one answer for an address."""
    with pytest.raises(ValueError, match="overlap"):
        mmdb_bytes([AddressRange(0, 10, {}), AddressRange(10, 20, {})], kind="t", built_epoch=0)
