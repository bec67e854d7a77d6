"""``probe lab up`` from outside: what it passes on, and that nothing of it is left however it ends.

These build a lab of their own, within the one that runs the tests or without any.
"""

import contextlib
import os
import pty
import select
import shutil
import signal
import struct
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

import probe
from probe.lab.netns.check import Abilities, abilities, first_problem
from probe.lab.scenario import load_world
from probe.lab.world import build_world

pytestmark = pytest.mark.netns

PAGE = "http://www.newspaper.example/"
FETCH = f"import urllib.request as u; print(u.urlopen({PAGE!r}, timeout=20).status)"
PATIENCE_S = 60
NOBODY = 65534


@pytest.fixture(scope="module")
def found() -> Abilities:
    """Return what this machine allows; skip, saying why, where it allows no lab."""
    able = abilities()
    problem = first_problem(able)
    if problem is not None:
        pytest.skip(str(problem))
    return able


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder that anybody may enter."""
    with tempfile.TemporaryDirectory(prefix="probe-test-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


def lab(*command: str, options: Sequence[str] = ()) -> list[str]:
    """Return the command line of a lab without a censor, in which ``command`` is run."""
    return [
        sys.executable,
        "-m",
        "probe",
        "lab",
        "up",
        "none",
        "--no-daemons",
        *options,
        "--",
        *command,
    ]


def run(arguments: Sequence[str], **more: str) -> subprocess.CompletedProcess[str]:
    """Run to the end."""
    return subprocess.run(
        arguments,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        env=os.environ | more,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.usefixtures("found")
def test_the_exit_code_is_the_commands() -> None:
    """Whatever the command ends with, the caller is told; of a signal 128 and its number."""
    assert run(lab("sh", "-c", "exit 7")).returncode == 7
    assert run(lab("sh", "-c", "kill -9 $$")).returncode == 128 + signal.SIGKILL


@pytest.mark.usefixtures("found")
def test_an_ordinary_program_fetches_a_page() -> None:
    """A program that knows nothing of the lab resolves and fetches."""
    done = run(lab(sys.executable, "-c", FETCH))
    assert (done.returncode, done.stdout.strip()) == (0, "200"), done.stderr


@pytest.mark.usefixtures("found")
def test_a_command_that_is_not_there_is_said() -> None:
    """One line, and no traceback."""
    done = run(lab("no-such-program"))
    assert done.returncode == 2
    assert "no-such-program: No such file or directory" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("found")
def test_a_scenario_for_loopback_only_is_refused() -> None:
    """The stage that cannot play it says so before anything is built."""
    done = run([sys.executable, "-m", "probe", "lab", "up", "demo", "--", "true"])
    assert done.returncode == 2
    assert "is not for namespaces" in done.stderr


def test_packet_sockets_take_the_place_of_tun(found: Abilities, folder: Path) -> None:
    """Where no TUN may be opened, the wires are veth pairs and the same page comes."""
    if not found.has("packet"):
        pytest.skip("no AF_PACKET here")
    script = folder / "without_tun.py"
    script.write_text(
        "import sys\n"
        "from probe.lab.netns import check\n"
        "before = check.Abilities.has\n"
        "check.Abilities.has = lambda self, about: about != 'tun' and before(self, about)\n"
        "sys.argv = ['probe', *sys.argv[1:]]\n"
        "from probe.cli import main\n"
        "main()\n"
    )
    arguments = [sys.executable, str(script), *lab(sys.executable, "-c", FETCH)[3:]]
    done = run(arguments)
    assert (done.returncode, done.stdout.strip()) == (0, "200"), done.stderr
    assert "wires by AF_PACKET" in done.stderr


@pytest.mark.usefixtures("found")
def test_the_capture_shows_both_sides(folder: Path) -> None:
    """The file is a pcap of raw IP, with the line's private and its public address in it."""
    file = folder / "lab.pcap"
    assert run(lab(sys.executable, "-c", FETCH, options=["--pcap", str(file)])).returncode == 0
    data = file.read_bytes()
    magic, _, _, _, _, _, link = struct.unpack_from("=IHHiIII", data)
    assert (magic, link) == (0xA1B23C4D, 101)
    sources, at = set(), 24
    while at < len(data):
        _, nanoseconds, kept, size = struct.unpack_from("=IIII", data, at)
        assert kept == size
        assert nanoseconds < 10**9
        packet = data[at + 16 : at + 16 + kept]
        if packet[0] >> 4 == 4:
            sources.add(packet[12:16])
        at += 16 + kept
    assert bytes([192, 168, 1, 23]) in sources
    assert any(source[0] == 29 for source in sources)
    assert file.stat().st_mode & 0o077 == 0


def left_of(marker: str) -> list[int]:
    """Return the processes whose command line holds ``marker``."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if marker.encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
    return [pid for pid in found if pid != os.getpid()]


LEFT_BEHIND = "setsid sleep {n} & setsid sh -c 'trap \"\" TERM; sleep {n}' & echo ready; wait"


@pytest.mark.usefixtures("found")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_however_it_ends(how: signal.Signals, folder: Path) -> None:
    """Also what the command has put into the background, in sessions of its own, ends with it."""
    number = str(600_000 + os.getpid() % 90_000 + how)
    outer = subprocess.Popen(
        lab("sh", "-c", LEFT_BEHIND.format(n=number)),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"TMPDIR": str(folder)},
    )
    assert outer.stdout is not None
    assert outer.stdout.readline().strip() == "ready"
    within = [pid for pid in left_of(number) if pid != outer.pid]
    assert within
    watched = [os.pidfd_open(pid) for pid in within]
    outer.send_signal(how)
    code = outer.wait(PATIENCE_S)
    assert code == (-how if how is signal.SIGKILL else 128 + how)
    poll = select.poll()
    for fd in watched:
        poll.register(fd, select.POLLIN)
    waiting = set(watched)
    while waiting:
        ended = poll.poll(PATIENCE_S * 1000)
        assert ended, "a process of the lab has outlived it"
        for fd, _ in ended:
            poll.unregister(fd)
            os.close(fd)
            waiting.discard(fd)
    outer.stdout.close()
    assert left_of(number) == []
    if how is not signal.SIGKILL:  # then an empty folder stays
        assert list(folder.iterdir()) == []


@pytest.mark.usefixtures("found")
def test_what_a_command_leaves_behind_ends_with_it() -> None:
    """A daemon that the command has started does not outlive the lab."""
    number = str(700_000 + os.getpid() % 90_000)
    assert run(lab("sh", "-c", f"setsid sleep {number} >/dev/null 2>&1 & exit 0")).returncode == 0
    assert left_of(number) == []


def typed(arguments: Sequence[str], *steps: tuple[str, bytes]) -> int:
    """Run at a terminal; type each answer once its words have come; return the exit code."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(arguments[0], list(arguments))
    try:
        for words, answer in steps:
            shown = b""
            while words.encode() not in shown:
                ready, _, _ = select.select([terminal], [], [], PATIENCE_S)
                assert ready, shown
                shown += os.read(terminal, 4096)
            os.write(terminal, answer)
        with contextlib.suppress(OSError):  # a terminal that nobody holds any more
            while os.read(terminal, 4096):
                pass
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    finally:
        os.close(terminal)


@pytest.mark.usefixtures("found")
def test_a_shell_in_the_lab_has_the_terminal() -> None:
    """It is asked and answered; Ctrl-C goes to what runs in it, Ctrl-Z does nothing."""
    shell = "trap 'exit 9' INT; read word; sleep 600 & echo got:$word; wait"
    code = typed(lab("sh", "-c", shell), ("no way leads out", b"hi\n"), ("got:hi", b"\x1a\x03"))
    assert code == 9


def as_nobody() -> list[str] | None:
    """Return what runs Python as a user without any right, ``None`` where nobody could read us."""
    plain = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    plain += ["--inh-caps=-all", "--bounding-set=-all"]
    source = Path(probe.__file__).parents[1]
    paths = f"PYTHONPATH={source}:{sysconfig.get_path('purelib')}"
    for python in (sys.executable, "/usr/bin/python3"):
        command = [*plain, "env", paths, python]
        if (
            shutil.which("setpriv")
            and run([*command, "-c", "import probe, httpx, msgspec"]).returncode == 0
        ):
            return command
    return None


@pytest.mark.usefixtures("found")
def test_without_root_it_works_or_says_why() -> None:
    """A user without any right builds a lab of his own, or is told in one line what forbids it."""
    python = as_nobody() if os.geteuid() == 0 else [sys.executable]
    if python is None:
        pytest.skip("there is no other user here who could read this installation")
    may_not = run([*python, "-c", "from probe.lab.netns.syscalls import *; unshare(NEWUSER)"])
    done = run([*python, *lab(python[-1], "-c", FETCH)[1:]], HOME="/")
    if may_not.returncode == 0:
        assert (done.returncode, done.stdout.strip()) == (0, "200"), done.stderr
    else:
        assert done.returncode == 3
        assert "Traceback" not in done.stderr
        assert "namespaces" in done.stderr


def test_check_names_what_is_missing(found: Abilities) -> None:
    """Each thing that the stage cannot do without is named with its mend when it is not there."""
    for line in found.lines:
        broken = Abilities(
            tuple(
                replace(one, works=one.works and one is not line, mend="this")
                for one in found.lines
            )
        )
        problem = first_problem(broken)
        if line.needed:
            assert line.about in str(problem)
        else:
            assert problem is None


OWN = "http://{address}:8089/"
SERVE = "-m http.server --bind {address} 8089"


@pytest.mark.usefixtures("found")
def test_a_server_of_ones_own_stands_in_the_internet(folder: Path) -> None:
    """It is reached from the line at an address of the world, and ends with the lab."""
    world = build_world(load_world("small", "2026-03-02"), "XX")
    address = world.sites["www.newspaper.example"].addresses[0]
    fetch = (
        "import time, urllib.request as u\n"
        "for _ in range(100):\n"
        f" try: print(u.urlopen({OWN.format(address=address)!r}, timeout=20).status); break\n"
        " except OSError: time.sleep(0.1)\n"
    )
    serve = f"{sys.executable} {SERVE.format(address=address)} --directory {folder}"
    options = ("--world", "small", "--server", serve)
    done = run(lab(sys.executable, "-c", fetch, options=options))
    assert (done.returncode, done.stdout.strip()) == (0, "200"), done.stderr
    left = run(["pgrep", "-f", f"--bind {address} 8089"])
    assert left.stdout == ""


@pytest.mark.usefixtures("found")
@pytest.mark.parametrize(
    ("server", "said"),
    [("/no/such/program", "/no/such/program"), ("echo 'open", "no command line")],
)
def test_a_server_that_cannot_be_started_is_said(server: str, said: str) -> None:
    """Nothing is run without it."""
    done = run(lab("echo", "ran", options=("--server", server)))
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("found")
def test_a_server_that_ends_early_is_said() -> None:
    """The command goes on, and its failure has a reason."""
    done = run(lab("sleep", "2", options=("--server", "sh -c 'exit 7'")))
    assert done.returncode == 0
    assert "ended with code 7" in done.stderr
