"""A certificate of a machine at home never leaves; what judges a network stays."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from msgspec.structs import replace
from store_records import good_steps, measurement

from probe.export.household import household_certificate, household_name, shown, shown_step
from probe.model.measurement import Answer, CertificateCheck, DnsStep, TlsStep
from probe.wire.scrub import SCRUBBED

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SINCE = datetime(2026, 1, 1, tzinfo=UTC)


def certificate(
    name: str, *, names: tuple[str, ...] = (), addresses: tuple[str, ...] = ()
) -> bytes:
    """Return a self-signed certificate."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(KEY.public_key())
        .serial_number(7)
        .not_valid_before(SINCE)
        .not_valid_after(SINCE + timedelta(days=90))
    )
    others: list[x509.GeneralName] = [x509.DNSName(one) for one in names]
    others += [x509.IPAddress(ip_address(one)) for one in addresses]
    if others:
        builder = builder.add_extension(x509.SubjectAlternativeName(others), critical=False)
    return builder.sign(KEY, None).public_bytes(Encoding.DER)


def handshake(der: bytes, *, packaged: str | None = "ssl_unknown_authority") -> TlsStep:
    """Return a handshake in which that certificate came."""
    step = good_steps("chat.example")[2]
    check = CertificateCheck(
        packaged=packaged,
        system=None,
        issuer="CN=whoever",
        issuer_spki_sha256="b" * 64,
        leaf_sha256="a" * 64,
    )
    return replace(step, chain=(der,), certificate=check, failure=packaged)


@pytest.mark.parametrize(
    "name",
    [
        "fritz.box",
        "myhome.duckdns.org",
        "*.abc.myfritz.net",
        "router.lan",
        "nas.local",
        "192.168.1.1",
        "203.0.113.77",
        "2001:db8::1",
        "ASUS 04:d4:c4:12:34:56",
        "RT 04D4C4123456",
        "host-203-0-113-77.isp.example",
        "routerlogin.net",
        "home.arpa.home.arpa",
    ],
)
def test_names_of_a_household(name: str) -> None:
    """Addresses, MACs, dynamic DNS, names that mean something only inside."""
    assert household_name(name)
    assert household_certificate(certificate(name))


@pytest.mark.parametrize(
    "name",
    ["www.example.com", "Fortinet CA2", "block.isp.example", "E7", "duckdns.example", "Let's"],
)
def test_names_of_networks_and_services_stay(name: str) -> None:
    """An interceptor's own name is what tells it, and is evidence."""
    assert not household_name(name)
    assert not household_certificate(certificate(name))


def test_a_household_hides_in_the_alternative_names_too() -> None:
    """Subject of a company, names of a home."""
    assert household_certificate(certificate("Appliance", names=("me.no-ip.org",)))
    assert household_certificate(certificate("Appliance", addresses=("10.0.0.1",)))
    assert not household_certificate(certificate("Appliance", names=("gw.isp.example",)))


def test_the_address_of_the_server_may_stand_in_its_certificate() -> None:
    """A public resolver's names its own address; a private one is never a server's."""
    der = certificate("one", addresses=("93.184.216.34",))
    assert household_certificate(der)
    assert not household_certificate(der, "93.184.216.34")
    inside = certificate("one", addresses=("192.168.1.1",))
    assert household_certificate(inside, "192.168.1.1")


def test_what_cannot_be_read_is_taken_for_a_household() -> None:
    """Bytes that are no certificate may still hold a name."""
    assert household_certificate(b"not DER at all, but fritz.box")


def test_chain_issuer_and_hashes_go() -> None:
    """The hash alone would find the same box in a scan of the internet."""
    step = shown_step(handshake(certificate("fritz.box")))
    assert isinstance(step, TlsStep)
    assert step.chain == ()
    assert step.certificate is not None
    assert step.certificate.issuer == SCRUBBED
    assert step.certificate.leaf_sha256 == ""
    assert step.certificate.issuer_spki_sha256 is None
    assert step.failure == "ssl_unknown_authority"
    assert step.certificate.packaged == "ssl_unknown_authority"


def test_an_interceptor_and_a_service_stay_whole() -> None:
    """What a censor's certificate says is evidence; a verified chain is public anyway."""
    box = handshake(certificate("State CA", names=("mail.example",)))
    assert shown_step(box) == box
    valid = handshake(certificate("fritz.box"), packaged=None)
    assert shown_step(valid) == valid


def test_a_machine_beside_this_one_loses_its_address() -> None:
    """An answer of the line's own network becomes "this host"; a bogon of the censor stays."""
    step = good_steps("chat.example")[0]
    assert isinstance(step, DnsStep)
    home = Answer(address="192.168.178.20", local=True)
    six = Answer(address="fd00::5", local=True)
    bogon = Answer(address="10.10.34.34")
    found = shown_step(replace(step, answers=(home, six, bogon)))
    assert isinstance(found, DnsStep)
    assert [answer.address for answer in found.answers] == ["0.0.0.0", "::", "10.10.34.34"]


def test_a_measurement_without_any_is_the_same_value() -> None:
    """Nothing is copied or changed that need not be."""
    whole = measurement()
    assert shown(replace(whole, steps=whole.steps[:2])) == replace(whole, steps=whole.steps[:2])
