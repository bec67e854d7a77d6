"""Our own relay's hello, read by our own client: every link of the chain, one changed at a time."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from probe.wire.errors import Fault, WireError
from probe.wire.tor_cells import Command, netinfo_clock, split_cell
from probe.wire.tor_certs import LinkCertificate, read_certs, verify_certs
from probe.wire.tor_relay import RelayKeys, link_certificates, relay_hello

BEGINS = datetime(2026, 1, 1, tzinfo=UTC)
ENDS = BEGINS + timedelta(days=30)
AT = BEGINS + timedelta(days=3)
TLS = bytes(range(32))
OWN, RELAY = bytes([203, 0, 113, 9]), bytes(15) + b"\x01"


def _ed(number: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)


KEYS = RelayKeys(rsa.generate_private_key(65_537, 1024), _ed(1), _ed(2))
OTHER = RelayKeys(rsa.generate_private_key(65_537, 1024), _ed(3), _ed(4))


def chain(keys: RelayKeys = KEYS, tls: bytes = TLS) -> tuple[LinkCertificate, ...]:
    """Return a relay's certificates."""
    return link_certificates(keys, tls_sha256=tls, begins=BEGINS, ends=ENDS)


def test_a_relays_hello_is_read_whole_and_its_chain_holds() -> None:
    """Four cells in the order of a real relay; of our own address nothing is left."""
    data = relay_hello(
        chain(),
        challenge=bytes(32),
        clock_unix_s=1_767_225_600,
        their_address=OWN,
        our_address=RELAY,
    )
    cells, size = [], 2
    while (found := split_cell(data, size)) is not None:
        cells.append(found[0])
        data, size = found[1], 4
    assert [cell.command for cell in cells] == [
        Command.VERSIONS,
        Command.CERTS,
        Command.AUTH_CHALLENGE,
        Command.NETINFO,
    ]
    assert data == b""
    identity = verify_certs(read_certs(cells[1]), tls_sha256=TLS, at=AT)
    assert identity.ed25519 == KEYS.identity.public_key().public_bytes_raw()
    assert identity.expires_unix_s == ENDS.timestamp()
    assert netinfo_clock(cells[3]) == 1_767_225_600
    assert OWN not in cells[3].payload
    assert RELAY not in cells[3].payload


@pytest.mark.parametrize("place", range(4))
def test_no_link_of_another_relay_fits(place: int) -> None:
    """Identity, signing key, TLS certificate, cross-certificate: each must be of this relay."""
    mixed = (*chain()[:place], chain(OTHER)[place], *chain()[place + 1 :])
    with pytest.raises(WireError) as problem:
        verify_certs(mixed, tls_sha256=TLS, at=AT)
    assert problem.value.fault is Fault.UNPROVEN


@pytest.mark.parametrize(
    "keys",
    [
        replace(KEYS, rsa=rsa.generate_private_key(65_537, 1536)),
        replace(KEYS, rsa=rsa.generate_private_key(3, 1024)),
    ],
)
def test_an_identity_of_another_kind_is_refused(keys: RelayKeys) -> None:
    """tor-spec: 1024 bits, exponent 65537."""
    with pytest.raises(WireError, match="1024 bits") as problem:
        verify_certs(chain(keys), tls_sha256=TLS, at=AT)
    assert problem.value.fault is Fault.FORMAT


def _resigned(body: bytes) -> LinkCertificate:
    """Return a signing key's certificate with another body, signed as it must be."""
    return LinkCertificate(4, body + KEYS.identity.sign(body))


def test_an_extension_that_must_be_understood_is_refused_and_others_are_not() -> None:
    """cert-spec: flag 1 affects validation; what is unknown and does not is passed over."""
    body = chain()[1].body[:-64]
    head, extension = body[:39], body[40:]
    for flags, holds in ((0, True), (1, False)):
        more = head + b"\x02" + extension + bytes([0, 1, 9, flags, 0])
        mixed = (chain()[0], _resigned(more), *chain()[2:])
        if holds:
            assert verify_certs(mixed, tls_sha256=TLS, at=AT).ed25519
            continue
        with pytest.raises(WireError, match="must be understood"):
            verify_certs(mixed, tls_sha256=TLS, at=AT)


def test_a_signing_key_without_its_identity_is_refused() -> None:
    """The extension is what names the identity."""
    body = chain()[1].body[:-64]
    mixed = (chain()[0], _resigned(body[:39] + b"\x00"), *chain()[2:])
    with pytest.raises(WireError, match="names no identity"):
        verify_certs(mixed, tls_sha256=TLS, at=AT)


@pytest.mark.parametrize(
    "changed",
    [{"tls_sha256": bytes(31)}, {"ends": BEGINS}, {"ends": datetime(1969, 1, 1, tzinfo=UTC)}],
)
def test_what_no_relay_has_is_refused(changed: dict[str, object]) -> None:
    """Digests of another length, dates in the wrong order."""
    arguments: dict[str, object] = {"tls_sha256": TLS, "begins": BEGINS, "ends": ENDS}
    with pytest.raises(WireError) as problem:
        link_certificates(KEYS, **(arguments | changed))  # type: ignore[arg-type]
    assert problem.value.fault is Fault.ARGUMENT


def test_keys_that_fit_in_no_certificate_are_refused() -> None:
    """A cross-signature has at most 255 bytes."""
    with pytest.raises(WireError) as problem:
        replace(KEYS, rsa=rsa.generate_private_key(65_537, 2048))
    assert problem.value.fault is Fault.ARGUMENT


def test_no_private_key_is_in_a_repr() -> None:
    """Keys of the lab are keys as well."""
    assert repr(KEYS) == "RelayKeys()"
