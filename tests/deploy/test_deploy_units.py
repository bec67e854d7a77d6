"""The units, the cron file and the image description say what the tool understands."""

import configparser
import re
import shlex
import shutil
import subprocess
from importlib import import_module
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
DEPLOY = TOP / "deploy"
UNIT = DEPLOY / "systemd" / "probe@.service"
CONTROL = DEPLOY / "systemd" / "probe-control.service"
TIMERS = sorted((DEPLOY / "systemd").glob("*.timer"))
CRON = DEPLOY / "cron" / "probe"
DOCKERFILE = DEPLOY / "docker" / "Dockerfile"


class Unit(configparser.ConfigParser):
    """A unit file: repeated keys are kept, in order, one a line."""

    def __init__(self, file: Path) -> None:
        super().__init__(strict=False, interpolation=None, delimiters=("=",))
        sections: dict[str, dict[str, list[str]]] = {}
        section: dict[str, list[str]] = {}
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.startswith("["):
                section = sections.setdefault(line.strip("[]"), {})
            elif "=" in line and not line.startswith("#"):
                key, _, value = line.partition("=")
                section.setdefault(key, []).append(value)
        self.read_dict({n: {k: "\n".join(v) for k, v in s.items()} for n, s in sections.items()})


def cron_jobs() -> list[str]:
    """Return the commands of the cron file."""
    lines = CRON.read_text(encoding="utf-8").splitlines()
    return [line.split(None, 6)[6] for line in lines if re.match(r"[\d*]", line)]


def options_of(command: str) -> list[str]:
    """Return what follows ``probe`` in a command, its options only, without values."""
    words = shlex.split(command.split(" probe ", 1)[1] if " probe " in command else command)
    return [word for word in words if word.startswith("--")]


def known_options(name: str) -> set[str]:
    """Return the options of a subcommand."""
    from typer.main import get_command

    module = import_module(f"probe.cli.{name}")
    return {option for param in get_command(module.app).params for option in param.opts}


def test_the_unit_takes_findings_and_offline_lines_for_success() -> None:
    """Exit codes 1 and 3 are results; 2, 4 and 5 stay failures."""
    assert Unit(UNIT)["Service"]["SuccessExitStatus"].split() == ["1", "3"]


def test_the_unit_prints_no_results() -> None:
    """Standard output, where targets are named, never reaches the journal."""
    service = Unit(UNIT)["Service"]
    assert service["StandardOutput"] == "null"
    assert service["LimitCORE"] == "0"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("User", "probe"),
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("CapabilityBoundingSet", ""),
        ("RestrictAddressFamilies", "AF_INET AF_INET6 AF_NETLINK AF_UNIX"),
        ("StateDirectory", "probe"),
        ("StateDirectoryMode", "0700"),
        ("UMask", "0077"),
        ("KillSignal", "SIGINT"),
    ],
)
def test_the_unit_is_hardened(key: str, value: str) -> None:
    """Each of these must be a decision to change, not a slip."""
    assert Unit(UNIT)["Service"][key] == value


def test_the_control_s_unit_is_as_hardened_as_the_other() -> None:
    """The same walls around a server that strangers can reach; what a look needs stays open."""
    other = Unit(UNIT)["Service"]
    control = Unit(CONTROL)["Service"]
    own = {"type", "execstart", "successexitstatus", "timeoutstartsec", "environment"}
    for key, value in other.items():
        if key not in own:
            assert control.get(key) == value, key
    assert control["StandardOutput"] == "null"
    assert control["RestartPreventExitStatus"].split() == ["2", "4"]
    assert "--plain" not in control["ExecStart"]


def test_the_unit_has_bounds() -> None:
    """Memory, tasks and time end somewhere."""
    service = Unit(UNIT)["Service"]
    for key in ("MemoryMax", "TasksMax", "TimeoutStartSec", "SystemCallFilter"):
        assert service[key]


def test_timers_spread_their_moments() -> None:
    """A fixed minute makes edges worse and is a mark in a log; missed looks stay gaps."""
    assert [file.name for file in TIMERS] == ["probe@core.timer", "probe@default.timer"]
    for file in TIMERS:
        timer = Unit(file)["Timer"]
        assert timer["RandomizedDelaySec"] in {"15min", "22h"}
        assert timer["Persistent"] == "false"


def test_unit_and_cron_use_options_that_exist() -> None:
    """A renamed option would make every unattended round fail with exit code 2."""
    known = known_options("run")
    commands = [Unit(UNIT)["Service"]["ExecStart"], *cron_jobs()]
    for command in commands:
        assert set(options_of(command.split("probe run", 1)[1])) <= known


def test_the_image_uses_options_that_exist() -> None:
    """The same for the default command of the image."""
    known = known_options("watch")
    command = re.search(r"^CMD (\[.*\])$", DOCKERFILE.read_text(encoding="utf-8"), re.MULTILINE)
    assert command
    words = shlex.split(command.group(1).strip("[]").replace(",", " "))
    assert words[0] == "watch"
    assert {word for word in words if word.startswith("--")} <= known


def test_cron_waits_locks_and_is_silent() -> None:
    """Jitter, a lock that queues, results thrown away, and no percent sign that cron would eat."""
    jobs = cron_jobs()
    assert len(jobs) == 2
    for job in jobs:
        assert "shuf -i 0-" in job
        assert "flock -w" in job
        assert ">/dev/null 2>/var/lib/probe/cron.log || cat /var/lib/probe/cron.log" in job
        assert "%" not in job
        assert subprocess.run(["/bin/sh", "-n", "-c", job], check=False).returncode == 0


def test_cron_and_unit_share_lock_and_store() -> None:
    """Whoever changes from one to the other keeps one store and one queue."""
    cron = CRON.read_text(encoding="utf-8")
    unit = UNIT.read_text(encoding="utf-8").replace("%S", "/var/lib")
    for part in ("/var/lib/probe/unit.lock", "PROBE_STORE=/var/lib/probe/probe.sqlite"):
        assert part in cron
        assert part in unit


def test_the_image_runs_without_root_and_from_the_lock() -> None:
    """The last stage has a user, hashes are required, and only the catalog and source go in."""
    text = DOCKERFILE.read_text(encoding="utf-8")
    last = text.split("FROM")[-1]
    assert "\nUSER probe\n" in last
    assert "--require-hashes -r requirements.lock" in text
    assert "HEALTHCHECK" in last
    assert "ADD " not in text
    for source in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE):
        for name in source.split():
            assert (TOP / name).exists(), name


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
class TestWithSystemd:
    """What systemd itself says of the units."""

    def test_verify(self, tmp_path: Path) -> None:
        """``systemd-analyze verify`` finds nothing to say about units and timers."""
        for file in (UNIT, CONTROL, *TIMERS):
            shutil.copy(file, tmp_path / file.name)
        units = (CONTROL, *TIMERS)
        names = [tmp_path / "probe@core.service", *(tmp_path / file.name for file in units)]
        shutil.copy(UNIT, tmp_path / "probe@core.service")
        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", *map(str, names)],
            capture_output=True,
            text=True,
            check=False,
        )
        ours = [line for line in done.stderr.splitlines() if "probe" in line]
        assert ours == []
        assert done.returncode == 0, done.stderr

    def test_security(self) -> None:
        """The exposure stays at 1.5 or below (0 is sealed, 10 is open)."""
        done = subprocess.run(
            [
                "systemd-analyze",
                "security",
                "--offline=yes",
                "--threshold=15",
                str(UNIT),
                str(CONTROL),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-400:] + done.stderr
