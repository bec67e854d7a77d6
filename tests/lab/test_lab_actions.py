"""Every act of the censor over real sockets, as the probes see it."""

import asyncio
import random
import socket
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from probe.lab.actions import ACTIONS, Action, Stage
from probe.lab.process import Lab
from probe.lab.scenario import load_scenario
from probe.model.measurement import (
    DnsEngine,
    DnsStep,
    HttpStep,
    Measurement,
    Outcome,
    TcpStep,
    TlsStep,
)
from probe.model.target import Endpoint, Kind
from probe.net.base import NetFailure
from probe.net.dns import UdpExchange
from probe.net.dnswire import question
from probe.probes.env import ProbeEnv, Timeouts
from probe.probes.measure import MEASURED_KINDS, measure
from probe.probes.options import ProbeOptions
from probe.targets.load import load_catalog

pytestmark = pytest.mark.asyncio(loop_scope="module")

WEB = "messenger/http/web.messenger.example/"
NEWS = "newspaper/http/www.newspaper.example/"
QUICK = Timeouts(dns_s=0.25, tcp_s=0.25, tls_s=0.25, http_s=0.5, late_s=0.05)
PATIENT = Timeouts(dns_s=5, tcp_s=5, tls_s=5, http_s=5, late_s=0.05)


def env_of(lab: Lab, *, control: bool = False, timeouts: Timeouts = QUICK) -> ProbeEnv:
    return ProbeEnv(
        net=lab.net(control=control),
        clock=lab.clock,
        rng=random.Random(1),
        roots=lab.control_roots if control else lab.roots,
        timeouts=timeouts,
    )


def endpoint_of(lab: Lab, endpoint_id: str) -> Endpoint:
    return next(e for s in lab.services for e in s.endpoints if e.id == endpoint_id)


def has_ipv6() -> bool:
    with socket.socket(socket.AF_INET6) as sock:
        try:
            sock.bind(("::1", 0))
        except OSError:
            return False
    return True


async def seen(
    lab: Lab, name: str, endpoint_id: str, *, control: bool = False, **options: object
) -> Measurement:
    """Play a scenario and measure one endpoint in it."""
    await lab.play(load_scenario(name))
    slow = control or name in ("none", "slow-throttle")
    env = env_of(lab, control=control, timeouts=PATIENT if slow else QUICK)
    return await measure(endpoint_of(lab, endpoint_id), env, ProbeOptions(**options))  # type: ignore[arg-type]


class Seen(NamedTuple):
    """How the measurement of one endpoint ends under one scenario."""

    endpoint: str
    last: type[DnsStep | TcpStep | TlsStep | HttpStep] | tuple[type, ...]
    failure: str | None


EXPECTED: Mapping[str, Seen] = {
    "none": Seen(WEB, HttpStep, None),
    "dns-nxdomain": Seen(WEB, DnsStep, "dns_nxdomain_error"),
    "dns-servfail": Seen(WEB, DnsStep, "dns_servfail_error"),
    "dns-refused": Seen(WEB, DnsStep, "dns_refused_error"),
    "dns-timeout": Seen(WEB, DnsStep, "generic_timeout_error"),
    "dns-bogon": Seen(WEB, DnsStep, None),
    "dns-forged": Seen(WEB, TlsStep, "ssl_invalid_hostname"),
    "dns-race": Seen(WEB, DnsStep, None),
    "dns-lies-for-a-only": Seen(WEB, DnsStep, None),
    "dns-resolver-down": Seen(WEB, DnsStep, "generic_timeout_error"),
    "tcp-refused": Seen(WEB, TcpStep, "connection_refused"),
    "tcp-drop": Seen(WEB, TcpStep, "generic_timeout_error"),
    "tcp-reset": Seen(WEB, (TcpStep, TlsStep), "connection_reset"),
    "tcp-fin": Seen(WEB, TlsStep, "eof_error"),
    "tls-sni-reset": Seen(WEB, TlsStep, "connection_reset"),
    "tls-sni-drop": Seen(WEB, TlsStep, "generic_timeout_error"),
    "tls-sni-fin": Seen(WEB, TlsStep, "eof_error"),
    "tls-mitm-unknown": Seen(WEB, TlsStep, "ssl_unknown_authority"),
    "tls-mitm-system": Seen(WEB, TlsStep, "ssl_unknown_authority"),
    "http-block-page": Seen(NEWS, HttpStep, None),
    "http-redirect": Seen(NEWS, HttpStep, None),
    "http-reset": Seen(NEWS, HttpStep, "connection_reset"),
    "http-injected-script": Seen(NEWS, HttpStep, None),
    "server-403": Seen(WEB, HttpStep, None),
    "server-451": Seen(WEB, HttpStep, None),
    "server-503": Seen(WEB, HttpStep, None),
    "server-challenge": Seen(WEB, HttpStep, None),
    "server-down": Seen(WEB, TcpStep, "generic_timeout_error"),
    "server-expired": Seen(WEB, TlsStep, "ssl_invalid_certificate"),
    "server-wrong-name": Seen(WEB, TlsStep, "ssl_invalid_hostname"),
    "server-alert": Seen(WEB, TlsStep, "ssl_invalid_hostname"),
    "line-domestic-only": Seen(WEB, TcpStep, "generic_timeout_error"),
    "line-total": Seen(WEB, DnsStep, "generic_timeout_error"),
    "slow-throttle": Seen(WEB, HttpStep, None),
    "slow-freeze": Seen(WEB, HttpStep, "generic_timeout_error"),
    "tcp-stall": Seen(WEB, TlsStep, "generic_timeout_error"),
    "tls-alert-forged": Seen(WEB, TlsStep, "ssl_failed_handshake"),
    "http-truncated": Seen(NEWS, HttpStep, "eof_error"),
    "http-truncated-sealed": Seen(WEB, HttpStep, "eof_error"),
    "dns-intercepted": Seen(WEB, DnsStep, "dns_nxdomain_error"),
    "trap-nat64": Seen(WEB, HttpStep, None),
    "trap-client-certificate": Seen(WEB, HttpStep, "ssl_failed_handshake"),
    "server-sanctions": Seen(WEB, HttpStep, None),
    "dns-sinkhole": Seen(WEB, DnsStep, None),
    "http-block-page-known": Seen(NEWS, HttpStep, None),
    "server-403-plain": Seen(NEWS, HttpStep, None),
}


OVER_UDP = ("udp-stun", "udp-protocols", "trap-udp-garbage", "trap-turn-401")
"""What is done to datagrams: tests/lab/test_datagram_server.py sees how it ends."""

ON_PROTOCOLS = {
    Action.PROTOCOL_RESET,
    Action.PROTOCOL_DROP,
    Action.WRONG_SERVICE,
    Action.GARBAGE,
    Action.MUTE,
    Action.TRANSPORT_FLOOD,
}
"""Acts that need a world with protocols of their own: test_lab_protocols."""


def last_of(measurement: Measurement) -> tuple[type, str | None]:
    """Return the deepest step and its failure; a bad certificate is the TLS step's."""
    bad = next(
        (s for s in measurement.steps if isinstance(s, TlsStep) and s.failure is not None), None
    )
    step = bad or measurement.steps[-1]
    return type(step), step.failure


async def test_every_act_has_an_expected_failure() -> None:
    """What loopback can play is measured below; what is made of it is judged in tests/scenarios."""
    names = (*EXPECTED, *OVER_UDP)
    measured = {rule.action for name in names for rule in load_scenario(name).rules}
    assert measured | ON_PROTOCOLS == {
        act for act, spec in ACTIONS.items() if Stage.LOOPBACK in spec.stages
    }


@pytest.mark.parametrize("name", sorted(EXPECTED))
async def test_the_censors_act_gives_its_failure(lab: Lab, name: str) -> None:
    """Each act ends the measurement at its step, with OONI's name for it."""
    expected = EXPECTED[name]
    measurement = await seen(lab, name, expected.endpoint)
    step, failure = last_of(measurement)
    assert failure == expected.failure, measurement.steps
    assert issubclass(step, expected.last), measurement.steps


@pytest.mark.parametrize(
    "name", [n for n in sorted(EXPECTED) if not n.startswith(("server-", "slow-", "trap-"))]
)
async def test_the_control_is_spared(lab: Lab, name: str) -> None:
    """What the network does on this line, the uncensored control does not see."""
    measurement = await seen(lab, name, EXPECTED[name].endpoint, control=True)
    assert measurement.failure is None
    http = measurement.steps[-1]
    assert isinstance(http, HttpStep)
    assert http.status == 200


async def test_a_service_that_is_down_is_down_for_the_control(lab: Lab) -> None:
    """An outage of the service is seen from everywhere."""
    await lab.play(load_scenario("server-down"))
    env = env_of(lab, control=True)
    measurement = await measure(endpoint_of(lab, WEB), env, ProbeOptions())
    assert measurement.failure == "generic_timeout_error"


def dns_of(measurement: Measurement, engine: DnsEngine) -> DnsStep:
    return next(s for s in measurement.steps if isinstance(s, DnsStep) and s.engine is engine)


async def test_a_bogon_is_recorded_and_never_dialled(lab: Lab) -> None:
    """The private address is in the answer; no connection was tried."""
    measurement = await seen(lab, "dns-bogon", WEB)
    assert dns_of(measurement, DnsEngine.UDP).answers[0].address == "10.10.34.34"
    assert not any(isinstance(s, TcpStep) for s in measurement.steps)


async def test_a_second_answer_is_heard(lab: Lab) -> None:
    """The forged answer comes first, the true one is kept as a late answer."""
    measurement = await seen(lab, "dns-race", WEB)
    step = dns_of(measurement, DnsEngine.UDP)
    assert [a.address for a in step.answers] == ["10.10.34.34"]
    assert step.late
    assert set(step.late[0].addresses) < set(lab.world.sites["web.messenger.example"].addresses)


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")
async def test_a_lie_for_a_only_spares_ipv6(lab: Lab) -> None:
    """The AAAA answer is the true one."""
    measurement = await seen(lab, "dns-lies-for-a-only", WEB, families=(6,))
    assert measurement.failure is None


async def test_the_encrypted_resolver_tells_the_truth(lab: Lab) -> None:
    """A liar on port 53 cannot read DNS over HTTPS."""
    measurement = await seen(lab, "dns-nxdomain", WEB, engines=(DnsEngine.DOH,))
    assert measurement.failure is None
    assert dns_of(measurement, DnsEngine.DOH).answers


async def test_another_name_passes_at_the_same_address(lab: Lab) -> None:
    """An SNI rule looks at the name only: a neutral SNI gets the server's own certificate."""
    address = lab.world.sites["web.messenger.example"].addresses[0]
    measurement = await seen(
        lab, "tls-sni-reset", WEB, addresses=(address,), sni="one.anchor.example"
    )
    step = next(s for s in measurement.steps if isinstance(s, TlsStep))
    assert step.failure == "ssl_invalid_hostname"
    assert step.bytes_received > 1000


async def test_a_reset_after_the_hello_is_told_from_a_later_one(lab: Lab) -> None:
    """Bytes went out and none came back."""
    measurement = await seen(lab, "tls-sni-reset", WEB)
    step = next(s for s in measurement.steps if isinstance(s, TlsStep))
    assert (step.bytes_sent > 0, step.bytes_received) == (True, 0)


async def test_the_alert_is_named(lab: Lab) -> None:
    """A server's alert is a proof of reach, and said so."""
    measurement = await seen(lab, "server-alert", WEB)
    step = next(s for s in measurement.steps if isinstance(s, TlsStep))
    assert step.alert == "unrecognized_name"


async def test_only_the_system_trusts_the_states_interception(lab: Lab) -> None:
    """Both opinions are kept, and they differ."""
    measurement = await seen(lab, "tls-mitm-system", WEB)
    check = next(s.certificate for s in measurement.steps if isinstance(s, TlsStep))
    assert check is not None
    assert (check.packaged, check.system) == ("ssl_unknown_authority", None)
    assert "Lab State" in check.issuer


async def test_a_truncated_answer_begins_and_ends_early(lab: Lab) -> None:
    """Status and some of the body arrived before the end."""
    whole = http_of(await seen(lab, "none", NEWS))
    step = http_of(await seen(lab, "http-truncated", NEWS))
    assert step.status == 200
    assert 0 < step.body_length < whole.body_length


async def test_an_intercepted_question_is_answered_where_nobody_listens(lab: Lab) -> None:
    """Port 53 of an empty address answers; another port of it does not."""
    await lab.play(load_scenario("trap-dns-intercepted"))
    nobody = "33.250.250.250"
    net = lab.net()
    asked = question("one.anchor.example", "A", random.Random(1), edns=False)
    datagrams = await net.open_udp(nobody, 53)
    result = await UdpExchange(datagrams, asked).ask(timeout_s=PATIENT.dns_s)
    await datagrams.aclose()
    assert result.reply is not None
    assert set(result.reply.addresses) < set(lab.world.sites["one.anchor.example"].addresses)
    with pytest.raises(NetFailure):
        await net.connect_tcp(nobody, 443, timeout_s=0.1)


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")
async def test_a_translator_gives_ipv4_hosts_ipv6_addresses(lab: Lab) -> None:
    """DNS64 adds the prefix of RFC 6052 to the addresses of the name."""
    measurement = await seen(lab, "trap-nat64", WEB, families=(6,))
    answers = {a.address for a in dns_of(measurement, DnsEngine.UDP).answers}
    assert {a for a in answers if a.startswith("64:ff9b::")}
    assert "33.240.73.144" not in answers


async def test_an_interceptor_may_call_itself_anything(lab: Lab) -> None:
    """The issuer of the forged certificate is the scenario's; only the system believes it."""
    measurement = await seen(lab, "tls-mitm-known-trusted", WEB)
    check = next(s.certificate for s in measurement.steps if isinstance(s, TlsStep))
    assert check is not None
    assert (check.packaged, check.system) == ("ssl_unknown_authority", None)
    assert "Russian Trusted Sub CA" in check.issuer


async def test_an_interceptor_may_show_its_own_name(lab: Lab) -> None:
    """Its certificate is for another host, and by nobody; the control has the server's."""
    wanted = "messenger/tls/api.messenger.example"
    for control, failure in ((False, "ssl_invalid_hostname"), (True, None)):
        measurement = await seen(lab, "tls-mitm-other-name", wanted, control=control)
        check = next(s.certificate for s in measurement.steps if isinstance(s, TlsStep))
        assert check is not None
        assert (check.packaged, "Unknown" in check.issuer) == (failure, not control)


async def test_a_rule_hits_so_often_and_no_more(lab: Lab) -> None:
    """``times: 1`` cuts the first handshake of each vantage and lets the next one pass."""
    await lab.play(load_scenario("trap-residual"))
    looks = [
        await measure(endpoint_of(lab, WEB), env_of(lab, timeouts=PATIENT), ProbeOptions())
        for _ in range(2)
    ]
    assert [look.failure for look in looks] == ["connection_reset", None]


def http_of(measurement: Measurement) -> HttpStep:
    return next(s for s in reversed(measurement.steps) if isinstance(s, HttpStep))


@pytest.mark.parametrize(
    ("name", "endpoint", "status", "title"),
    [
        ("http-block-page", NEWS, 403, "Access to this site is blocked"),
        ("server-403", WEB, 403, "403"),
        ("server-451", WEB, 451, "451"),
        ("server-503", WEB, 503, "503"),
        ("none", WEB, 200, "Messenger"),
    ],
)
async def test_pages_have_their_status_and_title(
    lab: Lab, name: str, endpoint: str, status: int, title: str
) -> None:
    """What stands in for a page is seen by its status and title."""
    step = http_of(await seen(lab, name, endpoint))
    assert (step.status, step.title) == (status, title)


async def test_a_redirect_leads_to_the_networks_page(lab: Lab) -> None:
    """The Location header is the block page's."""
    step = http_of(await seen(lab, "http-redirect", NEWS))
    assert step.status == 302
    assert dict(step.headers)["location"].startswith("http://")


async def test_a_challenge_is_marked(lab: Lab) -> None:
    """The header that names a bot check comes with it."""
    step = http_of(await seen(lab, "server-challenge", WEB))
    assert dict(step.headers)["cf-mitigated"] == "challenge"


async def test_an_injected_script_changes_the_body_only(lab: Lab) -> None:
    """Status and title stay, the hash does not."""
    clean = http_of(await seen(lab, "none", NEWS))
    dirty = http_of(await seen(lab, "http-injected-script", NEWS))
    assert (dirty.status, dirty.title) == (clean.status, clean.title)
    assert dirty.body_sha256 != clean.body_sha256
    assert dirty.body_length > clean.body_length


async def test_a_throttled_answer_is_slow_and_whole(lab: Lab) -> None:
    """The same bytes, later: 4,000 bytes a second."""
    fast = http_of(await seen(lab, "none", WEB))
    slow = http_of(await seen(lab, "slow-throttle", WEB))
    assert slow.body_sha256 == fast.body_sha256
    assert slow.t_s - slow.t0_s > 0.25 > fast.t_s - fast.t0_s


async def test_at_home_all_is_well_when_only_home_is_left(lab: Lab) -> None:
    """In domestic-only mode the country's own sites answer."""
    measurement = await seen(lab, "line-domestic-only", "domestic/http/www.bank.example/")
    assert measurement.failure is None


async def test_the_date_of_the_servers_is_the_labs(lab: Lab) -> None:
    """Server dates follow the virtual clock."""
    step = http_of(await seen(lab, "none", WEB))
    assert dict(step.headers)["date"] == lab.clock.now().strftime("%a, %d %b %Y %H:%M:%S GMT")


async def test_every_endpoint_of_the_world_answers_without_a_censor(lab: Lab) -> None:
    """Resolvers, DoH, DoT, TCP, TLS, HTTP, pinned roots and literals: all pass."""
    await lab.play(load_scenario("none"))
    for service in lab.services:
        for endpoint in service.endpoints:
            env = env_of(lab, timeouts=PATIENT)
            measurement = await measure(endpoint, env, ProbeOptions())
            assert measurement.failure is None, (endpoint.id, measurement)
            assert not [s for s in measurement.steps if s.failure], (endpoint.id, measurement)


async def test_both_protocols_of_the_web_are_spoken(lab: Lab) -> None:
    """HTTP/2 where the client offers it, HTTP/1.1 in the clear."""
    assert http_of(await seen(lab, "none", NEWS)).protocol == "HTTP/1.1"
    assert http_of(await seen(lab, "none", WEB)).protocol == "HTTP/2"


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_the_whole_shipped_catalog_answers_without_a_censor(tmp_path: Path) -> None:
    """Every endpoint that has a probe passes in a world made from the catalog.

    WireGuard owes strangers no answer, and gives none here either.
    """
    file = tmp_path / "any.yaml"
    file.write_text("name: any\ndescription: no censor\nstarts: 2026-03-02\ncountry: IR\n")
    catalog = load_catalog()
    alive = [service for service in catalog.services if service.retired_on is None]
    endpoints = iter(
        [e for s in alive for e in s.endpoints if e.kind in MEASURED_KINDS and e.off is None]
    )
    failed: list[tuple[str, str | None]] = []
    async with Lab(load_scenario(file), catalog) as lab, asyncio.TaskGroup() as group:
        env = replace(env_of(lab, timeouts=replace(PATIENT, late_s=0.0)), country="IR")

        async def work() -> None:
            for endpoint in endpoints:
                measurement = await measure(endpoint, env, ProbeOptions())
                bad = [step for step in measurement.steps if step.failure is not None]
                if endpoint.kind is Kind.WIREGUARD:
                    assert [step.failure for step in bad] == ["generic_timeout_error"]
                elif measurement.outcome is not Outcome.MEASURED or bad:
                    failed.append((endpoint.id, measurement.failure or measurement.reason))

        for _ in range(8):
            group.create_task(work())
    assert failed == []
