"""Which of the machine's files a place sees covered, and by what."""

from pathlib import Path

import certifi
import pytest

from probe.lab.netns.outlook import BUNDLES, DAEMONS, Outlook, prepare_outlook
from probe.lab.netns.request import CONTROL_VARIABLE
from probe.lab.netns.staff import LEFT_OUT


def prepared(tmp_path: Path, root: Path) -> Outlook:
    """Prepare a place's files for a machine whose files are below ``root``."""
    return prepare_outlook(
        tmp_path / "place",
        nameservers=("29.1.2.3", "33.4.5.6"),
        packaged=b"packaged",
        system=b"system",
        pinned=b"pinned",
        root=root,
    )


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """Return a machine that has every file, and whose resolver's is a link, as systemd makes it."""
    root = tmp_path / "machine"
    for name in (
        "/etc/hosts",
        "/etc/nsswitch.conf",
        "/run/systemd/resolve/stub.conf",
        *BUNDLES,
        *DAEMONS,
    ):
        path = root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (root / "etc/resolv.conf").symlink_to(root / "run/systemd/resolve/stub.conf")
    return root


def test_every_file_is_covered_where_it_really_is(tmp_path: Path, machine: Path) -> None:
    """A link is followed: a mount on it would go to what it names."""
    seen = {
        target: Path(source).read_bytes() for source, target in prepared(tmp_path, machine).covers
    }
    assert seen[str(machine / "run/systemd/resolve/stub.conf")].startswith(
        b"nameserver 29.1.2.3\nnameserver 33.4.5.6\n"
    )
    assert b"localhost" in seen[str(machine / "etc/hosts")]
    assert b"hosts: files dns\n" in seen[str(machine / "etc/nsswitch.conf")]
    for bundle in BUNDLES:
        assert seen[str(machine) + bundle] == b"system"
    assert seen[str(Path(certifi.where()).resolve())] == b"packaged"
    assert [content for target, content in seen.items() if target.endswith("signal_root.pem")] == [
        b"pinned"
    ]


def test_the_machines_own_resolvers_are_out_of_reach(tmp_path: Path, machine: Path) -> None:
    """A socket of nscd or systemd-resolved would answer for the machine, not for the lab."""
    covered = {target: source for source, target in prepared(tmp_path, machine).covers}
    for daemon in DAEMONS:
        assert Path(covered[str(machine) + daemon]).read_bytes() == b""


def test_the_sessions_of_people_are_out_of_reach(tmp_path: Path, machine: Path) -> None:
    """By the bus a browser in the lab would have the one outside open its page."""
    bus = machine / "run/user/1000/bus"
    bus.parent.mkdir(parents=True)
    bus.touch()
    covers = {target: source for source, target in prepared(tmp_path, machine).covers}
    assert Path(covers[str(bus)]).read_bytes() == b""


def test_what_is_not_there_is_not_covered(tmp_path: Path) -> None:
    """A machine without a bundle or a resolver's file gets none."""
    empty = tmp_path / "empty"
    empty.mkdir()
    covered = [target for _, target in prepared(tmp_path, empty).covers]
    assert not [target for target in covered if target.startswith(str(empty))]


def test_variables_that_lead_past_the_lab_are_left_out() -> None:
    """A proxy, other roots: each would let a program miss the lab; its own variable is not one."""
    assert {"http_proxy", "https_proxy", "ssl_cert_file", "requests_ca_bundle"} <= LEFT_OUT
    assert all(name == name.lower() for name in LEFT_OUT)
    assert {"dbus_session_bus_address", "docker_host", "ssh_auth_sock"} <= LEFT_OUT
    assert CONTROL_VARIABLE.lower() not in LEFT_OUT
