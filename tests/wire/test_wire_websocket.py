"""The web socket's frames and its handshake's proof."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.wire.errors import Fault, WireError
from probe.wire.websocket import (
    Frame,
    FrameKind,
    accept_value,
    encode_frame,
    key_value,
    split_frame,
)


def test_the_documented_answer_to_a_key() -> None:
    """RFC 6455 section 1.3."""
    assert key_value(b"the sample nonce") == "dGhlIHNhbXBsZSBub25jZQ=="
    assert accept_value("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    with pytest.raises(WireError):
        key_value(b"short")


@pytest.mark.parametrize(
    ("encoded", "frame", "mask"),
    [
        ("810548656c6c6f", Frame(FrameKind.TEXT, b"Hello"), ""),
        ("818537fa213d7f9f4d5158", Frame(FrameKind.TEXT, b"Hello"), "37fa213d"),
        ("010348656c", Frame(FrameKind.TEXT, b"Hel", final=False), ""),
        ("80026c6f", Frame(FrameKind.CONTINUATION, b"lo"), ""),
        ("890548656c6c6f", Frame(FrameKind.PING, b"Hello"), ""),
        ("827e0100" + "00" * 256, Frame(FrameKind.BINARY, bytes(256)), ""),
        ("827f0000000000010000" + "00" * 65_536, Frame(FrameKind.BINARY, bytes(65_536)), ""),
    ],
)
def test_the_documented_frames(encoded: str, frame: Frame, mask: str) -> None:
    """RFC 6455 section 5.7, both ways."""
    data = bytes.fromhex(encoded)
    assert encode_frame(frame, bytes.fromhex(mask)) == data
    assert split_frame(data + b"next") == (frame, b"next")


@settings(max_examples=50)
@given(
    st.sampled_from(FrameKind),
    st.binary(max_size=300),
    st.one_of(st.just(b""), st.binary(min_size=4, max_size=4)),
    st.integers(0, 320),
)
def test_every_frame_comes_back(kind: FrameKind, payload: bytes, mask: bytes, cut: int) -> None:
    """Property: masked or not; and of a part of it nothing is said."""
    frame = Frame(kind, payload[:125] if kind >= FrameKind.CLOSE else payload)
    data = encode_frame(frame, mask)
    assert split_frame(data) == (frame, b"")
    if cut < len(data):
        assert split_frame(data[:cut]) is None


@pytest.mark.parametrize(
    "head",
    ["8300", "c100", "8b00", "097d", "897e0080", "827f0000000000100001", "827fffffffffffffffff"],
)
def test_what_is_no_frame_is_refused(head: str) -> None:
    """Unknown opcodes, reserved bits, broken control frames, more than 1 MiB."""
    with pytest.raises(WireError) as problem:
        split_frame(bytes.fromhex(head))
    assert problem.value.fault is Fault.FORMAT


@pytest.mark.parametrize(
    ("frame", "mask"),
    [
        (Frame(FrameKind.PING, bytes(126)), b""),
        (Frame(FrameKind.CLOSE, b"", final=False), b""),
        (Frame(FrameKind.TEXT, b"x"), b"abc"),
    ],
)
def test_what_cannot_be_sent_is_refused(frame: Frame, mask: bytes) -> None:
    """Control frames are short and whole; a mask has 4 bytes."""
    with pytest.raises(WireError) as problem:
        encode_frame(frame, mask)
    assert problem.value.fault is Fault.ARGUMENT
