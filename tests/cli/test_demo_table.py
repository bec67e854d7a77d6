"""The demo's table of windows, as somebody reads it who has seen none before."""

from datetime import UTC, datetime
from typing import Any

from probe.cli.demo import _window
from probe.model.event import Days, Event, EventKind, Instant, Label, Window
from probe.report.data import WindowRow

FIRST, LAST = datetime(2026, 3, 2, 12, 30, tzinfo=UTC), datetime(2026, 3, 15, 20, 29, tzinfo=UTC)


def _event(kind: EventKind, series: str, **more: Any) -> Event:
    """Return an established event of that fortnight."""
    return Event(
        kind=kind,
        series=series,
        vantage="v",
        network="n",
        label=Label.ESTABLISHED,
        start=Instant(at=FIRST, earliest=FIRST, latest=FIRST),
        end=Instant(at=LAST, earliest=LAST, latest=LAST),
        tz="Asia/Tehran",
        **more,
    )


def test_a_chance_is_said_in_words_and_never_as_nothing() -> None:
    """A probability of one in a million is not zero; edges are called what they are."""
    window = Window(
        start_minute=960,
        end_minute=1439,
        start_interval=(955.0, 970.0),
        end_interval=(1430.0, 1445.0),
        first_day="2026-03-02",
        last_day="2026-03-15",
        days=Days(supported=13, observable=13, total=14),
    )
    event = _event(EventKind.DAILY_WINDOW, "messenger", window=window, p=1e-6)
    row = _window(WindowRow(subject="messenger", name="Messenger", locus="network", event=event))
    said = "established; by chance alone 1 time in 1,000,000; 95 %: (15:55..16:10)-(23:50..00:05)"
    assert row["confidence"] == said
    assert row["who"] == "The network"


def test_trouble_of_the_line_is_told_in_words() -> None:
    """What happened, and that nobody knows whose doing; not what a signal is called."""
    seen = (("offline.upstream", 4),)
    event = _event(EventKind.OUTAGE, "line", signal="upstream", mechanisms=seen)
    row = _window(WindowRow(subject="line", name="this line", locus="upstream", event=event))
    assert row["what"] == "this line: nothing beyond the router answered"
    assert row["who"] == "Not known"
