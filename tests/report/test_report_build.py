"""The data of a report: what each service's period amounts to, and what is never in it."""

from datetime import timedelta

import msgspec
import pytest
from report_fixtures import (
    END,
    NETWORK,
    START,
    all_series,
    always,
    outage_event,
    report,
    rolled,
    series_for,
    service,
    verdict,
    window_event,
)

from probe.model.codec import decode, encode
from probe.model.event import Label
from probe.model.timeline import Series
from probe.model.verdict import Confidence, Locus, State
from probe.report.data import LINE_SUBJECT, FindingKind, Mark, Period, ReportData, ServiceFinding


def found(data: ReportData, ident: str) -> ServiceFinding:
    """Return one finding."""
    return next(one for one in data.services if one.id == ident)


@pytest.mark.parametrize(
    ("ident", "kind"),
    [
        ("whatsapp", FindingKind.WINDOW),
        ("telegram", FindingKind.BLOCKED),
        ("viber", FindingKind.BLOCKED),
        ("firebase", FindingKind.REFUSED),
        ("threema", FindingKind.SIGNS),
        ("wire", FindingKind.DOWN),
        ("element", FindingKind.RECOVERED),
        ("google-play", FindingKind.WORKS),
        ("f-droid", FindingKind.WORKS),
        ("zangi", FindingKind.UNCLEAR),
        ("skype", FindingKind.RETIRED),
        ("wireguard", FindingKind.NOT_MEASURED),
    ],
)
def test_kinds_of_findings(fortnight: ReportData, ident: str, kind: FindingKind) -> None:
    """Verdict, windows and history together make one kind."""
    assert found(fortnight, ident).kind is kind


def test_a_weak_block_is_never_blocked() -> None:
    """Weak interference is signs, whatever its locus is."""
    for locus in (Locus.NETWORK, Locus.UNKNOWN, Locus.LOCAL):
        weak = verdict(State.BLOCKED, "tls.reset.sni", locus, Confidence.WEAK)
        one = service("X")
        data = report(services=((one, rolled("x", weak)),), events=())
        assert found(data, "x").kind is FindingKind.SIGNS


def test_charts_of_weak_signs_show_no_cut(fortnight: ReportData) -> None:
    """Nothing that is only a sign is drawn as the network's doing."""
    signs = {one.id for one in fortnight.services if one.kind is FindingKind.SIGNS}
    marks = {
        cell.mark
        for heatmap in fortnight.heatmaps
        if heatmap.subject in signs
        for line in heatmap.days
        for cell in line.cells
    }
    assert Mark.FAILED in marks
    assert Mark.CUT not in marks


def test_weakly_degraded_is_only_a_sign() -> None:
    """A service that seems to work in part, weakly, makes no headline either."""
    for sure, kind in (
        (Confidence.LIKELY, FindingKind.DEGRADED),
        (Confidence.WEAK, FindingKind.SIGNS),
    ):
        part = verdict(State.DEGRADED, "tls.reset.sni", confidence=sure)
        data = report(services=((service("X"), rolled("x", part)),), events=())
        assert found(data, "x").kind is kind


def test_controls_are_no_services() -> None:
    """Neutral and domestic controls never stand in the table."""
    one = service("Neutral", "control")
    data = report(services=((one, rolled("neutral", verdict(State.OK, "ok"))),))
    assert data.services == ()


def test_since_is_the_first_failure_of_the_stretch(fortnight: ReportData) -> None:
    """Tor failed from 5 May on; a silent day and two gated days in between do not restart it."""
    since = found(fortnight, "tor").since
    assert since is not None
    assert not since.open
    assert abs(since.at - (START + timedelta(days=4))) <= timedelta(hours=2)


def test_a_block_older_than_the_first_look_is_open(fortnight: ReportData) -> None:
    """What failed at the first look began before anybody looked."""
    since = found(fortnight, "telegram").since
    assert since is not None
    assert since.open


def test_times_are_whole_hours(fortnight: ReportData) -> None:
    """No minute of any round gets into a report made for publishing."""
    times = [bar.start for lane in fortnight.lanes for bar in lane.bars]
    times += [bar.end_latest for lane in fortnight.lanes for bar in lane.bars]
    times += [row.event.start.at for row in fortnight.windows]
    times += [one.last_look for one in fortnight.services if one.last_look]
    times += [note.time for note in fortnight.notes]
    # Tehran is at UTC+03:30: its whole hours lie on UTC's half hours.
    assert {time.minute for time in times} == {30}


def test_events_belong_to_their_series_not_only_to_their_subject() -> None:
    """Signal and locus are an event's own: a refusal's hours are not the network's, nor the line's.

    The same subject has a series for each locus, and "line" one for each signal.
    """
    ours = window_event("signal")
    theirs = msgspec.structs.replace(ours, locus="server")
    events = (ours, theirs, outage_event("intl"), outage_event("upstream"))
    rows = report(events=events).windows
    assert [(row.subject, row.locus) for row in rows] == [
        ("signal", "network"),
        ("signal", "server"),
        (LINE_SUBJECT, "intl"),
        (LINE_SUBJECT, "upstream"),
    ]


def test_nothing_names_the_line(fortnight: ReportData) -> None:
    """Neither network, vantage, words of notes, chain nor an event's own sentence."""
    text = encode(fortnight).decode()
    for secret in (NETWORK, "64500", "Secret Telecom", "Leila", "SECRET-SENTENCE", "v1", "d1ce"):
        assert secret not in text.replace("report-1", "")
    assert fortnight.place.networks == ("a fixed line",)
    assert fortnight.notes_withheld == 1


def test_the_owners_copy_holds_them() -> None:
    """``private`` keeps minutes, the network key and the words of notes; never the vantage."""
    data = report(private=True)
    text = encode(data).decode()
    assert NETWORK in text
    assert "Leila" in text
    assert '"v1"' not in text
    assert data.notes[0].time.minute == 43


def test_two_networks_of_a_kind_get_letters() -> None:
    """Two mobile networks can be told apart without being named."""
    from probe.report.publish import network_names

    names = network_names(["AS1/mobile", "AS2/mobile", "AS3/fixed", ""], private=False)
    assert names["AS1/mobile"] == "a mobile network (A)"
    assert names["AS2/mobile"] == "a mobile network (B)"
    assert names["AS3/fixed"] == "a fixed line"


def test_coverage_counts_hours_gates_and_silences(fortnight: ReportData) -> None:
    """The silent day and the silent night are among the gaps; gates are counted by round."""
    coverage = fortnight.coverage
    assert coverage.hours == 14 * 24
    assert 0 < coverage.hours_seen < coverage.hours
    assert dict(coverage.gates).keys() == {"domestic_only", "offline.local", "offline.upstream"}
    assert [gap.mark for gap in coverage.gaps] == [Mark.NO_DATA, Mark.NO_DATA]
    assert coverage.rounds_invalid == sum(count for _, count in coverage.gates)


def test_the_same_values_come_back_from_json(fortnight: ReportData) -> None:
    """A report's data round-trips, so that another renderer can draw it."""
    assert decode(encode(fortnight), ReportData) == fortnight


def test_an_empty_store_makes_a_report() -> None:
    """No rounds, no series, no services: still a page's worth of data."""
    data = report(services=(), series=(), intervals={}, events=(), rounds=(), notes=())
    assert data.services == ()
    assert data.coverage.hours == 336


def test_a_long_period_is_cut() -> None:
    """Ten years of heatmap would be no page; the last 400 days are kept."""
    period = Period(start=END - timedelta(days=3650), end=END)
    data = report(period=period, series=all_series()[:1])
    assert data.period.end - data.period.start <= timedelta(days=401)
    assert len(data.heatmaps[0].days) <= 402


def test_a_suspected_window_is_a_window_with_its_label() -> None:
    """A suspected window keeps its label in the finding."""
    data = report(events=(window_event("whatsapp", Label.SUSPECTED),))
    window = found(data, "whatsapp").window
    assert window is not None
    assert window.event.label is Label.SUSPECTED


def test_series_of_unknown_subjects_do_no_harm() -> None:
    """An event whose series is gone keeps its own name."""
    data = report(events=(window_event("gone"),))
    assert data.windows[0].subject == "gone"


def test_building_is_pure() -> None:
    """The same values give the same report."""
    series: tuple[Series, ...] = all_series()
    assert encode(report(series=series)) == encode(report(series=series))


def test_a_page_of_many_services_stays_a_page() -> None:
    """Beyond forty affected services the rest have lanes only, and the page says so."""
    many = [service(f"S{number:02d}") for number in range(60)]
    cut = verdict(State.BLOCKED, "tls.reset.sni")
    series = tuple(series_for(one.id, always("tls.reset.sni")) for one in many[:45])
    data = report(services=tuple((one, rolled(one.id, cut)) for one in many), series=series)
    assert len(data.heatmaps) == 40
    assert data.heatmaps_left_out == 20
    assert len(data.lanes) == 45


def test_days_count_services_on_the_page_only() -> None:
    """Failures are counted by local day and layer, those of neutral hosts and others are not."""
    data = report()
    alone = report(services=(), series=None)
    assert any(day.layers for day in data.mix)
    assert not any(day.layers for day in alone.mix)
    assert [day.date for day in data.mix] == [day.date for day in data.calendar]
    assert sum(day.hours for day in data.calendar) == data.coverage.hours
    assert sum(day.hours_seen for day in data.calendar) == data.coverage.hours_seen
    pairs = {(pair.subject, pair.network): pair.mark for pair in data.matrix}
    assert (
        len(pairs) == len(data.matrix) == len({lane.subject for lane in data.lanes} - {"this line"})
    )
