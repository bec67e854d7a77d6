"""What keeps one outage that came alone from being called established.

What comes back at the same hours is tested against chance. What came once is not; so it has to be
plain: bad nearly all the time, and for an hour at least. A line on which six of ten looks fail for
half an hour, twice a day, has trouble, and nobody ordered that.
"""

__all__ = ["LASTING_S", "STEADY_SHARE", "SURE", "SURE_SAMPLES", "doubt"]

SURE = 0.95
"""Probability of trouble, in the mean over its looks, that has to be reached."""

SURE_SAMPLES = 3
STEADY_SHARE = 0.8
"""Share of the looks inside that failed. A cut leaves 2 to 12 % of looks unharmed."""

LASTING_S = 3_600.0

_FEW = "few looks"
_PART = "a part of the looks in between passed"


def doubt(*, samples: int, bad: int, length_s: float, probability: float) -> str | None:
    """Return in a few words why it is only suspected, ``None`` if it is established."""
    if bad < SURE_SAMPLES:
        return _FEW
    if bad < STEADY_SHARE * samples:
        return _PART
    if length_s < LASTING_S:
        return "it lasted less than an hour"
    if probability < SURE:
        return _FEW if bad == samples else _PART
    return None
