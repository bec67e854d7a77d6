"""What one household, office or bundle does by the clock: this line's, and never more than that.

Their controls stay good, so no statistic of one line can tell them from an order. Network keys
and gates separate some; what remains is of this line in label, scope and sentence, and another
vantage that sees nothing keeps it there.
"""

import random
from collections.abc import Callable
from zoneinfo import ZoneInfo

import msgspec
import pytest
from several_lines import named
from simulated_lines import Curfew, Line, Noise, absent, sampled

from probe.analysis.survey import survey
from probe.model.event import Event, EventKind, Reach, Scope
from probe.model.timeline import Absence, Sample, Series

TEHRAN = ZoneInfo("Asia/Tehran")
WINDOWS = (EventKind.DAILY_WINDOW, EventKind.WEEKLY_WINDOW)
GOOD = Noise(controls=4, outages_a_day=0.05)
DAYS = 35


def line(
    *curfews: Curfew, seed: int = 1, noise: Noise = GOOD, blocked: bool = False, days: int = DAYS
) -> Series:
    made = sampled(
        Line(
            days=days,
            cadence_min=(30, 30),
            curfews=curfews,
            noise=noise,
            block_from_day=0 if blocked else None,
        ),
        seed,
    )
    return named(made, "home", "AS64501/fixed")


def hour(sample: Sample) -> float:
    local = sample.time.astimezone(TEHRAN)
    return local.hour + local.minute / 60


def only(series: Series, when: Callable[[Sample], bool], network: str) -> Series:
    kept = tuple(sample for sample in series.samples if when(sample))
    key = msgspec.structs.replace(series.key, network=network)
    return msgspec.structs.replace(series, key=key, samples=kept)


def router_bedtime() -> list[Series]:
    """Return a line whose router cuts messengers off from 22:00 to 06:00, on the second."""
    return [line(Curfew(1320, 1800, edge_sigma=0.1))]


def office_rule() -> list[Series]:
    """Return a desk that is on day and night behind a firewall that blocks in working hours."""
    return [line(Curfew(510, 1050, edge_sigma=0.1, weekdays=(6, 7, 1, 2, 3)))]


def evening_quota() -> list[Series]:
    """Return a line whose data are spent at about eight and come back at midnight."""
    return [line(Curfew(1200, 1440, edge_sigma=10))]


def night_bundle() -> list[Series]:
    """Return a line prepaid for the night only: free sites from 06:00 to midnight."""
    return [line(Curfew(360, 1440, edge_sigma=0.1))]


def unseen_tunnel() -> list[Series]:
    """Return a VPN by hours over a permanent block, which no gate noticed."""
    return [line(Curfew(480, 1320, edge_sigma=5))]


THIS_LINES_OWN = [router_bedtime, office_rule, evening_quota, night_bundle, unseen_tunnel]


def office_closed() -> list[Series]:
    """Return an office that blocks, and whose desk is off at night."""
    series = line(blocked=True)
    return [only(series, lambda s: 8 <= hour(s) < 18, "AS64501/fixed")]


def seen_tunnel() -> list[Series]:
    """Return a VPN from 19:00 to 24:00 over a permanent block: its rounds are invalid."""
    return [absent(line(blocked=True), lambda s: hour(s) >= 19, Absence.INVALID)]


def commuter() -> list[Series]:
    """Return a clean line by day, a blocking one by night: two network keys."""
    day = only(line(seed=2), lambda s: 8 <= hour(s) < 18, "AS64502/fixed")
    night = only(line(blocked=True, seed=3), lambda s: not 7 <= hour(s) < 19, "AS64501/fixed")
    return [day, night]


def nightly_reboot() -> list[Series]:
    """Return a router that is off for ten minutes at 04:00."""
    return [line(noise=noisy(reboot=240.0))]


def closed_laptop() -> list[Series]:
    """Return a laptop off from 23:00 to 07:00, with random outages."""
    return [line(noise=noisy(off_hours=(23, 7), outages_a_day=0.4))]


def crowded_evening() -> list[Series]:
    """Return evenings on which most looks fail, and so do the controls."""
    return [line(noise=noisy(congestion=0.8))]


def noisy(**changes: object) -> Noise:
    values = {"controls": 4, "outages_a_day": 0.05} | changes
    return Noise(**values)  # type: ignore[arg-type]


NOTHING_AT_ALL = [
    office_closed,
    seen_tunnel,
    commuter,
    nightly_reboot,
    closed_laptop,
    crowded_evening,
]


def neighbour(seed: int = 50) -> Series:
    return named(
        sampled(Line(days=DAYS, cadence_min=(30, 30), noise=GOOD), seed), "b", "AS2/mobile"
    )


def found(*series: Series) -> tuple[Event, ...]:
    return survey(series, rng=random.Random(1))


@pytest.mark.parametrize("make", THIS_LINES_OWN, ids=lambda make: make.__name__)
def test_a_clockwork_of_the_line_stays_of_this_line(make: Callable[[], list[Series]]) -> None:
    """It recurs, and is said to; nobody is told that it is more than this line's."""
    events = found(*make(), neighbour())
    windows = [event for event in events if event.kind in WINDOWS]
    assert windows
    for event in events:
        assert event.agreement is None
        assert event.scope is Scope.THIS_LINE
        assert event.score is None
        assert "consistent with" not in event.sentence
        assert "curfew" not in event.sentence
    for event in windows:
        assert "Seen on this line only" in event.sentence
        assert "a schedule of the household, office or provider" in event.sentence
        assert event.sentence.startswith("whatsapp was unreachable on this line ")


@pytest.mark.parametrize("make", NOTHING_AT_ALL, ids=lambda make: make.__name__)
def test_what_gates_and_network_keys_separate_is_no_window(
    make: Callable[[], list[Series]],
) -> None:
    """A block seen by hours only, a reboot, a laptop, a crowded evening: no hours are claimed."""
    events = found(*make(), neighbour())
    assert [event.sentence for event in events if event.window is not None] == []
    assert all(event.scope is Scope.THIS_LINE for event in events)


def test_a_permanent_block_under_a_tunnel_by_hours_is_one_outage() -> None:
    """The hours in the tunnel are not observed, and nobody saw the block end."""
    (event,) = found(*seen_tunnel())
    assert event.kind is EventKind.OUTAGE
    assert event.unseen_s > 20 * 4 * 3600


def test_sunday_maintenance_is_of_the_line_when_its_controls_fail_too() -> None:
    """Weekly, total, and this line's: the controls say that it was not aimed at the subject."""
    plain = line(Curfew(120, 360, weekdays=(7,), edge_sigma=3), days=56)
    samples = tuple(
        msgspec.structs.replace(s, control_bad=1.0 if s.bad and 2 <= hour(s) < 6 else s.control_bad)
        for s in plain.samples
    )
    events = found(msgspec.structs.replace(plain, samples=samples), neighbour())
    (event,) = [one for one in events if one.window is not None]
    assert event.kind is EventKind.WEEKLY_WINDOW
    assert event.window is not None
    assert event.window.weekdays == (7,)
    assert event.reach is Reach.TOTAL
    assert event.scope is Scope.THIS_LINE
    assert "its controls failed as well" in event.sentence
