"""A reader of bytes that a network hands over: what it may raise, and messages to start from."""

from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import strategies as st

from probe.wire.errors import WireError

__all__ = ["Reader", "hostile_bytes"]

_EDITS = 6
_CUTS = (b"", b"\x00", b"\xff", b"\x00" * 4, b"\xff" * 4, b"\x7f\xff\xff\xff", b"\x80\x00\x00\x00")
"""What lengths, counts and pointers are broken with, and a piece that is missing."""


@dataclass(frozen=True, slots=True)
class Reader:
    """One reader: ``seeds`` are whole messages, or beginnings that get past its first check.

    ``declared`` are the errors that its docstring names; for most of ``net`` there are none.
    """

    name: str
    read: Callable[[bytes], object]
    declared: tuple[type[Exception], ...] = (WireError,)
    seeds: tuple[bytes, ...] = ()

    def __call__(self, data: bytes) -> None:
        """Read; a declared error is an answer like any other."""
        try:
            self.read(data)
        except self.declared:
            return


def hostile_bytes(reader: Reader, most: int = 400) -> st.SearchStrategy[bytes]:
    """Return any bytes, and ``reader``'s messages as somebody between might break them."""
    noise = st.binary(max_size=most)
    if not reader.seeds:
        return noise
    return noise | _broken(reader.seeds, noise)


@st.composite
def _broken(draw: st.DrawFn, seeds: tuple[bytes, ...], noise: st.SearchStrategy[bytes]) -> bytes:
    """Draw a message with some pieces written over, taken out, put in or said twice."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(0, _EDITS))):
        at = draw(st.integers(0, len(data)))
        until = draw(st.integers(at, min(len(data), at + 16)))
        again = data[at:until] * 2
        piece = draw(st.sampled_from((*_CUTS, again)) | st.binary(max_size=8))
        data = data[:at] + piece + data[until:]
    end = draw(st.sampled_from((b"", None)))
    return data + (draw(noise) if end is None else end)
