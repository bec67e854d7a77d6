"""A token bucket: so much a second, and a burst (RFC 2475, policing; RFC 2697 without a colour)."""

__all__ = ["TokenBucket"]


class TokenBucket:
    """Holds at most ``burst``, gains ``rate`` a second, and is full at first.

    What is counted (bytes, packets, questions) and which clock is read is its owner's choice.
    """

    __slots__ = ("_at_s", "_burst", "_left", "_rate")

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._left = burst
        self._at_s: float | None = None

    def take(self, amount: float, at_s: float) -> bool:
        """Take ``amount`` at ``at_s`` seconds; ``False``, and nothing taken, when it holds less.

        An instant before the last one gains nothing.
        """
        if self._at_s is not None and at_s > self._at_s:
            self._left = min(self._burst, self._left + (at_s - self._at_s) * self._rate)
        self._at_s = at_s if self._at_s is None else max(self._at_s, at_s)
        if self._left < amount:
            return False
        self._left -= amount
        return True
