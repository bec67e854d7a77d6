"""How often a line can be measured for its budgets; pure."""

import msgspec

__all__ = ["DAYS_A_MONTH", "DAY_S", "Pace", "pace_of"]

DAY_S = 86_400.0
DAYS_A_MONTH = 31
"""The longest month, so that a budget lasts in every month."""


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """What repeated rounds cost, and the interval that the budgets allow."""

    every_s: float  # asked for
    core_bytes: int  # one round over the core
    daily_bytes: int  # the rest of the daily plan, once a day
    per_day_bytes: int  # at ``every_s``
    per_month_bytes: int
    day_bytes: int  # budgets
    month_bytes: int
    fits_every_s: float  # the shortest interval, not below ``every_s``, that keeps the budgets
    daily_fits: bool  # whether the daily plan fits beside at least four rounds a day


def pace_of(
    *, core_bytes: int, daily_bytes: int, every_s: float, day_bytes: int, month_bytes: int
) -> Pace:
    """Return the pace of core rounds every ``every_s`` seconds and one daily plan.

    Rather than measure often until the budget is spent and then not at all, the interval is
    stretched: a timeline with a dead end of the month is worth less than a coarser one.
    """
    rounds = DAY_S / every_s
    per_day = round(rounds * core_bytes) + daily_bytes
    share = min(day_bytes, month_bytes // DAYS_A_MONTH)
    daily_fits = daily_bytes + 4 * core_bytes <= share
    left = share - (daily_bytes if daily_fits else 0)
    fits = DAY_S * core_bytes / left if left > 0 and core_bytes else every_s
    if left <= 0:
        fits = DAY_S
    return Pace(
        every_s=every_s,
        core_bytes=core_bytes,
        daily_bytes=daily_bytes,
        per_day_bytes=per_day,
        per_month_bytes=per_day * DAYS_A_MONTH,
        day_bytes=day_bytes,
        month_bytes=month_bytes,
        fits_every_s=max(every_s, round(fits)),
        daily_fits=daily_fits,
    )
