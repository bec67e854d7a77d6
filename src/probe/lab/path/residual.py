"""Residual censorship: after a hit, client, server address and port are cut for a while.

The source port plays no part, as with the known censors, so a new connection is hit as well.
The time is the lab's.
"""

from datetime import datetime, timedelta

from probe.lab.actions import Position
from probe.lab.rules import What

__all__ = ["Residual"]

LIMIT = 4096
"""Entries; the oldest go first."""

_End = tuple[bytes, int]
_Key = tuple[bytes, bytes, int]


class Residual:
    """Remembers whom to cut, until when, and whether the machine can drop at all."""

    def __init__(self, limit: int = LIMIT) -> None:
        """Start with nobody."""
        self._limit = limit
        self._until: dict[_Key, tuple[datetime, Position]] = {}

    def __len__(self) -> int:
        """Return how many are remembered."""
        return len(self._until)

    def hit(self, what: What, client: _End, server: _End, now: datetime) -> None:
        """Cut what comes after a hit, for as long as ``what`` says; a new hit prolongs."""
        if what.residual <= 0:
            return
        key = (client[0], *server)
        self._until.pop(key, None)
        while len(self._until) >= self._limit:
            del self._until[next(iter(self._until))]
        self._until[key] = (now + timedelta(seconds=what.residual), what.position)

    def position(self, client: _End, server: _End, now: datetime) -> Position | None:
        """Return where the machine stands that cuts these two now, ``None`` if none does."""
        if not self._until:
            return None
        key = (client[0], *server)
        entry = self._until.get(key)
        if entry is None:
            return None
        if now >= entry[0]:
            del self._until[key]
            return None
        return entry[1]

    def holds(self, client: _End, server: _End, now: datetime) -> bool:
        """Return whether packets between these two are dropped now."""
        return self.position(client, server, now) is Position.IN_PATH
