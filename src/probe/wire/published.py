"""Keys that operators publish for everybody, and the test keys of a responder of one's own.

A provider's static key of OpenVPN is inside the configuration that each customer gets, and a
WireGuard relay's public key stands in its list. The test keys are public by intent: both are
hashes of a sentence. Whoever runs a responder with them abroad gives WireGuard a true positive,
which no server with secret peers can; whoever forges its answers proves that the packets pass.
"""

import base64
import binascii
import hashlib

from probe.wire.cursor import exactly
from probe.wire.errors import Fault, WireError
from probe.wire.noise import public_key
from probe.wire.openvpn_key import StaticKey

__all__ = [
    "TEST_PEER",
    "TEST_RESPONDER",
    "responder_public_key",
    "static_key",
    "wireguard_key",
]

TEST_RESPONDER = hashlib.sha256(b"probe: the test responder of WireGuard").digest()
"""The private key of a responder that is there to be measured."""

TEST_PEER = hashlib.sha256(b"probe: the test peer of WireGuard").digest()
"""The private key of the one peer that such a responder knows."""

_STATIC_DIGITS = 512


def responder_public_key() -> str:
    """Return the public key of the test responder in base64, as a catalog writes it."""
    return base64.b64encode(public_key(TEST_RESPONDER)).decode("ascii")


def static_key(text: str) -> StaticKey:
    """Return an OpenVPN static key that is written as 512 hexadecimal digits, spaces apart.

    Raises:
        WireError: ``FORMAT``, it is not.

    """
    digits = "".join(text.split())
    try:
        material = bytes.fromhex(digits)
    except ValueError as problem:
        raise WireError(Fault.FORMAT, "a static key is hexadecimal") from problem
    if len(digits) != _STATIC_DIGITS:
        raise WireError(Fault.FORMAT, "a static key has 512 hexadecimal digits")
    return StaticKey(material)


def wireguard_key(text: str) -> bytes:
    """Return a WireGuard public key that is written in base64.

    Raises:
        WireError: ``FORMAT``, it is not 32 bytes of base64.

    """
    try:
        return exactly(base64.b64decode(text.strip(), validate=True), 32, "a public key")
    except (WireError, binascii.Error, ValueError) as problem:
        raise WireError(Fault.FORMAT, "a public key is 32 bytes in base64") from problem
