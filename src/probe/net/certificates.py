"""Reading certificates that may be hostile: bounded, and never an exception."""

import hashlib
import ipaddress
import re
import warnings
from collections.abc import Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from probe.model.address import IPAddress, parse_ip

if TYPE_CHECKING:
    from cryptography import x509

__all__ = [
    "MAX_CERTIFICATES",
    "MAX_CERTIFICATE_BYTES",
    "dates",
    "issuer_name",
    "issuer_spki_sha256",
    "malformed",
    "names_match",
    "own_name",
    "parse_chain",
    "parse_pem",
    "self_signed",
]

MAX_CERTIFICATES = 12
"""Certificates of a chain that are looked at; real chains have two to five."""

MAX_CERTIFICATE_BYTES = 65_536
MAX_NAME = 400
_TRIED_NAMES = 10
_NETWORKS = (ipaddress.IPv4Network, ipaddress.IPv6Network)
_Address = IPAddress | ipaddress.IPv4Network | ipaddress.IPv6Network
_PEM = re.compile(b"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def parse_chain(chain: Sequence[bytes]) -> "list[x509.Certificate | None]":
    """Return the certificates of ``chain``, ``None`` for each that is too big or malformed.

    Those behind the leaf are shared by many chains, and are remembered.
    """
    rest = [_parse_again(der) for der in chain[1:MAX_CERTIFICATES]]
    return [_parse(chain[0]), *rest] if chain else []


def _parse(der: bytes) -> "x509.Certificate | None":
    from cryptography import x509

    if len(der) > MAX_CERTIFICATE_BYTES:
        return None
    try:
        with warnings.catch_warnings():  # cryptography warns of odd serial numbers
            warnings.simplefilter("ignore")
            certificate = x509.load_der_x509_certificate(der)
            _ = (certificate.subject, certificate.issuer, certificate.extensions)
    except malformed():
        return None
    return certificate


@cache
def malformed() -> tuple[type[Exception], ...]:
    """Return what cryptography raises for certificates that are none."""
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm

    return (
        ValueError,
        TypeError,
        UnsupportedAlgorithm,
        x509.InvalidVersion,
        x509.DuplicateExtension,
        x509.ExtensionNotFound,
        x509.UnsupportedGeneralNameType,
    )


_parse_again = lru_cache(maxsize=256)(_parse)


def parse_pem(pem: bytes) -> "list[x509.Certificate]":
    """Return the certificates of a bundle, without those that cannot be parsed."""
    from cryptography import x509

    found: list[x509.Certificate] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for block in _PEM.findall(pem):
            try:
                found.append(x509.load_pem_x509_certificate(block))
            except malformed():
                continue
    return found


def issuer_name(certificate: "x509.Certificate") -> str:
    """Return the issuer as RFC 4514 writes it, at most 400 characters, no control characters."""
    try:
        text = certificate.issuer.rfc4514_string()
    except malformed():
        return ""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[:MAX_NAME])


def issuer_spki_sha256(
    leaf: "x509.Certificate", others: "Sequence[x509.Certificate]"
) -> str | None:
    """Return the hash of the key of the issuing certificate, if the server sent it."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    for other in others:
        if other.subject == leaf.issuer:
            try:
                key = other.public_key()
                spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            except malformed():
                return None
            return hashlib.sha256(spki).hexdigest()
    return None


def self_signed(certificate: "x509.Certificate") -> bool:
    """Return whether the certificate is signed with its own key, as roots are."""
    from cryptography.exceptions import InvalidSignature

    try:
        certificate.verify_directly_issued_by(certificate)
    except InvalidSignature:
        return False
    except malformed():
        return False
    return True


def dates(certificate: "x509.Certificate") -> tuple[datetime | None, datetime | None]:
    """Return the first and the last instant of validity, in UTC; ``None`` when malformed."""
    try:
        return certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except malformed():
        return None, None


def names_match(certificate: "x509.Certificate", name: str) -> bool:
    """Return whether the subjectAltName covers ``name`` (RFC 6125; one leftmost wildcard)."""
    hosts, addresses = _names(certificate)
    ip = parse_ip(name)
    if ip is not None:
        return ip in addresses
    wanted = name.rstrip(".").lower()
    return any(_covers(pattern, wanted) for pattern in hosts)


def own_name(certificate: "x509.Certificate") -> "x509.DNSName | x509.IPAddress | None":
    """Return a name that the certificate itself claims, ``None`` when it claims no usable one."""
    from cryptography import x509

    hosts, addresses = _names(certificate)
    for host in hosts[:_TRIED_NAMES]:
        try:
            return x509.DNSName("a" + host[1:] if host.startswith("*.") else host)
        except ValueError:
            continue
    address = next((a for a in addresses if not isinstance(a, _NETWORKS)), None)
    return None if address is None else x509.IPAddress(address)


def _names(certificate: "x509.Certificate") -> "tuple[list[str], list[_Address]]":
    """Return the host names and the addresses of the subjectAltName."""
    from cryptography import x509

    try:
        value = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except malformed():
        return [], []
    return value.get_values_for_type(x509.DNSName), value.get_values_for_type(x509.IPAddress)


def _covers(pattern: str, name: str) -> bool:
    pattern = pattern.rstrip(".").lower()
    if not pattern.startswith("*."):
        return pattern == name
    first, _, rest = name.partition(".")
    return bool(first) and rest == pattern[2:] and "." in rest
