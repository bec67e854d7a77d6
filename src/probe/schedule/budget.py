"""Budgets of bytes and of time: what may still be spent, and what is spent in this round."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

import msgspec

from probe.schedule.cost import on_the_wire
from probe.schedule.reasons import DAY_BYTES, MONTH_BYTES, RUN_BYTES, RUN_SECONDS
from probe.settings import Settings

__all__ = ["Allowance", "Spending", "UsedBytes", "allowance", "day_start", "month_start"]


class UsedBytes(Protocol):
    """What the store tells: payload bytes of all measurements in ``[since, until)``."""

    def bytes_used(self, since: datetime, until: datetime) -> int:
        """Return the bytes that were sent and received."""
        ...


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """What one round may spend; ``bytes_reason`` names the budget that is the tightest."""

    bytes: int
    seconds: float
    bytes_reason: str = RUN_BYTES


def day_start(now: datetime) -> datetime:
    """Return midnight UTC: budgets count days of UTC, so that no zone change resets them."""
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def month_start(now: datetime) -> datetime:
    """Return the first instant of this month in UTC."""
    return day_start(now).replace(day=1)


def allowance(settings: Settings, used: UsedBytes | None, now: datetime) -> Allowance:
    """Return what a round that starts at ``now`` may spend.

    Without a store (``--no-store``) only the budget of the run itself is known.
    """
    limits = [(RUN_BYTES, settings.run_bytes)]
    if used is not None:
        end = now + timedelta(days=1)  # a clock that was set back must not forget what came later
        day = on_the_wire(used.bytes_used(day_start(now), end))
        month = on_the_wire(used.bytes_used(month_start(now), end))
        limits.append((DAY_BYTES, settings.day_bytes - day))
        limits.append((MONTH_BYTES, settings.month_bytes - month))
    reason, left = min(limits, key=lambda item: item[1])
    return Allowance(bytes=max(0, left), seconds=settings.run_seconds, bytes_reason=reason)


@dataclass(slots=True)
class Spending:
    """What this round spends: promises are made before a measurement, facts booked after it."""

    allowed: Allowance
    deadline_s: float  # on the round's monotonic clock
    spent_bytes: int = 0
    promised_bytes: int = 0

    def refusal(self, expected_bytes: int, now_s: float) -> str | None:
        """Return why a measurement of ``expected_bytes`` may not start, or ``None``."""
        if now_s >= self.deadline_s:
            return RUN_SECONDS
        if self.spent_bytes + self.promised_bytes + expected_bytes > self.allowed.bytes:
            return self.allowed.bytes_reason
        return None

    def promise(self, expected_bytes: int) -> None:
        """Set ``expected_bytes`` aside for a measurement that starts."""
        self.promised_bytes += expected_bytes

    def book(self, expected_bytes: int, payload_bytes: int) -> None:
        """Replace a promise by what crossed the wire."""
        self.promised_bytes -= expected_bytes
        self.spent_bytes += on_the_wire(payload_bytes)
