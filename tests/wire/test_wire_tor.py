"""Tor's link cells and the chain of certificates in them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from probe.wire.errors import Fault, WireError
from probe.wire.tor_cells import (
    Cell,
    Command,
    common_version,
    encode_cell,
    netinfo_clock,
    read_auth_challenge,
    read_versions,
    split_cell,
    versions_cell,
)
from probe.wire.tor_certs import LinkCertificate, read_certs, verify_certs

# Certificates of a relay in a test network, and cells, of arti (tor-proto,
# src/channel/handshake.rs, its tests); they were all valid at this time.
AT = datetime(2020, 9, 26, 18, 1, 20, tzinfo=UTC)
TLS_SHA256 = bytes.fromhex("b4fd606b64e4cbd466b8d76cb131069bae6f3aa1878857c9f624e31d77a799b8")
ED25519 = bytes.fromhex("dcb604db2034b00fd16986d4adb9d16b21cb4e4457a33dec0f538903683e96e9")
RSA = "2F1FB49BB332A9EEC617E41E911C33FB3890AEF3"
CERTIFICATES = {
    2: bytes.fromhex(
        "308201B930820122A0030201020208607C28BE6C390943300D06092A864886F70D01010B0500301F311D301B"
        "06035504030C147777772E74636A76356B766A646472322E636F6D301E170D3230303831303030303030305A"
        "170D3231303831303030303030305A301F311D301B06035504030C147777772E74636A76356B766A64647232"
        "2E636F6D30819F300D06092A864886F70D010101050003818D0030818902818100D38B1E6CEB946E0DB0751F"
        "4CBACE3DCB9688B6C25304227B4710C35AFB73627E50500F5913E158B621802612D1C7582700370333837523"
        "7552EB3CD3C12F6AB3604E60C1A2D26BB1FBAD206FF023969A90909D6A65A5458A5312C26EBD3A3DAD30302D"
        "4515CDCD264146AC18E6FC60A04BD3EC327F04294D96BA5AA25B464C3F0203010001300D06092A864886F70D"
        "01010B0500038181003BCE561EA7F95CC00B78AAB5D69573FF301C282A751D4A651921D042F1BECDBA24D918"
        "A6D8A5E138DC07BBA0B335478AE37ABD2C93A93932442AE9084329E846170FE0FC4A50AAFC804F311CC3CA4F"
        "41D845A7BA5901CBBC3E021E9794AAC70CE1F37B0A951592DB1B64F2B4AFB81AE52DBD9B6FEDE96A5FB8125E"
        "B6251EE50A"
    ),
    4: bytes.fromhex(
        "01040006CC2A01F82294B866A31F01FC5D0DA8572850A9B929545C3266558D7D2316E3B74172B00100200400"
        "DCB604DB2034B00FD16986D4ADB9D16B21CB4E4457A33DEC0F538903683E96E9FF1A5203FA27F86EF7528D89"
        "A0845D2520166E340754FFEA2AAE0F612B7CE5DA094A0236CDAC45034B0B6842C18E7F6B51B93A3CF7E60663"
        "B8AD061C30A62602"
    ),
    5: bytes.fromhex(
        "01050006C98A03B4FD606B64E4CBD466B8D76CB131069BAE6F3AA1878857C9F624E31D77A799B8007173E5F8"
        "068431D0D3F5EE16B4C9FFD59DF373E152A87281BAE744AA5FCF72171BF4B27C4E8FC1C6A9FC5CA11058BC49"
        "647063D7903CFD9F512F89099B27BC0C"
    ),
    7: bytes.fromhex(
        "DCB604DB2034B00FD16986D4ADB9D16B21CB4E4457A33DEC0F538903683E96E90006DA3A805CF6006F917906"
        "6534DE6B45AD47A5C469063EE462762723396DC9F25452A0A52DA3F5087DD239F2A311F6B0D4DFEFF4ABD089"
        "DC3D0237A0ABAB19EB2045B91CDCAF04BE0A72D548A27BF2E77BD876ECFE5E1BE622350DA6BF31F6E306ED89"
        "6488DD5B39409B23FC3EB7B2C9F7328EB18DA36D54D80575899EA6507CCBFCDF1F"
    ),
}
VERSIONS = bytes.fromhex("0000070006000300040005")
CHALLENGE = bytes.fromhex("00000000820026" + "FF" * 32 + "0002" + "0003" + "00ff")
NETINFO = bytes.fromhex("00000000" + "08" + "48949290" + "04047f000002" + "01" + "04047f000003")


def chain(**changed: bytes) -> tuple[LinkCertificate, ...]:
    """Return the certificates, some of them changed (``c4=...``) or left out (``c4=b""``)."""
    bodies = {kind: changed.get(f"c{kind}", body) for kind, body in CERTIFICATES.items()}
    return tuple(LinkCertificate(kind, body) for kind, body in bodies.items() if body)


def certs_cell(*certificates: LinkCertificate) -> Cell:
    """Return a CERTS cell."""
    body = b"".join(
        bytes([each.kind]) + len(each.body).to_bytes(2, "big") + each.body for each in certificates
    )
    return Cell(Command.CERTS, bytes([len(certificates)]) + body)


def test_versions_have_the_documented_bytes() -> None:
    """Circuit of 2 bytes, command 7, three versions; what arti's tests hold as well."""
    assert versions_cell() == VERSIONS
    found = split_cell(VERSIONS, 2)
    assert found is not None
    assert (read_versions(found[0]), found[1]) == ((3, 4, 5), b"")


def test_the_highest_common_version_counts() -> None:
    """And a peer without any is no relay."""
    assert common_version((3, 4, 5, 6)) == 5
    assert common_version((1, 3)) == 3
    with pytest.raises(WireError) as problem:
        common_version((0x1234, 0xFFFF))
    assert problem.value.fault is Fault.FORMAT


def test_a_published_chain_holds() -> None:
    """From the RSA identity to this TLS connection, with the earliest end of all."""
    identity = verify_certs(chain(), tls_sha256=TLS_SHA256, at=AT)
    assert (identity.rsa_fingerprint, identity.ed25519) == (RSA, ED25519)
    assert identity.expires_unix_s == 0x0006C98A * 3600


@pytest.mark.parametrize("kind", sorted(CERTIFICATES))
def test_a_chain_without_one_link_is_refused(kind: int) -> None:
    """Each certificate is needed."""
    with pytest.raises(WireError, match="no certificate") as problem:
        verify_certs(chain(**{f"c{kind}": b""}), tls_sha256=TLS_SHA256, at=AT)
    assert problem.value.fault is Fault.FORMAT


@pytest.mark.parametrize("kind", sorted(CERTIFICATES))
@settings(max_examples=40)
@given(place=st.integers(0, 1000), bit=st.integers(0, 7))
def test_no_bit_of_a_chain_can_be_changed(kind: int, place: int, bit: int) -> None:
    """Property: each bit is signed or checked.

    But one: how many bits of the RSA signature's last byte are unused. All were tried.
    """
    body = bytearray(CERTIFICATES[kind])
    place %= len(body)
    assume((kind, place, bit) != (2, 316, 0))
    body[place] ^= 1 << bit
    with pytest.raises(WireError):
        verify_certs(chain(**{f"c{kind}": bytes(body)}), tls_sha256=TLS_SHA256, at=AT)


def test_another_tls_connection_is_seen() -> None:
    """A relay behind somebody else's TLS: everything is signed, and nothing fits."""
    with pytest.raises(WireError, match="another TLS") as problem:
        verify_certs(chain(), tls_sha256=bytes(32), at=AT)
    assert problem.value.fault is Fault.UNPROVEN


def test_an_expired_chain_is_refused() -> None:
    """The earliest end counts."""
    end = datetime.fromtimestamp(0x0006C98A * 3600, UTC)
    verify_certs(chain(), tls_sha256=TLS_SHA256, at=end - timedelta(seconds=1))
    with pytest.raises(WireError, match="expired") as problem:
        verify_certs(chain(), tls_sha256=TLS_SHA256, at=end)
    assert problem.value.fault is Fault.UNPROVEN


def test_a_certs_cell_is_read_and_one_kind_twice_is_refused() -> None:
    """tor-spec: a client must reject a second certificate of a kind."""
    assert read_certs(certs_cell(*chain())) == chain()
    assert read_certs(Cell(Command.CERTS, b"\x00")) == ()
    with pytest.raises(WireError, match="twice"):
        read_certs(certs_cell(*chain(), chain()[0]))
    with pytest.raises(WireError) as problem:
        read_certs(Cell(Command.CERTS, b"\x01"))
    assert problem.value.fault is Fault.SHORT


def test_a_challenge_is_read() -> None:
    """Arti's cell: 32 bytes and two methods."""
    found = split_cell(CHALLENGE, 4)
    assert found is not None
    challenge = read_auth_challenge(found[0])
    assert (challenge.challenge, challenge.methods) == (b"\xff" * 32, (3, 0xFF))


def test_of_netinfo_only_the_clock_is_kept() -> None:
    """Our own address and the relay's are gone before there is a value, wherever they stood."""
    padded = NETINFO + bytes(514 - len(NETINFO))
    found = split_cell(padded + b"next", 4)
    assert found is not None
    cell, rest = found
    assert (netinfo_clock(cell), rest) == (0x48949290, b"next")
    assert datetime.fromtimestamp(netinfo_clock(cell), UTC).isoformat() == (
        "2008-08-02T17:00:00+00:00"
    )
    assert b"\x7f\x00\x00" not in cell.payload
    assert len(cell.payload) == 509


@settings(max_examples=40)
@given(st.binary(min_size=509, max_size=509))
def test_no_byte_of_netinfo_but_the_clock_gets_into_a_value(payload: bytes) -> None:
    """Property: whatever a hostile relay writes there."""
    found = split_cell(bytes(4) + b"\x08" + payload, 4)
    assert found is not None
    assert found[0].payload == payload[:4] + bytes(505)


@pytest.mark.parametrize(
    "cell",
    [
        Cell(Command.VERSIONS, b""),
        Cell(Command.VERSIONS, b"\x00"),
        Cell(Command.VERSIONS, b"\x00\x03" * 65),
        Cell(Command.VERSIONS, b"\x00\x03", circuit=1),
        Cell(Command.CERTS, b"\x00\x03"),
    ],
)
def test_what_is_no_list_of_versions_is_refused(cell: Cell) -> None:
    """Empty, half a version, far too many, on a circuit, another cell."""
    with pytest.raises(WireError) as problem:
        read_versions(cell)
    assert problem.value.fault is Fault.FORMAT


CELLS = st.one_of(
    st.builds(Cell, st.just(7), st.binary(max_size=30), st.integers(0, 2**16 - 1)),
    st.builds(Cell, st.integers(128, 255), st.binary(max_size=30), st.integers(0, 2**32 - 1)),
)


@settings(max_examples=40)
@given(cells=st.lists(CELLS, max_size=4), cut=st.integers(0, 200))
def test_cells_come_out_of_a_stream_as_they_went_in(cells: list[Cell], cut: int) -> None:
    """Property: also when they come in two parts."""
    stream = b"".join(encode_cell(cell, 4) for cell in cells)
    found, buffer = list[Cell](), b""
    for part in (stream[:cut], stream[cut:]):
        buffer += part
        while (got := split_cell(buffer, 4)) is not None:
            found.append(got[0])
            buffer = got[1]
    assert (found, buffer) == (cells, b"")


@pytest.mark.parametrize(
    ("cell", "size"),
    [
        (Cell(256, b""), 4),
        (Cell(7, b"", 1 << 16), 2),
        (Cell(8, bytes(510)), 4),
        (Cell(129, bytes(65_536)), 4),
    ],
)
def test_what_fits_in_no_cell_is_refused(cell: Cell, size: int) -> None:
    """Numbers and payloads out of range."""
    with pytest.raises(WireError) as problem:
        encode_cell(cell, size)
    assert problem.value.fault is Fault.ARGUMENT
