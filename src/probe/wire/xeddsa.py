"""XEdDSA: signatures of X25519 keys, which Signal and WhatsApp use.

Source: "The XEdDSA and VXEdDSA Signature Schemes", revision 1 (signal.org/docs), sections 2.3 and
2.5, in libsignal's older form: the sign of the Edwards key is the top bit of the signature.
"""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from probe.wire.cursor import exactly
from probe.wire.errors import Fault, WireError

__all__ = ["verify_xeddsa"]

_PRIME = 2**255 - 19
_SIGN = 0x80


def verify_xeddsa(public: bytes, signature: bytes, data: bytes) -> None:
    """Check the 64-byte signature of ``data`` by a 32-byte X25519 public key.

    Raises:
        WireError: ``UNPROVEN``, it does not hold; ``ARGUMENT``, a length.

    """
    exactly(public, 32, "a public key")
    exactly(signature, 64, "a signature")
    u = int.from_bytes(public, "little") & ((1 << 255) - 1)
    if u >= _PRIME or u == _PRIME - 1:  # -1 has no image on the Edwards curve
        raise WireError(Fault.UNPROVEN, "no point of Curve25519")
    y = (u - 1) * pow(u + 1, -1, _PRIME) % _PRIME
    edwards = bytearray(y.to_bytes(32, "little"))
    edwards[31] |= signature[63] & _SIGN
    plain = signature[:63] + bytes([signature[63] & ~_SIGN & 0xFF])
    try:
        Ed25519PublicKey.from_public_bytes(bytes(edwards)).verify(plain, data)
    except (InvalidSignature, ValueError) as problem:
        raise WireError(Fault.UNPROVEN, "the signature does not hold") from problem
