"""``probe trace``: what it asks for before a packet, what it refuses, and how it tells."""

import json
from pathlib import Path
from typing import Any

import pytest
from invoking import agree, invoked
from typer.testing import CliRunner

from probe.cli.trace import app
from probe.cli.trace_told import show_trace
from probe.cli.tracing import _tape
from probe.errors import ConsentError, ForbiddenNetwork, InputError
from probe.model.trace import (
    Effect,
    Finding,
    Fingerprint,
    HopRow,
    Located,
    Placement,
    Trace,
    Trigger,
)
from probe.net import capture
from probe.net.capture import Caught

STRANGER = "forum.unheard-of.net"


@pytest.fixture
def home(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home on a machine that could trace."""
    monkeypatch.setattr(capture, "what_is_missing", lambda: ())
    return home


def run(*arguments: str) -> Any:
    """Run the command in this process."""
    return invoked(app, *arguments)


# --- before anything is sent


@pytest.mark.usefixtures("home")
def test_what_is_missing_is_said_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence, before consent is asked for or a name looked up."""
    monkeypatch.setattr(capture, "what_is_missing", lambda: ("CAP_NET_RAW is missing", "scapy"))
    with pytest.raises(InputError, match="cannot be made here: CAP_NET_RAW is missing; scapy"):
        run(STRANGER)


@pytest.mark.usefixtures("home")
def test_json_is_valid_when_it_fails() -> None:
    """An empty array, whatever ends it."""
    result = CliRunner().invoke(app, [STRANGER, "-o", "json", "--yes"])
    assert isinstance(result.exception, ConsentError)
    assert json.loads(result.stdout) == []


@pytest.mark.usefixtures("home")
def test_without_consent_nothing_is_sent() -> None:
    """A yes is no consent."""
    with pytest.raises(ConsentError, match="consent give"):
        run(STRANGER, "--yes")


def test_a_line_at_home_is_asked_first(home: Path) -> None:
    """It is told what a trace is, and nobody being there means no."""
    agree(home)
    result = CliRunner().invoke(app, [STRANGER])
    assert isinstance(result.exception, ConsentError)
    assert "not described as a server's" in result.output
    assert STRANGER not in result.output  # a journal may keep standard error


def test_a_server_is_asked_about_the_name_only(home: Path) -> None:
    """``access = hosting`` leaves the warning for homes out, not the question."""
    agree(home)
    (home / "config.toml").write_text('access = "hosting"\n')
    result = CliRunner().invoke(app, [STRANGER])
    assert isinstance(result.exception, ConsentError)
    assert "not described as a server's" not in result.output


def test_a_high_risk_line_at_home_is_refused(home: Path) -> None:
    """Also with a yes."""
    agree(home)
    (home / "config.toml").write_text("high_risk = true\n")
    with pytest.raises(ConsentError, match="high-risk"):
        run(STRANGER, "--yes")


def test_the_name_that_is_sent_needs_consent_to_its_kind(home: Path) -> None:
    """Whatever address it is sent to: who watches sees the name."""
    agree(home)
    for trigger in ("tls", "dns"):
        with pytest.raises(ConsentError, match="tor"):
            run("1.1.1.1", "--sni", "www.torproject.org", "--trigger", trigger, "--yes")


def test_a_private_place_is_refused(home: Path) -> None:
    """Nobody is pointed at a router."""
    agree(home)
    with pytest.raises(InputError):
        run("192.168.1.1", "--sni", STRANGER, "--yes")


@pytest.mark.parametrize("trigger", ["tls", "http", "dns", "quic", "syn"])
def test_the_guard_holds(home: Path, trigger: str) -> None:
    """``PROBE_NET=loopback``: consent and yes or not, no packet, by no trigger."""
    agree(home)
    with pytest.raises(ForbiddenNetwork):
        run("9.9.9.9", "--sni", STRANGER, "--trigger", trigger, "--yes")


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    "arguments",
    [("9.9.9.9",), ("9.9.9.9", "--trigger", "http"), ("dns.example.org", "--trigger", "dns")],
)
def test_a_name_to_send_is_needed(arguments: tuple[str, ...]) -> None:
    """An address has none, and a resolver is not asked for itself."""
    with pytest.raises(InputError, match="--sni"):
        run(*arguments)


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("port", ["0", "70000", "x", "4433333333"])
def test_a_port_that_is_none(port: str) -> None:
    """The mend is said."""
    with pytest.raises(InputError, match="port"):
        run(f"www.example.org:{port}")


# --- how it tells

FORGED = Fingerprint(ttl=91, ident=7, flags="RA", window=14_600, ahead=1_460)
OWN = Fingerprint(ttl=58, flags="SA", options=("MSS", "SAckOK"))
LOCATED = Located(
    finding=Finding.NETWORK,
    effect=Effect.RESET,
    first=4,
    last=4,
    placement=Placement.ON_PATH,
    specific=True,
    rounds=3,
    of=3,
    looks=(FORGED,),
    server_looks=OWN,
)
TRACE = Trace(
    trigger=Trigger.TLS,
    host=STRANGER,
    address="33.1.2.3",
    port=443,
    located=LOCATED,
    hops=(
        HopRow(ttl=1, scrubbed=True, neutral_sent=4, neutral_heard=4),
        HopRow(
            ttl=4,
            address="29.1.1.4",
            asn=64500,
            as_name="Lab \x1b[31mProvider",
            country="XX",
            inside=True,
            target_sent=3,
            target_heard=2,
            target_answered=3,
        ),
    ),
    sentence="It is hop 4.",
)


def test_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    """The sentence, a row a hop, the packets beside the server's; nothing drives the terminal."""
    show_trace(TRACE, as_json=False)
    out = capsys.readouterr().out
    assert out.startswith("It is hop 4.\nConfidence: weak.\n")
    for part in ("(not kept)", "29.1.1.4", "AS64500", "XX (inside)", "4/4", "2/3", "1460", "MSS"):
        assert part in out
    assert "\x1b[31m" not in out


def test_json_has_it_all(capsys: pytest.CaptureFixture[str]) -> None:
    """An array with the one value."""
    show_trace(TRACE, as_json=True)
    (told,) = json.loads(capsys.readouterr().out)
    assert told["located"]["placement"] == "on_path"
    assert told["hops"][1]["asn"] == 64500


async def test_a_disk_that_fills_up_costs_the_file_and_not_the_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ten minutes of triggers are not to be sent again for it: it is said, once."""

    def full(*_: object) -> None:
        raise InputError("the capture is not whole: No space left on device")

    monkeypatch.setattr("probe.net.pcap.Tape.keep", full)
    with _tape(tmp_path / "seen.pcap") as keep:
        keep([Caught(0.0, b"x")])
        keep([Caught(0.0, b"x")])
    assert capsys.readouterr().err.count("No space left") == 1
