"""The demo: what was planted is found, nothing else is, and the table says so."""

import asyncio
import os
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from probe.analysis.patterns import find
from probe.analysis.rollup import combine
from probe.analysis.series import series_of
from probe.cli.demo import _make_folder, _show
from probe.cli.options import Output
from probe.control.observe import observation_of
from probe.errors import InputError
from probe.lab.controls import live_observation, plainly_good
from probe.lab.demo import Demo, run_demo, simulated_catalog
from probe.lab.rules import Expected, Scenario
from probe.lab.scenario import load_scenario
from probe.model.event import Event, EventKind
from probe.model.measurement import (
    Answer,
    DnsEngine,
    DnsStep,
    HttpStep,
    Measurement,
    Outcome,
    Step,
    TcpStep,
)
from probe.model.record import Judged
from probe.model.target import Kind
from probe.model.verdict import State
from probe.store.database import Store

DAY_MINUTES = 1440


def play(path: Path, **options: float) -> Demo:
    return asyncio.run(
        run_demo(
            path,
            scenario=load_scenario("demo"),
            observe=live_observation(observation_of),
            **options,  # type: ignore[arg-type]
        )
    )


@pytest.mark.slow
def test_a_short_demo_keeps_judged_rounds_in_a_fresh_store(tmp_path: Path) -> None:
    """Two rounds are stored with verdicts and network; what was in the file before is gone."""
    file = tmp_path / "demo.sqlite"
    file.write_bytes(b"old")
    played = play(file, days=0.15)
    with Store.open(file, create=False, readonly=True) as store:
        rounds = list(store.rounds())
        states = {row.service: row.state for row in store.judged()}
        assert store.verify() == []
    assert played.rounds == len(rounds) == 2
    assert not played.problems
    assert rounds[0].network.key == "AS64500/fixed"
    assert states["instagram"] is State.BLOCKED
    assert states["wikipedia"] is State.OK


def test_the_catalog_of_the_demo_is_its_scenarios() -> None:
    """At least twelve services, and no round of more than thirty operations."""
    catalog = simulated_catalog(load_scenario("demo"))
    targets = [s for s in catalog.services if s.category.value not in ("control", "domestic")]
    assert len(targets) >= 12


def test_faults_are_told_as_they_are_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the whole demo's tests look for in the command's words is what it says."""
    moment = load_scenario("demo").starts
    lost = Demo(
        store=tmp_path / "demo.sqlite",
        catalog=simulated_catalog(load_scenario("demo")),
        scenario=load_scenario("demo"),
        rounds=0,
        measurements=0,
        controls=0,
        bytes=0,
        ended=moment,
        problems=("KeyError: x",),
    )
    Store.open(lost.store).close()
    _show(lost, tmp_path, Output.TABLE)
    said = capsys.readouterr().err.splitlines()
    assert f"{FAULT}KeyError: x" in said
    assert said[-1] == LAST


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    """``--out`` below a file is the user's mistake, with a mend."""
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="--out"):
        _make_folder(tmp_path / "file" / "below")


DNS = DnsStep(
    t0_s=0, t_s=1, hostname="a", qtype="A", engine=DnsEngine.UDP, resolver="configured",
    answers=(Answer(address="10.10.34.34"),),
)  # fmt: skip
TCP = TcpStep(t0_s=1, t_s=2, address="33.0.0.1", port=443)
LOST = TcpStep(t0_s=0, t_s=1, failure="timed_out", address="33.0.0.1", port=443)


def http(*, tls: bool, status: int, expected: bool | None = None) -> HttpStep:
    return HttpStep(
        t0_s=2, t_s=3, method="GET", host="a", path="/", address="33.0.0.1", port=443, tls=tls,
        status=status, expected=expected,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "steps", "good"),
    [
        (Kind.HTTP, (DNS, TCP, http(tls=True, status=200)), True),
        (Kind.HTTP, (DNS, TCP, http(tls=True, status=403)), False),
        (Kind.HTTP, (DNS, TCP, http(tls=False, status=200)), False),
        (Kind.HTTP, (DNS, TCP, http(tls=False, status=200, expected=True)), True),
        (Kind.HTTP, (DNS,), False),
        (Kind.DNS, (DNS,), True),
        (Kind.TCP, (DNS, TCP), True),
        (Kind.TCP, (LOST,), False),
        (Kind.TOR_OR, (), True),
    ],
)  # fmt: skip
def test_a_control_is_asked_unless_the_look_proves_itself(
    kind: Kind, steps: tuple[Step, ...], good: bool
) -> None:
    """Only valid TLS with an ordinary answer, or an expected text, needs no control."""
    measurement = Measurement(
        endpoint="e",
        service="s",
        kind=kind,
        outcome=Outcome.MEASURED if steps else Outcome.NOT_MEASURED_YET,
        started=load_scenario("demo").starts,
        steps=steps,
    )
    assert plainly_good(measurement) is good


FAULT = "a fault of probe's own cost a measurement: "
"""What the command says, a line each, where a measurement was lost."""

LAST = "This was a simulation: it says nothing about any real network or service."
"""Its last words."""


class Played:
    """A whole demo, read back: its store, and the faults that it told of."""

    def __init__(self, kept: Path, problems: tuple[str, ...]) -> None:
        self.problems = problems
        with Store.open(kept, create=False, readonly=True) as store:
            self.rounds = list(store.rounds())
            self.judged = list(store.judged())
        self.series = series_of(self.judged, self.rounds)
        self.events = find(self.series, rng=Random(0))

    def of(self, service: str) -> list[Judged]:
        """Return one row for each round in which the service was measured."""
        rounds: dict[int, list[Judged]] = {}
        for row in self.judged:
            if row.service == service:
                rounds.setdefault(row.round, []).append(row)
        return [combine(rows) for _, rows in sorted(rounds.items())]

    def line(self, signal: str) -> list[Event]:
        return [e for e in self.events if e.signal == signal]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """Return the demo that ``PROBE_DEMO`` names, its folder; without it one is played now.

    Beside ``demo.sqlite`` there is what the command said, in ``demo.txt``.
    """
    if folder := os.environ.get("PROBE_DEMO"):
        said = Path(folder, "demo.txt").read_text(encoding="utf-8")
        assert LAST in said, "the demo did not come to its end"
        problems = tuple(line for line in said.splitlines() if line.startswith(FAULT))
        return Played(Path(folder, "demo.sqlite"), problems)
    demo = play(tmp_path_factory.mktemp("demo") / "demo.sqlite")
    return Played(demo.store, demo.problems)


def proving(rows: list[Judged]) -> list[Judged]:
    """Return the rows that say something about the service."""
    return [row for row in rows if row.state not in (State.INVALID, State.INCONCLUSIVE)]


def fits(row: Judged, expected: Expected) -> bool:
    return (
        row.state is expected.state
        and (expected.mechanism is None or row.mechanism.startswith(expected.mechanism))
        and (expected.locus is None or row.locus is expected.locus)
    )


SCENARIO: Scenario = load_scenario("demo")
whole = [pytest.mark.slow, pytest.mark.timeout(600)]


class TestWholeDemo:
    """Fourteen days, once; a busy machine may spoil a few looks, never the finding."""

    pytestmark = whole

    def test_no_measurement_was_lost_to_a_fault_of_ours(self, played: Played) -> None:
        """Every round of the fourteen days was run and closed."""
        assert not played.problems
        assert 160 <= len(played.rounds) <= 336
        assert all(row.context is not None for row in played.rounds)

    @pytest.mark.parametrize(
        "expected", [e for e in SCENARIO.expect if e.at is None], ids=lambda e: e.service
    )
    def test_what_is_always_so_is_found(self, played: Played, expected: Expected) -> None:
        """State, mechanism and locus of what is planted, in nearly every look that proves."""
        rows = proving(played.of(expected.service))
        right = sum(fits(row, expected) for row in rows)
        assert len(rows) >= 25
        assert right >= 0.9 * len(rows), Counter((r.state, r.mechanism, r.rule_id) for r in rows)

    @pytest.mark.parametrize(
        "expected",
        [e for e in SCENARIO.expect if e.at is not None],
        ids=lambda e: f"{e.service}-{e.state}",
    )
    def test_what_is_so_at_an_hour_is_found(self, played: Played, expected: Expected) -> None:
        """The verdict nearest to an instant inside, or outside, of the cut hours."""
        assert expected.at is not None
        at: datetime = expected.at
        near = [r for r in played.of(expected.service) if abs(r.time - at) < timedelta(hours=3)]
        right = sum(fits(row, expected) for row in near)
        assert right > len(near) / 2, near

    @pytest.mark.parametrize("service", ["whatsapp", "signal", "telegram"])
    def test_the_curfew_is_found(self, played: Played, service: str) -> None:
        """16:00 to 23:59 every day, within half an hour at each edge, and established."""
        windows = [
            e
            for e in played.events
            if e.kind is EventKind.DAILY_WINDOW and f"{service}" in e.series
        ]
        assert len(windows) == 1
        window = windows[0].window
        assert window is not None
        assert windows[0].label.value == "established"
        assert abs(window.start_minute - 16 * 60) <= 30
        assert abs(window.end_minute - DAY_MINUTES) <= 30
        assert windows[0].tz == "Asia/Tehran"

    def test_no_other_window_is_claimed(self, played: Played) -> None:
        """What is always blocked, or never, has no hours."""
        kinds = (EventKind.DAILY_WINDOW, EventKind.WEEKLY_WINDOW)
        found = {e.series for e in played.events if e.kind in kinds}
        assert len(found) == 3

    @pytest.mark.parametrize(
        ("signal", "since", "until"),
        [
            ("intl", "2026-03-07T00:00:00+03:30", "2026-03-08T00:00:00+03:30"),
            ("upstream", "2026-03-11T09:00:00+03:30", "2026-03-11T17:00:00+03:30"),
        ],
    )
    def test_the_lines_own_cuts_are_found(
        self, played: Played, signal: str, since: str, until: str
    ) -> None:
        """The domestic-only day and the total cut, each once, within a round's distance."""
        events = played.line(signal)
        assert len(events) == 1
        assert events[0].end is not None
        tolerance = timedelta(hours=2)
        assert abs(events[0].start.at - datetime.fromisoformat(since)) <= tolerance
        assert abs(events[0].end.at - datetime.fromisoformat(until)) <= tolerance

    @pytest.mark.parametrize(
        "service", ["app-store", "github", "wikipedia", "proton-mail", "skype", "matrix"]
    )
    def test_what_is_not_blocked_is_never_called_so(self, played: Played, service: str) -> None:
        """No headline about a service that works, is down for everybody, or is retired."""
        rows = played.of(service)
        loud = [r for r in rows if r.state is State.BLOCKED and r.confidence.value != "weak"]
        assert not loud

    def test_during_the_lines_cuts_the_targets_are_not_judged(self, played: Played) -> None:
        """A line that reaches nothing says nothing about a service."""
        inside = [
            row
            for row in played.of("wikipedia")
            if datetime.fromisoformat("2026-03-07T03:00:00+03:30")
            < row.time
            < datetime.fromisoformat("2026-03-07T21:00:00+03:30")
        ]
        invalid = sum(row.state is State.INVALID for row in inside)
        assert invalid >= 0.8 * len(inside) > 0
        assert not [row for row in inside if row.state is State.BLOCKED]
