"""Keys that everybody may know, as a catalog writes them."""

import base64
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.wire.errors import Fault, WireError
from probe.wire.noise import public_key
from probe.wire.published import TEST_RESPONDER, responder_public_key, static_key, wireguard_key


@given(st.binary(min_size=256, max_size=256))
def test_a_static_key_is_read_in_any_case_and_spacing(material: bytes) -> None:
    """512 hexadecimal digits, broken into lines or not."""
    digits = material.hex()
    lines = "\n".join(digits[at : at + 32] for at in range(0, 512, 32))
    assert static_key(digits.upper()) == static_key(lines) == static_key(digits)
    assert static_key(digits).material == material


@given(st.binary(min_size=32, max_size=32))
def test_a_public_key_is_32_bytes_of_base64(key: bytes) -> None:
    """As WireGuard's tools print it."""
    assert wireguard_key(base64.b64encode(key).decode()) == key


@pytest.mark.parametrize("text", ["", "zz" * 256, "ab" * 255, "ab" * 257, "é" * 512])
def test_another_text_is_no_static_key(text: str) -> None:
    """It raises the one error of the codecs, and quotes nothing."""
    with pytest.raises(WireError) as caught:
        static_key(text)
    assert caught.value.fault is Fault.FORMAT
    assert not text or text not in str(caught.value)


@given(st.text(max_size=60))
def test_any_text_is_a_key_or_a_declared_error(text: str) -> None:
    """Nothing but ``WireError`` comes of what strangers write."""
    with suppress(WireError):
        assert len(wireguard_key(text)) == 32


def test_the_test_responder_is_the_same_everywhere() -> None:
    """Its public key is what its private key gives; a responder that is set up once stays known."""
    assert wireguard_key(responder_public_key()) == public_key(TEST_RESPONDER)
    assert responder_public_key() == "PqPemqeq/lOCa8FiPvqAwT7CUwLd3EDlZGygGMguimg="
