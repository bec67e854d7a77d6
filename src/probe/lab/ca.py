"""Authorities of the lab and the certificates that they issue.

The lab's public authority stands for the Mozilla roots; the state's is trusted by the system's
store only; nobody trusts the unknown one. Certificates hold a year each way around the virtual
time. All keys are EC P-256 and live in memory (and one moment in a private folder, since
``ssl`` reads certificates only from files).
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from probe.model.address import parse_ip

__all__ = ["Authority", "AuthorityName", "Leaf", "issue", "make_authority", "make_issuer"]

YEAR = timedelta(days=365)


class AuthorityName(StrEnum):
    """Which authorities the lab has."""

    PUBLIC = "public"
    SIGNAL = "signal"
    SYSTEM_TRUSTED = "system_trusted"
    UNKNOWN = "unknown"


TITLES = {
    AuthorityName.PUBLIC: "Lab Public Root CA",
    AuthorityName.SIGNAL: "Lab Pinned Root CA",
    AuthorityName.SYSTEM_TRUSTED: "Lab State Root CA",
    AuthorityName.UNKNOWN: "Lab Unknown Root CA",
}


@dataclass(frozen=True, slots=True)
class Authority:
    """A root, and the intermediate that signs for it with its key; all PEM.

    Servers send the intermediate and not the root, as most of the real ones do.
    """

    certificate: bytes
    intermediate: bytes
    key: bytes


@dataclass(frozen=True, slots=True)
class Leaf:
    """A chain (leaf first, PEM) and the leaf's key (PEM)."""

    chain: bytes
    key: bytes


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _load_key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("the lab signs with EC keys")
    return key


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _certificate_authority(
    subject: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Name,
    signer: ec.EllipticCurvePrivateKey,
    around: datetime,
) -> x509.Certificate:
    """Return an authority's certificate, valid five years each way around ``around``."""
    public = key.public_key()
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(around - 5 * YEAR)
        .not_valid_after(around + 5 * YEAR)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(identifier, critical=False)
        .sign(signer, hashes.SHA256())
    )


def _subject(common: str) -> x509.Name:
    return x509.Name([
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "The lab of probe"),
        x509.NameAttribute(NameOID.COMMON_NAME, common),
    ])  # fmt: skip


def make_authority(name: AuthorityName, around: datetime) -> Authority:
    """Return a fresh root and its intermediate, valid for years around ``around``."""
    root_key = ec.generate_private_key(ec.SECP256R1())
    key = ec.generate_private_key(ec.SECP256R1())
    root = _subject(TITLES[name])
    issuing = _subject(TITLES[name].replace("Root", "Issuing"))
    certificate = _certificate_authority(root, root_key, root, root_key, around)
    intermediate = _certificate_authority(issuing, key, root, root_key, around)
    return Authority(
        certificate.public_bytes(serialization.Encoding.PEM),
        intermediate.public_bytes(serialization.Encoding.PEM),
        _pem(key),
    )


def make_issuer(above: Authority, called: str, around: datetime) -> Authority:
    """Return an issuer that calls itself ``called``, signed for by ``above``."""
    key = ec.generate_private_key(ec.SECP256R1())
    parent = x509.load_pem_x509_certificate(above.intermediate)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, called[:64])])
    certificate = _certificate_authority(subject, key, parent.subject, _load_key(above.key), around)
    own = certificate.public_bytes(serialization.Encoding.PEM)
    return Authority(above.certificate, own + above.intermediate, _pem(key))


def _alternative(name: str) -> x509.GeneralName:
    ip = parse_ip(name)
    if ip is not None:
        return x509.IPAddress(ipaddress.ip_address(str(ip)))
    return x509.DNSName(name)


def issue(authority: Authority, names: Sequence[str], *, starts: datetime, ends: datetime) -> Leaf:
    """Return a server certificate for ``names`` (DNS names and addresses), chain included."""
    issuer = x509.load_pem_x509_certificate(authority.intermediate)
    signer = _load_key(authority.key)
    key = ec.generate_private_key(ec.SECP256R1())
    common = names[0] if len(names[0]) <= 64 else "lab"
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(starts)
        .not_valid_after(ends)
        .add_extension(
            x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()),
            critical=False,
        )
        .sign(signer, hashes.SHA256())
    )
    leaf = certificate.public_bytes(serialization.Encoding.PEM)
    return Leaf(leaf + authority.intermediate, _pem(key))


def issue_self_signed(name: str, *, starts: datetime, ends: datetime) -> Leaf:
    """Return a certificate that vouches for itself, as Tor relays send."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(starts)
        .not_valid_after(ends)
        .add_extension(x509.SubjectAlternativeName([_alternative(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Leaf(certificate.public_bytes(serialization.Encoding.PEM), _pem(key))
