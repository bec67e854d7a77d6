"""The machine's own trust store, read as data: a second, compared opinion."""

import ssl
from pathlib import Path

__all__ = ["system_roots_pem"]

MAX_BYTES = 8_000_000
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Alpine, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # openSUSE
    "/etc/ssl/cert.pem",  # macOS, OpenBSD
)


def system_roots_pem(bundles: tuple[str, ...] = _BUNDLES) -> bytes | None:
    """Return the machine's roots as PEM, ``None`` when it shows none.

    First the file that OpenSSL was built to read, then the usual bundles, then what Python's
    ``ssl`` can load (on Windows the ROOT store). macOS' keychain is not readable this way; its
    ``/etc/ssl/cert.pem`` is what is compared.
    """
    default = ssl.get_default_verify_paths().cafile
    for path in (default, *bundles) if default else bundles:
        pem = _read(Path(path))
        if pem:
            return pem
    return _loaded()


def _read(path: Path) -> bytes | None:
    try:
        if path.stat().st_size > MAX_BYTES:
            return None
        return path.read_bytes()
    except OSError:
        return None


def _loaded() -> bytes | None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()
    pem = "".join(ssl.DER_cert_to_PEM_cert(der) for der in context.get_ca_certs(binary_form=True))
    return pem.encode("ascii") or None
