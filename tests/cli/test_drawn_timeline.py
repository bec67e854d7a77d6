"""``probe timeline --draw``: hours and lanes in 80 columns, by letters where colour is missing."""

import io
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from probe.cli.drawn import draw_timeline
from probe.model.timeline import Absence, Sample, Series, SeriesKey, Signal

START = datetime(2026, 5, 4, tzinfo=UTC)
HOSTILE = "[red]\x1b[31m\u202egpj[/red]"


def series(subject: str, *, cut: bool = True, locus: str = "network", days: int = 3) -> Series:
    """Return hourly samples, bad from 16:00 on if ``cut``; the second day was not looked at."""
    samples = []
    for hour in range(days * 24):
        at = START + timedelta(hours=hour, minutes=5)
        if at.day == START.day + 1:
            continue
        bad = cut and at.hour >= 16
        how = "tls.reset.sni" if bad else None
        samples.append(Sample(time=at, bad=bad, mechanism=how))
    key = SeriesKey(vantage="v", network="AS1/fixed", subject=subject, locus=locus)
    return Series(key=key, tz="UTC", samples=tuple(samples))


def drawn(*shown: Series, width: int = 80, colour: bool = False, encoding: str = "utf-8") -> str:
    """Return what stands on the terminal."""
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding=encoding, errors="strict", newline="\n")
    console = Console(
        file=out, width=width, force_terminal=colour, no_color=not colour, highlight=False
    )
    draw_timeline(shown, {"chat": "Chat", "evil": HOSTILE}, console, width=width)
    out.flush()
    return raw.getvalue().decode(encoding)


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    """Lanes use what there is; heatmaps need 62 columns and wrap nowhere in 80."""
    text = drawn(series("chat"), series("mail", cut=False), width=width)
    if width >= 80:
        assert max(len(line) for line in text.splitlines()) <= width


def test_without_colour_every_state_has_its_letter() -> None:
    """Cut hours are C, those that worked a line, those without a look blank; no escape code."""
    lines = drawn(series("chat")).splitlines()
    assert lines[0] == "Chat: hour of day in UTC (UTC+00:00)"
    monday = next(line for line in lines if line.startswith("Mon 4 May"))
    assert monday[14:].rstrip() == "──" * 16 + "C " * 7 + "C"
    tuesday = next(line for line in lines if line.startswith("Tue 5 May"))
    assert tuesday[14:].strip() in ("", "?")
    lane = next(line for line in lines if line.startswith("Chat  "))
    assert {"C", "─", " "} <= set(lane[14:])
    assert "C cut by the network" in " ".join(lines)
    assert "\x1b" not in "\n".join(lines)


def test_colour_says_the_same_as_the_letters() -> None:
    """With colour the letters are still there."""
    text = drawn(series("chat"), colour=True)
    assert "\x1b[" in text
    assert text.count("C") > 16


def test_a_short_cut_shows_in_a_long_period() -> None:
    """An hour in sixty days is less than a column, and is drawn."""
    long = series("chat", cut=False, days=60)
    samples = list(long.samples)
    for place in (700, 701, 702, 703):
        samples[place] = Sample(time=samples[place].time, bad=True, mechanism="tls.reset.sni")
    text = drawn(Series(key=long.key, tz="UTC", samples=tuple(samples)))
    lane = next(line for line in text.splitlines() if line.startswith("Chat  "))
    assert lane[14:].count("C") == 1


def test_the_line_is_a_lane_and_lies_over_services() -> None:
    """While the line was off, a service without a look shows that."""
    off = tuple(
        Sample(time=START + timedelta(hours=h), bad=h >= 36, mechanism="offline.upstream")
        for h in range(72)
    )
    line = Series(
        key=SeriesKey(vantage="v", network="AS1/fixed", subject="line", signal=Signal.UPSTREAM),
        tz="UTC",
        samples=off,
    )
    silent = Series(
        key=SeriesKey(vantage="v", network="AS1/fixed", subject="mail"),
        tz="UTC",
        samples=tuple(
            Sample(time=s.time, bad=None, absence=Absence.INVALID)
            if s.bad
            else Sample(time=s.time, bad=False)
            for s in off
        ),
    )
    lines = drawn(line, silent).splitlines()
    for name in ("this line", "mail"):
        lane = next(one for one in lines if one.startswith(name))
        assert lane.rstrip().endswith("O")


def test_a_terminal_without_unicode_gets_a_hyphen() -> None:
    """What worked is drawn in ASCII there."""
    text = drawn(series("chat"), encoding="ascii")
    assert "--" in text


def test_names_of_strangers_do_nothing() -> None:
    """No markup of rich, no escape code, no direction."""
    text = drawn(series("evil"))
    assert "[red]" in text
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_nothing_is_drawn_of_nothing() -> None:
    """No series, no drawing."""
    assert drawn() == ""
