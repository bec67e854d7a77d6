"""Authorities and certificates made for tests; EC P-256 keys, no file of them is kept."""

import datetime as dt
import ipaddress
import ssl
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)
YEAR = dt.timedelta(days=365)


def name_of(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def pem_of(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def der_of(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


@dataclass
class Made:
    """A leaf with its key and the certificates that a server sends after it."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    others: list[x509.Certificate] = field(default_factory=list)

    @property
    def chain(self) -> tuple[bytes, ...]:
        return tuple(der_of(c) for c in (self.certificate, *self.others))

    def server_context(self, alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        key = self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "chain.pem"
            file.write_bytes(key + b"".join(pem_of(c) for c in (self.certificate, *self.others)))
            context.load_cert_chain(file)
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return context


@dataclass
class Authority:
    """A certificate authority; ``parent`` is ``None`` for a root."""

    title: str
    parent: "Authority | None" = None
    not_before: dt.datetime = NOW - 10 * YEAR
    not_after: dt.datetime = NOW + 10 * YEAR
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def __post_init__(self) -> None:
        signer = self.parent or self
        builder = self._builder(name_of(self.title), signer, self.key, self.not_before)
        builder = builder.not_valid_after(self.not_after).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        usage = x509.KeyUsage(
            digital_signature=False,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        builder = builder.add_extension(usage, critical=True)
        self.certificate = builder.sign(signer.key, hashes.SHA256())

    @staticmethod
    def _builder(
        subject: x509.Name,
        signer: "Authority",
        key: ec.EllipticCurvePrivateKey,
        not_before: dt.datetime,
    ) -> x509.CertificateBuilder:
        issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key())
        x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(name_of(signer.title))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(not_before)
            .add_extension(issuer_key, critical=False)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
        )

    @property
    def pem(self) -> bytes:
        return pem_of(self.certificate)

    def issue(
        self,
        *names: str,
        not_before: dt.datetime = NOW - YEAR,
        not_after: dt.datetime = NOW + YEAR,
        padding: int = 0,
    ) -> Made:
        """Return a leaf for ``names`` (host names and IP literals); ``padding`` bytes fatter."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(name_of(names[0][:60]), self, key, not_before)
        builder = builder.not_valid_after(not_after)
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_general(name) for name in names]), critical=False
        ).add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        if padding:
            oid = x509.ObjectIdentifier("1.3.6.1.4.1.55555.1")
            builder = builder.add_extension(
                x509.UnrecognizedExtension(oid, bytes(padding)), critical=False
            )
        chain = [self.certificate] if self.parent else []
        return Made(builder.sign(self.key, hashes.SHA256()), key, chain)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


_AUTHORITIES: dict[str, Authority] = {}


def authority(title: str = "Test Root") -> Authority:
    """Return the root of that title, made once."""
    if title not in _AUTHORITIES:
        _AUTHORITIES[title] = Authority(title)
    return _AUTHORITIES[title]


def leaf(*names: str, by: str = "Test Root") -> Made:
    """Return a leaf for ``names``, made once."""
    return _leaf(names, by)


@cache
def _leaf(names: tuple[str, ...], by: str) -> Made:
    return authority(by).issue(*names)
