"""Who answers where another service was meant: nobody who says a word, or nonsense."""

import random

from probe.lab.speakers import Place
from probe.lab.wire import Wire

__all__ = ["Garbage", "Mute"]

_SIZE = 300


class Mute:
    """Reads and says nothing: as obfs4 does to all who have not its key."""

    def __init__(self, wire: Wire, place: Place) -> None:
        """Hold the connection open."""
        del wire, place

    def feed(self, data: bytes) -> None:
        """Take bytes."""
        del data


class Garbage:
    """Answers the first bytes with 300 bytes of nothing, the same each time, and ends."""

    def __init__(self, wire: Wire, place: Place) -> None:
        """Serve over ``wire``."""
        del place
        self._wire = wire

    def feed(self, data: bytes) -> None:
        """Answer, and send FIN."""
        del data
        rng = random.Random("nothing")  # noqa: S311 - nonsense
        self._wire.write(b"\xc3\x5a" + rng.randbytes(_SIZE - 2))
        self._wire.cut()
