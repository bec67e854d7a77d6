"""Who a Tor relay is: the certificates of its CERTS cell, checked as a client must.

Source: tor-spec, "CERTS cells", and cert-spec (spec.torproject.org). The chain is: the RSA
identity (type 2, signs itself) vouches for the Ed25519 identity (type 7), that for a signing key
(type 4), that for the certificate of this TLS connection (type 5). If all hold and the RSA
fingerprint is the one of the directory, nobody sits between us and the relay; a relay behind
somebody else's TLS fails at the last link.
"""

import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from probe.wire.cursor import Cursor
from probe.wire.errors import Fault, WireError
from probe.wire.tor_cells import Cell, Command

__all__ = ["CertKind", "LinkCertificate", "RelayIdentity", "read_certs", "verify_certs"]

CROSS_PREFIX = b"Tor TLS RSA/Ed25519 cross-certificate"
_SIGNATURE = 64
_HOUR_S = 3600
_SIGNED_WITH = 4  # the extension that names the key which signed
_AFFECTS_VALIDATION = 1
_ED25519_KEY = 1
_MAX_CERTS = 32
_RSA_BITS = 1024
_RSA_EXPONENT = 65_537
_UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion)


class CertKind(IntEnum):
    """The certificates that make up the chain."""

    RSA_IDENTITY = 2
    SIGNING_KEY = 4
    TLS_LINK = 5
    CROSS = 7


@dataclass(frozen=True, slots=True)
class LinkCertificate:
    """One certificate of the cell, as it came."""

    kind: int
    body: bytes


@dataclass(frozen=True, slots=True)
class RelayIdentity:
    """A relay whose chain holds; ``expires_unix_s`` is the earliest end in it.

    ``rsa_fingerprint`` is 40 hexadecimal digits in upper case, as the directory and bridge lines
    write it.
    """

    rsa_fingerprint: str
    ed25519: bytes
    expires_unix_s: int


@dataclass(frozen=True, slots=True)
class _Ed25519Cert:
    kind: int
    expires_unix_s: int
    key_kind: int
    certified: bytes
    signer: bytes | None
    signed: bytes
    signature: bytes


def read_certs(cell: Cell) -> tuple[LinkCertificate, ...]:
    """Return the certificates of a CERTS cell.

    Raises:
        WireError: ``FORMAT``, another cell, or one kind twice; ``SHORT``.

    """
    if cell.command != Command.CERTS or cell.circuit:
        raise WireError(Fault.FORMAT, "not a CERTS cell")
    cursor = Cursor(cell.payload)
    count = cursor.number(1, "certificates")
    if count > _MAX_CERTS:
        raise WireError(Fault.FORMAT, "too many certificates")
    found: list[LinkCertificate] = []
    for _ in range(count):
        kind = cursor.number(1, "certificate type")
        found.append(LinkCertificate(kind, cursor.take(cursor.number(2, "length"), "certificate")))
    if len({certificate.kind for certificate in found}) != len(found):
        raise WireError(Fault.FORMAT, "a certificate type twice")
    return tuple(found)


def verify_certs(
    certificates: Sequence[LinkCertificate], *, tls_sha256: bytes, at: datetime
) -> RelayIdentity:
    """Return the relay's identity if the whole chain holds for this TLS connection.

    ``tls_sha256`` is the SHA-256 of the certificate (DER) that was shown in TLS, ``at`` an aware
    time.

    Raises:
        WireError: ``FORMAT`` or ``SHORT``, a certificate is missing or cannot be read;
            ``UNPROVEN``, a signature, a key, a date or the TLS certificate does not fit.

    """
    by_kind = {certificate.kind: certificate.body for certificate in certificates}
    missing = [kind.name for kind in CertKind if kind not in by_kind]
    if missing:
        raise WireError(Fault.FORMAT, f"no certificate {missing[0]}")
    signing = _read_ed25519(by_kind[CertKind.SIGNING_KEY], CertKind.SIGNING_KEY)
    link = _read_ed25519(by_kind[CertKind.TLS_LINK], CertKind.TLS_LINK)
    if signing.signer is None or signing.key_kind != _ED25519_KEY:
        raise WireError(Fault.FORMAT, "the signing key's certificate names no identity")
    identity = signing.signer
    _check_ed25519(signing, identity)
    _check_ed25519(link, signing.certified)
    if link.signer not in (None, signing.certified):
        raise WireError(Fault.UNPROVEN, "the link certificate names another key")
    if link.certified != tls_sha256:  # not the key type: old relays write another (tor bug 40124)
        raise WireError(Fault.UNPROVEN, "the relay's certificates are of another TLS connection")
    rsa = _rsa_identity(by_kind[CertKind.RSA_IDENTITY])
    cross_expires = _check_cross(by_kind[CertKind.CROSS], rsa, identity)
    expires = min(signing.expires_unix_s, link.expires_unix_s, cross_expires)
    if expires <= at.timestamp():
        raise WireError(Fault.UNPROVEN, "a certificate of the relay has expired")
    return RelayIdentity(_fingerprint(rsa), identity, expires)


def _read_ed25519(body: bytes, kind: CertKind) -> _Ed25519Cert:
    """Read an Ed25519 certificate (cert-spec, "Ed25519 certificates")."""
    cursor = Cursor(body)
    if cursor.number(1, "version") != 1 or cursor.number(1, "certificate type") != kind:
        raise WireError(Fault.FORMAT, "not the certificate that the cell says it is")
    expires = cursor.number(4, "expiry") * _HOUR_S
    key_kind, certified = cursor.number(1, "key type"), cursor.take(32, "certified key")
    signer: bytes | None = None
    for _ in range(cursor.number(1, "extensions")):
        size = cursor.number(2, "extension length")
        name, flags = cursor.number(1, "extension"), cursor.number(1, "extension flags")
        data = cursor.take(size, "extension")
        if name == _SIGNED_WITH and size == 32:
            signer = data
        elif flags & _AFFECTS_VALIDATION or name == _SIGNED_WITH:
            raise WireError(Fault.FORMAT, "an extension that must be understood and is not")
    signature = cursor.take(_SIGNATURE, "signature")
    cursor.end("certificate")
    return _Ed25519Cert(kind, expires, key_kind, certified, signer, body[:-_SIGNATURE], signature)


def _check_ed25519(certificate: _Ed25519Cert, signer: bytes) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(signer).verify(certificate.signature, certificate.signed)
    except (InvalidSignature, ValueError) as problem:
        raise WireError(Fault.UNPROVEN, "an Ed25519 signature does not hold") from problem


def _rsa_identity(der: bytes) -> RSAPublicKey:
    """Return the key of the self-signed RSA identity certificate."""
    try:
        with warnings.catch_warnings(action="ignore"):  # cryptography warns of odd serial numbers
            certificate = x509.load_der_x509_certificate(der)
            key = certificate.public_key()
    except _UNREADABLE as problem:
        raise WireError(Fault.FORMAT, "the RSA identity cannot be read") from problem
    if not isinstance(key, RSAPublicKey):
        raise WireError(Fault.FORMAT, "the RSA identity is of another kind")
    if key.key_size != _RSA_BITS or key.public_numbers().e != _RSA_EXPONENT:
        raise WireError(Fault.FORMAT, "a Tor identity has 1024 bits and exponent 65537")
    try:
        certificate.verify_directly_issued_by(certificate)
    except (InvalidSignature, *_UNREADABLE) as problem:
        raise WireError(Fault.UNPROVEN, "the RSA identity does not sign itself") from problem
    return key


def _check_cross(body: bytes, rsa: RSAPublicKey, identity: bytes) -> int:
    """Check that the RSA identity vouches for the Ed25519 one; return when that ends."""
    cursor = Cursor(body)
    key, expires = cursor.take(32, "cross-certified key"), cursor.number(4, "expiry") * _HOUR_S
    signature = cursor.take(cursor.number(1, "signature length"), "cross-signature")
    cursor.end("cross-certificate")
    if key != identity:
        raise WireError(Fault.UNPROVEN, "the RSA identity vouches for another key")
    digest = hashlib.sha256(CROSS_PREFIX + body[:36]).digest()
    try:
        signed = rsa.recover_data_from_signature(signature, PKCS1v15(), None)
    except (InvalidSignature, ValueError) as problem:
        raise WireError(Fault.UNPROVEN, "the cross-signature does not hold") from problem
    if signed != digest:
        raise WireError(Fault.UNPROVEN, "the cross-signature does not hold")
    return expires


def _fingerprint(key: RSAPublicKey) -> str:
    """Return the SHA-1 of the key's PKCS#1 DER, Tor's name for a relay."""
    der = key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    return hashlib.sha1(der, usedforsecurity=False).hexdigest().upper()
