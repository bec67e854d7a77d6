"""Events of several vantages: one common cause, counted once, with who saw it and who did not."""

import random
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from several_lines import NETWORKS, named, ordered, several
from simulated_lines import Curfew, Line, Noise, sampled

from probe.analysis.consensus import consensus
from probe.analysis.explain import explain
from probe.analysis.patterns import find
from probe.analysis.study import study
from probe.analysis.survey import Known, survey
from probe.analysis.timeline import DEFAULT
from probe.model.codec import decode, encode
from probe.model.event import Event, EventKind, Label, Scope
from probe.model.timeline import Sample, Series, SeriesKey, Signal

QUIET = Noise(false_bad=0.01, false_good=0.02, outages_a_day=0.05, missing=0.1)
WINDOWS = (EventKind.DAILY_WINDOW, EventKind.WEEKLY_WINDOW)


def events(*series: Series) -> tuple[Event, ...]:
    return survey(series, rng=random.Random(1), known=Known(names={"whatsapp": "WhatsApp"}))


def joint(*series: Series) -> list[Event]:
    return [event for event in events(*series) if event.agreement is not None]


def joint_windows(*series: Series) -> list[Event]:
    return [event for event in joint(*series) if event.window is not None]


def test_three_networks_one_mobile_are_national_beside_the_lines_own_events() -> None:
    """One joint window; the lines keep theirs, in the scope of this line, without a score."""
    curfew = ordered(Curfew(960, 1440, first_day=5, days=10), 1)
    series = several(curfew, 1, days=20, noise=QUIET)
    found = events(*series)
    (whole,) = [e for e in found if e.agreement is not None and e.window is not None]
    assert whole.scope is Scope.NATIONAL
    assert whole.vantage == ""
    assert whole.vantages == ("v0", "v1", "v2")
    assert whole.agreement is not None
    assert whole.agreement.vantages == (3, 3)
    assert whole.agreement.mobile == (1, 1)
    assert whole.agreement.fixed == (2, 2)
    assert whole.agreement.country == "IR"
    assert whole.window is not None
    assert whole.window.snapped == (960, 1440)
    assert whole.score is not None
    assert "on 3 of 3 vantages in 3 of 3 AS (mobile 1 of 1, fixed 2 of 2)" in whole.sentence
    assert "consistent with a deliberate restriction" in whole.sentence
    assert "share of the country's users" in whole.sentence
    assert decode(encode(whole), Event) == whole
    own = [e for e in found if e.agreement is None and e.window is not None]
    assert len(own) == 3
    assert {(e.scope, e.score) for e in own} == {(Scope.THIS_LINE, None)}
    assert all(e.joined and "Seen on this line only" not in e.sentence for e in own)
    assert all("other vantages shared it, see the joint event" in e.sentence for e in own)
    assert not any(e.joined for e in found if e.window is None and e.agreement is None)
    lines = explain(whole)
    assert any(line.startswith("Saw it: v0 (AS64501/mobile), ") for line in lines)
    assert any("log-odds (prior -1.40" in line for line in lines)


def test_one_source_never_decides_a_scope_alone() -> None:
    """Three lines out of one bundle are one voice: no joint event; with an own line, two AS."""
    series = several(ordered(Curfew(960, 1440, first_day=5, days=10), 1), 1, days=20, noise=QUIET)

    def whole(sources: dict[str, str]) -> list[Event]:
        found = survey(series, rng=random.Random(1), known=Known(sources=sources))
        return [e for e in found if e.agreement is not None and e.window is not None]

    assert whole(dict.fromkeys(("v0", "v1", "v2"), "bundle:01")) == []
    (event,) = whole(dict.fromkeys(("v0", "v1"), "bundle:01"))
    assert event.scope is Scope.SEVERAL_AS
    assert event.agreement is not None
    assert [w.source for w in event.agreement.witnesses] == ["bundle:01", "bundle:01", ""]
    apart = {"v0": "bundle:01", "v1": "bundle:02"}
    assert [event.scope for event in whole(apart)] == [Scope.NATIONAL]


def test_the_lines_own_events_are_those_of_each_line_alone() -> None:
    """Another vantage changes nothing of what is said of a line, but what its sentence adds."""
    curfew = ordered(Curfew(960, 1200, first_day=5, days=8), 1)
    series = several(curfew, 2, days=16, noise=QUIET)
    alone = find(series, rng=random.Random(1))
    beside = [e for e in survey(series, rng=random.Random(1)) if e.agreement is None]
    assert [(e.kind, e.start, e.p, e.q) for e in alone] == [
        (e.kind, e.start, e.p, e.q) for e in beside
    ]


def test_a_vantage_that_looked_and_did_not_see_it_is_named() -> None:
    """Two of three AS: several, not national, with the third against it."""
    curfew = ordered(Curfew(960, 1440, first_day=5, days=10), 1)
    seen = several(curfew, 1, days=20, noise=QUIET)
    well = several((), 9, days=20, noise=QUIET)[2]
    (whole,) = joint_windows(*seen[:2], well)
    assert whole.scope is Scope.SEVERAL_AS
    assert whole.agreement is not None
    assert whole.agreement.vantages == (2, 3)
    assert "Against it: v2 (AS64503/fixed) looked in these hours" in whole.sentence


def test_one_as_has_no_score_and_hosting_is_shown_only() -> None:
    """Two lines of one AS and a server: that AS's, and its maintenance is named."""
    networks = ("AS64502/fixed", "AS64502/fixed", "AS64509/hosting")
    curfew = ordered(Curfew(960, 1440, first_day=5, days=10), 1)
    (whole,) = joint_windows(*several(curfew, 1, networks=networks, days=20, noise=QUIET))
    assert whole.scope is Scope.ONE_AS
    assert whole.score is None
    assert whole.agreement is not None
    assert whole.agreement.vantages == (2, 2)
    assert "maintenance looks the same" in whole.sentence
    assert "consistent with" not in whole.sentence
    assert any(line.startswith("Shown, never counted: v2") for line in explain(whole))


def test_two_networks_of_one_vantage_and_two_countries_are_not_joined() -> None:
    """Neither is a second witness of the same thing."""
    curfew = ordered(Curfew(960, 1440, first_day=5, days=10), 1)
    a, b, _ = several(curfew, 1, days=20, noise=QUIET)
    same = msgspec.structs.replace(b, key=msgspec.structs.replace(b.key, vantage="v0"))
    assert joint(a, same) == []
    away = msgspec.structs.replace(b, tz="Asia/Kabul")
    assert joint(a, away) == []


def test_silence_on_one_line_and_resets_on_another_are_one_event() -> None:
    """A line whose failures name no locus goes with those of the network; a refusal does not."""
    curfew = ordered(Curfew(960, 1440, first_day=5, days=10), 1)
    a, b, _ = several(curfew, 1, days=20, noise=QUIET)
    unknown = msgspec.structs.replace(b, key=msgspec.structs.replace(b.key, locus="unknown"))
    (whole,) = joint_windows(a, unknown)
    assert whole.locus == "network"
    server = msgspec.structs.replace(b, key=msgspec.structs.replace(b.key, locus="server"))
    assert joint_windows(a, server) == []


def test_a_country_that_is_not_known_is_never_national() -> None:
    """With UTC as the zone nobody knows whose nation it would be."""
    curfew = ordered(Curfew(960, 1440, first_day=5, days=10), 1)
    (whole,) = joint_windows(*several(curfew, 1, days=20, noise=QUIET, tz="UTC"))
    assert whole.scope is Scope.SEVERAL_AS


def test_a_common_cause_is_counted_once() -> None:
    """Shared outages at random hours are as many for three lines as for one: no window of it."""
    rng = random.Random(5)
    random_hours = [
        Curfew(at, at + rng.uniform(90, 300), first_day=day, days=1, edge_sigma=1)
        for day in range(40)
        if rng.random() < 0.4
        for at in (rng.uniform(0, 1300),)
    ]
    series = several(random_hours, 3, days=40, noise=QUIET)
    found = joint(*series)
    assert [event for event in found if event.window is not None] == []
    assert len(found) >= 0.7 * len(random_hours)
    assert all(event.scope is Scope.NATIONAL for event in found)
    assert all(event.score is not None for event in found)


def test_consensus_is_one_episode_however_many_lines_had_it() -> None:
    """Ten lines with one outage: one joint episode with ten members."""
    cut = (Curfew(600, 800, first_day=3, days=1, edge_sigma=1),)
    networks = tuple(f"AS{i}/fixed" for i in range(1, 11))
    clean = Noise(false_bad=0, false_good=0, outages_a_day=0, missing=0)
    series = several(cut, 1, networks=networks, days=6, noise=clean)
    (one,) = consensus([study(line, DEFAULT) for line in series])
    assert len(one.members) == 10
    assert abs(one.joint.length_s / 60 - 200) < 30


def test_a_host_that_slept_before_the_end_agrees_with_what_it_saw() -> None:
    """An edge in a gap may lie anywhere in it, so it lies where the other line saw it."""
    clean = Noise(false_bad=0, false_good=0, outages_a_day=0, missing=0)
    cut = (Curfew(960, 1440, first_day=3, days=1, edge_sigma=1),)
    awake = several(cut, 1, days=6, noise=clean)[0]
    early = several(
        cut,
        2,
        days=6,
        noise=Noise(false_bad=0, false_good=0, outages_a_day=0, missing=0, off_hours=(19, 8)),
    )[1]
    (one,) = consensus([study(line, DEFAULT) for line in (awake, early)])
    assert len(one.members) == 2
    assert not one.joint.end.censored


def test_unrelated_outages_of_two_lines_are_not_joined() -> None:
    """Two lines with an outage a day each meet by chance, and that chance is printed."""
    noisy = Noise(outages_a_day=1.0)
    series = several((), 4, networks=NETWORKS[:2], days=60, noise=noisy)
    found = joint(*series)
    assert [event for event in found if event.window is not None] == []
    assert all(event.p is not None and event.p <= 0.05 for event in found)
    assert len(found) <= 2


def test_a_cut_of_the_whole_line_is_joined_like_any_other() -> None:
    """``upstream`` of three vantages: nothing at all was reachable."""
    line = Line(
        days=12,
        curfews=(Curfew(1200, 1380, edge_sigma=1),),
        noise=QUIET,
        signal=Signal.UPSTREAM,
        subject="line",
    )
    series = [named(sampled(line, i), f"v{i}", net) for i, net in enumerate(NETWORKS)]
    (whole,) = joint_windows(*series)
    assert whole.sentence.startswith("Nothing at all was reachable on 3 of 3 vantages")


def test_a_last_onset_that_goes_on_everywhere_has_no_end() -> None:
    """All lines still bad at the last look: one joint onset."""
    line = Line(days=10, block_from_day=7.3, noise=QUIET, cadence_min=(30, 30))
    series = [named(sampled(line, i), f"v{i}", net) for i, net in enumerate(NETWORKS)]
    found = [event for event in joint(*series) if event.kind is EventKind.ONSET]
    assert len(found) == 1
    assert found[0].end is None
    assert found[0].scope is Scope.NATIONAL


@pytest.mark.slow
def test_short_curfews_gain_from_three_vantages() -> None:
    """3 to 5 days, a tenth skipped: three vantages together find more than one does."""
    alone = together = wrong = 0
    runs = 12
    for seed in range(100, 100 + runs):
        rng = random.Random(seed)
        start, length = 30 * rng.randrange(48), 30 * rng.randrange(4, 21)
        curfew = Curfew(
            start,
            start + length,
            first_day=rng.randrange(2, 24),
            days=rng.randrange(3, 6),
            skip=0.1,
        )
        series = several(ordered(curfew, seed), seed, days=30)
        found = [event for event in events(*series) if event.kind in WINDOWS]
        alone += sum(is_it(e, start, length) for e in found if e.agreement is None)
        mine = [e for e in found if e.agreement is not None]
        together += any(is_it(e, start, length) for e in mine)
        wrong += sum(not is_it(e, start, length) for e in mine)
    assert together / runs >= 0.7
    assert together / runs > alone / (3 * runs)
    assert wrong == 0


def is_it(event: Event, start: int, length: int) -> bool:
    assert event.window is not None
    apart = (event.window.start_minute - start + 720) % 1440 - 720
    mine = event.window.end_minute - event.window.start_minute
    return abs(apart) <= 45 and abs(mine - length) <= 60


def test_three_days_in_several_as_are_established() -> None:
    """On one line three days are suspected only."""
    curfew = ordered(Curfew(960, 1200, first_day=5, days=3), 1)
    (whole,) = joint_windows(*several(curfew, 1, days=14, noise=QUIET))
    assert whole.label is Label.ESTABLISHED
    assert whole.window is not None
    assert whole.window.days.supported == 3


@pytest.mark.parametrize(
    "noise", [Noise(outages_a_day=0.5), Noise(congestion=0.8, controls=3), Noise(reboot=240)]
)
def test_the_joint_search_is_silent_without_a_window(noise: Noise) -> None:
    """Outages of each line's own, a crowded evening on all of them, reboots: no joint window."""
    assert joint_windows(*several((), 21, days=40, noise=noise)) == []


def test_one_sample_a_line_is_no_joint_window() -> None:
    """Too little of everything is nothing."""
    at = datetime(2022, 3, 1, tzinfo=UTC)
    series = [
        Series(
            key=SeriesKey(vantage=f"v{i}", network=f"AS{i + 1}/fixed", subject="s"),
            tz="UTC",
            samples=(Sample(time=at + timedelta(minutes=i), bad=True),),
        )
        for i in range(3)
    ]
    assert joint(*series) == []
