"""Web servers in the lab's internet, as they are seen from the measured line."""

import asyncio
import socket
import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import msgspec
import pytest
from cryptography import x509
from inside_view import fetch, trusting

from probe.lab.inside.program import find_program
from probe.lab.netns.attached import AttachedLab
from probe.lab.rules import Who
from probe.lab.scenario import load_scenario
from probe.lab.world import Host
from probe.net import guard
from probe.net.http import HttpRequest
from probe.net.http3 import http3_exchange
from probe.net.quic import quic_is_here
from probe.probes.env import Timeouts

pytestmark = [
    pytest.mark.netns,
    pytest.mark.skipif(not guard.in_lab(), reason="not in a lab: run make test-netns"),
]


def served_by(lab: AttachedLab, software: str) -> tuple[str, Host]:
    """Return a site that a program serves; the test is skipped where it is not installed."""
    if find_program(software) is None:
        pytest.skip(f"{software} is not installed")
    for name, site in sorted(lab.world.sites.items()):
        host = lab.world.hosts[site.addresses[0]]
        if host.software == software and name.endswith("anchor.example"):
            return name, host
    raise AssertionError(f"{software} serves nothing")


@pytest.mark.parametrize("software", ["nginx", "caddy"])
async def test_anchors_are_real_web_servers(lab: AttachedLab, software: str) -> None:
    """They say who they are, hold the lab's certificate and serve the world's page."""
    name, host = served_by(lab, software)
    page = await fetch(lab, host.address, name, "/there-is-a-page")
    assert page.status == 200
    assert software in page.headers["server"]
    assert page.names == {name, *lab.world.sites[name].addresses}
    assert page.body == lab.world.sites[name].page("/there-is-a-page").body


@pytest.mark.parametrize("software", ["nginx", "caddy"])
async def test_real_web_servers_speak_http2_and_plain_http(lab: AttachedLab, software: str) -> None:
    """HTTP/2 is chosen by ALPN; port 80 answers the same page."""
    name, host = served_by(lab, software)
    context = trusting(lab, "h2", "http/1.1")
    reader, writer = await asyncio.open_connection(
        host.address, 443, ssl=context, server_hostname=name
    )
    assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "h2"
    writer.close()
    del reader
    plain = await fetch(lab, host.address, name, port=80)
    assert (plain.status, software in plain.headers["server"]) == (200, True)


async def test_every_server_tells_the_labs_time(lab: AttachedLab) -> None:
    """A web server that told the machine's would look like a line with a wrong clock."""
    then = datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)
    await lab.set_time(then)
    for name in ("one.anchor.example", "two.anchor.example", "web.messenger.example"):
        page = await fetch(lab, lab.world.sites[name].addresses[0], name)
        assert parsedate_to_datetime(page.headers["date"]) == then


async def test_caddy_speaks_quic(lab: AttachedLab) -> None:
    """A version that nobody knows is answered with those that the server speaks (RFC 9000, 17.2.1).

    The answer comes from the address that was asked, else a connected socket would not see it.
    """
    _, host = served_by(lab, "caddy")
    hello = b"\xc0" + b"\x1a\x2a\x3a\x4a" + b"\x08" + b"destined" + b"\x08" + b"sourceid"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.connect((host.address, 443))
        sock.send(hello.ljust(1200, b"\0"))
        reply = await asyncio.to_thread(sock.recv, 2000)
    assert reply[1:5] == bytes(4)
    versions = reply[7 + reply[5] + reply[6 + reply[5]] :]
    assert b"\x00\x00\x00\x01" in {versions[n : n + 4] for n in range(0, len(versions), 4)}


@pytest.mark.skipif(not quic_is_here(), reason="aioquic is not installed (extra quic)")
async def test_caddy_serves_its_page_over_http3(lab: AttachedLab) -> None:
    """The same page as over TCP, behind the lab's certificate, by RFC 9114."""
    name, host = served_by(lab, "caddy")
    datagrams = await lab.net().open_udp(host.address, 443)
    try:
        answer = await http3_exchange(
            datagrams,
            HttpRequest(method="GET", host=name, port=443, path="/there-is-a-page"),
            sni=name,
            judge=lambda shown: bool(shown.chain),
            heard=lambda size: None,
            began=lambda: None,
            handshake_s=20,
            timeout_s=20,
            silence_s=20,
            most=100_000,
        )
    finally:
        await datagrams.aclose()
    assert (answer.status, answer.failure) == (200, None)
    assert answer.body == lab.world.sites[name].page("/there-is-a-page").body
    assert "Caddy" in dict(answer.headers)["server"]
    leaf = x509.load_der_x509_certificate(answer.handshake.chain[0])
    assert name in leaf.extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    ).value.get_values_for_type(x509.DNSName)


async def test_a_closed_port_refuses_and_an_unknown_address_is_silent(lab: AttachedLab) -> None:
    """As on the real Internet: a host without a server says so, an empty address nothing."""
    address = lab.world.sites["web.messenger.example"].addresses[0]
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(address, 8081)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await asyncio.open_connection("33.7.7.7", 443)


async def test_an_anchor_that_must_misbehave_is_served_by_us(lab: AttachedLab) -> None:
    """No real server shows an expired certificate on demand; it has its host back afterwards."""
    name, host = served_by(lab, "nginx")
    none, flawed = load_scenario("none"), load_scenario("server-expired")
    (rule,) = flawed.rules
    aimed = msgspec.structs.replace(rule, who=Who(host=(name,)))
    await lab.play(msgspec.structs.replace(none, rules=(aimed,)))
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        await fetch(lab, host.address, name)
    await lab.play(none)
    assert "nginx" in (await fetch(lab, host.address, name)).headers["server"]


@pytest.mark.parametrize(
    ("scenario", "flaw"), [("server-expired", "expired"), ("server-wrong-name", "mismatch")]
)
async def test_our_own_servers_misbehave_on_demand(
    lab: AttachedLab, scenario: str, flaw: str
) -> None:
    """A service's own faults are seen through the line as the network left them."""
    await lab.play(load_scenario(scenario))
    name = "web.messenger.example"
    with pytest.raises(ssl.SSLCertVerificationError, match=flaw):
        await fetch(lab, lab.world.sites[name].addresses[0], name)


async def test_a_refusal_is_felt_on_the_line_and_not_abroad(lab: AttachedLab) -> None:
    """Servers look at the client's address: the control abroad is spared."""
    await lab.play(load_scenario("server-451"))
    (endpoint,) = (
        e for s in lab.services for e in s.endpoints if e.host == "web.messenger.example"
    )
    assert (
        await fetch(lab, lab.world.sites[endpoint.host].addresses[0], endpoint.host)
    ).status == 451
    seen = await lab.observe(endpoint, Timeouts())
    assert [getattr(step, "status", None) for step in seen.steps][-1] == 200


async def test_counts_tell_what_was_served(lab: AttachedLab) -> None:
    """Tests can ask whether a request arrived at all."""
    before = await lab.counters()
    name = "web.messenger.example"
    await fetch(lab, lab.world.sites[name].addresses[0], name)
    after = await lab.counters()
    assert after["http"] == before.get("http", 0) + 1
