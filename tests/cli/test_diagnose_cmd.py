"""``probe diagnose``: consent before a packet, one name step by step, nothing kept unasked."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from invoking import agree, invoked
from typer.testing import CliRunner

from probe.analysis.followup import FollowUp
from probe.cli.diagnose import app
from probe.cli.telling import show_waiting
from probe.errors import ConsentError, ForbiddenNetwork, InputError
from probe.model.measurement import Variant
from probe.store.database import Store


def diagnose(*arguments: str) -> Any:
    """Run the command in this process."""
    return invoked(app, *arguments)


# --- before anything is sent


@pytest.mark.parametrize("subject", ["whatsapp", "web.whatsapp.com", "forum.unheard-of.net"])
def test_without_consent_nothing_is_measured(home: Path, subject: str) -> None:
    """No packet and no store before somebody has read the risks, whatever is named."""
    with pytest.raises(ConsentError, match="consent give"):
        diagnose(subject, "--yes")
    assert not (home / "probe.db").exists()


def test_a_stranger_needs_a_yes(home: Path) -> None:
    """What nobody has weighed is measured only when somebody says so, here and now."""
    agree(home)
    result = CliRunner().invoke(app, ["forum.unheard-of.net"])
    assert isinstance(result.exception, ConsentError)
    assert "--yes" in str(result.exception)
    assert "nobody has weighed" in result.output
    assert "forum.unheard-of.net" not in result.output  # a journal may keep standard error


def test_a_relative_of_a_risky_host_warns_and_needs_consent_to_its_kind(home: Path) -> None:
    """A page below a Tor host is Tor to whoever watches."""
    agree(home)
    result = CliRunner().invoke(app, ["https://blog.torproject.org/post"])
    assert "high risk (tor)" in result.output
    with pytest.raises(ConsentError, match="tor"):
        diagnose("https://blog.torproject.org/post", "--yes")


def test_under_the_guard_a_real_look_is_refused_before_a_packet(home: Path) -> None:
    """``PROBE_NET=loopback`` holds, consent and yes or not."""
    agree(home)
    for subject in ("whatsapp", "forum.unheard-of.net"):
        with pytest.raises(ForbiddenNetwork):
            diagnose(subject, "--yes")


@pytest.mark.usefixtures("home")
def test_a_private_place_is_refused() -> None:
    """Nobody is pointed at a router."""
    with pytest.raises(InputError, match="not a public address"):
        diagnose("http://192.168.1.1/", "--yes")


@pytest.mark.usefixtures("home")
def test_json_is_valid_also_when_nothing_came_of_it() -> None:
    """An empty array, and the error as ever."""
    result = CliRunner().invoke(app, ["whatsap", "--output", "json"])
    assert isinstance(result.exception, InputError)
    assert json.loads(result.stdout) == []


@pytest.mark.usefixtures("home")
def test_the_question_is_asked_where_ctrl_c_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """No event loop runs yet: its handler of signals would wait for the answer."""

    def asked(*_: object, **__: object) -> None:
        with pytest.raises(RuntimeError, match="no running event loop"):
            asyncio.get_running_loop()
        raise ConsentError("no")

    monkeypatch.setattr("probe.cli.asking.ask_named", asked)
    with pytest.raises(ConsentError, match="no"):
        diagnose("foo.example.org")


# --- in the lab


def test_a_block_is_explained_and_ends_with_1(home: Path) -> None:
    """Line, name, connection, handshake; the verdict, why it is not surer, what to do next."""
    result = diagnose("web.messenger.example", "--lab", "tls-sni-reset")
    assert result.exit_code == 1
    for words in (
        "1. This line itself: fine",
        "The name (DNS",
        "The encrypted handshake",
        "Is it the name?",
        "What it rules out: That the service's own machine does it.",
        "In short: It is blocked here.",
        "How sure:",
        "Why not surer:",
        "What could fool this:",
        "What you can do next:",
    ):
        assert words in result.stdout
    assert "Traceback" not in result.output
    assert "no time passes in the lab" in result.stderr
    assert not (home / "probe.db").exists()


@pytest.mark.usefixtures("home")
def test_what_works_is_told_shortly_and_ends_with_0() -> None:
    """A service's parts: the ones that plainly work have one line each."""
    result = diagnose("pinned", "--lab", "none")
    assert result.exit_code == 0
    assert "It works here." in result.stdout


@pytest.mark.slow
@pytest.mark.usefixtures("home")
def test_a_line_that_is_cut_off_ends_with_3() -> None:
    """Nothing is said about the service; what to do about the line is."""
    result = diagnose("web.messenger.example", "--lab", "line-total")
    assert result.exit_code == 3
    assert "the line itself was at fault" in result.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scenario", "told"),
    [
        ("line-vpn", "tunnel (VPN)"),
        ("line-no-link", "not connected to its own network"),
        ("line-clock-13h", "clock was wrong"),
        ("trap-captive-portal", "A login page answered"),
    ],
)
@pytest.mark.usefixtures("home")
def test_the_line_of_a_scenario_is_played(scenario: str, told: str) -> None:
    """What ails the line is told as such, and no service is called blocked or fine for it."""
    result = diagnose("web.messenger.example", "--lab", scenario, "--quick")
    assert result.exit_code == 3
    assert told in " ".join(result.stdout.split())


@pytest.mark.slow
@pytest.mark.usefixtures("home")
def test_a_filter_at_home_is_not_told_as_lost_packets() -> None:
    """Neutral names fail by its answers; what is advised is to look at who answers for names."""
    result = diagnose("web.messenger.example", "--lab", "trap-pihole", "--quick")
    words = " ".join(result.stdout.split())
    assert "lost packets" not in words
    assert "a filter at home" in words
    assert "ad-blocker or the router answers for names" in words


@pytest.mark.usefixtures("home")
def test_a_name_that_is_close_to_a_category_is_not_led_to_it() -> None:
    """A diagnosis takes services and hosts only."""
    with pytest.raises(InputError) as caught:
        diagnose("messagin")
    assert "messaging" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.usefixtures("home")
def test_engineers_get_rule_and_attempts() -> None:
    """With --verbose: rule and version, each attempt with time, address and certificate."""
    result = diagnose("web.messenger.example", "--lab", "dns-nxdomain", "--verbose")
    assert "rule dns." in result.stdout
    assert "| m0.s0 main" in result.stdout
    assert "certificate sha256" in result.stdout
    assert "anchor" in result.stdout


def test_json_carries_everything(home: Path) -> None:
    """One object: subject, services, endpoints with verdict, steps and conclusion."""
    result = diagnose("messenger", "--lab", "server-451", "--quick", "--output", "json")
    (found,) = json.loads(result.stdout)
    assert result.exit_code == 1
    assert found["subject"] == "messenger"
    assert [service["service"] for service in found["services"]] == ["messenger"]
    first = found["endpoints"][0]
    assert first["verdict"]["state"] == "blocked"
    assert {"did", "came", "means"} <= set(first["steps"][0])
    assert first["conclusion"]["headline"] == "The service itself refuses."
    assert not (home / "probe.db").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("home")
def test_a_stranger_in_the_lab_is_measured_there() -> None:
    """A name that the lab does not know fails everywhere, so nobody is blamed."""
    result = diagnose("www.nowhere.example", "--lab", "none", "--quick")
    assert result.exit_code == 0
    assert "It seems to be down, and not only here." in result.stdout


@pytest.mark.slow
def test_it_is_kept_only_where_asked_for(home: Path) -> None:
    """With --store the round is in that file, as any other."""
    file = home / "kept.db"
    diagnose("pinned", "--lab", "none", "--store", str(file))
    with Store.open(file, create=False) as store:
        (row,) = list(store.rounds())
        assert [r.service for r in store.records(row.id)].count("pinned") == 1
    assert not (home / "probe.db").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("home")
def test_exit_zero_is_for_scripts() -> None:
    """The words are the same, the code is not."""
    result = diagnose("web.messenger.example", "--lab", "server-451", "--exit-zero")
    assert result.exit_code == 0


@pytest.mark.slow
@pytest.mark.usefixtures("home")
def test_the_owner_of_a_scenario_stops_it() -> None:
    """As Ctrl-C does: what was seen until then is told."""
    result = diagnose("edge.messenger.example", "--lab", "round-stopped", "--quick")
    assert result.exit_code == 130
    assert "interrupted" in result.output.lower()


# --- waiting


def test_a_long_wait_is_announced_once_with_its_length(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Short waits are silent; of several long ones the first says how long all of it takes."""
    with show_waiting(virtual=False) as (_, waiting):
        waiting(FollowUp(variant=Variant.RETEST, delay_s=6.0), 6.0, 17.0)
        assert capsys.readouterr().err == ""
        waiting(FollowUp(variant=Variant.NEUTRAL_SNI, delay_s=205.0), 205.0, 430.0)
        waiting(FollowUp(variant=Variant.RETEST, delay_s=430.0), 215.0, 215.0)
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "7 minutes" in said
    assert "--quick" in said
