"""The steps of Noise against published vectors, and the primitives under them."""

import pytest

from probe.wire.errors import Fault, WireError
from probe.wire.noise import (
    AESGCM_SHA256,
    CHACHA_BLAKE2S,
    Suite,
    SymmetricState,
    agree,
    public_key,
)
from probe.wire.xchacha import hchacha20, xchacha_open, xchacha_seal

# The vectors below are of cacophony (github.com/haskell-cryptography/cacophony,
# vectors/cacophony.txt at 36c1e5c3); all its handshakes share keys, prologue and payloads.
PROLOGUE = b"John Galt"
PSK = bytes.fromhex("54686973206973206d7920417573747269616e20706572737065637469766521")
INIT_STATIC = bytes.fromhex("e61ef9919cde45dd5f82166404bd08e38bceb5dfdfded0a34c8df7ed542214d1")
INIT_EPHEMERAL = bytes.fromhex("893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a")
RESP_STATIC = bytes.fromhex("4a3acbfdb163dec651dfa3194dece676d437029c62a408b4c5ea9114246e4893")
RESP_EPHEMERAL = bytes.fromhex("bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b")
RESP_PUBLIC = bytes.fromhex("31e0303fd6418d2f8c0e78b91f22e8caed0fbe48656dcf4767e4834f701b8f62")
PAYLOADS = (b"Ludwig von Mises", b"Murray Rothbard", b"F. A. Hayek", b"Carl Menger")

IK_PSK2 = (
    (
        "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c7944001e21de9f98ddd8e2ad"
        "57527207feb56253c9c94a9e496782ecfcb2a75fbcaf1b52948cc48daefe660c62119ab5000980c84831"
        "215f2441eba616548e832985464cf17e51ee93109008399a21f7e13f"
    ),
    (
        "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f144808843cb765f2caef0751b8f00"
        "7572dab0322217755c0632f365717edbf34d33e87a"
    ),
    "8153ca9833bc3c1b91a7e66e5f4d4f5b59bf9e64c2f20d15f0bba7",
    "07af0c9c86e1b4e80f36b04ff7688d51141af3debd0332f0a705ef",
)
IK_AESGCM = (
    (
        "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c79444e417bc55c7a8166c993"
        "356c1be41ef67818a292426f301556c7f26b21d25ddb097153891a9a956cff47b83e63ad8d701c1342c2"
        "09cff1ca5ecd43402762ac249e3bd3a4c0a145fe07cb5dae28ea13a3"
    ),
    (
        "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f144808843af2ccf9972e22afc67ae"
        "afcd25162f7f98c363b7762e3e4cb7d272e39f27a5"
    ),
    "66acfc92e3197de166809e6d4d5d003dcc819a84bc3522ca53c9d9",
    "71f89aa6533a6de70b0826864dd75f60806ee40170c16290189eb3",
)


def _hello(state: SymmetricState, psk: bool) -> tuple[SymmetricState, bytes]:
    """Write the initiator's message of IK: e, es, s, ss, payload."""
    ephemeral = public_key(INIT_EPHEMERAL)
    state = state.mix_hash(ephemeral)
    state = state.mix_key(ephemeral) if psk else state
    state, static = state.mix_key(agree(INIT_EPHEMERAL, RESP_PUBLIC)).encrypt(
        public_key(INIT_STATIC)
    )
    state, payload = state.mix_key(agree(INIT_STATIC, RESP_PUBLIC)).encrypt(PAYLOADS[0])
    return state, ephemeral + static + payload


def _answer(state: SymmetricState, psk: bool) -> tuple[SymmetricState, bytes]:
    """Write the responder's message of IK: e, ee, se, [psk,] payload."""
    ephemeral = public_key(RESP_EPHEMERAL)
    state = state.mix_hash(ephemeral)
    state = state.mix_key(ephemeral) if psk else state
    state = state.mix_key(agree(RESP_EPHEMERAL, public_key(INIT_EPHEMERAL)))
    state = state.mix_key(agree(RESP_EPHEMERAL, public_key(INIT_STATIC)))
    state, payload = (state.mix_psk(PSK) if psk else state).encrypt(PAYLOADS[1])
    return state, ephemeral + payload


@pytest.mark.parametrize(
    ("suite", "name", "psk", "vector"),
    [
        (CHACHA_BLAKE2S, b"Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s", True, IK_PSK2),
        (AESGCM_SHA256, b"Noise_IK_25519_AESGCM_SHA256", False, IK_AESGCM),
    ],
)
def test_a_handshake_gives_the_published_bytes(
    suite: Suite, name: bytes, psk: bool, vector: tuple[str, ...]
) -> None:
    """WireGuard's protocol and WhatsApp's suite: both handshake messages, both transport keys."""
    state = SymmetricState.start(suite, name, PROLOGUE).mix_hash(RESP_PUBLIC)
    state, first = _hello(state, psk)
    state, second = _answer(state, psk)
    assert (first.hex(), second.hex()) == vector[:2]
    for key, plain, wanted in zip(state.split(), PAYLOADS[2:], vector[2:], strict=True):
        assert suite.aead(key).encrypt(suite.nonce(0), plain, None).hex() == wanted


def test_x25519_is_the_published_one() -> None:
    """RFC 7748 section 6.1: both public keys, and one shared secret from either side."""
    alice = bytes.fromhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")
    bob = bytes.fromhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")
    alices = "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
    bobs = "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
    assert (public_key(alice).hex(), public_key(bob).hex()) == (alices, bobs)
    secret = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"
    assert agree(alice, public_key(bob)).hex() == agree(bob, public_key(alice)).hex() == secret


def test_hchacha20_gives_the_published_subkey() -> None:
    """draft-irtf-cfrg-xchacha-03 section 2.2.1."""
    key = bytes(range(32))
    nonce = bytes.fromhex("000000090000004a0000000031415927")
    wanted = "82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc"
    assert hchacha20(key, nonce).hex() == wanted


def test_xchacha_gives_the_published_ciphertext() -> None:
    """draft-irtf-cfrg-xchacha-03 appendix A.3.1."""
    key, nonce = bytes(range(0x80, 0xA0)), bytes(range(0x40, 0x58))
    bound = bytes.fromhex("50515253c0c1c2c3c4c5c6c7")
    plain = (
        b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the "
        b"future, sunscreen would be it."
    )
    wanted = (
        "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f"
        "4eda7e39ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f"
        "76b2383565d3fff921f9664c97637da9768812f615c68b13b52e"
        "c0875924c1c7987947deafd8780acf49"
    )
    sealed = xchacha_seal(key, nonce, plain, bound)
    assert sealed.hex() == wanted
    assert xchacha_open(key, nonce, sealed, bound) == plain
    with pytest.raises(WireError) as problem:
        xchacha_open(key, nonce, sealed, b"another")
    assert problem.value.fault is Fault.UNPROVEN


def test_a_point_of_low_order_is_refused() -> None:
    """RFC 7748 section 6.1: an all-zero secret must not be used; only an attacker sends such."""
    with pytest.raises(WireError) as problem:
        agree(INIT_STATIC, bytes(32))
    assert problem.value.fault is Fault.UNPROVEN


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_key_of_another_length_is_refused(size: int) -> None:
    """Keys have 32 bytes."""
    with pytest.raises(WireError) as problem:
        public_key(bytes(size))
    assert problem.value.fault is Fault.ARGUMENT
    with pytest.raises(WireError) as problem:
        agree(bytes(32), bytes(size))
    assert problem.value.fault is Fault.ARGUMENT


def test_keys_are_in_no_repr() -> None:
    """A state can be logged by mistake; its keys cannot."""
    state = SymmetricState.start(CHACHA_BLAKE2S, b"name", b"").mix_key(PSK)
    assert "key=" not in repr(state).replace("chaining_key", "")
