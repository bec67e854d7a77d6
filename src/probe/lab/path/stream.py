"""The first bytes that a client says, put together from segments in any order (RFC 9293)."""

__all__ = ["MAX_BYTES", "FirstBytes"]

MAX_BYTES = 16_384 + 5
"""As many as a ClientHello may have; more are not kept."""

_MAX_WAITING = 64
"""Segments behind a gap; together they hold no more than ``2 * MAX_BYTES``."""


class FirstBytes:
    """Reassembles from the byte after the SYN; what was said first of a byte is kept."""

    def __init__(self, first: int) -> None:
        """Start at sequence number ``first``."""
        self._first = first
        self._joined = bytearray()
        self._waiting: dict[int, bytes] = {}

    @property
    def data(self) -> bytes:
        """Return the bytes without a gap."""
        return bytes(self._joined)

    @property
    def next_sequence(self) -> int:
        """Return the sequence number of the first byte that is missing."""
        return (self._first + len(self._joined)) & 0xFFFFFFFF

    @property
    def full(self) -> bool:
        """Return whether no more bytes are taken."""
        return len(self._joined) >= MAX_BYTES

    def add(self, sequence: int, payload: bytes) -> None:
        """Take a segment; what is old, far away or too much is ignored."""
        offset = (sequence - self._first) & 0xFFFFFFFF
        if offset >= 1 << 31:  # starts before the first byte: a keep-alive probe, or nonsense
            behind = (1 << 32) - offset
            payload, offset = payload[behind:], 0
        if not payload or offset + len(payload) > 2 * MAX_BYTES or self.full:
            return
        if offset > len(self._joined):
            held = sum(map(len, self._waiting.values())) + len(payload)
            if len(self._waiting) < _MAX_WAITING and held <= 2 * MAX_BYTES:
                self._waiting.setdefault(offset, payload)
            return
        self._joined += payload[len(self._joined) - offset :]
        while self._waiting:
            ready = [at for at in self._waiting if at <= len(self._joined)]
            if not ready:
                return
            for at in sorted(ready):
                self._joined += self._waiting.pop(at)[max(0, len(self._joined) - at) :]
