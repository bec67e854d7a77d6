"""``probe run``: consent first, a dry run that sends nothing, and an exit code for each ending."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import pytest
from invoking import agree, invoked
from typer.testing import CliRunner

from probe.cli.results import exit_code_of
from probe.cli.run import app
from probe.errors import ConsentError, ForbiddenNetwork, InputError
from probe.lab.scenario import load_scenario
from probe.model.context import Gate, GateId, RoundContext, RoundInputs
from probe.model.record import Record
from probe.model.target import Category, Kind, Role
from probe.model.vantage import Network
from probe.model.verdict import Confidence, Locus, ServiceVerdict, State, Verdict
from probe.net import guard
from probe.schedule.runner import RoundResult
from probe.steady import LONG_S
from probe.store.database import Store

NOW = datetime(2024, 1, 1, tzinfo=UTC)


def run(*arguments: str) -> Any:
    """Run the command in this process."""
    return invoked(app, *arguments)


@pytest.mark.usefixtures("home")
def test_what_is_named_is_not_repeated_to_a_journal() -> None:
    """Standard error of a machine without a terminal is kept and read by others."""
    result = CliRunner().invoke(app, ["ooni", "tor"])
    assert isinstance(result.exception, ConsentError)
    assert "only because you name it: services, " in result.output
    assert "ooni" not in result.output


# --- before anything is sent


def test_without_consent_nothing_is_measured(home: Path) -> None:
    """No packet and no store before somebody has read the risks."""
    with pytest.raises(ConsentError, match="consent give"):
        run("whatsapp")
    assert not (home / "probe.db").exists()


def test_consent_must_cover_what_is_measured(home: Path) -> None:
    """A tier beyond the consent is asked for again, by name."""
    agree(home)
    with pytest.raises(ConsentError, match="tor"):
        run("--include", "tor", "--all", "--yes")


def test_bridges_of_ones_own_need_the_consent_of_circumvention(home: Path) -> None:
    """Given by hand, and still as visible as any other."""
    agree(home)
    own = home / "own.txt"
    own.write_text("81.2.69.160:443\n")
    own.chmod(0o600)
    with pytest.raises(ConsentError, match="circumvention") as refused:
        run("whatsapp", "--yes", "--private", str(own))
    assert "81.2.69" not in str(refused.value)


def test_an_opt_in_by_name_needs_a_yes(home: Path) -> None:
    """Where nobody can be asked, a name alone does not widen what is measured."""
    agree(home, Category.TOR)
    with pytest.raises(ConsentError, match="--yes"):
        run("tor-website")


def test_under_the_guard_a_real_run_is_refused_before_a_packet(home: Path) -> None:
    """``PROBE_NET=loopback`` holds, consent or not: one clear error, nothing recorded."""
    agree(home)
    assert guard.mode() == "loopback"
    with pytest.raises(ForbiddenNetwork):
        run("whatsapp", "--yes")
    with Store.open(home / "probe.db", create=False) as store:
        assert list(store.rounds()) == []


def test_an_unknown_name_is_mended(home: Path) -> None:
    """A slip of the pen is met with the right word."""
    agree(home)
    with pytest.raises(InputError, match="whatsapp"):
        run("whatsap")


# --- the dry run


def test_a_dry_run_needs_no_consent_sends_nothing_and_lists_everything(home: Path) -> None:
    """One JSON object: endpoints, contacts, bytes, seconds, and what a month would take."""
    result = run("--dry-run", "--all", "--country", "IR", "--output", "json")
    (found,) = json.loads(result.stdout)
    assert len(found["endpoints"]) > 300
    assert found["contacts"]["names"]
    assert found["contacts"]["resolvers"]
    assert found["pace"]["per_month_bytes"] > 0
    assert found["bytes"] > 0
    hosts = {row["host"] for row in found["endpoints"]}
    assert "web.whatsapp.com" in hosts
    assert not any("torproject" in host for host in hosts)
    assert not (home / "probe.db").exists()


def test_a_dry_run_says_what_the_budget_leaves_out(home: Path) -> None:
    """What does not fit is listed with its reason, never dropped in silence."""
    result = run("--dry-run", "--country", "IR", "--bytes", "300000", "--output", "csv")
    lines = result.stdout.splitlines()
    assert lines[0].startswith("service,kind,host,port,runs")
    left = [line for line in lines if "budget of bytes is spent" in line]
    assert len(left) > 50
    assert all(",False," in line or ",false," in line for line in left)


def test_a_dry_run_for_people_ends_with_the_month(home: Path) -> None:
    """Names, ports and costs in plain lines; the sum in words."""
    result = run("--dry-run", "--plan", "core", "--country", "IR")
    assert "web.whatsapp.com:443" in result.stdout
    assert "after a failure of tls:" in result.stdout
    assert "MB a month" in result.stderr
    assert "Packets go only to these" in result.stderr


def test_the_dry_run_of_listings_asks_the_stores_and_nobody_else(home: Path) -> None:
    """``--listing`` narrows the round to them; the storefront to compare with is announced."""
    (found,) = json.loads(
        run("--dry-run", "--listing", "--country", "DE", "--output", "json").stdout
    )
    listings = [row for row in found["endpoints"] if row["service"].startswith("listing-")]
    others = {row["service"] for row in found["endpoints"] if row not in listings}
    assert all(name.startswith(("control", "stun", "google-meet")) for name in others), others
    assert {row["host"] for row in listings} == {
        "appgallery.cloud.huawei.com",
        "f-droid.org",
        "itunes.apple.com",
        "play.google.com",
    }
    play = next(row for row in listings if row["host"] == "play.google.com")
    assert "storefront of US" in play["follow_ups"]


@pytest.mark.parametrize(
    ("words", "megabytes"),
    [
        (("--plan", "default"), 5.0),
        (("--all", "--bytes", "90000000"), 40.0),
    ],
)
def test_the_shipped_catalog_keeps_its_byte_budgets(
    home: Path, words: tuple[str, ...], megabytes: float
) -> None:
    """Every opt-in included: what the dry run announces of the daily plan, and of everything."""
    categories = [f"--include={c}" for c in Category]
    (found,) = json.loads(
        run("--dry-run", "--country", "IR", *words, *categories, "--output", "json").stdout
    )
    assert found["bytes"] <= megabytes * 1e6


# --- exit codes


def verdict(state: State, confidence: Confidence = Confidence.LIKELY) -> Verdict:
    """Return a verdict of that state."""
    return Verdict(
        state=state,
        mechanism="none",
        locus=Locus.NETWORK,
        confidence=confidence,
        rule_id="r",
        rule_version=1,
    )


def result_of(
    *verdicts: Verdict, gate: GateId | None = None, interrupted: bool = False
) -> RoundResult:
    """Return a round whose endpoints got these verdicts, each a service of its own."""
    from probe.model.measurement import Measurement

    gates = (Gate(id=gate, invalidates=True),) if gate is not None else ()
    context = RoundContext(
        started=NOW, tz="UTC", utc_offset_s=0, network=Network(), inputs=RoundInputs(), gates=gates
    )
    look = Measurement(endpoint="e", service="s", kind=Kind.TLS, started=NOW)
    return RoundResult(
        context=context,
        records=tuple(
            Record(endpoint="e", service="s", role=Role.WEB, bundle=(look,), verdict=v)
            for v in verdicts
        ),
        services=tuple(
            ServiceVerdict(service=f"s{n}", verdict=v, roles=(), sentence="")
            for n, v in enumerate(verdicts)
        ),
        round_id=None,
        interrupted=interrupted,
        bytes=0,
        seconds=0.0,
    )


@pytest.mark.parametrize(
    ("result", "code"),
    [
        (result_of(verdict(State.OK)), 0),
        (result_of(verdict(State.OK), verdict(State.BLOCKED)), 1),
        (result_of(verdict(State.OK), verdict(State.BLOCKED, Confidence.WEAK)), 0),
        (result_of(verdict(State.BLOCKED, Confidence.WEAK)), 3),
        (result_of(verdict(State.INCONCLUSIVE)), 3),
        (result_of(), 3),
        (result_of(verdict(State.INVALID), gate=GateId.OFFLINE_UPSTREAM), 3),
        (result_of(verdict(State.DOWN)), 0),
        (result_of(verdict(State.BLOCKED), interrupted=True), 130),
    ],
)
def test_the_exit_code_says_how_it_was(result: RoundResult, code: int) -> None:
    """1 beats 3; weak signs are no alarm; an interruption is an interruption."""
    assert exit_code_of(result) == code


# --- the built-in lab, in a second process


def test_a_run_in_the_lab_finds_the_censor_stores_it_and_exits_with_1(home: Path) -> None:
    """The whole way over real sockets: the cut site blocked, the rest fine, the store chained."""
    store = home / "lab.db"
    result = run("--lab", "tls-sni-reset", "--store", str(store), "--output", "json")
    rows = {row["service"]: row for row in json.loads(result.stdout)}
    states = {r["role"]: r["state"] for r in rows["messenger"]["roles"]}
    assert states["web"] == "blocked"
    cut = {r["verdict"]["locus"] for r in rows["messenger"]["endpoints"]
           if r["verdict"]["mechanism"] == "tls.reset.sni"}  # fmt: skip
    assert cut == {"network"}  # the name failed at the lab's consenting host as well
    assert rows["pinned"]["state"] == "ok"
    assert result.exit_code == 1
    assert (home / "lab.db.secret").stat().st_mode & 0o777 == 0o600
    with Store.open(store, create=False) as opened:
        (row,) = opened.rounds()
        assert row.context is not None
        assert opened.verify() == []
        assert opened.vantage() is not None
    assert "looking at this line" in result.stderr


@pytest.mark.slow
@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("scenario", "state", "confidence", "rule"),
    [
        ("server-down", "down", "likely", "down.many"),
        ("trap-no-control-down", "inconclusive", "weak", "tcp.timeout.alone"),
        ("trap-snapshot-down", "inconclusive", "weak", "tcp.timeout.alone"),
        ("trap-controls-disagree", "inconclusive", "weak", "control.disagree"),
    ],
)
def test_a_lab_run_is_told_what_its_scenario_lets_it_know(
    scenario: str, state: str, confidence: str, rule: str
) -> None:
    """Both controls abroad, none, none but a snapshot that nobody gave, or two that disagree."""
    result = run("--lab", scenario, "--no-store", "--output", "json", "--quick")
    rows = {row["service"]: row for row in json.loads(result.stdout)}
    (web,) = [r for r in rows["messenger"]["endpoints"] if "web.messenger" in r["endpoint"]]
    found = web["verdict"]
    assert (found["state"], found["confidence"], found["rule_id"]) == (state, confidence, rule)


@pytest.mark.slow
@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("scenario", "endpoint", "rule", "code"),
    [
        ("round-short", "relay", "transient", 3),
        ("round-stopped", "edge.messenger", "round.interrupted", 130),
        ("dns-forged-unplaced", "web.messenger", "dns.other.unplaced", 0),
        ("line-firewall", "web.messenger", "line.local_fault", 0),
        ("line-moves", "web.messenger", "gate.path_changed", 3),
        ("quic-versions-only", "fast.meet", "unproven.quic_versions", 0),
    ],
)
def test_a_lab_run_is_as_its_scenario_says_of_the_measuring_side(
    scenario: str, endpoint: str, rule: str, code: int
) -> None:
    """Little time, an owner who stops it, no database, a firewall, another network, no aioquic."""
    result = run("--lab", scenario, "--no-store", "--output", "json")
    rows = [r for row in json.loads(result.stdout) for r in row["endpoints"]]
    found = {r["verdict"]["rule_id"] for r in rows if endpoint in r["endpoint"]}
    assert (found, result.exit_code) == ({rule}, code)


@pytest.mark.slow
def test_a_lab_run_touches_the_store_of_the_line_only_when_told_to(home: Path) -> None:
    """An invented country must not enter a volunteer's timeline."""
    result = run("--lab", "line-total", "--output", "table")
    assert result.exit_code == 3
    assert "nothing beyond this line answers" in result.stderr
    assert not (home / "probe.db").exists()
    assert run("--lab", "line-total", "--exit-zero").exit_code == 0


def test_json_is_valid_also_when_the_run_fails(home: Path) -> None:
    """A script that parses gets an empty list beside the error."""
    (home / "probe.db").write_bytes(b"no database at all" * 100)
    result = CliRunner().invoke(
        app, ["--lab", "none", "--store", str(home / "probe.db"), "--output", "json"]
    )
    assert json.loads(result.stdout) == []
    assert result.exception is not None


# --- a real process, interrupted and killed

SLOW = """
name: slow
description: Everything but the neutral hosts is dropped in silence.
stages: [loopback]
zone: UTC
country: XX
starts: 2026-03-02
world: small
rules:
  - id: slow
    who: {service: [messenger, pinned, resolver, newspaper]}
    what: drop
"""


@pytest.fixture
def started(home: Path) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Start a slow run in a process of its own; ended with the test."""
    scenario = home / "slow.yaml"
    scenario.write_text(SLOW)
    load_scenario(scenario)
    running: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-m", "probe", "run", "--lab", str(scenario), *arguments],
            env={**os.environ, "PROBE_CONCURRENCY": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


def until_said(stream: IO[str] | None, words: str) -> None:
    """Read lines until one holds ``words``."""
    assert stream is not None
    for line in stream:
        if words in line:
            return
    pytest.fail(f"it never said {words!r}")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_keeps_what_was_measured_and_the_json_valid(
    home: Path, started: Callable[..., "subprocess.Popen[str]"], number: signal.Signals
) -> None:
    """Exit code 130, the round closed with its context, every endpoint accounted for."""
    store = home / "cut.db"
    process = started("--store", str(store), "--output", "json")
    until_said(process.stderr, "measuring")
    process.send_signal(number)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    rows = json.loads(out)
    assert {row["service"] for row in rows} == {"messenger", "newspaper", "pinned", "resolver"}
    with Store.open(store, create=False) as opened:
        (row,) = opened.rounds()
        assert row.context is not None
        outcomes = {r.main.outcome.value for r in opened.records(row.id)}
        assert outcomes & {"not_run", "interrupted"}
        assert "measured" in outcomes
        assert opened.verify() == []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_kill_loses_the_batch_in_flight_and_the_next_run_says_so(
    home: Path, started: Callable[..., "subprocess.Popen[str]"]
) -> None:
    """SIGKILL in the middle: committed batches stay, the chain holds, no lock is left behind."""
    store = home / "killed.db"
    process = started("--store", str(store), "--output", "json")
    until_said(process.stderr, "measuring")
    committed = 0
    for _ in range(200):
        time.sleep(0.1)  # noqa: TID251 - waits for another process's commit
        with Store.open(store, create=False) as opened:
            committed = sum(len(opened.records(row.id)) for row in opened.rounds())
        if committed:
            break
    process.kill()
    process.communicate()
    assert committed
    result = run("--lab", "none", "--store", str(store), "--output", "json")
    assert "cut off" in result.stderr
    with Store.open(store, create=False) as opened:
        first, second = opened.rounds()
        assert first.context is None
        assert first.ended is not None
        assert len(opened.records(first.id)) >= committed
        assert second.context is not None
        assert opened.verify() == []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_run_that_was_stopped_and_let_go_on_blames_nobody(
    home: Path, started: Callable[..., "subprocess.Popen[str]"]
) -> None:
    """Ctrl-Z, and ``fg`` a while later: what was cut meanwhile is no interference."""
    store = home / "stopped.db"
    process = started("newspaper", "pinned", "--quick", "--store", str(store), "--output", "json")
    until_said(process.stderr, "measuring")
    process.send_signal(signal.SIGSTOP)
    time.sleep(LONG_S + 1.0)  # noqa: TID251 - the stop itself
    process.send_signal(signal.SIGCONT)
    out, err = process.communicate(timeout=120)
    assert {row["state"] for row in json.loads(out)} == {"invalid"}, err
    with Store.open(store, create=False) as opened:
        (row,) = opened.rounds()
        assert row.context is not None
        assert row.context.invalid is not None
        assert "stood still" in row.context.invalid.detail


def test_a_dry_run_names_the_live_controls_that_would_be_asked(home: Path) -> None:
    """They are told what is measured, so they belong to the contacts; a file is none."""
    done = run("--dry-run", "--control", "https://control.example:8443", "--control", "a.json")
    assert "Live controls: control.example:8443. Packets go only to these" in done.stderr
    found = json.loads(run("--dry-run", "-o", "json", "--control", "https://203.0.113.5").stdout)
    assert found[0]["contacts"]["controls"] == ["203.0.113.5:443"]
    assert "Live controls" not in run("--dry-run").stderr
