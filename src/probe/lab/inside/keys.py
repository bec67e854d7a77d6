"""Certificates as files, for programs that read them: one chain and one key a name."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from probe.lab.certificates import Certificates

__all__ = ["KeyFiles", "write_keys"]


@dataclass(frozen=True, slots=True)
class KeyFiles:
    """Where a chain and its key lie, both PEM."""

    chain: Path
    key: Path


def write_keys(
    folder: Path, label: str, names: Sequence[str], certificates: Certificates
) -> KeyFiles:
    """Issue a certificate for ``names`` (and addresses) and write it into ``folder``."""
    leaf = certificates.leaf(names)
    files = KeyFiles(folder / f"{label}.pem", folder / f"{label}.key")
    files.chain.write_bytes(leaf.chain)
    files.key.touch(mode=0o600)
    files.key.write_bytes(leaf.key)
    return files
