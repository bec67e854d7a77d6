"""Batches for ``ip``: interfaces the guard knows, the state that is wanted, whatever was before."""

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.lab.line import LabError
from probe.lab.line_spec import HOME, Ipv6, LineSpec
from probe.lab.netns import links
from probe.lab.netns.addresses import addresses_of, plumbing_of
from probe.lab.netns.line_state import LineState, router_lines, state_of, vantage_lines
from probe.lab.scenario import load_scenario
from probe.lab.world import build_world
from probe.model.address import is_public
from probe.net.guard import LAB_INTERFACES

NONE = load_scenario("none")
WORLD = build_world(NONE.services or (), "XX")
HOME_ADDRESSES = addresses_of(WORLD, LineSpec())
STATES = st.builds(
    LineState,
    link=st.booleans(),
    gateway=st.booleans(),
    ipv6=st.sampled_from(Ipv6),
    tunnel=st.booleans(),
)


def test_every_place_has_an_address_of_its_own() -> None:
    """Addresses are distinct, the same each time, public where others see them."""
    a = HOME_ADDRESSES
    assert a == addresses_of(build_world(NONE.services or (), "XX"), LineSpec())
    known = (*a.outside(), a.abroad_gateway_v4, a.line_gateway_v6, a.abroad_gateway_v6)
    assert len(set(known)) == len(known)
    assert all(is_public(address) for address in a.outside())
    assert not set(a.outside()) & set(WORLD.hosts)
    assert plumbing_of(a).line_public_v4 == WORLD.own_address


@given(st.text(min_size=1, max_size=12).filter(lambda label: label != HOME))
def test_another_network_is_another_address(label: str) -> None:
    """Away from home the line has another router and is seen as somebody else."""
    away = addresses_of(WORLD, LineSpec(network=label))
    assert away.line_gateway_v4 != HOME_ADDRESSES.line_gateway_v4
    assert away.line_public_v4 != HOME_ADDRESSES.line_public_v4
    assert away.line_v6 == HOME_ADDRESSES.line_v6


@given(STATES, st.booleans())
def test_only_interfaces_that_the_guard_knows(state: LineState, ipv6: bool) -> None:
    """A route by any other interface would be taken for a way out."""
    a = HOME_ADDRESSES
    batches = [
        vantage_lines(state, a, ipv6=ipv6),
        router_lines(state, a, ipv6=ipv6),
        links.line_batch(),
        links.router_batch(),
        links.abroad_batch(a, ipv6=ipv6),
        links.abroad_router_batch(a, ipv6=ipv6),
        links.internet_batch(a, ipv6=ipv6),
        links.client_routes(a, ipv6=ipv6),
    ]
    for line in (line for batch in batches for line in batch):
        for name in re.findall(r"(?:dev|name|link set|link add) (\S+)", line):
            assert name == "lo" or name.startswith(LAB_INTERFACES), line
        if not ipv6:
            assert ":" not in line, line


@given(STATES)
def test_the_state_does_not_depend_on_the_one_before(state: LineState) -> None:
    """What comes and goes is flushed before it is put in place, in each family."""
    lines = vantage_lines(state, HOME_ADDRESSES, ipv6=True)
    for flush, put in (
        ("route flush 0.0.0.0/0", "route replace 0.0.0.0/0"),
        ("addr flush", "addr replace 192"),
        ("-6 route flush ::/0", "-6 route replace ::/0"),
    ):
        at = next(n for n, line in enumerate(lines) if line.startswith(flush))
        assert all(n > at for n, line in enumerate(lines) if line.startswith(put))


def test_a_line_without_a_link_has_no_route() -> None:
    """Neither family leads anywhere."""
    state = state_of(LineSpec(link=False, ipv6=Ipv6.WORKS), tunnelled=False)
    lines = vantage_lines(state, HOME_ADDRESSES, ipv6=True)
    assert "link set probe0 down" in lines
    assert not [line for line in lines if "route replace" in line]


def test_a_vpn_is_preferred() -> None:
    """Its default route has the lower metric, so the kernel takes it."""
    state = state_of(LineSpec(tunnel=True), tunnelled=True)
    defaults = [
        line
        for line in vantage_lines(state, HOME_ADDRESSES, ipv6=True)
        if "replace 0.0.0.0/0" in line
    ]
    metrics = {line.split("dev ")[1].split()[0]: int(line.split()[-1]) for line in defaults}
    assert metrics["probetun0"] < metrics["probe0"]


def test_a_firewall_is_a_rule_that_prohibits() -> None:
    """To each address that is walled off, in its family; what was there before is taken away."""
    walled = frozenset({"33.1.2.3", "3ffe:a::7"})
    state = state_of(LineSpec(), tunnelled=False, walled=walled)
    lines = vantage_lines(state, HOME_ADDRESSES, ipv6=True)
    walls = [
        "rule add to 33.1.2.3/32 pref 50 prohibit",
        "-6 rule add to 3ffe:a::7/128 pref 50 prohibit",
    ]
    assert [line for line in lines if "prohibit" in line] == walls
    for flush, wall in zip(("rule flush", "-6 rule flush"), walls, strict=True):
        assert lines.index(f"{flush} pref 50") < lines.index(wall)
    assert walls[1] not in vantage_lines(state, HOME_ADDRESSES, ipv6=False)


def test_who_never_had_a_firewall_needs_no_rules() -> None:
    """Not every kernel has them; one that had a firewall loses it."""
    never = vantage_lines(state_of(LineSpec(), tunnelled=False), HOME_ADDRESSES, ipv6=True)
    assert not [line for line in never if "rule" in line]
    state = state_of(LineSpec(), tunnelled=False, walled=frozenset())
    lost = [line for line in vantage_lines(state, HOME_ADDRESSES, ipv6=True) if "rule" in line]
    assert lost == ["rule flush pref 50", "-6 rule flush pref 50"]


@pytest.fixture
def fake_ip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a program called ``ip`` into the path; it notes what it is given."""
    program = tmp_path / "ip"
    program.write_text(
        '#!/bin/sh\necho "$@" >>"$0.said"\ncat >>"$0.said"\n'
        'test ! -e "$0.fails" || { echo "Error: no such thing" >&2; exit 1; }\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return program


def test_lines_of_ipv6_are_run_apart(fake_ip: Path) -> None:
    """One batch has one family: IPv6's flushes would do nothing in the other."""
    links.run_ip(["link set lo up", "-6 route flush ::/0", "addr add x"])
    assert fake_ip.with_name("ip.said").read_text().splitlines() == [
        "-batch -",
        "link set lo up",
        "addr add x",
        "-6 -batch -",
        "route flush ::/0",
    ]


def test_what_the_kernel_refuses_is_said(fake_ip: Path) -> None:
    """The words of ``ip`` reach the person."""
    fake_ip.with_name("ip.fails").touch()
    with pytest.raises(LabError, match="Error: no such thing"):
        links.run_ip(["link set lo up"])


def test_without_iproute2_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mend is a package of Debian's."""
    monkeypatch.setattr(links, "ip_program", lambda: None)
    with pytest.raises(LabError, match="apt install iproute2"):
        links.run_ip(["link set lo up"])
