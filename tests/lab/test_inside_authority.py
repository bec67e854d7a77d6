"""The name servers of all names: who asks from where is told which addresses."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.lab.ca import AuthorityName, make_authority
from probe.lab.certificates import Certificates
from probe.lab.inside.authority import Authority
from probe.lab.inside.geography import Geography
from probe.lab.inside.roles import served_part
from probe.lab.rules import Rule, Scenario
from probe.lab.scenario import load_scenario
from probe.lab.situation import Situation
from probe.lab.world import World, build_world

CDN = "web.messenger.example"
NOW = datetime(2026, 3, 2, tzinfo=UTC)


def authority(scenario: Scenario, cdn: Sequence[str] = (CDN,)) -> tuple[Authority, World]:
    assert scenario.services is not None
    world = build_world(scenario.services, "XX", cdn=cdn)
    certificates = Certificates(
        {AuthorityName.PUBLIC: make_authority(AuthorityName.PUBLIC, NOW)}, NOW
    )
    situation = Situation(world, served_part(scenario), certificates, now=NOW, rng=random.Random(1))
    return Authority(situation, Geography(world)), world


def ask(
    server: Authority,
    asker: str,
    name: str,
    kind: str = "A",
    subnet: tuple[str, int] | None = None,
) -> dns.message.Message:
    options: list[dns.edns.Option] = [] if subnet is None else [dns.edns.ECSOption(*subnet)]
    query = dns.message.make_query(name, kind, use_edns=0, options=options)
    wire = server.answer(query.to_wire(), asker)
    assert wire is not None
    return dns.message.from_wire(wire)


def addresses(message: dns.message.Message) -> set[str]:
    return {row.to_text() for rrset in message.answer for row in rrset}


@pytest.fixture(scope="module")
def plain() -> tuple[Authority, World]:
    return authority(load_scenario("none"))


def test_who_asks_at_home_is_given_the_addresses_at_home(plain: tuple[Authority, World]) -> None:
    """A content network answers by the resolver's place when the query says no more."""
    server, world = plain
    site = world.sites[CDN]
    at_home = addresses(ask(server, world.nameserver, CDN))
    elsewhere = addresses(ask(server, world.open_resolver, CDN))
    assert at_home == {a for a in site.addresses if ":" not in a}
    assert elsewhere == {a for a in site.elsewhere if ":" not in a}
    assert not at_home & elsewhere


def test_the_client_subnet_counts_and_not_the_resolver(plain: tuple[Authority, World]) -> None:
    """RFC 7871: a resolver abroad that says for whom it asks gets that client's addresses."""
    server, world = plain
    site = world.sites[CDN]
    home, away = (world.own_address, 24), (world.abroad_address, 24)
    assert addresses(ask(server, "8.8.8.8", CDN, subnet=home)) <= set(site.addresses)
    assert addresses(ask(server, world.nameserver, CDN, subnet=away)) <= set(site.elsewhere)
    six = (world.own_address_v6, 56)
    assert addresses(ask(server, "8.8.8.8", CDN, "AAAA", subnet=six)) <= set(site.addresses)


def test_the_scope_says_how_far_an_answer_holds(plain: tuple[Authority, World]) -> None:
    """An answer that is the same everywhere has scope 0, another one that of the subnet."""
    server, world = plain
    for name, scope in ((CDN, 24), ("www.newspaper.example", 0)):
        message = ask(server, "8.8.8.8", name, subnet=(world.own_address, 24))
        (option,) = message.options
        assert isinstance(option, dns.edns.ECSOption)
        assert option.scopelen == scope


def test_a_subnet_of_no_length_says_nothing(plain: tuple[Authority, World]) -> None:
    """A client that forbids to tell its network is answered by the resolver's place."""
    server, world = plain
    message = ask(server, world.open_resolver, CDN, subnet=("0.0.0.0", 0))
    assert addresses(message) <= set(world.sites[CDN].elsewhere)
    assert not message.options


def test_answers_are_authoritative_and_absence_is_explained(
    plain: tuple[Authority, World],
) -> None:
    """A name that exists only because of names below it is empty, not absent; both have a SOA."""
    server, world = plain
    for name, code in (
        ("messenger.example", dns.rcode.NOERROR),
        ("nothing.messenger.example", dns.rcode.NXDOMAIN),
    ):
        message = ask(server, world.nameserver, name)
        assert message.flags & dns.flags.AA
        assert message.rcode() == code
        assert not message.answer
        assert message.authority[0].rdtype == dns.rdatatype.SOA
    assert ask(server, "8.8.8.8", CDN, "TXT").rcode() == dns.rcode.NOERROR


def test_the_root_names_its_server(plain: tuple[Authority, World]) -> None:
    """A resolver that asks the root for its servers finds the address it asked."""
    server, world = plain
    (rrset,) = ask(server, "8.8.8.8", ".", "NS").answer
    name = next(iter(rrset)).to_text()
    assert addresses(ask(server, "8.8.8.8", name)) == {world.authority[0]}
    assert addresses(ask(server, "8.8.8.8", name, "AAAA")) == {world.authority[1]}


def test_a_services_own_servers_fail_for_the_country_only() -> None:
    """A rule of ``by: server`` on DNS is felt at home through every resolver, and not abroad."""
    server, world = authority(load_scenario("trap-dns-geoblocked"))
    home = (world.own_address, 24)
    assert ask(server, world.nameserver, CDN).rcode() == dns.rcode.SERVFAIL
    assert ask(server, "8.8.8.8", CDN, subnet=home).rcode() == dns.rcode.SERVFAIL
    assert ask(server, "8.8.8.8", CDN).rcode() == dns.rcode.NOERROR


def test_the_scope_of_a_refusal_at_home_is_the_subnet() -> None:
    """Otherwise a resolver would hand the country's refusal to everybody."""
    server, world = authority(load_scenario("trap-dns-geoblocked"), cdn=())
    (option,) = ask(server, "8.8.8.8", CDN, subnet=(world.abroad_address, 24)).options
    assert isinstance(option, dns.edns.ECSOption)
    assert option.scopelen == 24


def test_a_name_that_was_given_up_is_absent_everywhere() -> None:
    """``reach: everywhere`` spares nobody."""
    server, world = authority(load_scenario("trap-dns-name-gone"))
    for asker in (world.nameserver, "8.8.8.8"):
        assert ask(server, asker, CDN).rcode() == dns.rcode.NXDOMAIN


def test_lies_of_the_network_are_not_the_name_servers() -> None:
    """A rule of ``by: network`` is played on the way, never here."""
    server, world = authority(load_scenario("dns-nxdomain"))
    assert ask(server, world.nameserver, CDN).rcode() == dns.rcode.NOERROR


def test_a_rule_on_one_type_leaves_the_other_alone() -> None:
    """``types`` limits a rule of the name servers as it limits the network's."""
    scenario = load_scenario("trap-dns-name-gone")
    (rule,) = scenario.rules
    narrow: Rule = msgspec.structs.replace(
        rule, what=msgspec.structs.replace(rule.what, types=("AAAA",))
    )
    server, _ = authority(msgspec.structs.replace(scenario, rules=(narrow,)))
    assert ask(server, "8.8.8.8", CDN, "A").rcode() == dns.rcode.NOERROR
    assert ask(server, "8.8.8.8", CDN, "AAAA").rcode() == dns.rcode.NXDOMAIN


def test_a_server_that_throws_dice_is_not_remembered() -> None:
    """An answer that may be another one next time has no time to live."""
    scenario = load_scenario("trap-dns-name-gone")
    (rule,) = scenario.rules
    flaky = msgspec.structs.replace(rule, chance=0.5)
    server, _ = authority(msgspec.structs.replace(scenario, rules=(flaky,)))
    messages = [ask(server, "8.8.8.8", CDN) for _ in range(30)]
    assert {message.rcode() for message in messages} == {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}
    assert {r.ttl for m in messages for r in (*m.answer, *m.authority)} == {0}
    assert ask(server, "8.8.8.8", "www.newspaper.example").answer[0].ttl == 60


_VALID = dns.message.make_query(
    CDN, "A", use_edns=0, options=[dns.edns.ECSOption("33.1.2.0", 24)]
).to_wire()


@given(st.binary(max_size=200))
def test_whatever_arrives_is_answered_or_ignored(wire: bytes) -> None:
    """No bytes raise; an answer is a DNS message with the query's id."""
    answer = _SERVER.answer(wire, "33.1.2.3")
    if answer is not None:
        assert answer[:2] == wire[:2]
        assert dns.message.from_wire(answer).flags & dns.flags.QR


@given(st.lists(st.tuples(st.integers(0, len(_VALID) - 1), st.integers(0, 255)), max_size=6))
def test_a_damaged_query_is_answered_or_ignored(damages: list[tuple[int, int]]) -> None:
    """Bytes that are wrong anywhere in a query raise nothing either."""
    wire = bytearray(_VALID)
    for place, byte in damages:
        wire[place] = byte
    answer = _SERVER.answer(bytes(wire), "33.1.2.3")
    assert answer is None or answer[:2] == wire[:2]


def test_answers_are_not_answered(plain: tuple[Authority, World]) -> None:
    """Two name servers that answer each other's answers would never stop."""
    server, _ = plain
    query = dns.message.make_query(CDN, "A")
    query.flags |= dns.flags.QR
    assert server.answer(query.to_wire(), "8.8.8.8") is None


def test_geography_knows_hosts_blocks_and_strangers(plain: tuple[Authority, World]) -> None:
    """Hosts stand where the world says; the rest where its block lies; no address is abroad."""
    _, world = plain
    places = Geography(world)
    assert not places.abroad(world.nameserver)
    assert places.abroad("9.9.9.9")
    assert not places.abroad("29.200.0.0")
    assert not places.abroad("3ffe:b::")
    assert places.abroad("203.0.113.9")
    assert places.abroad("nowhere")
    assert places.abroad(world.abroad_address)
    assert places.abroad(world.abroad_address_v6)
    assert not places.abroad(world.own_address)
    assert not places.abroad(world.own_address_v6)
    moved = dict(world.hosts)
    moved["29.9.9.9"] = replace(moved[world.open_resolver], address="29.9.9.9", foreign=True)
    assert Geography(replace(world, hosts=moved)).abroad("29.9.9.9")


_SERVER, _ = authority(load_scenario("none"))
