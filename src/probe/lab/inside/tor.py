"""Tor's configuration: one relay at all of the lab's relays' addresses, one bridge with obfs4.

The relay holds the key that all of the lab's relays are known by; it publishes nothing, its only
authority is a closed port of this namespace, and it builds no circuit.
"""

from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from probe.lab.inside.allotment import Door
from probe.lab.own_keys import relay_keys
from probe.model.address import authority, family_of

__all__ = ["bridge_config", "relay_config", "write_identity"]

_NOBODY = f"nobody orport=9 v3ident={'B' * 40} 127.0.0.1:9 {'A' * 40}"
_QUIET = (
    "SocksPort 0",
    "ContactInfo none",
    "ExitRelay 0",
    "TestingTorNetwork 1",
    f"DirAuthority {_NOBODY}",
    "PublishServerDescriptor 0",
    "AssumeReachable 1",
    "Log notice stdout",
)


def relay_config(doors: Sequence[Door], folder: Path) -> str:
    """Return the configuration of a relay at ``doors``, the first of which it calls its own.

    The first is an IPv4 one; files are below ``folder`` only.
    """
    own, *others = sorted(doors, key=lambda door: family_of(door[0]) or 0)
    lines = (
        f"DataDirectory {folder / 'data'}",
        f"Address {own[0]}",
        f"ORPort {authority(*own)}",
        *(f"ORPort {authority(*door)} NoAdvertise" for door in others),
        *_QUIET,
    )
    return "\n".join(lines) + "\n"


def bridge_config(door: Door, folder: Path, transport: str) -> str:
    """Return the configuration of a bridge with obfs4 (the program ``transport``) at ``door``."""
    lines = (
        f"DataDirectory {folder / 'data'}",
        "Address 127.0.0.1",
        "ORPort 127.0.0.1:auto",
        "BridgeRelay 1",
        f"ServerTransportPlugin obfs4 exec {transport}",
        f"ServerTransportListenAddr obfs4 {authority(*door)}",
        *_QUIET,
    )
    return "\n".join(lines) + "\n"


def write_identity(folder: Path) -> None:
    """Put the lab's relay key where Tor looks for its own."""
    keys = folder / "data" / "keys"
    keys.mkdir(mode=0o700, parents=True)
    keys.parent.chmod(0o700)
    pem = relay_keys().rsa.private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    )
    file = keys / "secret_id_key"
    file.touch(mode=0o600)
    file.write_bytes(pem)
