"""Who serves what: programs of the real world where they can, our own servers where they must."""

import msgspec
import pytest

from probe.lab.actions import ACTIONS, Action, By
from probe.lab.inside.allotment import PROGRAMS, Allotment, allot
from probe.lab.inside.roles import diverted_part, served_part, timeless
from probe.lab.path.diversion import hidden, shifted
from probe.lab.rules import Rule, Scenario, What, Who
from probe.lab.scenario import load_scenario
from probe.lab.world import OWN, World, build_world
from probe.model.address import family_of
from probe.model.target import Kind
from probe.targets.load import load_catalog

NONE = load_scenario("none")
ANCHOR = "one.anchor.example"


def world(scenario: Scenario = NONE) -> World:
    assert scenario.services is not None
    return build_world(scenario.services, scenario.country)


def with_rule(action: Action, *, by: By = By.SERVER, **who: object) -> Scenario:
    rule = Rule(
        id="r",
        who=msgspec.convert(who, Who),
        what=What(action=action),
        by=by,
        layers=ACTIONS[action].layers,
    )
    return msgspec.structs.replace(NONE, rules=(rule,))


def served_by_programs(allotment: Allotment) -> set[str]:
    return {name for g in (*allotment.nginx, *allotment.caddy) for name in g.names}


def test_controls_are_served_by_nginx_and_caddy_in_turn() -> None:
    """Anchors abroad and at home are real web servers, half of them each; targets are ours."""
    shared = allot(world(), NONE, PROGRAMS)
    names = [
        {name for group in part for name in group.names} for part in (shared.nginx, shared.caddy)
    ]
    assert not names[0] & names[1]
    assert {ANCHOR, "www.bank.example", "portal.anchor.example"} <= names[0] | names[1]
    assert abs(len(names[0]) - len(names[1])) <= 1
    assert "web.messenger.example" not in names[0] | names[1]
    assert "comparison.example" not in names[0] | names[1]  # it answers to every SNI


def test_a_group_holds_every_address_of_its_names() -> None:
    """A site is served alike wherever its names lead."""
    here = world()
    for group in (*allot(here, NONE, PROGRAMS).nginx, *allot(here, NONE, PROGRAMS).caddy):
        assert set(group.addresses) == set(here.sites[group.names[0]].addresses)


def test_the_resolvers_are_unbounds() -> None:
    """The line's own and the open ones, at 53 and 853; DNS over HTTPS where no page is asked."""
    here = world()
    shared = allot(here, NONE, PROGRAMS)
    assert shared.line_resolver == ((here.nameserver, 53),)
    doors = set(shared.open_resolvers)
    assert {("8.8.8.8", 53), ("1.1.1.1", 853), ("9.9.9.9", 53)} <= doors
    assert ("8.8.8.8", 443) not in doors
    (address, *_) = here.sites["dns.quad9.net"].addresses
    assert {(address, 853), (address, 443)} <= doors
    assert (here.nameserver, 53) not in doors


def protocols() -> World:
    return build_world(load_scenario("protocols-none").services or (), "XX")


def test_relays_are_tors_and_one_bridge_is_behind_obfs4proxy() -> None:
    """At every address of theirs; the directory stays our own."""
    here = protocols()
    shared = allot(here, NONE, PROGRAMS)
    relay = here.sites["relay.tor.example"]
    assert {(address, 443) for address in relay.addresses} <= set(shared.relays)
    assert shared.bridge is not None
    assert shared.bridge[0] in here.sites["bridge.tor.example"].addresses
    assert family_of(shared.bridge[0]) == 4
    directory = here.sites["directory.tor.example"].addresses
    assert shared.taken.isdisjoint((address, 9030) for address in directory)
    assert allot(here, NONE, ("tor",)).programs() == ("tor",)
    assert allot(here, NONE, ("obfs4proxy",)).bridge is None


@pytest.mark.parametrize("action", [Action.WRONG_SERVICE, Action.GARBAGE, Action.MUTE])
def test_a_relay_that_is_to_be_somebody_else_is_ours(action: Action) -> None:
    """Tor does not misbehave on demand."""
    here = protocols()
    shared = allot(here, with_rule(action, host=["relay.tor.example"]), PROGRAMS)
    (address, *_) = here.sites["relay.tor.example"].addresses
    assert (address, 443) not in shared.taken
    (other, *_) = here.sites["read.ways.example"].addresses
    assert (other, 443) in shared.relays


def test_what_is_not_installed_serves_nothing() -> None:
    """Then everything is our own again."""
    assert allot(world(), NONE, ()) == Allotment()
    assert allot(world(), NONE, ()).taken == frozenset()
    assert allot(world(), NONE, ("caddy",)).programs() == ("caddy",)


@pytest.mark.parametrize(
    "action",
    [Action.ALERT, Action.EXPIRED_CERT, Action.WRONG_NAME_CERT, Action.RST, Action.HTTP_RESET],
)
def test_a_host_that_must_misbehave_is_ours(action: Action) -> None:
    """What a program cannot be made to do is done by our own server, for that host only."""
    before = served_by_programs(allot(world(), NONE, PROGRAMS))
    after = served_by_programs(allot(world(), with_rule(action, host=[ANCHOR]), PROGRAMS))
    assert before - after == {ANCHOR}


def test_a_refusal_in_the_page_passes_through_a_program() -> None:
    """A status comes from the origin behind, so the real web server stays."""
    shared = allot(world(), with_rule(Action.STATUS, host=[ANCHOR]), PROGRAMS)
    assert shared == allot(world(), NONE, PROGRAMS)


def test_rules_of_the_network_change_nothing() -> None:
    """They are played on the way, or at the ports of diverted flows."""
    scenario = with_rule(Action.MITM, by=By.NETWORK)
    assert allot(world(), scenario, PROGRAMS) == allot(world(), NONE, PROGRAMS)


def test_hours_and_keywords_do_not_move_hosts() -> None:
    """A program is not restarted when a window opens: what may be hit at any time is ours."""
    scenario = load_scenario("server-expired")
    shared = allot(world(scenario), scenario, PROGRAMS)
    (rule,) = timeless(scenario.rules)
    assert rule.windows == ()
    assert shared == allot(
        world(scenario), msgspec.structs.replace(scenario, rules=(rule,)), PROGRAMS
    )


@pytest.mark.parametrize(
    ("scenario", "unbound"),
    [
        (with_rule(Action.NXDOMAIN, host=[ANCHOR]), True),  # the name servers say so
        (with_rule(Action.REFUSED, host=[ANCHOR]), False),  # a resolver would say SERVFAIL
        (with_rule(Action.DNS_TIMEOUT), False),
        (with_rule(Action.NXDOMAIN, address=["9.9.9.9"]), False),  # one resolver's own doing
    ],
)
def test_resolvers_that_lie_themselves_are_ours(scenario: Scenario, unbound: bool) -> None:
    """What name servers do is relayed by unbound; what a resolver does needs our own."""
    assert bool(allot(world(), scenario, PROGRAMS).line_resolver) is unbound


def test_no_door_has_two_keepers() -> None:
    """In the whole catalog no address and port is given out twice."""
    here = build_world(load_catalog().services, "IR")
    shared = allot(here, NONE, PROGRAMS)
    web = [(a, p) for g in (*shared.nginx, *shared.caddy) for a in g.addresses for p in (80, 443)]
    tunnels = [door for stand in shared.tunnels for door in stand.doors]
    doors = [*web, *shared.line_resolver, *shared.open_resolvers, *shared.relays, *tunnels]
    assert shared.bridge is not None
    doors.append(shared.bridge)
    assert len(doors) == len(set(doors)) == len(shared.taken)
    assert all(port in here.hosts[address].ports for address, port in doors)
    assert len(shared.nginx) > 20
    assert len(shared.caddy) > 20


def test_who_speaks_quic_is_heard_at_every_door() -> None:
    """In the whole catalog: by caddy, or by us where the program at the door hears none."""
    here = build_world(load_catalog().services, "IR")
    shared = allot(here, NONE, PROGRAMS)
    quic = {
        (host.address, port)
        for host in here.hosts.values()
        for (carrier, port), endpoint in host.terms.items()
        if carrier == "udp" and endpoint.kind is Kind.QUIC
    }
    caddy = {(address, 443) for group in shared.caddy for address in group.addresses}
    nginx = {(address, 443) for group in shared.nginx for address in group.addresses}
    assert {port for _, port in quic} == {443, 853}
    assert quic & shared.heard == quic & caddy
    assert quic.isdisjoint(shared.open_resolvers), "it opens its ports for both, and speaks no QUIC"
    assert shared.heard <= shared.taken
    assert nginx.isdisjoint(shared.heard)


def test_what_special_hosts_do_stays_ours() -> None:
    """Resolvers, the block page and pinned services are no plain web sites; QUIC is the web's."""
    here = build_world(load_catalog().services, "IR")
    for host in here.hosts.values():
        if host.software != OWN:
            assert not any((host.resolver, host.block_page))
            assert host.speaks in ({}, {443: Kind.QUIC})
            assert host.ports == {80, 443}


def test_servers_play_their_own_rules_and_diverted_flows_both() -> None:
    """Single packets are the censor's machine's: neither list has them."""
    kinds = {
        "server": with_rule(Action.STATUS),
        "page": with_rule(Action.BLOCK_PAGE, by=By.NETWORK),
        "lie": with_rule(Action.NXDOMAIN, by=By.NETWORK),
        "inner reset": with_rule(Action.HTTP_RESET, by=By.NETWORK),
        "packets": with_rule(Action.SNI_RESET, by=By.NETWORK),
        "drop": with_rule(Action.DROP, by=By.NETWORK),
    }
    direct = {kind for kind, scenario in kinds.items() if served_part(scenario).rules}
    diverted = {kind for kind, scenario in kinds.items() if diverted_part(scenario).rules}
    assert direct == {"server"}
    assert diverted == {"server", "page", "lie", "inner reset"}


def test_the_ports_of_diverted_flows_are_hidden() -> None:
    """A shifted port is no port of the host, unless the host has it itself."""
    host = next(h for h in world().hosts.values() if 5222 in h.ports)
    assert hidden(host, shifted(443))
    assert hidden(host, shifted(8080))
    assert not any(hidden(host, port) for port in host.ports)
    host.ports.add(shifted(443))
    assert not hidden(host, shifted(443))
