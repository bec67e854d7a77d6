"""Keys by which some services are known that no certificate authority signs for.

Beside the roots (``net.trust``): whom to believe is a value, so that the lab can have its own.
"""

from dataclasses import dataclass
from pathlib import Path

import msgspec

__all__ = ["KEYS_FILE", "KnownKeys", "known_keys_text", "read_known_keys"]

KEYS_FILE = Path(__file__).parent / "data" / "known_keys.json"
"""Empty as shipped: the keys are those of the code and of the catalog. The lab covers it."""


@dataclass(frozen=True, slots=True)
class KnownKeys:
    """Keys that stand in for the real ones; ``None`` leaves those in place.

    ``whatsapp`` signs for WhatsApp's servers (X25519, 32 bytes; else ``wire.whatsapp`` has it).
    ``relay`` is the fingerprint of every Tor relay of a lab (else the catalog's, for each).
    """

    whatsapp: bytes | None = None
    relay: str | None = None


def read_known_keys(file: Path = KEYS_FILE) -> KnownKeys:
    """Return the keys that a file names."""
    return msgspec.json.decode(file.read_bytes(), type=KnownKeys)


def known_keys_text(keys: KnownKeys) -> bytes:
    """Return the content of such a file."""
    return msgspec.json.encode(keys)
