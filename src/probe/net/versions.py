"""Which TLS library Python speaks through; only this package imports it."""

import ssl

__all__ = ["openssl_version"]


def openssl_version() -> str:
    """Return the name and version of the library behind ``ssl``."""
    return ssl.OPENSSL_VERSION
