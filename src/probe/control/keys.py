"""The key that signs this machine's snapshots, and the keys of others that it trusts."""

from pathlib import Path

from probe.errors import InputError, StoreError
from probe.schedule.files import read_private, write_whole

__all__ = [
    "checked_key",
    "key_path",
    "own_key",
    "public_key",
    "trust_key",
    "trusted_keys",
    "trusted_path",
]

_SIZE = 32
_MAX_KEYS = 1_000


def key_path(store: Path) -> Path:
    """Return the private key's file, beside the store."""
    return store.with_name(store.name + ".control-key")


def trusted_path(store: Path) -> Path:
    """Return the list of trusted public keys, beside the store."""
    return store.with_name(store.name + ".control-keys")


def own_key(path: Path) -> bytes:
    """Return the raw Ed25519 private key of ``path``, made at its first use with mode 0600.

    Raises:
        StoreError: the file cannot be read or made, or is damaged.

    """
    return read_private(path, _SIZE, "control key")


def public_key(private_key: bytes) -> str:
    """Return the public half as 64 hex digits: what others are given to trust."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(private_key).public_key().public_bytes_raw().hex()


def checked_key(text: str) -> str:
    """Return ``text`` as a public key in lower case.

    Raises:
        InputError: it is not 64 hex digits.

    """
    key = text.strip().lower()
    if len(key) != 2 * _SIZE or any(c not in "0123456789abcdef" for c in key):
        raise InputError(f"{text[:80]!r} is no public key", mend="64 hex digits are needed")
    return key


def trusted_keys(store: Path) -> frozenset[str]:
    """Return the keys that were trusted by hand, and this machine's own if there is one.

    Raises:
        InputError: the list is damaged.
        StoreError: a file cannot be read.

    """
    keys = set(_listed(trusted_path(store)))
    if key_path(store).exists():
        keys.add(public_key(own_key(key_path(store))))
    return frozenset(keys)


def trust_key(store: Path, text: str) -> str:
    """Add a public key to the list and return it.

    Raises:
        InputError: it is no public key.
        StoreError: the list cannot be written.

    """
    key = checked_key(text)
    path = trusted_path(store)
    keys = sorted({*_listed(path), key})
    write_whole(path, "".join(f"{k}\n" for k in keys).encode(), mode=0o600)
    return key


def _listed(path: Path) -> list[str]:
    try:
        lines = path.read_text("ascii").splitlines()[:_MAX_KEYS]
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as exc:
        raise StoreError(f"{path}: the list of trusted keys cannot be read") from exc
    return [checked_key(line) for line in lines if line.strip() and not line.startswith("#")]
