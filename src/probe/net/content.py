"""Undoing content encodings without giving out more than was asked for."""

import zlib
from typing import Any

__all__ = ["Decoder"]


class Decoder:
    """gzip and deflate, never giving out more than asked for: a bomb costs one chunk."""

    def __init__(self, encoding: str) -> None:
        encoding = encoding.strip().lower()
        self._inflate: Any = None
        self._raw_next = encoding == "deflate"  # some servers send it without the zlib frame
        if encoding in ("gzip", "x-gzip"):
            self._inflate = zlib.decompressobj(16 + zlib.MAX_WBITS)
        elif encoding == "deflate":
            self._inflate = zlib.decompressobj()

    def decode(self, data: bytes, room: int) -> bytes:
        """Return at most ``room`` bytes of what ``data`` holds.

        Raises:
            zlib.error: when it is not of the encoding that was announced.

        """
        if self._inflate is None:
            return data
        try:
            decoded: bytes = self._inflate.decompress(data, room)
        except zlib.error:
            if not self._raw_next:
                raise
            self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
            decoded = self._inflate.decompress(data, room)
        self._raw_next = False
        return decoded
