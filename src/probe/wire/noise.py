"""The symmetric state of a Noise handshake, as a value; and X25519 with all its refusals.

Source: The Noise Protocol Framework, revision 34, section 5 (noiseprotocol.org/noise.html).
WireGuard and WhatsApp are handshakes of it; each writes its own pattern out of these steps.
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from probe.wire.cursor import exactly
from probe.wire.errors import Fault, WireError

__all__ = ["AESGCM_SHA256", "CHACHA_BLAKE2S", "Suite", "SymmetricState", "agree", "public_key"]

KEY_BYTES = 32
TAG_BYTES = 16


@dataclass(frozen=True, slots=True)
class Suite:
    """A hash, an AEAD, and which end of the nonce's counter comes first."""

    digest: str
    aead: Callable[[bytes], AESGCM | ChaCha20Poly1305]
    big_nonce: bool

    def nonce(self, counter: int) -> bytes:
        """Return the 12 bytes of a nonce (section 12)."""
        return bytes(4) + counter.to_bytes(8, "big" if self.big_nonce else "little")


CHACHA_BLAKE2S = Suite("blake2s", ChaCha20Poly1305, big_nonce=False)
AESGCM_SHA256 = Suite("sha256", AESGCM, big_nonce=True)


@dataclass(frozen=True, slots=True)
class SymmetricState:
    """Chaining key, transcript hash and cipher key; each step gives the next state."""

    suite: Suite
    chaining_key: bytes = field(repr=False)
    transcript: bytes
    key: bytes = field(default=b"", repr=False)
    counter: int = 0

    @classmethod
    def start(cls, suite: Suite, name: bytes, prologue: bytes) -> "SymmetricState":
        """Return the state after ``InitializeSymmetric`` and mixing the prologue in."""
        first = (
            name + bytes(32 - len(name))
            if len(name) <= 32
            else hashlib.new(suite.digest, name).digest()
        )
        return cls(suite, first, first).mix_hash(prologue)

    def mix_hash(self, data: bytes) -> "SymmetricState":
        """Bind ``data`` to the transcript."""
        mixed = hashlib.new(self.suite.digest, self.transcript + data).digest()
        return replace(self, transcript=mixed)

    def mix_key(self, material: bytes) -> "SymmetricState":
        """Put a shared secret into the keys; the nonce starts again."""
        chaining_key, key = self._hkdf(material, 2)
        return replace(self, chaining_key=chaining_key, key=key, counter=0)

    def mix_psk(self, psk: bytes) -> "SymmetricState":
        """Put a pre-shared key into the keys and the transcript (``MixKeyAndHash``)."""
        chaining_key, mixed, key = self._hkdf(psk, 3)
        state = replace(self, chaining_key=chaining_key, key=key, counter=0)
        return state.mix_hash(mixed)

    def encrypt(self, plain: bytes) -> "tuple[SymmetricState, bytes]":
        """Return the next state and the ciphertext (``EncryptAndHash``)."""
        if not self.key:
            return self.mix_hash(plain), plain
        sealed = self.suite.aead(self.key).encrypt(
            self.suite.nonce(self.counter), plain, self.transcript
        )
        return replace(self.mix_hash(sealed), counter=self.counter + 1), sealed

    def decrypt(self, sealed: bytes) -> "tuple[SymmetricState, bytes]":
        """Return the next state and the plain text (``DecryptAndHash``).

        Raises:
            WireError: ``UNPROVEN``, the tag does not hold.

        """
        if not self.key:
            return self.mix_hash(sealed), sealed
        try:
            plain = self.suite.aead(self.key).decrypt(
                self.suite.nonce(self.counter), sealed, self.transcript
            )
        except InvalidTag as problem:
            raise WireError(Fault.UNPROVEN, "an encrypted field does not open") from problem
        return replace(self.mix_hash(sealed), counter=self.counter + 1), plain

    def split(self) -> tuple[bytes, bytes]:
        """Return the two transport keys: the initiator's, the responder's."""
        first, second = self._hkdf(b"", 2)
        return first, second

    def _hkdf(self, material: bytes, count: int) -> list[bytes]:
        """Return ``count`` keys (section 4.3); HMAC even where the hash has a keyed mode."""
        digest = self.suite.digest
        base = hmac.digest(self.chaining_key, material, digest)
        keys: list[bytes] = []
        for number in range(1, count + 1):
            last = keys[-1] if keys else b""
            keys.append(hmac.digest(base, last + bytes([number]), digest))
        return keys


def public_key(private: bytes) -> bytes:
    """Return the X25519 public key of 32 private bytes (they are clamped when used)."""
    key = X25519PrivateKey.from_private_bytes(exactly(private, KEY_BYTES, "a private key"))
    return key.public_key().public_bytes_raw()


def agree(private: bytes, public: bytes) -> bytes:
    """Return the X25519 shared secret.

    Raises:
        WireError: ``ARGUMENT``, a key is not 32 bytes long; ``UNPROVEN``, the other side's point
            is of low order, which only an attacker sends.

    """
    ours = X25519PrivateKey.from_private_bytes(exactly(private, KEY_BYTES, "a private key"))
    theirs = X25519PublicKey.from_public_bytes(exactly(public, KEY_BYTES, "a public key"))
    try:
        return ours.exchange(theirs)
    except ValueError as problem:
        raise WireError(Fault.UNPROVEN, "a public key of low order") from problem
