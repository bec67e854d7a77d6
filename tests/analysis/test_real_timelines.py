"""Real data, where ``PROBE_TEST_DATA`` names them: curfews found, silence elsewhere.

Nothing of the data is in the project; each set is turned into looks here.
"""

import random
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pattern_bench.real_data import (
    bago,
    border,
    by_as,
    entities,
    hurricane,
    labelled,
    looked_at,
    power_cut,
    series_from,
)

from probe.analysis.patterns import find
from probe.analysis.survey import survey
from probe.model.event import Event, EventKind, Label, Scope
from probe.model.timeline import Sample, Series, SeriesKey

WINDOWS = (EventKind.DAILY_WINDOW, EventKind.WEEKLY_WINDOW)


def events(series: Iterable[Series]) -> tuple[Event, ...]:
    return find(tuple(series), rng=random.Random(1))


@pytest.mark.parametrize(("slot_min", "within"), [(60, 35), (30, 16), (20, 10)])
def test_the_nights_of_myanmar(test_data: Path, slot_min: int, within: float) -> None:
    """01:00 to 09:00 every night from 15 February to 27 April 2021, and no other window."""
    (event,) = [e for e in events([bago(test_data, slot_min)]) if e.kind in WINDOWS]
    assert event.window is not None
    assert event.kind is EventKind.DAILY_WINDOW
    assert event.label is Label.ESTABLISHED
    assert event.window.first_day == "2021-02-15"
    assert event.window.last_day == "2021-04-27"
    assert abs(event.window.start_minute - 60) <= within
    assert abs(event.window.end_minute - 540) <= within
    assert event.window.start_interval[0] <= 60 <= event.window.start_interval[1]
    assert event.window.end_interval[0] <= 540 <= event.window.end_interval[1]
    assert event.window.days.supported >= 0.9 * event.window.days.observable
    assert event.p is not None
    assert event.p <= 0.001
    ends = [day.end for day in event.window.day_edges if day.end is not None]
    early = sum(end <= 450 for end in ends)
    assert 10 <= early <= 20  # twelve nights ended at 06:30


@pytest.mark.parametrize("level", [50, 80])
def test_a_power_cut_is_an_outage_and_no_curfew(test_data: Path, level: int) -> None:
    """Venezuela, July 2019: most states have an outage on the 22nd, none a window."""
    states = power_cut(test_data, level)
    found = events(states)
    assert not [event for event in found if event.kind in WINDOWS]
    dark = {
        e.series for e in found if e.start.at.date().isoformat() in ("2019-07-22", "2019-07-23")
    }
    assert len(dark) >= 0.8 * len(states)


@pytest.mark.slow
@pytest.mark.parametrize("level", [5, 9])
def test_a_hurricane_is_no_curfew(test_data: Path, level: int) -> None:
    """Laura, August 2020, over 200 counties: holes, and not one window."""
    counties = hurricane(test_data, level)
    found = events(counties)
    assert len(counties) >= 200
    assert not [event for event in found if event.kind in WINDOWS]


def test_latency_at_a_border_is_no_curfew(test_data: Path) -> None:
    """A quiet index every three hours, cut at 105 % of normal: no window."""
    found = events(border(test_data))
    assert not [event for event in found if event.kind in WINDOWS]


@pytest.mark.slow
def test_iran_2019_is_a_blackout_and_no_curfew(test_data: Path) -> None:
    """Active probing per AS: one onset in the afternoon of 16 November, never a daily window."""
    looks = by_as(test_data, "active")
    found = events(series_from({asn: [*rows] for asn, rows in looks.items()}, "Asia/Tehran"))
    assert len(looks) >= 5
    assert not [event for event in found if event.kind in WINDOWS]
    begun = [e.start.at for e in found if e.series == "0" and e.samples > 100]
    assert len(begun) == 1
    assert datetime(2019, 11, 16, 12, tzinfo=UTC) <= begun[0] <= datetime(2019, 11, 17, tzinfo=UTC)


@pytest.mark.slow
def test_iran_2019_is_one_national_event_of_all_its_networks(test_data: Path) -> None:
    """Each AS as a vantage: one joint outage from the evening of 16 November, seen by all."""
    lines = []
    for asn, rows in by_as(test_data, "active").items():
        if asn != "0":
            access = "mobile" if asn == "57218" else "fixed"
            key = SeriesKey(vantage=f"v{asn}", network=f"AS{asn}/{access}", subject="hosts")
            samples = tuple(Sample(time=at, bad=bad) for at, bad in rows)
            lines.append(Series(key=key, tz="Asia/Tehran", samples=samples))
    found = survey(lines, rng=random.Random(1))
    (joint,) = [event for event in found if event.agreement is not None]
    assert joint.kind is EventKind.OUTAGE
    assert joint.scope is Scope.NATIONAL
    assert joint.agreement is not None
    assert joint.agreement.vantages == (7, 7)
    assert joint.agreement.mobile == (1, 1)
    begun = datetime(2019, 11, 16, 12, tzinfo=UTC)
    assert begun <= joint.start.at <= begun + timedelta(hours=12)
    assert "within 6.8 h" in joint.sentence  # the networks went one after the other
    assert all(event.scope is Scope.THIS_LINE for event in found if event is not joint)


@pytest.mark.slow
def test_what_recurs_among_labelled_outages_was_ordered(test_data: Path) -> None:
    """Myanmar's nights, Syria's and Iraq's exams; cable cuts and power cuts make no window."""
    outages = labelled(test_data)
    found: Counter[str] = Counter()
    for name, rows in entities(outages, least=3).items():
        for event in events([looked_at(name, rows)]):
            if event.kind in WINDOWS:
                found[name.split("/", 1)[0]] += 1
    assert set(found) == {"Iraq", "Myanmar", "Syria"}
    assert found["Syria"] >= 5


def test_routes_of_mobile_networks_go_first_and_in_order(test_data: Path) -> None:
    """Iran 2019 by routes: 14:05, 14:25 and 14:55 for the three mobile networks, to the minute."""
    begun = {}
    for asn, rows in by_as(test_data, "bgp").items():
        samples = tuple(Sample(time=at, bad=bad) for at, bad in rows)
        series = Series(key=SeriesKey(subject=asn), tz="Asia/Tehran", samples=samples)
        long = [e for e in events([series]) if e.end is None or e.samples > 100]
        if long:
            begun[asn] = long[0].start
    for asn, minute in (("57218", 5), ("197207", 25), ("44244", 55)):
        truth = datetime(2019, 11, 16, 14, minute, tzinfo=UTC)
        assert begun[asn].earliest <= truth <= begun[asn].latest
    assert "12880" not in begun  # it keeps its routes while its hosts vanish
