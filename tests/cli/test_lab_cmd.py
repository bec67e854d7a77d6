"""``probe lab``: what it lists, what it asks of the machine, what it refuses before building."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from own_machine import Machine, machine

from probe.lab.netns import check, up
from probe.lab.netns.check import Abilities, Ability
from probe.lab.netns.request import LabRequest
from probe.lab.scenario import scenario_names

ALL = Abilities(
    tuple(
        Ability(about=name, works=True, needed=name in ("namespaces", "ip", "links", "routing"))
        for name in (
            "namespaces",
            "ip",
            "links",
            "routing",
            "tun",
            "packet",
            "sysfs",
            "pids",
            "caddy",
        )
    )
)


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Machine:
    """Return what runs the command line."""
    return machine(tmp_path, monkeypatch, capsys)


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[LabRequest]:
    """Let the machine allow everything, and keep what would be built."""
    kept: list[LabRequest] = []

    def remember(request: LabRequest, said: Callable[[str], None]) -> int:
        del said
        kept.append(request)
        return 7

    monkeypatch.setattr(check, "abilities", lambda: ALL)
    monkeypatch.setattr(up, "up", remember)
    return kept


def without(name: str) -> Abilities:
    """Return a machine that lacks one thing."""
    return Abilities(
        tuple(
            replace(one, works=False, mend=f"mend {name}") if one.about == name else one
            for one in ALL.lines
        )
    )


def test_every_shipped_scenario_is_listed(run: Machine) -> None:
    """With its stages, its description and what is expected, in words."""
    done = run("lab", "scenarios", "-o", "json")
    rows = {row["name"]: row for row in json.loads(done.out)}
    assert done.code == 0
    assert set(rows) == set(scenario_names())
    assert all(row["description"] and row["expected"] and row["stages"] for row in rows.values())
    assert "dns.nxdomain" in rows["dns-nxdomain"]["expected"]
    assert rows["demo"]["stages"] == "loopback"


def test_a_listed_expectation_says_what_the_scenario_says(run: Machine) -> None:
    """What must not be said stays a "not", gates and hours are named, and no field shows through.

    In the table the longest are shortened, and it is said by how much.
    """
    listed = json.loads(run("lab", "scenarios", "-o", "json").out)
    rows = {row["name"]: row["expected"] for row in listed}
    assert "newspaper@www.newspaper.example: not blocked" in rows["trap-bad-wifi"]
    assert "gate offline.upstream may close" in rows["trap-bad-wifi"]
    assert "gate vpn_on closes at 2026-03-02 20:00" in rows["line-vpn-hours"]
    assert "(legal_order_stated)" in rows["server-451"]
    assert not [name for name, said in rows.items() if "False" in said or "True" in said]
    table = run("lab", "scenarios").out
    assert "not blocked" in table
    many = rows["grounds-none"].count("; ") + 1
    assert f"and {many - 3} more" in " ".join(table.split())


def test_check_ends_well_where_a_lab_can_be_built(
    run: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 0, a line for each thing, valid JSON."""
    monkeypatch.setattr(check, "abilities", lambda: ALL)
    done = run("lab", "check", "-o", "json")
    assert done.code == 0
    assert [row["about"] for row in json.loads(done.out)] == [one.about for one in ALL.lines]


def test_check_says_what_is_missing(run: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 3, and the mend on stderr."""
    monkeypatch.setattr(check, "abilities", lambda: without("ip"))
    done = run("lab", "check", "-o", "json")
    assert done.code == 3
    assert "mend ip" in done.err
    assert len(json.loads(done.out)) == len(ALL.lines)


def test_nothing_is_built_where_it_cannot_be(
    run: Machine, built: list[LabRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 3 and one line, before anything is changed."""
    monkeypatch.setattr(check, "abilities", lambda: without("namespaces"))
    done = run("lab", "up", "none", "--", "true")
    assert (done.code, built) == (3, [])
    assert done.err.count("\n") == 1
    assert "mend namespaces" in done.err


def test_the_command_and_its_exit_code_pass_through(run: Machine, built: list[LabRequest]) -> None:
    """Options behind the dashes are the command's own."""
    done = run("lab", "up", "none", "--seed", "5", "--", "curl", "--pcap", "-o", "x")
    assert done.code == 7
    (request,) = built
    assert request.command == ("curl", "--pcap", "-o", "x")
    assert (request.seed, request.pcap, request.daemons) == (5, None, ("caddy",))


def test_without_a_command_a_shell_is_run(
    run: Machine, built: list[LabRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The person's own, if it is known; the lab's own servers are enough when asked for."""
    monkeypatch.setenv("SHELL", "/bin/some-shell")
    run("lab", "up", "none", "--no-daemons")
    (request,) = built
    assert (request.command, request.daemons) == (("/bin/some-shell",), ())


def test_the_machine_decides_about_wires(
    run: Machine, built: list[LabRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where TUN is closed, the other kind is used."""
    monkeypatch.setattr(check, "abilities", lambda: without("tun"))
    run("lab", "up", "none", "--", "true")
    assert (built[0].tun, built[0].pids) == (False, True)


@pytest.mark.parametrize(
    ("written", "hour"), [("2026-03-02 16:30", 16), ("2026-03-02T16:30:00+0300", 13)]
)
def test_the_time_is_the_scenarios_local_one(
    run: Machine, built: list[LabRequest], written: str, hour: int
) -> None:
    """An instant without an offset is in the scenario's zone, which is UTC here."""
    run("lab", "up", "none", "--at", written, "--", "true")
    assert built[0].at.isoformat() == f"2026-03-02T{hour}:30:00+00:00"
    assert built[0].real != built[0].at


def test_a_world_may_be_chosen(run: Machine, built: list[LabRequest]) -> None:
    """One that is shipped, or the whole catalog; the scenario's own by default."""
    run("lab", "up", "none", "--", "true")
    run("lab", "up", "none", "--world", "small", "--", "true")
    run("lab", "up", "none", "--all", "--", "true")
    own, small, everything = (request.services for request in built)
    assert own == small
    assert len(everything) > 100


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("no-such-scenario",), "there is no scenario"),
        (("demo",), "not for namespaces"),
        (("none", "--world", "no-such-world"), "there is no world"),
        (("none", "--world", "small", "--all"), "is enough"),
    ],
)
def test_what_cannot_be_played_is_refused(
    run: Machine, built: list[LabRequest], arguments: tuple[str, ...], words: str
) -> None:
    """One line with the mend, and nothing is built."""
    done = run("lab", "up", *arguments, "--", "true")
    assert (done.code, built) == (2, [])
    assert words in done.err
