"""Public data through the detector: curfews, silence elsewhere, announced against observed."""

import os
import random
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from pattern_bench import real_data
from pattern_bench.ours import WINDOWS
from probe.analysis.calendar_days import DayList
from probe.analysis.patterns import find
from probe.analysis.survey import Known, survey
from probe.model.event import Event, EventKind
from probe.model.timeline import Sample, Series, SeriesKey

__all__ = ["figures"]

Row = dict[str, Any]
FIRST, LAST = date(2021, 2, 15), date(2021, 4, 27)
_EPOCH = date(1970, 1, 1)


def figures() -> Row:
    """Return all figures of real data; nothing without PROBE_TEST_DATA."""
    named = os.environ.get("PROBE_TEST_DATA", "")
    folder = Path(named)
    if not named or not folder.is_dir():
        sys.stderr.write("real data: PROBE_TEST_DATA names no folder; the figures stay\n")
        return {}
    return {
        "myanmar": [myanmar(folder, slot) for slot in (60, 30, 20)],
        "policy": policy(folder),
        "labels": labels(folder),
        "iran": iran(folder),
        "tor": tor(folder),
        "negatives": negatives(folder),
    }


def _found(series: Sequence[Series]) -> tuple[Event, ...]:
    return find(series, rng=random.Random(1))


def _windows(events: Sequence[Event]) -> list[Event]:
    return [event for event in events if event.kind in WINDOWS]


def myanmar(folder: Path, slot: int) -> Row:
    """Return the nights of Bago against 01:00-09:00 (twelve: 06:30), and each night's edges."""
    windows = _windows(_found([real_data.bago(folder, slot)]))
    row: Row = {"slot": slot, "windows": len(windows)}
    if len(windows) != 1 or windows[0].window is None:
        return row
    window = windows[0].window
    nights = _labelled_nights(folder)
    start, end, short = [], [], []
    for day in window.day_edges:
        truth = nights.get(day.day)
        if truth is None:
            continue
        if day.start is not None:
            start.append(abs(day.start - truth[0]))
        if day.end is not None:
            end.append(abs(day.end - truth[1]))
            if truth[1] < 480:
                short.append(day.end < 480)
    return row | {
        "start": window.start_minute,
        "end": window.end_minute,
        "start_interval": list(window.start_interval),
        "end_interval": list(window.end_interval),
        "first": window.first_day,
        "last": window.last_day,
        "supported": window.days.supported,
        "observable": window.days.observable,
        "p": windows[0].p,
        "nights": len(start),
        "night_start_median": _middle(start),
        "night_end_median": _middle(end),
        "short_nights": [sum(short), len(short)],
    }


def _middle(values: Sequence[float]) -> float | None:
    return round(float(np.median(values)), 1) if values else None


def _labelled_nights(folder: Path) -> dict[str, tuple[float, float]]:
    """Return the labelled start and end, in local minutes, of each night."""
    where = ZoneInfo("Asia/Yangon")
    nights = {}
    for outage in real_data.labelled(folder):
        if outage.entity.startswith("Myanmar"):
            a, b = outage.start.astimezone(where), outage.end.astimezone(where)
            if a.hour in (0, 1) and (b - a) < timedelta(hours=12):
                nights[b.date().isoformat()] = (a.hour * 60.0 + a.minute, b.hour * 60.0 + b.minute)
    return nights


def policy(folder: Path) -> Row:
    """Return what an announced order did: 01:00-09:00 from 15 February, ended on 27 April 2021."""
    days = tuple((FIRST + timedelta(days=i) - _EPOCH).days for i in range((LAST - FIRST).days + 1))
    given = DayList(name="order", days=days, hours=(60, 540))
    known = Known(dates=(given,))
    events = survey([real_data.bago(folder, 30)], rng=random.Random(1), known=known)
    rows = [event for event in events if event.kind is EventKind.CALENDAR_WINDOW]
    if not rows or rows[0].window is None or rows[0].calendar is None:
        return {"found": False}
    window, calendar = rows[0].window, rows[0].calendar
    return {
        "found": True,
        "announced": [60, 540],
        "observed": [window.start_minute, window.end_minute],
        "hits": list(calendar.hits),
        "others": list(calendar.others),
        "before": calendar.before_share,
        "during": calendar.during_share,
        "after": calendar.after_share,
        "sentence": rows[0].sentence,
    }


def labels(folder: Path) -> Row:
    """Return how the windows over 1,704 labelled outages agree with what was said to cause them."""
    outages = real_data.labelled(folder)
    groups = real_data.entities(outages, least=3)
    windows, right, wrong, covered = [], 0, 0, set()
    for name, rows in groups.items():
        for event in _windows(_found([real_data.looked_at(name, rows)])):
            inside = [one for one in rows if _explains(event, one)]
            ordered = sum(one.ordered for one in inside)
            mostly = ordered * 2 >= len(inside)
            right, wrong = right + mostly, wrong + (not mostly)
            covered |= {id(one) for one in inside if one.ordered}
            windows.append([name, event.sentence.split(" (by chance")[0], ordered, len(inside)])
    ordered_all = [one for one in outages if one.ordered]
    testable = [one for rows in groups.values() for one in rows if one.ordered]
    return {
        "outages": len(outages),
        "entities": len(groups),
        "windows": windows,
        "right": right,
        "wrong": wrong,
        "ordered": len(ordered_all),
        "testable": len(testable),
        "covered": len(covered),
    }


def _explains(event: Event, outage: real_data.Outage) -> bool:
    """Return whether an outage lies by half in the hours of a window on one of its days."""
    window = event.window
    if window is None:
        return False
    where = ZoneInfo(event.tz)
    for day in window.supports:
        midnight = datetime.fromisoformat(day).replace(tzinfo=where)
        low = (midnight + timedelta(minutes=window.start_minute)).astimezone(UTC)
        high = (midnight + timedelta(minutes=window.end_minute)).astimezone(UTC)
        shared = (min(high, outage.end) - max(low, outage.start)).total_seconds()
        if shared * 2 >= (outage.end - outage.start).total_seconds():
            return True
    return False


def iran(folder: Path) -> list[Row]:
    """Return, for each network, when it went and came back, by two signals."""
    rows = []
    for signal in ("bgp", "active"):
        for asn, looks in real_data.by_as(folder, signal).items():
            samples = tuple(Sample(time=at, bad=bad) for at, bad in looks)
            key = SeriesKey(network=f"AS{asn}", subject="hosts")
            events = _found([Series(key=key, tz="Asia/Tehran", samples=samples)])
            after = datetime(2019, 11, 16, 12, tzinfo=UTC)
            mine = [e for e in events if e.end is None or e.end.at > after]
            long = [e for e in mine if e.end is None or e.end.at - e.start.at > timedelta(hours=6)]
            first = min(long, key=lambda e: e.start.at, default=None)
            rows.append(
                {
                    "signal": signal,
                    "asn": asn,
                    "start": None if first is None else f"{first.start.at:%d %b %H:%M}",
                    "open_min": None
                    if first is None
                    else round((first.start.latest - first.start.earliest).total_seconds() / 60),
                    "end": None
                    if first is None or first.end is None
                    else f"{first.end.at:%d %b %H:%M}",
                    "windows": len(_windows(events)),
                    "at": None if first is None else first.start.at.isoformat(),
                }
            )
    return sorted(rows, key=lambda row: (row["signal"], row["at"] or "9"))


def tor(folder: Path) -> Row:
    """Return Iran's collapse of November 2019 in daily counts, and other countries' long ones."""
    series = real_data.tor_users(folder, least=200.0)
    events = _found(series)
    mine = [
        event
        for event in events
        if event.series == "ir" and event.start.at.date() >= date(2019, 11, 1)
    ]
    spans = [
        [f"{e.start.at:%Y-%m-%d}", None if e.end is None else f"{e.end.at:%Y-%m-%d}"] for e in mine
    ]
    return {
        "countries": len(series),
        "iran": spans,
        "windows": len(_windows(events)),
        "others": sum(e.series != "ir" for e in events),
    }


def negatives(folder: Path) -> list[Row]:
    """Return windows claimed where nobody ordered anything."""
    sets = (
        ("power cut, Venezuela 2019, states", real_data.power_cut(folder, 50)),
        ("the same, below 80 %", real_data.power_cut(folder, 80)),
        ("hurricane Laura 2020, counties", real_data.hurricane(folder, 5)),
        ("the same, below 9 of 10", real_data.hurricane(folder, 9)),
        ("latency at a border, quiet", real_data.border(folder)),
        ("uptime monitors, February 2026", real_data.monitors(folder)),
        ("status page, 19 months", real_data.transitions(folder)),
    )
    rows = []
    for name, series in sets:
        windows = _windows(_found(series))
        rows.append(
            {
                "name": name,
                "series": len(series),
                "windows": len(windows),
                "which": [event.sentence for event in windows[:5]],
            }
        )
    return rows
