"""A certificate of our own: self-signed by the signing key, so that one pin serves for both.

A line that trusts the key for its signatures knows it in the TLS handshake as well: no name, no
authority and no date is needed, and nobody on the way can put another certificate in its place.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from probe.net.listen import ServerTls

__all__ = ["key_of_certificate", "own_certificate"]

_NAME = "localhost"  # says nothing; TLS 1.3 shows it to nobody on the way
_VALID = timedelta(days=3650)


@contextmanager
def own_certificate(private_key: bytes, now: datetime) -> Iterator[ServerTls]:
    """Give files of a certificate for a raw Ed25519 key; they are gone after the block."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.x509.oid import NameOID

    key = Ed25519PrivateKey.from_private_bytes(private_key)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _NAME)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _VALID)
        .sign(key, None)
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    with tempfile.TemporaryDirectory(prefix="probe-") as folder:
        files = ServerTls(Path(folder) / "certificate.pem", Path(folder) / "key.pem")
        files.certificate.write_bytes(certificate.public_bytes(pem))
        files.key.touch(mode=0o600)
        files.key.write_bytes(secret)
        yield files


def key_of_certificate(der: bytes) -> str | None:
    """Return the public key of a certificate as 64 hex digits, ``None`` if it is no Ed25519 one."""
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = x509.load_der_x509_certificate(der).public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key.public_bytes_raw().hex() if isinstance(key, Ed25519PublicKey) else None
