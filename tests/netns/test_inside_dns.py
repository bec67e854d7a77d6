"""Names in the lab's internet: recursive resolvers, name servers, answers by place."""

from random import Random

import dns.asyncquery
import dns.edns
import dns.message
import dns.rcode
import msgspec
import pytest
from inside_view import ask, fetch, resolved

from probe.lab.inside.program import find_program
from probe.lab.netns.attached import AttachedLab
from probe.lab.scenario import load_scenario
from probe.model.measurement import DnsEngine
from probe.net import guard
from probe.probes.env import ProbeEnv, Timeouts
from probe.probes.measure import measure
from probe.probes.options import ProbeOptions

pytestmark = [
    pytest.mark.netns,
    pytest.mark.skipif(not guard.in_lab(), reason="not in a lab: run make test-netns"),
]

CDN = "web.messenger.example"
ABSENT = "nothing.messenger.example"


def addresses(message: dns.message.Message) -> set[str]:
    return {row.to_text() for rrset in message.answer for row in rrset}


async def test_the_line_asks_unbound(lab: AttachedLab) -> None:
    """The line's resolver is the real program; so are the open ones."""
    if find_program("unbound") is None:
        pytest.skip("unbound is not installed")
    for server in (lab.world.nameserver, "9.9.9.9"):
        query = dns.message.make_query("version.bind", "TXT", "CH")
        said = await dns.asyncquery.udp(query, server, timeout=5)
        assert "unbound" in said.answer[0].to_text()


@pytest.mark.parametrize("tcp", [False, True])
async def test_resolvers_tell_the_truth(lab: AttachedLab, tcp: bool) -> None:
    """Over UDP and TCP, the line's own and the open ones: addresses, absence, emptiness."""
    site = lab.world.sites[CDN]
    for server in (lab.world.nameserver, "8.8.8.8", "1.1.1.1"):
        four = await ask(server, CDN, tcp=tcp)
        six = await ask(server, CDN, "AAAA", tcp=tcp)
        assert addresses(four) | addresses(six) == set(site.addresses)
        assert (await ask(server, ABSENT, tcp=tcp)).rcode() == dns.rcode.NXDOMAIN
        empty = await ask(server, "messenger.example", tcp=tcp)
        assert (empty.rcode(), empty.answer) == (dns.rcode.NOERROR, [])


async def test_a_content_network_answers_by_place(lab: AttachedLab) -> None:
    """The line and the control abroad get different addresses, and both serve the site."""
    none = load_scenario("none")
    await lab.play(msgspec.structs.replace(none, cdn=(CDN,)))
    site = lab.world.sites[CDN]
    own = addresses(await ask(lab.world.nameserver, CDN))
    assert own == {a for a in site.addresses if ":" not in a}
    (endpoint,) = (e for s in lab.services for e in s.endpoints if e.host == CDN)
    seen = await lab.observe(endpoint, Timeouts())
    abroad = set().union(*resolved(seen))
    assert abroad
    assert abroad <= set(site.elsewhere)
    assert not abroad & own
    for address in (*sorted(own), *sorted(a for a in abroad if ":" not in a)):
        page = await fetch(lab, address, CDN)
        assert (page.status, CDN in page.names) == (200, True)


async def test_an_open_resolver_says_for_whom_it_asks(lab: AttachedLab) -> None:
    """The client's network goes to the name servers (RFC 7871), so 8.8.8.8 answers by place."""
    if find_program("unbound") is None:
        pytest.skip("unbound is not installed")
    await lab.play(msgspec.structs.replace(load_scenario("none"), cdn=(CDN,)))
    site = lab.world.sites[CDN]
    assert addresses(await ask("8.8.8.8", CDN)) <= set(site.addresses)
    told = await ask("8.8.8.8", CDN, subnet=lab.world.abroad_address.rpartition(".")[0] + ".0")
    assert addresses(told) <= set(site.elsewhere)
    assert addresses(await ask("8.8.8.8", CDN)) <= set(site.addresses)  # nothing was kept


async def test_name_servers_can_be_asked_directly(lab: AttachedLab) -> None:
    """The authority answers the line as it answers resolvers, with the scope of its answer."""
    await lab.play(msgspec.structs.replace(load_scenario("none"), cdn=(CDN,)))
    told = await ask(lab.world.authority[0], CDN, subnet=lab.world.own_address)
    (option,) = told.options
    assert isinstance(option, dns.edns.ECSOption)
    assert option.scopelen == 24
    assert addresses(told) <= set(lab.world.sites[CDN].addresses)


@pytest.mark.parametrize(
    ("scenario", "code"),
    [("trap-dns-geoblocked", dns.rcode.SERVFAIL), ("trap-dns-name-gone", dns.rcode.NXDOMAIN)],
)
async def test_what_name_servers_do_shows_through_every_resolver(
    lab: AttachedLab, scenario: str, code: dns.rcode.Rcode
) -> None:
    """A service's own refusal is the same wherever one asks at home, and ends with the scenario."""
    await lab.play(load_scenario(scenario))
    for server in (lab.world.nameserver, "9.9.9.9"):
        assert (await ask(server, CDN)).rcode() == code
    await lab.play(load_scenario("none"))
    for server in (lab.world.nameserver, "9.9.9.9"):
        assert (await ask(server, CDN)).rcode() == dns.rcode.NOERROR


async def test_encrypted_resolvers_agree(lab: AttachedLab) -> None:
    """DNS over TLS and over HTTPS give the addresses that plain DNS does."""
    (endpoint,) = (
        e for s in lab.services for e in s.endpoints if e.host == "names.messenger.example"
    )
    env = ProbeEnv(net=lab.net(), clock=lab.clock, rng=Random(1), roots=lab.roots)
    site = lab.world.sites[endpoint.host]
    engines = (DnsEngine.DOT, DnsEngine.DOH)
    for resolver, url in (
        ("9.9.9.9", "https://9.9.9.9/dns-query"),
        ("1.1.1.1", "https://dns.quad9.net/dns-query"),
    ):
        options = ProbeOptions(engines=engines, resolver=resolver, doh_url=url)
        seen = await measure(endpoint, env, options)
        found = resolved(seen)
        assert len(found) == len(engines)
        assert all(one and one <= set(site.addresses) for one in found)
