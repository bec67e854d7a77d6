"""The time of the lab: it runs with the machine's, or stands still where somebody holds it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

__all__ = ["LabTime"]


class LabTime:
    """Starts at any instant and runs on, until it is set for the first time; then it stands.

    A command that knows nothing of the lab (a browser, curl) needs a time that runs; a test
    that moves the time itself needs one that does nothing by itself.
    """

    def __init__(self, start: datetime, monotonic_s: Callable[[], float]) -> None:
        """Begin at ``start``, by the machine's ``monotonic_s``."""
        self._start = start.astimezone(UTC)
        self._monotonic_s = monotonic_s
        self._began_s = monotonic_s()
        self.frozen = False

    def now(self) -> datetime:
        """Return what time it is in the lab."""
        if self.frozen:
            return self._start
        return self._start + timedelta(seconds=self._monotonic_s() - self._began_s)

    def set(self, now: datetime) -> None:
        """Make it ``now``, and let it stand there."""
        self._start = now.astimezone(UTC)
        self.frozen = True
