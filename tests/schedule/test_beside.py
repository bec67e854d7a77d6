"""Looks beside what failed: neutral hosts, neighbours, the other family; and their distances."""

from itertools import pairwise

import pytest
from schedule_rounds import (
    ANCHORS,
    START,
    Behaviour,
    FakeProbe,
    address_of,
    catalog,
    deps,
    endpoint,
    failing,
    steps_of,
    targets,
)

from probe.clock import VirtualClock
from probe.model.measurement import Measurement, Step, UdpStep, Variant
from probe.model.record import Record
from probe.model.target import Endpoint, Kind, Purpose
from probe.probes.options import ProbeOptions
from probe.schedule.line import LineFacts
from probe.schedule.runner import RoundResult, run_round

SILENCE = "generic_timeout_error"
ABROAD = [a.host for a in ANCHORS if a.purpose is not Purpose.DOMESTIC]
SIX = "2606:4700::7"


def of(result: RoundResult, host: str) -> Record:
    """Return the record of a host's endpoint."""
    return next(r for r in result.records if f"/{host}:" in r.endpoint)


def looks(record: Record, variant: Variant) -> list[Measurement]:
    """Return the looks of one kind."""
    return [m for m in record.bundle if m.variant is variant]


def located(address: str, fails: str | None = None) -> Behaviour:
    """Return a host at ``address`` that works, or fails at an operation."""

    def behave(target: Endpoint, options: ProbeOptions, before: int) -> tuple[Step, ...]:
        engine = options.engines[0]
        return steps_of(target, fails=fails, failure=SILENCE, engine=engine, address=address)

    return behave


def shut_when_asked_beside(
    target: Endpoint, options: ProbeOptions, before: int
) -> tuple[Step, ...]:
    """Return a neutral host that has gone away when it is asked beside a failing look."""
    fails = "tcp" if options.variant is Variant.ANCHOR else None
    return steps_of(target, fails=fails, failure=SILENCE, engine=options.engines[0])


async def test_neutral_hosts_are_asked_beside_what_fails() -> None:
    """One look at a neutral host right after the failure, one after the last retest."""
    probe = FakeProbe(VirtualClock(START), {"app0.example.com": failing("tcp")})
    result = await run_round(deps(catalog(*targets(3)), probe))
    anchors = looks(of(result, "app0.example.com"), Variant.ANCHOR)
    assert len(anchors) == 2
    assert {m.service for m in anchors} == {"abroad"}
    assert not looks(of(result, "app1.example.com"), Variant.ANCHOR)


async def test_a_line_that_breaks_meanwhile_is_no_block() -> None:
    """When two neutral hosts are gone beside it, nothing is said of the target."""
    refused = failing("tcp", "connection_refused")
    gone = dict.fromkeys(ABROAD, shut_when_asked_beside)
    probe = FakeProbe(VirtualClock(START), {"app0.example.com": refused, **gone})
    result = await run_round(deps(catalog(*targets(3)), probe))
    record = of(result, "app0.example.com")
    assert record.verdict.rule_id == "line.broke"
    assert len({m.endpoint for m in looks(record, Variant.ANCHOR)}) >= 2


async def test_what_fails_at_once_shares_its_looks_at_neutral_hosts() -> None:
    """Forty failures do not ask a neutral host eighty times, nor count its bytes so often."""
    many = {f"app{n}.example.com": failing("tcp") for n in range(40)}
    probe = FakeProbe(VirtualClock(START), dict(many))
    result = await run_round(deps(catalog(*targets(40)), probe))
    assert len(probe.hosts(Variant.ANCHOR)) <= 4
    found = [m for r in result.records for m in looks(r, Variant.ANCHOR)]
    assert len(found) == 80
    assert sum(m.bytes_sent > 0 for m in found) == len(probe.hosts(Variant.ANCHOR))


@pytest.mark.parametrize(
    ("near", "asked"), [("93.184.7.9", 1), ("93.184.8.9", 0), ("93.184.7.5", 0)]
)
async def test_a_neighbour_is_another_service_on_the_same_network(near: str, asked: int) -> None:
    """Same /24, another address, another service: it is looked at again beside the failure."""
    behaviours = {
        "app0.example.com": located("93.184.7.5", "tcp"),
        "app1.example.com": located(near),
    }
    probe = FakeProbe(VirtualClock(START), behaviours)
    result = await run_round(deps(catalog(*targets(2)), probe))
    found = looks(of(result, "app0.example.com"), Variant.NEIGHBOUR)
    assert [m.service for m in found] == ["app1"] * asked


async def test_endpoints_of_one_service_are_no_neighbours() -> None:
    """Who blocks a service blocks all of it; what else stands there tells more."""
    both = (endpoint("app", "one.example.com"), endpoint("app", "two.example.com"))
    behaviours = {
        "one.example.com": located("93.184.7.5", "tcp"),
        "two.example.com": located("93.184.7.9"),
    }
    probe = FakeProbe(VirtualClock(START), behaviours)
    result = await run_round(deps(catalog(*both), probe))
    assert not looks(of(result, "one.example.com"), Variant.NEIGHBOUR)


async def test_a_neighbour_that_works_is_preferred() -> None:
    """One that fails as well says that the network may be out; one that works, that it is not."""
    behaviours = {
        "app0.example.com": located("93.184.7.5", "tcp"),
        "app1.example.com": located("93.184.7.9", "tcp"),
        "app2.example.com": located("93.184.7.11"),
    }
    probe = FakeProbe(VirtualClock(START), behaviours)
    result = await run_round(deps(catalog(*targets(3)), probe))
    (found,) = looks(of(result, "app0.example.com"), Variant.NEIGHBOUR)
    assert found.service == "app2"


async def test_slow_failures_keep_their_distance() -> None:
    """Each retest starts more than 200 s after the last cut ended, however long that took."""
    probe = FakeProbe(VirtualClock(START), {"app0.example.com": failing("tls")}, takes_s=40.0)
    result = await run_round(deps(catalog(*targets(1)), probe))
    own = (Variant.MAIN, Variant.RETEST, Variant.DOH)
    cut = [m for m in of(result, "app0.example.com").bundle if m.variant in own]
    assert len(cut) == 3
    for before, after in pairwise(cut):
        assert after.monotonic_s - (before.monotonic_s + before.duration_s) > 200


async def test_the_neutral_name_is_asked_before_soon_after_and_later() -> None:
    """Neutral, target, neutral while a trace would last, and neutral when it would be gone."""
    probe = FakeProbe(VirtualClock(START), {"app0.example.com": failing("tls")})
    await run_round(deps(catalog(*targets(1)), probe))
    wanted = (Variant.NEUTRAL_SNI, Variant.RETEST, Variant.MAIN)
    order = [(v, at) for host, v, at in probe.asked if host == "app0.example.com" and v in wanted]
    assert [v for v, _ in order][:5] == [
        Variant.MAIN,
        Variant.NEUTRAL_SNI,
        Variant.RETEST,
        Variant.NEUTRAL_SNI,
        Variant.NEUTRAL_SNI,
    ]
    (_, retest), (_, soon), (_, later) = order[2:5]
    assert soon - retest < 60
    assert later - retest > 200


def over_both(fails: str | None) -> Behaviour:
    """Return a host that works over IPv4, and over IPv6 unless it ``fails``."""

    def behave(target: Endpoint, options: ProbeOptions, before: int) -> tuple[Step, ...]:
        engine = options.engines[0]
        if 6 not in options.families:
            return steps_of(target, engine=engine)
        return steps_of(target, fails=fails, failure=SILENCE, engine=engine, address=SIX)

    return behave


async def test_both_families_are_looked_at_where_the_line_has_both() -> None:
    """IPv6 that is cut for one service is found though IPv4 works, and asked again over IPv6."""
    anchors = {host: over_both(None) for host in ABROAD}
    behaviours = {"app0.example.com": over_both("tcp"), "app1.example.com": over_both(None)}
    probe = FakeProbe(VirtualClock(START), {**anchors, **behaviours})
    line = LineFacts(default_route=True, gateway_reachable=True, tunnel=False, ipv6_route=True)
    result = await run_round(deps(catalog(*targets(2)), probe, line=lambda: line))
    cut = of(result, "app0.example.com")
    assert cut.verdict.mechanism == "family.ipv6"
    assert len(looks(cut, Variant.RETEST)) == 2
    assert all(m.steps[-1].failure == SILENCE for m in looks(cut, Variant.RETEST))
    assert of(result, "app1.example.com").verdict.state == "ok"
    assert address_of("app0.example.com") != SIX


def over_udp(address: str, *, reply: str | None) -> Behaviour:
    """Return a server that answers a datagram, or does not."""

    def behave(target: Endpoint, options: ProbeOptions, before: int) -> tuple[Step, ...]:
        step = UdpStep(
            t0_s=0.0,
            t_s=0.01,
            failure=None if reply else SILENCE,
            address=address,
            port=3478,
            protocol="stun",
            reply=reply,
        )
        return (step,)

    return behave


@pytest.mark.parametrize(
    ("replies", "asked"),
    [((None, "success", None), ["calls1"]), ((None, None, None), ["calls1", "calls2"])],
)
async def test_silence_over_udp_is_compared_with_other_services(
    replies: tuple[str | None, ...], asked: list[str]
) -> None:
    """One that answers is enough; two that do not are asked, of other services, once each."""
    hosts = [f"93.184.{n}.7" for n in range(len(replies))]
    calls = [
        endpoint(f"calls{n}", host, kind=Kind.STUN, port=3478, tls=False, path=None)
        for n, host in enumerate(hosts)
    ]
    behaviours = {h: over_udp(h, reply=r) for h, r in zip(hosts, replies, strict=True)}
    result = await run_round(deps(catalog(*calls), FakeProbe(VirtualClock(START), behaviours)))
    found = looks(of(result, hosts[0]), Variant.OTHER_UDP)
    assert sorted(m.service for m in found) == asked


async def test_who_owes_no_answer_is_no_comparison() -> None:
    """The silence of a WireGuard relay says nothing of UDP on this line."""
    one = endpoint("calls", "93.184.0.7", kind=Kind.STUN, port=3478, tls=False, path=None)
    relay = endpoint("relay", "93.184.1.7", kind=Kind.WIREGUARD, port=51820, tls=False, path=None)
    behaviours = {e.host: over_udp(e.host, reply=None) for e in (one, relay)}
    probe = FakeProbe(VirtualClock(START), behaviours)
    result = await run_round(deps(catalog(one, relay), probe))
    assert looks(of(result, one.host), Variant.OTHER_UDP) == []
