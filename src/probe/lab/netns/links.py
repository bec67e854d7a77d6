"""The links, addresses and routes of the lab, as batches for ``ip`` and settings of the kernel.

The batches are text, made without touching anything; ``run_ip`` gives one to ``ip -batch`` in
the namespace that this thread is in.
"""

import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from probe.lab.line import LabError
from probe.lab.netns.addresses import Addresses
from probe.lab.netns.namespaces import Ground, Namespace, Place
from probe.lab.netns.wires import (
    PACKET_PREFIX,
    TunWire,
    Wire,
    open_packet,
    open_tun,
    plain_sending,
)

__all__ = [
    "LAN",
    "LAN_ROUTER",
    "ROUTED",
    "TUNNEL",
    "WIRED",
    "abroad_batch",
    "abroad_router_batch",
    "client_routes",
    "has_ipv6",
    "internet_batch",
    "ip_program",
    "lan_batch",
    "line_batch",
    "open_wires",
    "router_batch",
    "run_ip",
    "settle",
]

ROUTED, LAN, LAN_ROUTER, TUNNEL = "probe1", "probe0", "probe0r", "probetun0"
"""Interface names begin with ``probe``: by any other, the guard takes a route for a way out."""

WIRED = (Place.ROUTER, Place.ABROAD_ROUTER, Place.INTERNET)
_ALL_V4, _ALL_V6 = "0.0.0.0/0", "::/0"
_SBIN = ("/usr/sbin", "/sbin", "/usr/bin", "/bin")

_EVERYWHERE = {
    "ipv4/conf/all/rp_filter": "0",
    "ipv4/conf/default/rp_filter": "0",
    "ipv4/icmp_ratelimit": "0",
    "ipv4/icmp_msgs_per_sec": "100000",
    "ipv6/icmp/ratelimit": "0",
    "ipv6/conf/default/accept_dad": "0",
    "ipv6/conf/all/accept_dad": "0",
    "ipv6/conf/default/accept_ra": "0",
    "ipv6/conf/all/keep_addr_on_down": "1",
    "ipv6/conf/default/keep_addr_on_down": "1",
    "ipv6/conf/all/disable_ipv6": "0",
    "ipv6/conf/default/disable_ipv6": "0",
}
"""A test must not depend on how often the kernel feels like saying that a port is closed."""

_ROUTING = {"ipv4/ip_forward": "1", "ipv6/conf/all/forwarding": "1"}
_ABROAD = {"ipv4/ip_local_port_range": "20000 32000"}
"""Below the range of the vantage, whose VPN comes out at the same address."""

_SERVING = {
    "ipv4/ip_nonlocal_bind": "1",
    "ipv6/ip_nonlocal_bind": "1",
    "core/somaxconn": "4096",
}


def ip_program() -> str | None:
    """Return where ``ip`` of iproute2 is, also when it is not in the path; ``None`` if nowhere."""
    found = shutil.which("ip")
    folders = (Path(folder) / "ip" for folder in _SBIN)
    return found or next((str(path) for path in folders if path.is_file()), None)


def run_ip(batch: Iterable[str], *, keep: Iterable[int] = ()) -> None:
    """Run ``ip -batch`` in this thread's network namespace; ``keep`` are descriptors it may name.

    Lines that begin with ``-6`` are run after the others, by ``ip -6``: a batch has one family.

    Raises:
        LabError: ``ip`` is not installed, or refuses a line; says which.

    """
    program = ip_program()
    if program is None:
        raise LabError("the program ip is not installed (Debian: apt install iproute2)")
    lines = list(batch)
    plain = [line for line in lines if not line.startswith("-6 ")]
    sixth = [line.removeprefix("-6 ") for line in lines if line.startswith("-6 ")]
    for options, part in (((), plain), (("-6",), sixth)):
        if not part:
            continue
        done = subprocess.run(  # noqa: S603 - our own batch, for a program of the system
            [program, *options, "-batch", "-"],
            input="\n".join(part) + "\n",
            capture_output=True,
            text=True,
            check=False,
            pass_fds=tuple(keep),
        )
        if done.returncode != 0:
            said = " ".join(done.stderr.split())[:300]
            raise LabError(f"a link could not be made: {said}")


def settle(place: Place) -> None:
    """Set the kernel's switches of the namespace that this thread is in, before it has links.

    What this kernel does not have (IPv6, a younger switch) is passed over.

    Raises:
        LabError: forwarding cannot be switched on.

    """
    wanted: dict[str, str] = dict(_EVERYWHERE)
    needed: Mapping[str, str] = {}
    if place in (Place.ROUTER, Place.ABROAD_ROUTER):
        needed = _ROUTING
    elif place is Place.INTERNET:
        needed = _SERVING
    elif place is Place.ABROAD:
        needed = _ABROAD
    for name, value in (wanted | dict(needed)).items():
        try:
            (Path("/proc/sys/net") / name).write_text(value, encoding="ascii")
        except OSError as exc:
            if name == "ipv4/ip_forward":
                raise LabError(f"forwarding cannot be switched on: {exc.strerror}") from exc


def has_ipv6() -> bool:
    """Return whether this kernel speaks IPv6."""
    return Path("/proc/sys/net/ipv6").is_dir()


def lan_batch(router: Namespace) -> list[str]:
    """Return the link between a place and its router, made in the place."""
    return [
        "link set lo up",
        f"link add {LAN} type veth peer name {LAN_ROUTER} netns /proc/self/fd/{router.fd}",
    ]


def line_batch() -> list[str]:
    """Return the vantage's end of its link; what it carries is the line's (``line_state``)."""
    return [f"link set {LAN} up"]


def router_batch() -> list[str]:
    """Return the home router's two links: the LAN, and the wire to the provider."""
    return [
        "link set lo up",
        f"link set {LAN_ROUTER} up",
        f"route add {_ALL_V4} dev {ROUTED}",
    ]


def abroad_batch(addresses: Addresses, *, ipv6: bool) -> list[str]:
    """Return the addresses and routes of the uncensored place."""
    lines = [
        f"addr add {addresses.abroad_v4}/24 dev {LAN}",
        f"link set {LAN} up",
        f"route add {_ALL_V4} via {addresses.abroad_gateway_v4}",
    ]
    if ipv6:
        lines += [
            f"addr add {addresses.abroad_v6}/64 dev {LAN} nodad",
            f"route add {_ALL_V6} via {addresses.abroad_gateway_v6}",
        ]
    return lines


def abroad_router_batch(addresses: Addresses, *, ipv6: bool) -> list[str]:
    """Return the links of the router abroad."""
    lines = [*router_batch(), f"addr add {addresses.abroad_gateway_v4}/24 dev {LAN_ROUTER}"]
    if ipv6:
        lines += [
            f"addr add {addresses.abroad_gateway_v6}/64 dev {LAN_ROUTER} nodad",
            f"route add {_ALL_V6} dev {ROUTED}",
        ]
    return lines


def internet_batch(addresses: Addresses, *, ipv6: bool) -> list[str]:
    """Return the routes of the internet: every address is this machine, but for the clients'."""
    lines = ["link set lo up", f"route add local {_ALL_V4} dev lo table main"]
    if ipv6:
        lines += [f"route add local {_ALL_V6} dev lo table main"]
    return lines + client_routes(addresses, ipv6=ipv6)


def client_routes(addresses: Addresses, *, ipv6: bool) -> list[str]:
    """Return the way from the internet back to the line, the control and the VPN's exit."""
    wanted = (a for a in addresses.outside() if ipv6 or ":" not in a)
    return [f"route replace {a}/{128 if ':' in a else 32} dev {ROUTED}" for a in wanted]


def open_wires(ground: Ground, *, tun: bool = True) -> dict[Place, Wire]:
    """Make the three wires whose other ends are in the routers and in the internet.

    Raises:
        LabError: neither TUN nor AF_PACKET is allowed here.

    """
    return {
        place: _tun_wire(ground, place) if tun else _packet_wire(ground, place, number)
        for number, place in enumerate(WIRED)
    }


def _tun_wire(ground: Ground, place: Place) -> TunWire:
    with ground.inside(place):
        wire = open_tun(ROUTED)
        run_ip(_wired())
    return wire


def _packet_wire(ground: Ground, place: Place, number: int) -> Wire:
    """Join ``place`` and the box by a veth pair; both ends have one hardware address."""
    name, mac = f"{PACKET_PREFIX}{number}", bytes([2, 0x70, 0x72, 0x6F, 0x62, number])
    written = mac.hex(":")
    home = ground.home.fd
    with ground.inside(place):
        peer = f"peer name {name} address {written} netns /proc/self/fd/{home}"
        run_ip([f"link add {ROUTED} address {written} type veth {peer}"], keep=(home,))
        plain_sending(ROUTED)
        run_ip([f"link set {ROUTED} arp off", *_wired()])
    plain_sending(name)
    run_ip([f"link set {name} addrgenmode none", f"link set {name} arp off up"])
    return open_packet(name, mac)


def _wired() -> list[str]:
    return [
        f"link set {ROUTED} addrgenmode none",
        f"link set {ROUTED} txqueuelen 1000 mtu 1500 up",
    ]
