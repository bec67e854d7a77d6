"""A live control that looks from abroad over real packets, and a run on the cut line."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from probe.lab.netns.attached import AttachedLab
from probe.lab.scenario import load_scenario
from probe.model.verdict import State
from probe.store.database import Store

pytestmark = pytest.mark.netns

HOST = "web.messenger.example"


def probe(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the program on this line, with a home of its own."""
    return subprocess.run(
        [sys.executable, "-m", "probe", *arguments],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
        env={**os.environ, "PROBE_CONFIG": str(folder / "config.toml"), **more},
    )


@contextmanager
def serving(folder: Path) -> Iterator[tuple[int, str, str]]:
    """Serve what is seen abroad; give port, key and token."""
    store = str(folder / "server.db")
    token = probe(folder, "control", "token", PROBE_STORE=store).stdout.strip()
    process = subprocess.Popen(
        [sys.executable, "-m", "probe", "control", "serve", "--listen", "127.0.0.1:0"],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PROBE_CONFIG": str(folder / "config.toml"), "PROBE_STORE": store},
    )
    assert process.stderr is not None
    try:
        lines = [process.stderr.readline() for _ in range(3)]
        listening = next(line for line in lines if line.startswith("Listening"))
        yield int(listening.split(":")[2].split(";")[0]), lines[-1].split()[-1], token
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


async def test_what_is_cut_here_and_seen_abroad_is_blocked(
    lab: AttachedLab, tmp_path: Path
) -> None:
    """The run's only control is the live one; its look is what the verdict rests on."""
    (tmp_path / "config.toml").write_text("")
    cut = load_scenario("tls-sni-reset")
    await lab.play(cut, cut.services)
    line = str(tmp_path / "line.db")
    with serving(tmp_path) as (port, key, token):
        probe(tmp_path, "control", "trust", key, PROBE_STORE=line)
        done = probe(
            tmp_path,
            *("run", "--control", f"https://127.0.0.1:{port}", "--store", line),
            *("--output", "json", "--quick"),
            PROBE_CONTROL_TOKEN=token,
        )
    assert done.returncode == 1, done.stderr
    with Store.open(Path(line), create=False) as store:
        (row,) = store.rounds()
        (record,) = [r for r in store.records(row.id) if HOST in r.endpoint]
    assert [c.source for c in record.controls] == [f"live {key[:16]}"]
    assert record.controls[0].failure is None
    assert record.verdict.state is State.BLOCKED
    assert f"control:live {key[:16]}" in record.verdict.evidence
