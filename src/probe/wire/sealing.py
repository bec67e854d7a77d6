"""Seals: an Ed25519 signature (RFC 8032) over a fixed prefix and the very bytes that are read.

The prefix names the format, so that what was signed as one thing cannot be passed off as
another.
"""

import base64
import binascii

import msgspec

from probe.errors import InputError

__all__ = ["Seal", "check_seal", "sealed"]


class Seal(msgspec.Struct, frozen=True, kw_only=True):
    """The first line of what is signed: who signed, with what result."""

    format: str
    key: str  # public key, 64 hex digits
    signature: str  # base64


def sealed(body: bytes, private_key: bytes, form: str) -> Seal:
    """Return the seal of ``body`` as ``form``, by a raw Ed25519 private key."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.from_private_bytes(private_key)
    return Seal(
        format=form,
        key=key.public_key().public_bytes_raw().hex(),
        signature=base64.b64encode(key.sign(_signed(form, body))).decode(),
    )


def check_seal(seal: Seal, body: bytes, form: str) -> None:
    """See that the key in ``seal`` signed ``body`` as ``form``; whose key it is, is not asked.

    Raises:
        InputError: it did not.

    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(seal.key))
        key.verify(base64.b64decode(seal.signature, validate=True), _signed(form, body))
    except (InvalidSignature, ValueError, binascii.Error) as exc:
        raise InputError("the signature is wrong") from exc


def _signed(form: str, body: bytes) -> bytes:
    return form.encode() + b"\n" + body
