"""Events as rows, beside the other tables of the same store."""

from datetime import timedelta

import pytest
from store_records import START

from probe.export.events import batches
from probe.export.table import Plain
from probe.model.event import Event, EventKind, Instant, Label

COUNTRIES = {"guest": "TM", "unplaced": "ZZ"}


def country_of_row(vantage: str, tz: str) -> object:
    edge = Instant(at=START, earliest=START - timedelta(hours=1), latest=START)
    event = Event(
        kind=EventKind.OUTAGE,
        series="news",
        vantage=vantage,
        network="AS64500/fixed",
        label=Label.SUSPECTED,
        start=edge,
        tz=tz,
    )
    (batch,) = batches([event], COUNTRIES)
    (column,) = (
        part for part in batch.parts if isinstance(part, Plain) and part.column == "country"
    )
    (country,) = column.values
    return country


@pytest.mark.parametrize(
    ("vantage", "tz", "country"),
    [
        ("guest", "Asia/Tehran", "TM"),  # a line may keep the clock of another country
        ("unplaced", "Asia/Tehran", "ZZ"),  # as its measurements say
        ("", "Asia/Tehran", "IR"),  # of several lines
        ("", "UTC", "ZZ"),
    ],
)
def test_the_country_is_the_lines_own(vantage: str, tz: str, country: str) -> None:
    """Rows of one line bear one country in every table, so that tables can be joined by it."""
    assert country_of_row(vantage, tz) == country
