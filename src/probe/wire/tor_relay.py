"""A relay's side of Tor's link: the certificates and cells that the lab and the tests send.

Source: as in :mod:`probe.wire.tor_certs`. Keys and times come in; nothing here is a relay.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from probe.wire.cursor import exactly
from probe.wire.errors import Fault, WireError
from probe.wire.tor_cells import Cell, Command, encode_cell
from probe.wire.tor_certs import CROSS_PREFIX, CertKind, LinkCertificate

__all__ = ["RelayKeys", "certs_cell", "link_certificates", "relay_hello"]

_HOUR_S = 3600
_ED25519_KEY, _X509_DIGEST = 1, 3
_SIGNED_WITH = bytes.fromhex("00200400")  # extension of 32 bytes, type 4, no flags


@dataclass(frozen=True, slots=True)
class RelayKeys:
    """What a relay holds: RSA identity (1024 bits), Ed25519 identity, Ed25519 signing key."""

    rsa: RSAPrivateKey = field(repr=False)
    identity: Ed25519PrivateKey = field(repr=False)
    signing: Ed25519PrivateKey = field(repr=False)

    def __post_init__(self) -> None:
        if self.rsa.key_size >= 2048:
            raise WireError(Fault.ARGUMENT, "a cross-signature has at most 255 bytes")


def link_certificates(
    keys: RelayKeys, *, tls_sha256: bytes, begins: datetime, ends: datetime
) -> tuple[LinkCertificate, ...]:
    """Return the chain of a relay that shows a TLS certificate of this digest.

    ``ends`` is rounded down to an hour, as these certificates have it.

    Raises:
        WireError: ``ARGUMENT``, a digest of another length, or dates that do not fit.

    """
    hours = int(ends.timestamp()) // _HOUR_S
    if not 0 <= hours < 1 << 32 or begins >= ends:
        raise WireError(Fault.ARGUMENT, "dates that a relay's certificate cannot have")
    identity = keys.identity.public_key().public_bytes_raw()
    signing = keys.signing.public_key().public_bytes_raw()
    named = b"\x01" + _SIGNED_WITH + identity
    exactly(tls_sha256, 32, "a digest")
    return (
        LinkCertificate(CertKind.RSA_IDENTITY, _self_signed(keys.rsa, begins, ends)),
        LinkCertificate(
            CertKind.SIGNING_KEY,
            _ed25519(keys.identity, CertKind.SIGNING_KEY, hours, _ED25519_KEY, signing, named),
        ),
        LinkCertificate(
            CertKind.TLS_LINK,
            _ed25519(keys.signing, CertKind.TLS_LINK, hours, _X509_DIGEST, tls_sha256, b"\x00"),
        ),
        LinkCertificate(CertKind.CROSS, _cross(keys.rsa, identity, hours)),
    )


def certs_cell(certificates: tuple[LinkCertificate, ...]) -> Cell:
    """Return a CERTS cell."""
    body = b"".join(
        bytes([each.kind]) + len(each.body).to_bytes(2, "big") + each.body for each in certificates
    )
    return Cell(Command.CERTS, bytes([len(certificates)]) + body)


def relay_hello(
    certificates: tuple[LinkCertificate, ...],
    *,
    challenge: bytes,
    clock_unix_s: int,
    their_address: bytes,
    our_address: bytes,
) -> bytes:
    """Return all that a relay sends after a client's VERSIONS: four cells.

    Addresses are packed (4 or 16 bytes); ``their_address`` is the client's own, which a client of
    ours must not keep.

    Raises:
        WireError: ``ARGUMENT``, a length or a time that does not fit.

    """
    if not 0 <= clock_unix_s < 1 << 32:
        raise WireError(Fault.ARGUMENT, "a clock of 32 bits")
    versions = Cell(Command.VERSIONS, b"\x00\x03\x00\x04\x00\x05")
    asked = Cell(
        Command.AUTH_CHALLENGE, exactly(challenge, 32, "a challenge") + b"\x00\x01\x00\x03"
    )
    info = clock_unix_s.to_bytes(4, "big") + _address(their_address) + b"\x01"
    cells = (certs_cell(certificates), asked, Cell(Command.NETINFO, info + _address(our_address)))
    return encode_cell(versions, 2) + b"".join(encode_cell(cell) for cell in cells)


def _address(packed: bytes) -> bytes:
    kinds = {4: 4, 16: 6}
    if len(packed) not in kinds:
        raise WireError(Fault.ARGUMENT, "an address has 4 or 16 bytes")
    return bytes([kinds[len(packed)], len(packed)]) + packed


def _ed25519(
    signer: Ed25519PrivateKey,
    kind: CertKind,
    hours: int,
    key_kind: int,
    certified: bytes,
    extensions: bytes,
) -> bytes:
    body = bytes([1, kind]) + hours.to_bytes(4, "big") + bytes([key_kind]) + certified + extensions
    return body + signer.sign(body)


def _cross(rsa: RSAPrivateKey, identity: bytes, hours: int) -> bytes:
    """Return the RSA identity's word for the Ed25519 one: PKCS#1 padding, no DigestInfo."""
    body = identity + hours.to_bytes(4, "big")
    digest = hashlib.sha256(CROSS_PREFIX + body).digest()
    size = rsa.key_size // 8
    padded = b"\x00\x01" + b"\xff" * (size - 3 - len(digest)) + b"\x00" + digest
    numbers = rsa.private_numbers()
    signed = pow(int.from_bytes(padded, "big"), numbers.d, numbers.public_numbers.n)
    return body + bytes([size]) + signed.to_bytes(size, "big")


def _self_signed(rsa: RSAPrivateKey, begins: datetime, ends: datetime) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "www.example.net")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    builder = builder.public_key(rsa.public_key()).serial_number(1)
    dated = builder.not_valid_before(begins).not_valid_after(ends)
    return dated.sign(rsa, SHA256()).public_bytes(Encoding.DER)
