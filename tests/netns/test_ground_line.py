"""What a program in the vantage finds: a home line, its files, its states, and no way out."""

import asyncio
import os
import socket
import ssl
from datetime import timedelta
from pathlib import Path
from typing import Any

import certifi
import msgspec
import pytest

from probe.errors import ForbiddenNetwork
from probe.lab.actions import ACTIONS, Action, By
from probe.lab.line_spec import Ipv6, LineSpec
from probe.lab.netns.attached import AttachedLab
from probe.lab.rules import Rule, What, Who
from probe.lab.windows import When, compile_window
from probe.net import guard
from probe.net.base import NetFailure
from probe.net.lab_net import LabNet
from probe.net.line import LineState, look
from probe.net.system_roots import system_roots_pem
from probe.net.trust import default_roots
from probe.probes.env import Timeouts

pytestmark = pytest.mark.netns

WEB = "web.messenger.example"
NOBODY = "33.1.2.3"
PATIENCE_S, SILENCE_S = 5.0, 0.7
"""How long to wait for what comes, and for what does not."""


async def put_line(lab: AttachedLab, **fields: Any) -> None:
    """Play no censor on a line that has ``fields``."""
    line = LineSpec(**fields)
    await lab.play(msgspec.structs.replace(lab.scenario, line=line, rules=()))


async def failure_of(
    net: LabNet, address: str, port: int = 443, *, wait_s: float = PATIENCE_S
) -> str | None:
    """Return how connecting fails, ``None`` when it does not."""
    try:
        stream = await net.connect_tcp(address, port, timeout_s=wait_s)
    except NetFailure as failure:
        return failure.failure
    await stream.aclose()
    return None


def dropped(addresses: list[str]) -> Rule:
    """Return a rule of the network's that drops what goes to ``addresses``."""
    return Rule(
        id="drop",
        who=Who(address=tuple(addresses)),
        what=What(action=Action.DROP),
        by=By.NETWORK,
        layers=ACTIONS[Action.DROP].layers,
    )


def web_addresses(lab: AttachedLab, family: int) -> list[str]:
    """Return the addresses of a web site of the world."""
    return [a for a in lab.world.sites[WEB].addresses if (":" in a) == (family == 6)]


def interfaces() -> set[str]:
    """Return what sysfs shows of interfaces in this place."""
    return {path.name for path in Path("/sys/class/net").iterdir()}


async def silent(net: LabNet, address: str) -> bool:
    """Return whether nothing at all comes back."""
    return await failure_of(net, address, wait_s=SILENCE_S) == "generic_timeout_error"


async def test_the_line_is_that_of_a_home(lab: AttachedLab) -> None:
    """One interface, a router that answers ARP, a private address, no tunnel, no IPv6."""
    assert await failure_of(lab.net(), web_addresses(lab, 4)[0]) is None
    assert look() == LineState(
        default_route=True,
        gateway="192.168.1.1",
        gateway_reachable=True,
        tunnel=False,
        ipv6_route=False,
        addresses=("192.168.1.23",),
    )
    assert interfaces() == {"lo", "probe0"}


async def test_no_way_leads_out(lab: AttachedLab) -> None:
    """The guard finds no route but the lab's, and knows the namespace by its number."""
    assert guard.mode() == f"lab:{os.stat('/proc/self/ns/net').st_ino}"  # noqa: PTH116 - follows
    assert guard.Namespace().ways_out() == ()
    assert os.environ["PROBE_LAB"]


async def test_names_are_looked_up_at_the_labs_resolver(lab: AttachedLab) -> None:
    """``getaddrinfo`` gives the world's addresses; no other name exists."""
    found = await lab.net().system_resolve(WEB, 4, timeout_s=5)
    assert set(found.addresses) == set(web_addresses(lab, 4))
    assert lab.net().nameservers() == (lab.world.nameserver,)
    with pytest.raises(NetFailure, match="dns_nxdomain_error"):
        await lab.net().system_resolve("www.not-in-the-lab.example", 4, timeout_s=5)


async def test_a_closed_port_is_refused_and_nobody_is_silent(lab: AttachedLab) -> None:
    """The servers' kernel answers for closed ports; where the world has nobody, nothing does."""
    assert await failure_of(lab.net(), web_addresses(lab, 4)[0], 81) == "connection_refused"
    assert await silent(lab.net(), NOBODY)


def contents(path: str) -> bytes:
    """Return what a file shows in this place."""
    return Path(path).read_bytes()


async def test_files_show_the_labs_authorities(lab: AttachedLab) -> None:
    """The file of certifi is the public authority's, the system's holds the state's as well."""
    public = lab.control_roots.packaged_pem
    assert contents(certifi.where()) == public
    assert system_roots_pem() == lab.roots.system_pem
    assert lab.roots.system_pem != public
    roots = default_roots()
    assert (roots.packaged_pem, roots.system_pem) == (public, lab.roots.system_pem)
    assert dict(roots.pinned) == dict(lab.roots.pinned)
    assert contents("/etc/hosts").count(b"\n") == 2


async def test_an_ordinary_program_believes_the_labs_servers(lab: AttachedLab) -> None:
    """The system's own trust store is enough for a handshake by the machine's clock."""
    context = ssl.create_default_context(cafile="/etc/ssl/certs/ca-certificates.crt")
    reader, writer = await asyncio.open_connection(WEB, 443, ssl=context)
    del reader
    subject = writer.get_extra_info("peercert")["subjectAltName"]
    assert ("DNS", WEB) in subject
    writer.close()
    await writer.wait_closed()


async def test_without_a_link_there_is_no_route(lab: AttachedLab) -> None:
    """An unplugged cable: the kernel says so at once."""
    await put_line(lab, link=False)
    assert look().default_route is False
    assert await failure_of(lab.net(), web_addresses(lab, 4)[0]) == "network_unreachable"


async def test_a_dead_gateway_does_not_answer_arp(lab: AttachedLab) -> None:
    """There is a route, and nobody at its first step."""
    await put_line(lab, gateway=False)
    assert await failure_of(lab.net(), web_addresses(lab, 4)[0]) is not None
    state = look()
    assert (state.default_route, state.gateway_reachable) == (True, False)


async def test_ipv6_works_where_the_line_has_it(lab: AttachedLab) -> None:
    """With IPv6 the servers are reached by it; without it the kernel knows no way."""
    await put_line(lab, ipv6=Ipv6.WORKS)
    assert look().ipv6_route is True
    assert await failure_of(lab.net(), web_addresses(lab, 6)[0]) is None
    await put_line(lab)
    assert look().ipv6_route is False
    assert await failure_of(lab.net(), web_addresses(lab, 6)[0]) == "network_unreachable"


async def test_broken_ipv6_is_a_route_into_silence(lab: AttachedLab) -> None:
    """The kernel has a route, and nothing ever comes back; IPv4 goes on."""
    await put_line(lab, ipv6=Ipv6.BROKEN)
    assert look().ipv6_route is True
    assert await silent(lab.net(), web_addresses(lab, 6)[0])
    assert await failure_of(lab.net(), web_addresses(lab, 4)[0]) is None


async def test_another_network_has_other_addresses(lab: AttachedLab) -> None:
    """In a cafe the router is another one, and the line still works."""
    await put_line(lab, network="cafe")
    state = look()
    assert (state.gateway, state.addresses) == ("192.168.2.1", ("192.168.2.23",))
    assert await failure_of(lab.net(), web_addresses(lab, 4)[0]) is None


INSIDE_HOURS, OUTSIDE_HOURS = timedelta(hours=20), timedelta(hours=12)


async def test_a_vpn_holds_the_route_in_its_hours(lab: AttachedLab) -> None:
    """A tunnel interface takes the default route, leads around the line's censor, and goes."""
    evening = compile_window(When(daily="18:00-24:00"), "UTC")
    line = LineSpec(tunnel=True, tunnel_windows=(evening,))
    drop = dropped(web_addresses(lab, 4))
    await lab.play(msgspec.structs.replace(lab.scenario, line=line, rules=(drop,)))
    day = lab.scenario.starts
    await lab.set_time(day + OUTSIDE_HOURS)
    assert look().tunnel is False
    assert await silent(lab.net(), web_addresses(lab, 4)[0])
    await lab.set_time(day + INSIDE_HOURS)
    assert look().tunnel is True
    assert await failure_of(lab.net(), web_addresses(lab, 4)[0]) is None
    found = await lab.net().system_resolve(WEB, 4, timeout_s=5)
    assert set(found.addresses) == set(web_addresses(lab, 4))
    await lab.set_time(day + OUTSIDE_HOURS)
    assert look().tunnel is False


async def test_what_is_cut_here_works_abroad(lab: AttachedLab) -> None:
    """The control abroad measures the same endpoint past the line's censor."""
    drop = dropped(web_addresses(lab, 4))
    await lab.play(msgspec.structs.replace(lab.scenario, rules=(drop,)))
    endpoint = next(e for s in lab.services for e in s.endpoints if e.host == WEB)
    assert await silent(lab.net(), web_addresses(lab, 4)[0])
    seen = await lab.observe(endpoint, Timeouts(5, 5, 5, 5))
    assert [step.failure for step in seen.steps if step.failure] == []
    assert seen.steps[-1].status == 200  # type: ignore[union-attr]
    counted = await lab.counters()
    assert any("drop" in name for name in counted), counted


async def test_the_time_stands_where_it_is_put(lab: AttachedLab) -> None:
    """Once set, the lab's time moves only by those who sleep on its clock."""
    await lab.set_time(lab.scenario.starts)
    async with await AttachedLab.attach() as again:
        assert again.clock.now() == lab.scenario.starts
        await again.clock.sleep(90)
    async with await AttachedLab.attach() as once_more:
        assert once_more.clock.now() == lab.scenario.starts + timedelta(seconds=90)


async def test_another_world_takes_the_place_of_this_one(lab: AttachedLab) -> None:
    """Playing with other services serves their names and forgets the old ones."""
    service = lab.services[0]
    endpoint = msgspec.structs.replace(service.endpoints[0], host="new.messenger.example")
    other = msgspec.structs.replace(service, endpoints=(endpoint,))
    await lab.play(lab.scenario, (other,))
    found = await lab.net().system_resolve("new.messenger.example", 4, timeout_s=5)
    assert await failure_of(lab.net(), found.addresses[0]) is None
    with pytest.raises(NetFailure, match="dns_nxdomain_error"):
        await lab.net().system_resolve(WEB, 4, timeout_s=5)


async def test_a_line_that_is_no_order_is_refused(lab: AttachedLab) -> None:
    """Whatever comes by the control socket, the lab answers and goes on."""
    reader, writer = await asyncio.open_unix_connection(os.environ["PROBE_LAB"])
    for line in (b"nonsense\n", b'{"type":"start"}\n', b'{"type":"locate"}\n', b"\xff\xfe\n"):
        writer.write(line)
        answer = msgspec.json.decode(await reader.readline())
        assert answer["error"]
    writer.close()
    await writer.wait_closed()
    assert await failure_of(lab.net(), web_addresses(lab, 4)[0]) is None


def first_hop(address: str) -> str | None:
    """Return who says that a datagram with a TTL of 1 has ended there."""
    recverr, ip_ttl, errqueue = 11, 2, 0x2000
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.IPPROTO_IP, recverr, 1)
        sock.setsockopt(socket.IPPROTO_IP, ip_ttl, 1)
        sock.settimeout(5)
        sock.sendto(b"x", (address, 33434))
        try:
            sock.recv(1)
        except OSError:
            _, ancillary, _, _ = sock.recvmsg(100, 200, errqueue)
            return socket.inet_ntoa(ancillary[0][2][20:24])
    return None


async def test_the_first_hop_is_the_home_router(lab: AttachedLab) -> None:
    """A TTL of 1 ends at a real kernel, which names the gateway."""
    found = await asyncio.to_thread(first_hop, web_addresses(lab, 4)[0])
    assert found == "192.168.1.1"


async def test_the_network_ends_with_the_namespace(
    lab: AttachedLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the variable names another namespace, no network of the lab can be made."""
    monkeypatch.setattr(guard.Namespace, "inode", lambda self: 1)
    with pytest.raises(ForbiddenNetwork):
        LabNet()
