"""Budgets: the run's, the day's, the month's; the tightest one counts and is named."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from probe.schedule.budget import Allowance, Spending, allowance, day_start, month_start
from probe.schedule.cost import on_the_wire
from probe.schedule.reasons import DAY_BYTES, MONTH_BYTES, RUN_BYTES, RUN_SECONDS
from probe.settings import Settings

NOW = datetime(2024, 3, 31, 23, 30, tzinfo=UTC)


class Used:
    """A store that only knows bytes by time."""

    def __init__(self, *spent: tuple[datetime, int]) -> None:
        self.spent = spent

    def bytes_used(self, since: datetime, until: datetime) -> int:
        return sum(size for at, size in self.spent if since <= at < until)


def budgets(**changes: Any) -> Settings:
    """Return settings with the default budgets, changed as asked."""
    return Settings(store=Path("x"), **changes)


def test_the_tightest_budget_counts_and_is_named() -> None:
    """The reason that a person reads is the budget that was really in the way."""
    run = budgets(run_bytes=5, day_bytes=10, month_bytes=20)
    assert allowance(run, Used(), NOW) == Allowance(
        bytes=5, seconds=1_800.0, bytes_reason=RUN_BYTES
    )
    day = budgets(run_bytes=10_000, day_bytes=3_000, month_bytes=9_000)
    used = Used((NOW - timedelta(hours=1), 1_000), (NOW - timedelta(days=2), 1_000))
    assert allowance(day, used, NOW).bytes_reason == DAY_BYTES
    month = budgets(run_bytes=10_000, day_bytes=9_000, month_bytes=3_000)
    assert allowance(month, used, NOW).bytes_reason == MONTH_BYTES
    assert allowance(month, used, NOW).bytes == 3_000 - on_the_wire(2_000)


def test_yesterday_and_last_month_do_not_count() -> None:
    """Days and months are UTC's."""
    used = Used((day_start(NOW) - timedelta(seconds=1), 10**9))
    assert allowance(budgets(month_bytes=10**12), used, NOW).bytes == 20_000_000
    used = Used((month_start(NOW) - timedelta(seconds=1), 10**9))
    assert allowance(budgets(), used, NOW).bytes == 20_000_000


def test_a_spent_budget_is_zero_not_negative() -> None:
    """Nothing runs, and nothing is owed."""
    used = Used((NOW - timedelta(minutes=5), 10**9))
    assert allowance(budgets(), used, NOW).bytes == 0


def test_a_clock_that_was_set_back_gives_no_new_budget() -> None:
    """Bytes that were booked later than now still count for the day."""
    used = Used((NOW + timedelta(minutes=20), 15_000_000))
    assert allowance(budgets(), used, NOW).bytes < 1_000_000


def test_without_a_store_the_run_has_its_own_budget_only() -> None:
    """``--no-store`` cannot know of earlier runs; the run's own limit still holds."""
    assert allowance(budgets(run_bytes=7), None, NOW).bytes == 7


@given(st.lists(st.integers(1, 50_000), max_size=60), st.integers(0, 500_000))
def test_promises_never_exceed_what_is_allowed(prices: list[int], allowed: int) -> None:
    """Property: however many measurements run at once, their promises keep the budget."""
    spending = Spending(Allowance(bytes=allowed, seconds=10.0), deadline_s=10.0)
    running: list[int] = []
    for price in prices:
        if spending.refusal(price, now_s=0.0) is None:
            spending.promise(price)
            running.append(price)
    assert spending.promised_bytes <= allowed
    for price in running:
        spending.book(price, 0)
    assert spending.promised_bytes == 0
    assert spending.spent_bytes == 0


def test_after_its_deadline_nothing_starts() -> None:
    """Time is a budget too."""
    spending = Spending(Allowance(bytes=10, seconds=5.0), deadline_s=5.0)
    assert spending.refusal(1, now_s=4.9) is None
    assert spending.refusal(1, now_s=5.0) == RUN_SECONDS
