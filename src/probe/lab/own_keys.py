"""Keys of the lab's relays and messengers: made for it, known to everybody, worth nothing.

They are the same in every process, so that no key has to be handed around.
"""

import hashlib
from functools import cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPrivateNumbers,
    RSAPublicNumbers,
    rsa_crt_dmp1,
    rsa_crt_dmq1,
    rsa_crt_iqmp,
)

from probe.net.known_keys import KnownKeys
from probe.wire.noise import public_key
from probe.wire.tor_relay import RelayKeys

__all__ = ["RELAY_FINGERPRINT", "Signer", "lab_keys", "relay_keys", "signer"]

RELAY_FINGERPRINT = "68A5F057D882C46E6A9539EBE7BE6DDC960009CD"
"""Of every relay of the lab, as Tor writes it."""

_P = int(
    "c1888be51dcd8c7a516f42f7e2e879732ea3a4735ecc85e92ac9250842bad2f9"
    "168cb8f7b93e437bdb87d5c3d13af223a54d136a6378f8614e1fb11986293c93",
    16,
)
_Q = int(
    "f8df5d6cb1ab27a39946431f6639569444a6734597b1c98775304fc1230fdf3a"
    "f9fffb46485a0c6cec9dfa00ef8662370118994258ef3164158380f31c3d216f",
    16,
)
_E = 65_537


class Signer:
    """An X25519 key that signs as XEdDSA asks: the scalar is that of an Ed25519 key."""

    def __init__(self, seed: bytes) -> None:
        """Derive both from 32 bytes."""
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.private = hashlib.sha512(seed).digest()[:32]
        self.public = public_key(self.private)

    def sign(self, data: bytes) -> bytes:
        """Return the signature, with the sign of the Edwards key in its last bit."""
        signature = bytearray(self._key.sign(data))
        signature[63] |= self._key.public_key().public_bytes_raw()[31] & 0x80
        return bytes(signature)


@cache
def signer(name: str) -> Signer:
    """Return the lab's key of that name."""
    return Signer(_seed(name))


@cache
def relay_keys() -> RelayKeys:
    """Return the keys that all of the lab's relays share."""
    return RelayKeys(
        rsa=_rsa(),
        identity=Ed25519PrivateKey.from_private_bytes(_seed("identity")),
        signing=Ed25519PrivateKey.from_private_bytes(_seed("signing")),
    )


def lab_keys() -> KnownKeys:
    """Return the keys by which the lab's servers are known."""
    return KnownKeys(whatsapp=signer("whatsapp root").public, relay=RELAY_FINGERPRINT)


def _seed(name: str) -> bytes:
    return hashlib.sha256(f"the lab: {name}".encode()).digest()


def _rsa() -> RSAPrivateKey:
    d = pow(_E, -1, (_P - 1) * (_Q - 1))
    return RSAPrivateNumbers(
        p=_P,
        q=_Q,
        d=d,
        dmp1=rsa_crt_dmp1(d, _P),
        dmq1=rsa_crt_dmq1(d, _Q),
        iqmp=rsa_crt_iqmp(_P, _Q),
        public_numbers=RSAPublicNumbers(_E, _P * _Q),
    ).private_key()
