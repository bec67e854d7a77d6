"""What the system says about the line, from made-up answers and folders."""

import socket
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.net.line import LineState, look
from probe.net.routes import Route, parse_route, route_question

ARP = "IP address       HW type     Flags       HW address            Mask     Device\n"


def machine(
    root: Path,
    *,
    name: str = "eth0",
    kind: str = "1",
    device: bool = False,
    tun: bool = False,
    uevent: str = "",
    arp: str = "",
) -> Path:
    folder = root / "sys/class/net" / name
    folder.mkdir(parents=True)
    (folder / "type").write_text(f"{kind}\n")
    (folder / "uevent").write_text(uevent)
    if device:
        (folder / "device").mkdir()
    if tun:
        (folder / "tun_flags").write_text("0x1001\n")
    (root / "proc/net").mkdir(parents=True)
    (root / "proc/net/arp").write_text(ARP + arp)
    return root


def answering(v4: Route | None, v6: Route | None = None) -> Callable[[str], Route | None]:
    return lambda address: v6 if ":" in address else v4


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that names interface 7."""

    def name(text: str) -> None:
        monkeypatch.setattr(socket, "if_indextoname", lambda _number: text)

    return name


def test_a_plain_line(tmp_path: Path, named: Callable[[str], None]) -> None:
    """A way out over Ethernet, with a gateway that answers ARP."""
    named("eth0")
    root = machine(tmp_path, arp="192.168.1.1  0x1  0x2  02:00:5e:10:00:01  *  eth0\n")
    state = look(answering(Route(7, "192.168.1.1", "192.168.1.23")), root)
    assert state == LineState(
        default_route=True,
        gateway="192.168.1.1",
        gateway_reachable=True,
        tunnel=False,
        ipv6_route=False,
        addresses=("192.168.1.23",),
    )


@pytest.mark.parametrize(
    ("arp", "reachable"),
    [
        ("192.168.1.1  0x1  0x0  00:00:00:00:00:00  *  eth0\n", False),
        ("192.168.1.254  0x1  0x2  02:00:5e:10:00:01  *  eth0\n", None),
        ("192.168.1.1  0x1  what  02:00:5e:10:00:01  *  eth0\n", None),
        ("broken\n", None),
    ],
)
def test_a_gateway_is_silent_or_not_known(
    tmp_path: Path, named: Callable[[str], None], arp: str, *, reachable: bool | None
) -> None:
    """Only an entry that was asked for in vain says that the gateway is silent."""
    named("eth0")
    root = machine(tmp_path, arp=arp)
    assert look(answering(Route(7, "192.168.1.1")), root).gateway_reachable is reachable


@pytest.mark.parametrize(
    ("made", "tunnel"),
    [
        ({"name": "wg0", "kind": "65534", "uevent": "DEVTYPE=wireguard\nINTERFACE=wg0\n"}, True),
        ({"name": "home", "kind": "65534", "uevent": "DEVTYPE=wireguard\n"}, True),
        ({"name": "tun0", "kind": "65534", "tun": True}, True),
        ({"name": "x0", "kind": "1", "tun": True}, True),
        ({"name": "gre1", "kind": "778"}, True),
        ({"name": "nordlynx", "kind": "1"}, True),
        ({"name": "wwan0", "kind": "65534", "device": True}, False),
        ({"name": "ppp0", "kind": "512"}, None),
        ({"name": "wlan0", "kind": "1", "device": True}, False),
    ],
)
def test_tunnels_are_told_from_lines(
    tmp_path: Path,
    named: Callable[[str], None],
    made: dict[str, str | bool],
    *,
    tunnel: bool | None,
) -> None:
    """By type and name; a modem stands on a device, and PPP may be either."""
    named(str(made["name"]))
    root = machine(tmp_path, **made)  # type: ignore[arg-type]
    assert look(answering(Route(7)), root).tunnel is tunnel


def test_no_way_out_is_known() -> None:
    """A kernel that says "no route" is another thing than one that says nothing."""

    def refusing(_address: str) -> Route | None:
        raise OSError("no rtnetlink here")

    none = look(answering(None, None))
    assert (none.default_route, none.tunnel, none.ipv6_route) == (False, None, False)
    assert look(refusing) == LineState()


def test_an_ipv6_only_line(tmp_path: Path, named: Callable[[str], None]) -> None:
    """IPv6 alone is a way out too."""
    named("eth0")
    state = look(answering(None, Route(7, "fe80::1", "2001:db8::5")), machine(tmp_path))
    assert (state.default_route, state.ipv6_route) == (True, True)
    assert state.gateway == "fe80::1"
    assert state.addresses == ("2001:db8::5",)


def netlink(kind: int, *attributes: tuple[int, bytes], route_type: int = 1) -> bytes:
    body = struct.pack("=8BL", socket.AF_INET, 32, 0, 0, 254, 0, 0, route_type, 0)
    for number, value in attributes:
        padding = b"\0" * (-len(value) % 4)
        body += struct.pack("=HH", 4 + len(value), number) + value + padding
    return struct.pack("=LHHLL", 16 + len(body), kind, 0, 1, 0) + body


def test_routes_are_read() -> None:
    """Interface, gateway and source are found among attributes that are not known."""
    answer = netlink(
        24,
        (15, b"abc"),
        (1, bytes([1, 1, 1, 1])),
        (4, struct.pack("=I", 7)),
        (5, bytes([10, 0, 0, 1])),
        (7, bytes([10, 0, 0, 2])),
    )
    assert parse_route(answer) == Route(7, "10.0.0.1", "10.0.0.2")


def test_no_route_is_none() -> None:
    """An error, an unreachable route and one without an interface are no way."""
    assert parse_route(struct.pack("=LHHLL", 36, 2, 0, 1, 0) + b"\0" * 20) is None
    assert parse_route(netlink(24, (4, struct.pack("=I", 7)), route_type=7)) is None
    assert parse_route(netlink(24)) is None


@given(st.binary(max_size=120))
def test_any_answer_is_a_route_or_none(data: bytes) -> None:
    """No bytes raise anything but ``ValueError``."""
    head = struct.pack("=LHHLL", 28 + len(data), 24, 0, 1, 0)
    for answer in (data, netlink(24) + data, head + data):
        try:
            found = parse_route(answer)
        except ValueError:
            continue
        assert found is None or found.interface >= 0


def test_a_question_names_the_address() -> None:
    """The request carries family, prefix length and the address."""
    wire = route_question("2606:4700:4700::1111")
    assert struct.unpack_from("=L", wire)[0] == len(wire) == 16 + 12 + 4 + 16
    assert wire[16:18] == bytes([socket.AF_INET6, 128])
    assert wire.endswith(socket.inet_pton(socket.AF_INET6, "2606:4700:4700::1111"))
