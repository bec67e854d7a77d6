"""The one error of the wire codecs, and what a reader found wrong."""

from enum import StrEnum

__all__ = ["Fault", "WireError"]


class Fault(StrEnum):
    """What is wrong with bytes; a probe reads each of these differently."""

    SHORT = "short"
    """The bytes end before the message does: cut, or still on their way."""
    FORMAT = "format"
    """These bytes are not of this protocol: another service, a block page, garbage."""
    FOREIGN = "foreign"
    """Right protocol, but no answer to our packet (id not echoed): injected, stale, or confused."""
    UNPROVEN = "unproven"
    """A checksum, MAC or signature does not hold: another key, or tampered with."""
    ARGUMENT = "argument"
    """What the caller gave cannot be put on the wire (length of a key, range of a number)."""


class WireError(ValueError):
    """Raised by every codec here, and by none of them anything else, whatever the bytes.

    The text names the field and never quotes keys, addresses or what the other side sent.
    """

    def __init__(self, fault: Fault, problem: str) -> None:
        """Keep the fault apart from the words, so that a probe can tell the cases."""
        self.fault = fault
        super().__init__(problem)
