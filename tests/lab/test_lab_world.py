"""The world that is made from a catalog."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from probe.lab.addresses import AddressBook
from probe.lab.registry import ABROAD_ASN, LINE_ASN, open_registry
from probe.lab.scenario import load_scenario
from probe.lab.stun import binding_reply
from probe.lab.world import build_world
from probe.model.address import is_public
from probe.model.target import Category, Endpoint, Expect, Kind, Purpose, Service, Trust
from probe.wire.stun import binding_request, mapped_address


def endpoint(kind: Kind, host: str, **fields: object) -> Endpoint:
    base = {"service": "s", "source": "test", "checked_on": date(2026, 3, 1)}
    return Endpoint(kind=kind, host=host, **base, **fields)  # type: ignore[arg-type]


def service(*endpoints: Endpoint, **fields: object) -> Service:
    base: dict[str, object] = {"id": "s", "name": "S", "category": Category.MESSAGING}
    return Service(endpoints=endpoints, **(base | fields))  # type: ignore[arg-type]


def test_two_processes_build_the_same_world() -> None:
    """The world is a function of the catalog: nothing is random."""
    services = load_scenario("demo").services
    assert services is not None
    one, other = build_world(services, "XX"), build_world(services, "XX")
    assert one == other


def test_every_address_looks_public_and_is_the_hosts_own() -> None:
    """The catalog's checks accept them all; no two names share one unless one serves the other."""
    services = load_scenario("demo").services
    assert services is not None
    world = build_world(services, "XX", cdn=["github.com"])
    assert all(is_public(address) for address in world.hosts)
    given = [a for site in world.sites.values() for a in (*site.addresses, *site.elsewhere)]
    assert len(set(given)) == len(given)


def test_a_front_serves_its_sni_and_its_host_header() -> None:
    """An endpoint whose SNI differs from its host is served under both names at one address."""
    front = endpoint(Kind.TLS, "front.example", sni="hidden.example", host_header="inner.example")
    world = build_world([service(front)], "XX")
    at = world.sites["front.example"].addresses
    assert world.sites["hidden.example"].addresses == at
    assert set(world.hosts[at[0]].names) == {"front.example", "hidden.example", "inner.example"}


def test_literals_keep_their_meaning() -> None:
    """An endpoint by address is served at that address, on its port, and nowhere else."""
    world = build_world([service(endpoint(Kind.TCP, "149.154.167.51", port=5222))], "XX")
    assert 5222 in world.hosts["149.154.167.51"].ports
    assert world.default_site(world.hosts["149.154.167.51"]) is not None


@pytest.mark.parametrize("host", ["{group}.example", "10.0.0.1", "127.0.0.1", "::1", ""])
def test_templates_and_private_hosts_have_no_place(host: str) -> None:
    """What must never be dialled does not exist in the lab."""
    world = build_world([service(endpoint(Kind.TCP, host, port=1))], "XX")
    assert host not in world.hosts
    assert host not in world.sites


def test_only_domestic_endpoints_of_this_country_are_at_home() -> None:
    """The border runs between the vantage's own domestic hosts and all others."""
    home = endpoint(Kind.TLS, "home.example", purpose=Purpose.DOMESTIC, country="XX")
    other = endpoint(Kind.TLS, "other.example", purpose=Purpose.DOMESTIC, country="YY")
    world = build_world([service(home, other, endpoint(Kind.TLS, "abroad.example"))], "XX")
    assert not world.sites["home.example"].foreign
    assert world.sites["other.example"].foreign
    assert world.sites["abroad.example"].foreign
    assert not world.hosts[world.nameserver].foreign


def test_pages_answer_what_is_expected() -> None:
    """``expect`` decides status and body; any other path is a plain page."""
    portal = endpoint(Kind.HTTP, "p.example", path="/204", expect=Expect(status=(204,)))
    text = endpoint(Kind.HTTP, "t.example", path="/t", expect=Expect(body_contains="hello"))
    world = build_world([service(portal, text)], "XX")
    assert world.sites["p.example"].page("/204").status == 204
    assert world.sites["p.example"].page("/204").body == b""
    assert b"hello" in world.sites["t.example"].page("/t?x=1").body
    assert world.sites["t.example"].page("/other").status == 200


def test_a_retired_service_has_no_name_any_more() -> None:
    """Its names do not resolve, unless a living service uses them too."""
    retired = service(
        endpoint(Kind.TLS, "old.example"), endpoint(Kind.TLS, "both.example"), id="old",
        retired_on=date(2025, 5, 5),
    )  # fmt: skip
    living = service(endpoint(Kind.TLS, "both.example"), id="new")
    for order in ([retired, living], [living, retired]):
        world = build_world(order, "XX")
        assert not world.sites["old.example"].exists
        assert world.sites["both.example"].exists


def test_trust_is_the_endpoints() -> None:
    """A pinned endpoint makes a pinned site."""
    world = build_world([service(endpoint(Kind.TLS, "c.example", trust=Trust.SIGNAL))], "XX")
    assert world.sites["c.example"].trust is Trust.SIGNAL


def test_the_book_never_gives_an_address_twice() -> None:
    """Even the same label gets a new address when asked again."""
    book = AddressBook()
    assert book.v4("x", foreign=True) != book.v4("x", foreign=True)
    assert book.v4("x", foreign=False).startswith("29.")
    assert is_public(book.v6("x", foreign=True))


def test_the_stun_server_tells_the_lines_own_address() -> None:
    """A binding request is answered with the address; nothing else is answered at all."""
    transaction = bytes(range(12))
    reply = binding_reply(binding_request(transaction), "29.1.2.3", 4000)
    assert reply is not None
    assert mapped_address(reply, transaction) == "29.1.2.3"
    assert mapped_address(reply, bytes(12)) is None
    assert binding_reply(b"\x00\x01" + bytes(18), "29.1.2.3", 4000) is None
    assert binding_reply(b"", "29.1.2.3", 4000) is None


def test_the_registry_knows_the_labs_blocks_and_nothing_else(tmp_path: Path) -> None:
    """Home and abroad are told apart; a real address is not in it."""
    now = datetime(2026, 3, 2, tzinfo=UTC)
    with open_registry(tmp_path, country="XX", abroad="XA", now=now) as lookup:
        assert (lookup.seen("29.1.2.3").asn, lookup.seen("29.1.2.3").country) == (LINE_ASN, "XX")
        assert lookup.seen("33.1.2.3").asn == ABROAD_ASN
        assert lookup.seen("3ffe:b::1").asn == LINE_ASN
        assert lookup.seen("9.9.9.9").asn is None
