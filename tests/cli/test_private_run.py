"""``--private`` of three commands: after good, failed and interrupted runs nothing says where."""

import io
import ipaddress
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from probe.cli.main import main
from probe.model.codec import encode
from probe.model.measurement import Outcome
from probe.store.database import Store

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform == "win32", reason="modes and signals are POSIX's"),
]

RELAY, BRIDGE, PROXY = "81.2.69.160", "81.2.69.161", "proxy.hidden.example"
FINGERPRINT = "68A5F057D882C46E6A9539EBE7BE6DDC960009CD"
OWN = f"""# mine
{RELAY}:39001 {FINGERPRINT}
Bridge obfs4 {BRIDGE}:39002 {FINGERPRINT} cert=c2VjcmV0IGNlcnQ iat-mode=0
https://signal.tube/#{PROXY}
"""
WORLD = f"""name: own
description: A messenger, neutral hosts, and places that are in nobody's catalog.
zone: UTC
country: XX
starts: 2026-03-02
services:
  - id: messenger
    name: Messenger
    category: messaging
    endpoints:
      - {{kind: http, host: chat.signal.org, tls: true, path: /, trust: signal, role: messages}}
  - id: hidden
    name: Hidden
    category: circumvention
    endpoints:
      - {{kind: tor-or, host: {RELAY}, port: 39001, tls: true, trust: none, off: private}}
      - {{kind: obfs4, host: {BRIDGE}, port: 39002, off: private}}
      - {{kind: signal-proxy, host: {PROXY}, port: 443, tls: true, off: private}}
  - id: anchors
    name: Neutral hosts
    category: control
    endpoints:
      - {{kind: http, host: one.anchor.example, tls: true, path: /, purpose: control, risk: baseline, anchor: true, operator: One}}
      - {{kind: http, host: two.anchor.example, tls: true, path: /, purpose: control, risk: baseline, anchor: true, operator: Two}}
      - {{kind: http, host: three.anchor.example, tls: true, path: /, purpose: control, risk: baseline, anchor: true, operator: Three}}
"""  # noqa: E501 - a scenario as one writes it
WHOLE = ""
CLOSED = f"""rules:
  - {{id: a, who: {{address: [{RELAY}, {BRIDGE}]}}, what: refuse}}
  - {{id: b, who: {{host: {PROXY}}}, what: nxdomain}}
"""
CUT = f"""rules:
  - {{id: a, who: {{address: {RELAY}}}, what: mitm}}
  - {{id: b, who: {{sni: {PROXY}}}, what: sni_reset}}
  - {{id: c, who: {{address: {BRIDGE}}}, what: drop}}
"""
SILENT = "rules:\n  - {id: a, who: {service: [hidden, messenger]}, what: drop}\n"


DONE = (0, 1, 3)
"""Exit codes of a command that did what it was asked."""


PORTS = re.compile(rb"(?<![0-9])(?<![0-9]\.)3900[12](?![0-9])")
"""The ports as numbers of their own; among the digits of a time they may turn up."""


def spellings() -> Iterator[bytes]:
    """Yield what must be nowhere, as text and packed."""
    for address in (RELAY, BRIDGE):
        yield address.encode()
        yield ipaddress.ip_address(address).packed.hex().encode()
    yield from (PROXY.encode(), b"hidden.example", b"c2VjcmV0")
    yield FINGERPRINT.encode()
    yield FINGERPRINT.lower().encode()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a folder with the file of bridges, and nothing else."""
    (tmp_path / "artefacts").mkdir()
    own = tmp_path / "own.txt"
    own.write_text(OWN)
    own.chmod(0o600)
    (tmp_path / "config.toml").write_text("")
    return tmp_path


def surroundings(home: Path) -> dict[str, str]:
    """Return an environment in which all artefacts go below one folder."""
    given = {n: v for n, v in os.environ.items() if not n.startswith("PROBE_")}
    kept = home / "artefacts"
    return given | {
        "PROBE_NET": "loopback",
        "PROBE_STORE": str(kept / "probe.db"),
        "PROBE_CONFIG": str(home / "config.toml"),
        "HOME": str(kept),
    }


def command(home: Path, *arguments: str) -> "subprocess.Popen[bytes]":
    """Start a command whose artefacts all go below one folder."""
    return subprocess.Popen(
        [sys.executable, "-m", "probe", *arguments],
        env=surroundings(home),
        cwd=home / "artefacts",
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def told(home: Path, *arguments: str) -> tuple[bytes, bytes]:
    """Run a command that reads what is kept, in this process; return what it said.

    As ``command`` otherwise: the same environment, folder and ``main``. A process for each would
    spend more on starting than on what is asked here.
    """
    out, err = io.BytesIO(), io.BytesIO()
    screen, journal = (io.TextIOWrapper(each, "utf-8", write_through=True) for each in (out, err))
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(screen), redirect_stderr(journal):
        for name in [name for name in os.environ if name.startswith("PROBE_")]:
            patch.delenv(name)
        for name, value in surroundings(home).items():
            patch.setenv(name, value)
        patch.chdir(home / "artefacts")
        patch.setattr(sys, "argv", ["probe", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
    assert (ended.value.code or 0) in DONE, (arguments, err.getvalue())
    assert out.getvalue() + err.getvalue(), arguments
    return out.getvalue(), err.getvalue()


def measured(
    home: Path, rules: str, *more: str, by: tuple[str, ...] = ("run",)
) -> "subprocess.Popen[bytes]":
    """Start a run in the lab, or another command."""
    (home / "scenario.yaml").write_text(f"{WORLD}{rules}")
    arguments = ("--lab", str(home / "scenario.yaml"), "--private", str(home / "own.txt"))
    store = ("--store", str(home / "artefacts" / "probe.db"))
    return command(home, *by, *arguments, *store, *more)


def everything(home: Path, *said: bytes) -> bytes:
    """Return all that is left of it: what was said, every file, and every row as it is read."""
    found = [*said]
    for arguments in (
        ("report", "--private", "--out", str(home / "artefacts" / "private.html")),
        ("report", "--out", str(home / "artefacts" / "public.html")),
        ("timeline", "--output", "csv"),
        ("timeline", "--output", "json"),
        ("judge", "--stored", "--lab", str(home / "scenario.yaml"), "--output", "json"),
        ("store", "info"),
    ):
        found += told(home, *arguments)
    with Store.open(home / "artefacts" / "probe.db", create=False) as store:
        for row in store.rounds():
            records = store.records(row.id)
            assert any(r.service == "private" for r in records)
            found += [encode(record) for record in records] + [repr(records).encode(), encode(row)]
    found += [f.read_bytes() for f in (home / "artefacts").rglob("*") if f.is_file()]
    return b"\n".join(found)


def leaked(kept: bytes) -> list[bytes]:
    """Return what is there and must not be."""
    found = [secret for secret in spellings() if secret in kept]
    return [*found, *PORTS.findall(kept)]


@pytest.mark.parametrize("rules", [WHOLE, CLOSED, CUT], ids=["good", "closed", "cut"])
@pytest.mark.parametrize("output", ["table", "json"])
def test_no_artefact_of_a_run_says_where(home: Path, rules: str, output: str) -> None:
    """Database, log, report, export and screen; and the run did measure them."""
    out, err = measured(home, rules, "--output", output).communicate(timeout=90)
    kept = everything(home, out, err)
    assert b"own-1" in kept
    assert leaked(kept) == []
    with Store.open(home / "artefacts" / "probe.db", create=False) as store:
        (row,) = store.rounds()
        mine = [r for r in store.records(row.id) if r.service == "private"]
    assert len(mine) == 3
    assert all(r.main.outcome is Outcome.MEASURED for r in mine)
    failing = [r for r in mine if r.main.failure is not None]
    assert len(failing) == {WHOLE: 0}.get(rules, 3)


@pytest.mark.parametrize("rules", [WHOLE, CLOSED, CUT], ids=["good", "closed", "cut"])
def test_no_artefact_of_a_watch_says_where(home: Path, rules: str) -> None:
    """Every round looks at them, and what is said of a round or a turn names no place."""
    out, err = measured(home, rules, "--rounds", "2", by=("watch",)).communicate(timeout=90)
    assert leaked(everything(home, out, err)) == []
    with Store.open(home / "artefacts" / "probe.db", create=False) as store:
        regular = [row for row in store.rounds() if row.plan != "burst"]
        seen = [
            [r.main.outcome for r in store.records(row.id) if r.service == "private"]
            for row in regular
        ]
    assert seen == [[Outcome.MEASURED] * 3] * 2


@pytest.mark.parametrize("rules", [WHOLE, CLOSED, CUT], ids=["good", "closed", "cut"])
@pytest.mark.parametrize("output", ["table", "json"])
def test_no_artefact_of_a_diagnosis_says_where(home: Path, rules: str, output: str) -> None:
    """All of them, told step by step with each attempt; what a step cannot say it leaves out."""
    shown = ("--verbose", "--output", output)
    out, err = measured(home, rules, *shown, by=("diagnose", "private")).communicate(timeout=90)
    kept = everything(home, out, err)
    for label in (b"own-1", b"own-2", b"own-3"):
        assert label in out
    assert leaked(kept) == []
    assert b"0.0.0.0 (IPv4)" not in out
    assert b"port 0" not in out


def test_a_port_is_known_from_the_digits_of_a_time() -> None:
    """The checks above can fail, and do not by chance."""
    for said in (b"port 39001", b"[::1]:39002 ", b'"port":39001,', b"39002"):
        assert len(leaked(said)) == 1, said
    for said in (b'"t_s":0.139002', b'"t_s":0.39001', b"1390021", b'"t_s":3900.12'):
        assert leaked(said) == [], said


def test_a_diagnosis_of_one_is_of_that_one(home: Path) -> None:
    """By its label; by its address it is refused, and the address not repeated."""
    out, err = measured(home, WHOLE, by=("diagnose", "own-2")).communicate(timeout=60)
    assert (b"own-2" in out, b"own-1" in out, b"own-3" in out) == (True, False, False), err
    process = measured(home, WHOLE, by=("diagnose", BRIDGE))
    out, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert b"own-2" in err
    assert leaked(out + err) == []


def test_an_interrupted_run_leaves_nothing_either(home: Path) -> None:
    """Ctrl-C in the middle of a silent connection."""
    process = measured(home, SILENT, "--output", "json")
    assert process.stderr is not None
    for line in process.stderr:
        if b"measuring" in line:
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert leaked(everything(home, out, err)) == []


def test_a_dry_run_and_a_refusal_say_nothing(home: Path) -> None:
    """What would be contacted is told by labels; a file that cannot be used, by its line."""
    for output in ("table", "json"):
        process = measured(home, WHOLE, "--dry-run", "--output", output)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert b"own-3" in out
        assert leaked(out + err) == []
    (home / "own.txt").write_text(f"{OWN}webtunnel {BRIDGE}:39002 url=https://{PROXY}/x\n")
    process = measured(home, WHOLE)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert b"line 5" in err or b":5" in err
    assert leaked(out + err) == []
