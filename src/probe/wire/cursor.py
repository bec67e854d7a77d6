"""Reading fixed fields off bytes that may be hostile."""

from probe.wire.errors import Fault, WireError

__all__ = ["Cursor", "exactly"]


class Cursor:
    """A position in bytes; every read is checked, and says which field was cut."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        """Start at the first byte."""
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        """Return how many bytes have not been read."""
        return len(self._data) - self._at

    def take(self, size: int, field: str) -> bytes:
        """Return the next ``size`` bytes.

        Raises:
            WireError: ``SHORT``, fewer are left.

        """
        if size > self.left:
            raise WireError(Fault.SHORT, f"{field}: {size} bytes wanted, {self.left} left")
        self._at += size
        return self._data[self._at - size : self._at]

    def number(self, size: int, field: str) -> int:
        """Return the next ``size`` bytes as an unsigned number, the big end first."""
        return int.from_bytes(self.take(size, field), "big")

    def little(self, size: int, field: str) -> int:
        """Return the next ``size`` bytes as an unsigned number, the little end first."""
        return int.from_bytes(self.take(size, field), "little")

    def rest(self) -> bytes:
        """Return all that is left."""
        return self.take(self.left, "rest")

    def end(self, what: str) -> None:
        """Check that nothing is left.

        Raises:
            WireError: ``FORMAT``, something is.

        """
        if self.left:
            raise WireError(Fault.FORMAT, f"{what}: {self.left} bytes too many")


def exactly(value: bytes, size: int, field: str) -> bytes:
    """Return ``value``, an argument of a builder, if it has ``size`` bytes.

    Raises:
        WireError: ``ARGUMENT``, it has not.

    """
    if len(value) != size:
        raise WireError(Fault.ARGUMENT, f"{field} has {size} bytes, not {len(value)}")
    return value
