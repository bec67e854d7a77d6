"""Lists of measurements by the filters of an address."""

from probe.model.verdict import State
from probe.store.database import Entry, Query
from probe.web.asked import Asked
from probe.web.desk import Desk

__all__ = ["PAGE", "listed"]

PAGE = 100


def listed(
    desk: Desk, asked: Asked, *, limit: int = PAGE, before: tuple[int, int] | None = None
) -> list[Entry]:
    """Return the newest measurements that fit; without a period, those of the default one."""
    window = desk.window(asked)
    return desk.store().entries(
        Query(
            since=window.since,
            until=window.until,
            services=desk.services_of(asked.service),
            endpoint=asked.endpoint or None,
            vantage=asked.vantage or None,
            network=asked.network or None,
            state=State(asked.state) if asked.state else None,
            before=before,
            limit=limit,
        )
    )
