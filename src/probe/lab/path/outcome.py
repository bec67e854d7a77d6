"""What becomes of one packet: whether it goes on, how late, and what is sent besides."""

from dataclasses import dataclass

__all__ = ["DROP", "PASS", "Injected", "Outcome"]


@dataclass(frozen=True, slots=True)
class Injected:
    """A packet of the censor's own, with the TTL that it arrives with."""

    packet: bytes
    to_client: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """``injected`` are sent after the packet itself, in their order."""

    forward: bool
    injected: tuple[Injected, ...] = ()
    delay_s: float = 0.0


PASS = Outcome(forward=True)
DROP = Outcome(forward=False)
