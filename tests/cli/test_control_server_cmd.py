"""``probe control serve`` and its tokens: what it refuses to be, and a run that asks it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import pytest
from invoking import invoked

from probe.cli.control import app
from probe.consent import give, policy
from probe.control.tokens import known_tokens, tokens_path
from probe.errors import ConsentError, InputError

SCENARIO = "tls-mitm-unknown"
SERVE = ("serve", "--lab", SCENARIO, "--listen", "127.0.0.1:0")


@pytest.fixture
def home(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home with the server's store, beside which that of a line may lie."""
    monkeypatch.setenv("PROBE_STORE", str(home / "server.db"))
    return home


def control(*arguments: str) -> Any:
    """Run the command in this process."""
    return invoked(app, *arguments)


def test_a_token_is_printed_once_and_kept_as_a_hash(home: Path) -> None:
    """On standard output alone, for a pipe."""
    token = control("token").stdout.strip()
    assert len(token) == 43
    assert len(known_tokens(tokens_path(home / "server.db"))) == 1
    assert token not in tokens_path(home / "server.db").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "there is no token"),
        (("--listen", "0.0.0.0:8443"), "not described as a server's"),
        (("--listen", "[2001:db8::1]:8443"), "not described as a server's"),
        (("--plain", "--listen", "0.0.0.0:8443"), "on loopback only"),
        (("--plain", "--certificate", "c.pem", "--key", "k.pem"), "without a certificate"),
        (("--certificate", "c.pem"), "belong together"),
        (("--listen", "localhost:8443"), "no address and port"),
        (("--listen", "127.0.0.1"), "no address and port"),
        (("--listen", "127.0.0.1:99999"), "no address and port"),
        (("--throughput", "nowhere", "--name", "a.example"), "no address and port"),
        (("--throughput", "0.0.0.0:9000", "--name", "a.example"), "not described as a server's"),
        (("--throughput", "127.0.0.1:9000"), "a list of names only"),
        (("--throughput", "127.0.0.1:9000", "--name", "x_y"), "is no host name"),
        (("--name", "a.example"), "is of --throughput"),
    ],
)
def test_it_refuses_to_be_started_wrongly(
    home: Path, arguments: tuple[str, ...], words: str
) -> None:
    """Without tokens, from a home line, without TLS: each in words, before anything is opened."""
    with pytest.raises(InputError, match=words):
        control("serve", *arguments)


def test_a_server_asks_for_consent_as_a_run_does(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It contacts what it serves; and the guard still stands before the socket."""
    monkeypatch.setenv("PROBE_ACCESS", "hosting")
    control("token")
    with pytest.raises(ConsentError, match="no consent was given"):
        control("serve", "--listen", "0.0.0.0:0")
    answers = [question.right for question in policy().questions]
    give(
        home / "consent.json", answers=answers, categories=(), now=datetime(2024, 1, 1, tzinfo=UTC)
    )
    with pytest.raises(ConsentError, match="vpn"):
        control("serve", "--include", "vpn")


def probe(*arguments: str, store: Path, token: str = "") -> subprocess.CompletedProcess[str]:
    """Run the program itself, and wait for it."""
    environ = {**os.environ, "PROBE_STORE": str(store)}
    if token:
        environ["PROBE_CONTROL_TOKEN"] = token
    return subprocess.run(
        [sys.executable, "-m", "probe", *arguments],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def server(home: Path) -> Iterator[tuple[int, str, str]]:
    """Serve the lab from abroad in another process; yield port, key and token."""
    token = control("token").stdout.strip()
    process = subprocess.Popen(
        [sys.executable, "-m", "probe", "control", *SERVE],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        port, key = _told(process.stderr)
        yield port, key, token
    finally:
        process.send_signal(signal.SIGINT)
        _, rest = process.communicate(timeout=20)
    assert process.returncode == 0, rest
    assert "messenger" not in rest
    assert "1 questions answered" in rest


def _told(stream: IO[str]) -> tuple[int, str]:
    first, second = stream.readline(), stream.readline()
    assert first.startswith("Listening on https://127.0.0.1:"), first
    return int(first.split(":")[2].split(";")[0]), second.split()[-1]


@pytest.mark.slow
def test_a_run_is_judged_by_what_a_live_control_sees(
    home: Path, server: tuple[int, str, str]
) -> None:
    """Over real TLS, pinned by the signing key: its observation is what the verdict cites."""
    port, key, token = server
    url = f"https://127.0.0.1:{port}"
    line = home / "line.db"
    words = ("run", "--lab", SCENARIO, "--control", url, "--output", "json", "--quick")
    untrusted = probe(*words, store=line, token=token)
    assert (untrusted.returncode, untrusted.stdout.strip()) == (2, "[]")
    assert "no key of a control is trusted" in untrusted.stderr
    assert probe("control", "trust", key, store=line).returncode == 0
    done = probe(*words, "--store", str(line), store=line, token=token)
    assert done.returncode in (0, 1), done.stderr
    assert json.loads(done.stdout), done.stderr
    assert token not in done.stdout + done.stderr
    assert url not in done.stdout + done.stderr
    from probe.store.database import Store

    with Store.open(line, create=False) as store:
        (row,) = store.rounds()
        records = store.records(row.id)
    sources = {c.source for r in records for c in r.controls}
    assert f"live {key[:16]}" in sources
    cited = [ref for r in records for ref in r.verdict.evidence]
    assert f"control:live {key[:16]}" in cited
    for file in home.iterdir():
        if file.name != "server.db.control-tokens":
            assert token.encode() not in file.read_bytes(), file.name
    again = probe("judge", "--stored", "--lab", SCENARIO, store=line)
    assert "0 would be different, 0 have other words" in again.stderr, again.stderr


def test_a_line_is_what_the_store_and_the_settings_say(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``probe vantage set --access hosting`` is enough; then consent is what is missing."""
    from probe.cli.control_server import _described
    from probe.model.vantage import Access, Vantage
    from probe.settings import load
    from probe.store.database import Store

    control("token")
    assert _described(load(environ=os.environ)) is None
    with Store.open(home / "server.db") as store:
        store.save_vantage(Vantage(id="v", country="NL", access=Access.HOSTING))
    found = _described(load(environ=os.environ))
    assert found is not None
    assert (found.country, found.access) == ("NL", Access.HOSTING)
    with pytest.raises(ConsentError):
        control("serve", "--listen", "0.0.0.0:0")
    with Store.open(home / "server.db") as store:
        store.save_vantage(Vantage(id="v", country="NL", access=Access.FIXED))
    with pytest.raises(InputError, match="not described as a server's"):
        control("serve", "--listen", "0.0.0.0:0")


@pytest.mark.slow
def test_the_guard_stands_before_the_socket_of_a_server(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under ``PROBE_NET=loopback`` nothing listens to the outside, consent or not."""
    control("token")
    answers = [question.right for question in policy().questions]
    when = datetime(2024, 1, 1, tzinfo=UTC)
    give(home / "consent.json", answers=answers, categories=(), now=when)
    monkeypatch.setenv("PROBE_ACCESS", "hosting")
    done = probe("control", "serve", "--listen", "0.0.0.0:0", store=home / "server.db")
    assert done.returncode == 2
    assert "0.0.0.0 is not loopback, and nothing else is allowed here" in done.stderr
    assert "Listening" not in done.stderr
