"""The process that answers, in a throw-away namespace: what is missing, what fails, how it ends."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from probe.lab.inside.allotment import PROGRAMS
from probe.lab.inside.program import find_program
from probe.net import guard

pytestmark = [
    pytest.mark.netns,
    pytest.mark.skipif(not guard.in_lab(), reason="not in a lab: run make test-netns"),
    pytest.mark.skipif(shutil.which("unshare") is None, reason="unshare is not installed"),
]

PLACE = """
ip link set lo up
ip route add local 0.0.0.0/0 dev lo
ip -6 route add local ::/0 dev lo 2>/dev/null
export PROBE_NET=lab:$(stat -Lc %i /proc/self/ns/net)
exec "$@"
"""
"""A namespace in which every address is local; it ends with the last process in it."""

DRIVER = Path(__file__).with_name("inside_driver.py")


def drive(
    ending: str, folder: Path, *daemons: str, path: str | None = None
) -> tuple[dict[str, object], str]:
    """Start the process in a namespace of its own, look at it, end it; return what was found."""
    folder.mkdir()
    environment = dict(os.environ)
    if path is not None:
        environment["PATH"] = f"{path}:{environment['PATH']}"
    ran = subprocess.run(
        [
            "unshare",
            "-n",
            "sh",
            "-c",
            PLACE,
            "sh",
            sys.executable,
            DRIVER,
            ending,
            folder,
            *daemons,
        ],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    found: dict[str, object] = json.loads(ran.stdout)
    return found, ran.stderr


@pytest.mark.parametrize("ending", ["hang up", "kill"])
@pytest.mark.skipif(
    not all(map(find_program, PROGRAMS)), reason="unbound, nginx or caddy is not installed"
)
def test_programs_end_with_the_process_however_it_ends(tmp_path: Path, ending: str) -> None:
    """Nothing is left running, and no socket is left open, also after a SIGKILL."""
    found, _ = drive(ending, tmp_path / "f", "unbound", "nginx", "caddy")
    assert (found["started"], found["true"]) == (None, True)
    assert found["programs"] == ["caddy", "nginx", "unbound", "unbound"]
    assert found["code"] == (0 if ending == "hang up" else -9)
    assert (found["left"], found["open"]) == ([], False)


def test_a_program_that_fails_is_replaced_and_named(tmp_path: Path) -> None:
    """The lab stands without it: our own resolver answers, and the reason is said."""
    bad = tmp_path / "bin"
    bad.mkdir()
    (bad / "unbound").write_text("#!/bin/sh\necho it is broken\nexit 3\n", encoding="ascii")
    (bad / "unbound").chmod(0o755)
    found, said = drive("hang up", tmp_path / "f", "unbound", path=str(bad))
    assert found["started"] is None
    assert found["true"] is True
    assert found["programs"] == []
    assert "unbound failed (unbound did not start: it is broken)" in said
    assert "the lab's own server answers" in said


def test_without_programs_everything_is_ours(tmp_path: Path) -> None:
    """No daemon is asked for, none runs, all names resolve."""
    found, said = drive("hang up", tmp_path / "f")
    assert found["true"] is True
    assert (found["programs"], found["files"], said) == ([], [], "")


def test_orders_are_refused_politely(tmp_path: Path) -> None:
    """An order before the start, or one that is not understood, is answered with the reason."""
    found, _ = drive("hang up", tmp_path / "f")
    assert found["early"] == "nothing was started"
    assert "ValidationError" in str(found["strange"])
    assert found["foreign"] == "no such order here: Locate"
    assert found["late"] is None
