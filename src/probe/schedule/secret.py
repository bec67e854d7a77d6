"""A secret of this machine: it keys fingerprints that must mean nothing anywhere else."""

import hashlib
import hmac
import secrets
from pathlib import Path

from probe.schedule.files import read_private

__all__ = ["keyed", "local_secret", "secret_path"]

_SIZE = 32


def secret_path(store: Path) -> Path:
    """Return the secret's file, beside the store (``probe store wipe`` removes it too)."""
    return store.with_name(store.name + ".secret")


def local_secret(path: Path | None) -> bytes:
    """Return the secret kept in ``path``, made at its first use with mode 0600.

    With ``None`` (``--no-store``) a secret that lives as long as the process is returned. A
    secret that was removed and made anew makes this line count as a new network once.

    Raises:
        StoreError: the file cannot be read or made, or is damaged.

    """
    return secrets.token_bytes(_SIZE) if path is None else read_private(path, _SIZE, "local secret")


def keyed(secret: bytes, text: str) -> str:
    """Return 128 bits of HMAC-SHA256 in hex: equal for equal text, and only on this machine."""
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()[:32]
