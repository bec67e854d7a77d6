"""The guard: which values of PROBE_NET allow which addresses, and that it is in force."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.errors import ForbiddenNetwork
from probe.net import guard
from probe.net.guard import Namespace, Policy

ROUTE_HEAD = "Iface\tDestination\tGateway\tFlags\n"


@pytest.mark.parametrize("address", ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"])
def test_loopback_is_allowed(address: str) -> None:
    """127.0.0.0/8, ::1 and the mapped form of either are loopback."""
    assert Policy("loopback").allows(address)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "::",
        "::ffff:8.8.8.8",
        "::ffff:0.0.0.0",
        "8.8.8.8",
        "10.0.0.1",
        "169.254.169.254",
        "255.255.255.255",
        "224.0.0.1",
        "fe80::1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "localhost",
        "example.com",
        "",
        "127.0.0.1.example.com",
        "0127.0.0.1",
    ],
)
def test_everything_else_is_refused(address: str) -> None:
    """Nothing but loopback literals passes, whatever it looks like."""
    assert not Policy("loopback").allows(address)


@given(st.ip_addresses())
def test_only_loopback_addresses_pass(ip: object) -> None:
    """Of all addresses, those that pass under ``loopback`` are the loopback ones."""
    allowed = Policy("loopback").allows(str(ip))
    mapped = getattr(ip, "ipv4_mapped", None)
    inner = ip if mapped is None else mapped
    assert allowed == getattr(inner, "is_loopback")  # noqa: B009 - ``object`` has none


@pytest.mark.parametrize("value", ["", "real", "LOOPBACK", "lab:", "lab:x", "lab:-1", "loopback "])
def test_unknown_values_are_refused(value: str) -> None:
    """A PROBE_NET that nobody knows stops the program instead of opening the network."""
    with pytest.raises(ForbiddenNetwork):
        Policy(value)


def test_unset_needs_consent() -> None:
    """Without PROBE_NET nothing but loopback passes until consent was shown."""
    policy = Policy(None)
    assert policy.allows("127.0.0.1")
    assert not policy.allows("8.8.8.8")
    assert not policy.allows_name("example.com")
    policy.consented = True
    assert policy.allows("8.8.8.8")
    assert policy.allows_name("example.com")
    policy.confined = True
    assert not policy.allows("8.8.8.8")
    assert not policy.allows_name("example.com")


def test_consent_opens_nothing_under_loopback() -> None:
    """PROBE_NET=loopback holds also for a process that has consent."""
    policy = Policy("loopback", consented=True)
    assert not policy.allows("8.8.8.8")
    assert not policy.allows_name("example.com")
    assert policy.allows_name("localhost")
    assert policy.allows_name("127.0.0.1")


DEV_HEAD = "Inter-|   Receive  |  Transmit\n face |bytes    packets |bytes    packets\n"


def lab(
    tmp_path: Path, *, route: str = ROUTE_HEAD, route6: str = "", dev: str = ""
) -> tuple[Namespace, int]:
    """Return a made-up /proc of a namespace, and its inode."""
    (tmp_path / "self/ns").mkdir(parents=True)
    (tmp_path / "net").mkdir()
    ns = tmp_path / "self/ns/net"
    ns.write_text("")
    (tmp_path / "net/route").write_text(route)
    (tmp_path / "net/ipv6_route").write_text(route6)
    devices = "".join(f"{name:>6}:       0       0\n" for name in ("lo", *dev.split()))
    (tmp_path / "net/dev").write_text(DEV_HEAD + devices)
    return Namespace(tmp_path), ns.stat().st_ino


def test_lab_allows_anything_inside_its_namespace(tmp_path: Path) -> None:
    """Inside the namespace that is named, with routes of the lab only, all may be dialled.

    Names may be looked up, too: the resolver that the lab's files name is the lab's own.
    """
    route = f"{ROUTE_HEAD}probe0\t00000000\t0100000A\t0003\n"
    route6 = "0" * 32 + " 00 " + "0" * 32 + " 00 x x x x       lo\n"
    namespace, inode = lab(tmp_path, route=route, route6=route6)
    policy = Policy(f"lab:{inode}", namespace)
    assert policy.allows("8.8.8.8")
    assert policy.allows_name("example.com")
    assert policy.in_lab


def test_lab_of_another_namespace_is_refused(tmp_path: Path) -> None:
    """The variable cannot be carried out of the namespace that it was made for."""
    namespace, inode = lab(tmp_path)
    with pytest.raises(ForbiddenNetwork, match="another network namespace"):
        Policy(f"lab:{inode + 1}", namespace)


@pytest.mark.parametrize("table", ["route", "route6"])
def test_lab_with_a_route_out_is_refused(tmp_path: Path, table: str) -> None:
    """A route by an interface that the lab did not make leads out."""
    route = f"{ROUTE_HEAD}eth0\t00000000\t0100000A\t0003\n" if table == "route" else ROUTE_HEAD
    route6 = "0" * 32 + " 00 x 00 x x x x x     eth0\n" if table == "route6" else ""
    namespace, inode = lab(tmp_path, route=route, route6=route6)
    with pytest.raises(ForbiddenNetwork, match="eth0"):
        Policy(f"lab:{inode}", namespace)


def test_lab_with_an_interface_of_the_machine_is_refused(tmp_path: Path) -> None:
    """Its routes may be in a table of their own, which the kernel shows in no file."""
    namespace, inode = lab(tmp_path, dev="probe0 tunl0 sit0 wlan0")
    with pytest.raises(ForbiddenNetwork, match=r"by wlan0$"):
        Policy(f"lab:{inode}", namespace)


def test_a_device_that_was_renamed_is_no_link_of_the_lab(tmp_path: Path) -> None:
    """Links of the lab are made by the kernel alone; behind a network card there is a device."""
    (tmp_path / "class/net/probe0/device").mkdir(parents=True)
    namespace, inode = lab(tmp_path, dev="probe0 probe1")
    with pytest.raises(ForbiddenNetwork, match=r"by probe0$"):
        Policy(f"lab:{inode}", replace(namespace, sys=tmp_path))


def test_interfaces_of_the_lab_and_of_every_namespace_lead_nowhere(tmp_path: Path) -> None:
    """The kernel's fallback tunnels come with modules, wanted or not."""
    namespace, inode = lab(tmp_path, dev="probe0 probetun0 tunl0 sit0 ip6tnl0 gre0")
    assert Policy(f"lab:{inode}", namespace).in_lab


@pytest.mark.parametrize(
    ("hidden", "refused"), [("route", True), ("dev", True), ("ipv6_route", False)]
)
def test_what_cannot_be_read_is_a_way_out(tmp_path: Path, hidden: str, refused: bool) -> None:
    """Android hides routes and interfaces: a phone is no lab. A kernel may lack IPv6."""
    namespace, inode = lab(tmp_path)
    (tmp_path / "net" / hidden).unlink()
    if refused:
        with pytest.raises(ForbiddenNetwork, match="route out"):
            Policy(f"lab:{inode}", namespace)
    else:
        assert Policy(f"lab:{inode}", namespace).in_lab


def test_lab_ends_when_the_namespace_changes(tmp_path: Path) -> None:
    """A process that moves to another namespace may dial nothing there."""
    namespace, inode = lab(tmp_path)
    policy = Policy(f"lab:{inode}", namespace)
    (tmp_path / "self/ns/other").write_text("")
    (tmp_path / "self/ns/other").rename(tmp_path / "self/ns/net")
    assert not policy.allows("8.8.8.8")
    assert policy.allows("127.0.0.1")


# What these dial would stay on this machine even if the guard failed: the kernel takes 0.0.0.0
# and :: for this host, and a label of 70 characters is refused before a resolver is asked.
NOWHERE, NOWHERE_6, UNASKABLE = "0.0.0.0", "::", "a" * 70


def connect_tcp() -> None:
    with socket.socket() as sock:
        sock.connect((NOWHERE, 9))


def connect_by_name() -> None:
    with socket.socket() as sock:
        sock.connect((UNASKABLE, 9))


def connect_ex_by_name() -> None:
    with socket.socket() as sock:
        sock.connect_ex((UNASKABLE, 9))


def send_by_name() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"x", (UNASKABLE, 9))


def send_message_by_name() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendmsg([b"x"], [], 0, (UNASKABLE, 9))


def connect_nowhere() -> None:
    with socket.socket() as sock:
        sock.connect(("", 9))


def connect_udp6() -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.connect((NOWHERE_6, 9))


def send_datagram() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"x", (NOWHERE, 9))


def send_message() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendmsg([b"x"], [], 0, (NOWHERE, 9))


@pytest.mark.parametrize(
    "send",
    [
        connect_tcp,
        connect_by_name,
        connect_ex_by_name,
        send_by_name,
        send_message_by_name,
        connect_nowhere,
        connect_udp6,
        send_datagram,
        send_message,
        lambda: socket.getaddrinfo(UNASKABLE.encode(), 80),
        lambda: socket.gethostbyname(UNASKABLE.encode()),  # type: ignore[arg-type]
        lambda: socket.gethostbyaddr(UNASKABLE.encode()),  # type: ignore[arg-type]
    ],
)
def test_the_hook_stops_every_library(send: Callable[[], object]) -> None:
    """Whatever dials or resolves in this process is refused before a packet leaves."""
    with pytest.raises(ForbiddenNetwork):
        send()


@pytest.mark.parametrize(
    ("event", "place"),
    [
        ("socket.gethostbyaddr", NOWHERE),
        ("socket.getnameinfo", (NOWHERE, 9)),
        ("socket.getnameinfo", (UNASKABLE, 9)),
        ("socket.gethostbyaddr", "fe80::1%eth0"),
    ],
)
def test_the_hook_stops_questions_about_addresses(event: str, place: object) -> None:
    """Who asks for the name of an address asks a resolver; the event alone is raised here."""
    with pytest.raises(ForbiddenNetwork):
        sys.audit(event, place)
    sys.audit(event, "127.0.0.1" if isinstance(place, str) else ("::1", 9))


def test_the_hook_leaves_loopback_alone() -> None:
    """Loopback, localhost and connected sockets pass the hook."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", 9))
        sock.sendmsg([b"x"])
    assert socket.getaddrinfo("127.0.0.1", 80)
    assert socket.getaddrinfo(None, 80)
    guard.check("127.0.0.1")
    assert guard.mode() == "loopback"


def run_python(code: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own, without PROBE_NET but for ``environ``."""
    clean = {k: v for k, v in os.environ.items() if k != "PROBE_NET"}
    return subprocess.run(
        [sys.executable, "-c", code],
        env=clean | environ,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_installed_in_a_fresh_process_without_the_variable() -> None:
    """With PROBE_NET unset and no consent, a library's own dialling is refused too."""
    code = (
        "import socket\nfrom probe.net import guard\nguard.install()\nguard.install()\n"
        "try:\n    socket.socket().connect(('0.0.0.0', 9))\n"
        "except Exception as exc:\n    print(type(exc).__name__, exc)\n"
    )
    done = run_python(code)
    assert "ForbiddenNetwork 0.0.0.0: no packet leaves before consent is given" in done.stdout


def test_confined_processes_stay_confined() -> None:
    """After ``confine`` a consent opens nothing any more."""
    code = (
        "import datetime\nfrom probe.consent import Consent\nfrom probe.net import guard\n"
        "guard.confine()\n"
        "guard.permit(Consent(version='1', text_sha256='', categories=(),"
        " given=datetime.datetime.now(datetime.UTC)))\n"
        "try:\n    guard.check('0.0.0.0')\n"
        "except Exception as exc:\n    print(type(exc).__name__)\n"
    )
    assert run_python(code).stdout.strip() == "ForbiddenNetwork"


def test_a_typing_error_in_the_variable_stops_the_process() -> None:
    """PROBE_NET=lopback is an error, not the open network."""
    done = run_python("from probe.net import guard; guard.install()", PROBE_NET="lopback")
    assert done.returncode != 0
    assert "is not known" in done.stderr
