"""Connections that the network ends itself: the server's address, somebody else's answer."""

import asyncio
import ssl

import dns.rcode
import pytest
from inside_view import ask, fetch, trusting

from probe.lab.netns.attached import AttachedLab
from probe.lab.path.diversion import shifted
from probe.lab.scenario import load_scenario
from probe.model.target import Endpoint
from probe.net import guard
from probe.probes.env import Timeouts

pytestmark = [
    pytest.mark.netns,
    pytest.mark.skipif(not guard.in_lab(), reason="not in a lab: run make test-netns"),
]

MESSENGER = "web.messenger.example"
NEWSPAPER = "www.newspaper.example"
PORTAL = "portal.anchor.example"


def address_of(lab: AttachedLab, name: str) -> str:
    return lab.world.sites[name].addresses[0]


def endpoint_of(lab: AttachedLab, host: str) -> Endpoint:
    return next(e for s in lab.services for e in s.endpoints if e.host == host)


async def test_a_captive_portal_answers_for_a_real_web_server(lab: AttachedLab) -> None:
    """A connection that the network diverts never reaches nginx or caddy."""
    address = address_of(lab, PORTAL)
    assert (await fetch(lab, address, PORTAL, "/generate_204", port=80)).status == 204
    await lab.play(load_scenario("trap-captive-portal"))
    page = await fetch(lab, address, PORTAL, "/generate_204", port=80)
    assert page.status == 302
    assert page.headers["server"] == "lab"
    with pytest.raises(ssl.SSLCertVerificationError):
        await fetch(lab, address, PORTAL)


async def test_a_block_page_is_for_the_name_that_it_is_for(lab: AttachedLab) -> None:
    """All plain HTTP is diverted, since no name is known at the SYN; others get the true page."""
    await lab.play(load_scenario("http-block-page"))
    blocked = await fetch(lab, address_of(lab, NEWSPAPER), NEWSPAPER, port=80)
    assert blocked.status == 403
    spared = await fetch(lab, address_of(lab, PORTAL), PORTAL, "/generate_204", port=80)
    assert spared.status == 204
    sealed = await fetch(lab, address_of(lab, MESSENGER), MESSENGER)
    assert sealed.status == 200


async def test_a_page_is_tampered_with_on_its_way(lab: AttachedLab) -> None:
    """The server's own page, with something added."""
    await lab.play(load_scenario("http-injected-script"))
    page = await fetch(lab, address_of(lab, NEWSPAPER), NEWSPAPER, port=80)
    true = lab.world.sites[NEWSPAPER].page("/").body
    assert page.body.startswith(true)
    assert b"<script" in page.body[len(true) :]


@pytest.mark.parametrize(
    ("scenario", "code"),
    [("dns-nxdomain", dns.rcode.NXDOMAIN), ("dns-servfail", dns.rcode.SERVFAIL)],
)
async def test_a_lie_is_told_over_tcp_as_over_udp(
    lab: AttachedLab, scenario: str, code: dns.rcode.Rcode
) -> None:
    """Over UDP the lie is injected, over TCP the liar ends the connection."""
    await lab.play(load_scenario(scenario))
    for tcp in (False, True):
        assert (await ask(lab.world.nameserver, MESSENGER, tcp=tcp)).rcode() == code
        true = await ask(lab.world.nameserver, PORTAL, tcp=tcp)
        assert true.rcode() == dns.rcode.NOERROR
        assert true.answer


async def test_an_interceptor_is_seen_on_the_line_and_not_abroad(lab: AttachedLab) -> None:
    """A forged certificate for the name, by whom nobody knows; the control is spared."""
    await lab.play(load_scenario("tls-mitm-unknown"))
    with pytest.raises(ssl.SSLCertVerificationError, match="certificate verify failed"):
        await fetch(lab, address_of(lab, MESSENGER), MESSENGER)
    seen = await lab.observe(endpoint_of(lab, MESSENGER), Timeouts())
    assert [step.failure for step in seen.steps if step.failure] == []
    await lab.play(load_scenario("none"))
    assert (await fetch(lab, address_of(lab, MESSENGER), MESSENGER)).status == 200


async def test_a_state_that_the_machine_believes_can_read_along(lab: AttachedLab) -> None:
    """The system's store takes the forged certificate, the packaged roots do not."""
    await lab.play(load_scenario("tls-mitm-system"))
    system = ssl.create_default_context()
    reader, writer = await asyncio.open_connection(
        address_of(lab, MESSENGER), 443, ssl=system, server_hostname=MESSENGER
    )
    writer.close()
    del reader
    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncio.open_connection(
            address_of(lab, MESSENGER), 443, ssl=trusting(lab), server_hostname=MESSENGER
        )


async def test_the_ports_of_diverted_flows_are_no_open_ports(lab: AttachedLab) -> None:
    """Who knocks there himself finds a closed port, as on any server."""
    for name in (MESSENGER, PORTAL):
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(address_of(lab, name), shifted(443))
