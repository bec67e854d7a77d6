"""A round on a virtual clock: order, gates, follow-ups, budgets, and every way to end early."""

import asyncio
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise

import msgspec
import pytest
from schedule_rounds import (
    ANCHORS,
    CAPTIVE,
    START,
    FakeProbe,
    all_fail,
    catalog,
    deps,
    endpoint,
    failing,
    plan_of,
    steps_of,
    targets,
)

from probe.clock import VirtualClock
from probe.errors import ForbiddenNetwork, StoreError
from probe.model.codec import encode
from probe.model.context import GateId, RoundContext
from probe.model.control import ControlKind, ControlObservation
from probe.model.measurement import DnsEngine, Measurement, Outcome, Step, Variant
from probe.model.record import Record
from probe.model.target import Endpoint, Plan
from probe.model.vantage import Network
from probe.model.verdict import Confidence, Locus, State, Verdict
from probe.probes.env import ProbeEnv
from probe.probes.options import ProbeOptions
from probe.schedule import runner
from probe.schedule.budget import Allowance
from probe.schedule.chain import FollowUps
from probe.schedule.line import LineFacts
from probe.schedule.reasons import INTERRUPTED, RUN_BYTES, RUN_SECONDS
from probe.schedule.runner import Progress, RoundResult, run_round
from probe.schedule.work import Partial, blank
from probe.steady import LONG_S


@dataclass
class MemoryStore:
    """Keeps what a store would, and fails when told to."""

    saved: list[Record] = field(default_factory=list)
    batches: int = 0
    ended: RoundContext | None = None
    begun: Network | None = None
    last: dict[str, Verdict] = field(default_factory=dict)
    fail_after: int | None = None

    def begin_round(
        self,
        *,
        vantage: str,
        plan: str,
        started: datetime,
        catalog_digest: str,
        network: Network,
        opening: RoundContext | None = None,
    ) -> int:
        assert opening is not None
        self.begun = network
        return 7

    def save(self, round_id: int, records: Sequence[Record]) -> None:
        if self.fail_after is not None and self.batches >= self.fail_after:
            raise StoreError("database or disk is full")
        self.batches += 1
        self.saved.extend(records)

    def end_round(self, round_id: int, context: RoundContext, ended: datetime) -> None:
        self.ended = context

    def replace_verdicts(self, round_id: int, verdicts: Sequence[Verdict]) -> None:
        assert len(verdicts) == len(self.saved)
        self.saved = [
            Record(endpoint=r.endpoint, service=r.service, role=r.role, bundle=r.bundle, verdict=v)
            for r, v in zip(self.saved, verdicts, strict=True)
        ]

    def last_verdicts(self) -> Mapping[str, Verdict]:
        return self.last

    def own_past(self, endpoint: str, before: datetime) -> ControlObservation | None:
        return None


def of(result: RoundResult, host: str) -> Record:
    """Return the record of a host's endpoint."""
    return next(r for r in result.records if f"/{host}:" in r.endpoint)


async def test_anchors_stand_at_both_ends_and_targets_in_between() -> None:
    """Neutral, target, neutral: only so a failure can be told from a line that went away."""
    clock = VirtualClock(START)
    probe = FakeProbe(clock)
    cat = catalog(*targets(5))
    result = await run_round(deps(cat, probe))
    hosts = probe.hosts()
    anchors = {a.host for a in ANCHORS} | {CAPTIVE.host}
    apps = [i for i, host in enumerate(hosts) if host not in anchors]
    assert set(hosts[: apps[0]]) == anchors
    assert set(hosts[apps[-1] + 1 :]) <= anchors
    assert len(hosts) > apps[-1] + 1
    assert {r.verdict.state for r in result.records} == {State.OK}
    assert not result.context.gates


async def test_services_are_rolled_up_and_progress_counts_to_the_end() -> None:
    """The caller hears of each record, and gets one verdict for each service."""
    seen: list[Progress] = []
    cat = catalog(*targets(3))
    result = await run_round(deps(cat, progress=seen.append))
    done = [p for p in seen if p.phase == "targets"]
    assert [p.done for p in done] == [1, 2, 3]
    assert {p.total for p in done} == {3}
    assert {s.service for s in result.services} == {"abroad", "home", "app0", "app1", "app2"}
    states = {s.service: s.verdict.state for s in result.services}
    assert states["app0"] is State.OK


async def test_a_reset_is_retested_after_residual_blocking_and_costs_no_real_time() -> None:
    """A second look within 180 s would confirm the first trigger by itself."""
    clock = VirtualClock(START)
    probe = FakeProbe(clock, {"app0.example.com": failing("tls")})
    async with asyncio.timeout(10):
        result = await run_round(deps(catalog(*targets(30)), probe))
    looks = [(v, at) for host, v, at in probe.asked if host == "app0.example.com"]
    assert looks[0][0] is Variant.MAIN
    assert Variant.NEUTRAL_SNI in [v for v, _ in looks]
    assert all(at >= 200 for v, at in looks[1:] if v is not Variant.OTHER_ADDRESS)
    assert clock.monotonic_s() < 900
    assert of(result, "app0.example.com").verdict.state is not State.OK
    own = [m for m in of(result, "app0.example.com").bundle if m.variant is not Variant.ANCHOR]
    assert len(own) == len(looks)


async def test_long_retests_do_not_hold_up_the_others() -> None:
    """All first looks are over before the first retest is due."""
    clock = VirtualClock(START)
    probe = FakeProbe(clock, {f"app{n}.example.com": failing("tls") for n in range(10)})
    await run_round(deps(catalog(*targets(20)), probe))
    mains = [at for _, v, at in probe.asked if v is Variant.MAIN and at < 200]
    assert len([h for h in probe.hosts(Variant.MAIN) if h.startswith("app")]) == 20
    assert len(mains) >= 20
    assert clock.monotonic_s() < 900


async def test_two_endpoints_of_one_address_rest_between_triggers() -> None:
    """At least 120 s between a sensitive trigger and the next test of the same destination."""
    clock = VirtualClock(START)
    one = endpoint("app0", "same.example.com", path="/a")
    two = endpoint("app1", "same.example.com", path="/b")

    def cut(target: Endpoint, options: ProbeOptions, before: int) -> tuple[Step, ...]:
        return steps_of(target, fails="tls", engine=options.engines[0])

    probe = FakeProbe(clock, {"same.example.com": cut})
    await run_round(deps(catalog(one, two), probe))
    times = [
        at
        for host, v, at in probe.asked
        if host == "same.example.com" and v is not Variant.NEUTRAL_SNI
    ]
    assert len(times) > 4
    assert all(b - a >= 120 for a, b in pairwise(times))


async def test_a_quick_round_waits_for_nothing() -> None:
    """What must wait is left out; the destination that rests is said to be resting."""
    clock = VirtualClock(START)
    one = endpoint("app0", "same.example.com", path="/a")
    two = endpoint("app1", "same.example.com", path="/b")
    probe = FakeProbe(clock, {"same.example.com": failing("tls")})
    result = await run_round(deps(catalog(one, two), probe, quick=True))
    assert clock.monotonic_s() < 60
    outcomes = [r.main.outcome for r in result.records if "same" in r.endpoint]
    assert sorted(outcomes) == [Outcome.MEASURED, Outcome.NOT_RUN]


async def test_a_known_failure_is_compared_again_but_not_retested() -> None:
    """``on_change``: a failure that is new gets everything, one that is known no retests."""
    cat = catalog(*targets(1))

    async def variants(last: Mapping[str, Verdict]) -> list[Variant]:
        clock = VirtualClock(START)
        probe = FakeProbe(clock, {"app0.example.com": failing("tls")})
        store = MemoryStore(last=dict(last))
        await run_round(deps(cat, probe, store=store, follow_ups=FollowUps.ON_CHANGE))
        return [v for host, v, _ in probe.asked if host == "app0.example.com"]

    new = await variants({})
    assert Variant.RETEST in new
    blocked = Verdict(
        state=State.BLOCKED,
        mechanism="tls.reset.sni",
        locus=Locus.NETWORK,
        confidence=Confidence.LIKELY,
        rule_id="x",
        rule_version=1,
    )
    known = await variants({cat.services[2].endpoints[0].id: blocked})
    assert Variant.RETEST not in known
    assert Variant.NEUTRAL_SNI in known
    assert await variants({cat.services[2].endpoints[0].id: blocked}) == known


async def test_no_follow_ups_when_none_are_wanted() -> None:
    """``never``: one look each."""
    clock = VirtualClock(START)
    probe = FakeProbe(clock, {"app0.example.com": failing("tls")})
    result = await run_round(deps(catalog(*targets(2)), probe, follow_ups=FollowUps.NEVER))
    assert len(of(result, "app0.example.com").bundle) == 1


@pytest.mark.parametrize(("retired_on", "looks"), [(START.date(), 1), (date(2030, 1, 1), 2)])
async def test_a_retired_service_is_looked_at_once(retired_on: date, looks: int) -> None:
    """Nothing is to be explained about what its operator closed; before that day, all is."""
    clock = VirtualClock(START)
    probe = FakeProbe(clock, {"app0.example.com": failing("tls")})
    cat = catalog(*targets(1))
    closed = tuple(
        msgspec.structs.replace(s, retired_on=retired_on if s.id == "app0" else None)
        for s in cat.services
    )
    result = await run_round(deps(msgspec.structs.replace(cat, services=closed), probe))
    assert min(len(of(result, "app0.example.com").bundle), 2) == looks


# --- gates


async def test_an_offline_line_is_recorded_with_its_core() -> None:
    """The outage itself is the result: the round is kept, its targets are invalid."""
    clock = VirtualClock(START)
    rest = endpoint("late", "late.example.com", plan=Plan.DEFAULT)
    cat = catalog(*targets(2), rest)
    hosts = [e.host for e in cat.endpoints()]
    store = MemoryStore()
    probe = FakeProbe(clock, all_fail(hosts))
    result = await run_round(deps(cat, probe, store=store))
    assert result.context.invalid is not None
    assert result.context.invalid.id is GateId.OFFLINE_UPSTREAM
    assert store.ended is not None
    assert store.ended.gate(GateId.OFFLINE_UPSTREAM)
    assert of(result, "app0.example.com").main.outcome is Outcome.MEASURED
    assert of(result, "app0.example.com").verdict.state is State.INVALID
    late = of(result, "late.example.com").main
    assert (late.outcome, late.reason) == (
        Outcome.NOT_RUN,
        "nothing beyond this line answers, so only the core is looked at",
    )
    assert {v for h, v, _ in probe.asked if h.startswith("app")} == {Variant.MAIN}


async def test_a_domestic_only_line_is_told_from_a_total_cut() -> None:
    """Domestic anchors pass, international ones fail: gate G4, not G3."""
    clock = VirtualClock(START)
    probe = FakeProbe(clock, all_fail([a.host for a in ANCHORS[:4]]))
    result = await run_round(deps(catalog(*targets(1)), probe))
    assert [g.id for g in result.context.gates] == [GateId.DOMESTIC_ONLY]


async def test_through_a_tunnel_nothing_is_measured() -> None:
    """It would describe somebody else's line; not even an anchor is contacted."""
    clock = VirtualClock(START)
    probe = FakeProbe(clock)
    result = await run_round(deps(catalog(*targets(2)), probe, line=lambda: LineFacts(tunnel=True)))
    assert probe.asked == []
    assert [g.id for g in result.context.gates] == [GateId.VPN_ON]
    assert {r.main.outcome for r in result.records} == {Outcome.NOT_RUN}


async def test_a_line_that_goes_away_meanwhile_spoils_what_failed_and_keeps_what_passed() -> None:
    """The closing anchors decide: failures of that round are invalid, a success was seen."""
    clock = VirtualClock(START)
    cut = {"now": False}

    def until_cut(target: Endpoint, options: ProbeOptions, before: int) -> tuple[Step, ...]:
        return steps_of(target, fails="tcp" if cut["now"] else None, engine=options.engines[0])

    probe = FakeProbe(clock, default=until_cut)
    probe.behaviours["app1.example.com"] = failing("tcp", "generic_timeout_error")

    def cut_the_line(target: Endpoint) -> None:
        cut["now"] = cut["now"] or len(probe.hosts()) >= 12

    probe.on_measure = cut_the_line
    store = MemoryStore()
    result = await run_round(deps(catalog(*targets(2)), probe, store=store))
    assert result.context.invalid is not None
    assert of(result, "app1.example.com").verdict.state is State.INVALID
    stored = {r.endpoint: r.verdict.state for r in store.saved if "app1" in r.endpoint}
    assert set(stored.values()) == {State.INVALID}


def reset_by_name() -> FakeProbe:
    """Return a probe that finds the first app cut by its name, on a line that works."""
    probe = FakeProbe(VirtualClock(START))
    probe.behaviours["app0.example.com"] = failing("tls")
    return probe


async def closed_with(probe: FakeProbe, end: LineFacts) -> RoundResult:
    """Return a round at whose end the system says something else of the line."""
    start = LineFacts(default_route=True, gateway="192.168.77.1", tunnel=False)
    facts = iter((start, end))
    return await run_round(deps(catalog(*targets(2)), probe, line=lambda: next(facts)))


async def test_a_tunnel_that_comes_up_meanwhile_spoils_the_round() -> None:
    """What passed may have passed through it, and what failed may have failed at its far end."""
    probe = reset_by_name()
    start = LineFacts(default_route=True, gateway="192.168.77.1", tunnel=False)
    result = await closed_with(probe, LineFacts(default_route=True, tunnel=True))
    assert [g.id for g in result.context.gates] == [GateId.VPN_ON]
    for host in ("app0.example.com", "app1.example.com"):
        assert of(result, host).verdict.state is State.INVALID
    looked = [h for h, v, _ in probe.asked if h.startswith("anchor") and v is not Variant.ANCHOR]
    assert len(looked) == 4, "no closing look"
    fine = await closed_with(reset_by_name(), start)
    assert of(fine, "app1.example.com").verdict.state is State.OK
    assert fine.context.gates == ()


async def test_a_machine_that_moves_meanwhile_spoils_the_round() -> None:
    """Behind another gateway it is another network's line; nobody knows since when."""
    end = LineFacts(default_route=True, gateway="10.0.0.1", tunnel=False)
    result = await closed_with(reset_by_name(), end)
    assert result.context.invalid is not None
    assert result.context.invalid.id is GateId.PATH_CHANGED
    assert of(result, "app0.example.com").verdict.state is State.INVALID
    assert b"10.0.0.1" not in encode(result)


async def test_wifi_that_drops_meanwhile_is_no_outage_of_the_provider() -> None:
    """At the end there is no default route: this machine was off, nothing is said of the line."""
    probe = FakeProbe(VirtualClock(START))
    probe.default = lambda target, options, before: steps_of(
        target, fails="tcp" if len(probe.asked) > 9 else None, engine=options.engines[0]
    )
    result = await closed_with(probe, LineFacts(default_route=False))
    assert [g.id for g in result.context.gates] == [GateId.OFFLINE_LOCAL]


async def test_a_system_that_says_nothing_at_the_end_changes_nothing() -> None:
    """The kernel's answer may fail; what it said at the beginning stands."""
    result = await closed_with(reset_by_name(), LineFacts())
    assert result.context.gates == ()
    assert result.context.inputs.default_route is True


async def test_a_line_that_wears_out_meanwhile_makes_no_claim() -> None:
    """No gate closes, but hardly anything abroad answers any more: it is not about the target."""
    probe = FakeProbe(VirtualClock(START))
    gone = {a.host for a in (*ANCHORS[:4], *ANCHORS[5:])} | {"app0.example.com"}

    def behave(target: Endpoint, options: ProbeOptions, before: int) -> tuple[Step, ...]:
        cut = target.host in gone and (before > 0 or target.host.startswith("app"))
        return steps_of(target, fails="tcp" if cut else None, engine=options.engines[0])

    probe.default = behave
    store = MemoryStore()
    controls = [
        ControlObservation(
            endpoint=e.id,
            source="far",
            kind=ControlKind.LIVE,
            observed=START + timedelta(minutes=1),
        )
        for e in targets(1)
    ]
    result = await run_round(deps(catalog(*targets(1)), probe, store=store, controls=controls))
    assert result.context.invalid is None
    said = of(result, "app0.example.com").verdict
    assert (said.state, said.rule_id) == (State.INCONCLUSIVE, "line.abroad")
    assert store.ended == result.context
    stored = [r.verdict.rule_id for r in store.saved if "app0" in r.endpoint]
    assert stored == ["line.abroad"]


async def test_a_line_that_recovers_meanwhile_makes_no_claim_either() -> None:
    """It failed while anchors were silent; that they answer at the end proves nothing of then."""
    probe = FakeProbe(VirtualClock(START))
    shaky = {ANCHORS[0].host, ANCHORS[1].host, "app0.example.com"}

    def behave(target: Endpoint, options: ProbeOptions, before: int) -> tuple[Step, ...]:
        cut = target.host in shaky and (before == 0 or target.host.startswith("app"))
        failure = "generic_timeout_error"
        fails = "tcp" if cut else None
        return steps_of(target, fails=fails, failure=failure, engine=options.engines[0])

    probe.default = behave
    controls = [
        ControlObservation(
            endpoint=e.id,
            source="far",
            kind=ControlKind.LIVE,
            observed=START + timedelta(minutes=1),
        )
        for e in targets(1)
    ]
    result = await run_round(deps(catalog(*targets(1)), probe, controls=controls))
    assert of(result, "app0.example.com").verdict.rule_id == "line.lossy"
    assert not all(a.ok for a in result.context.inputs.anchors), "the context says why"


async def test_a_line_with_ipv6_only_is_not_taken_for_an_outage() -> None:
    """No anchor answers over IPv4, one does over IPv6: nothing is cut, and nothing is blamed."""
    probe = FakeProbe(VirtualClock(START))
    probe.default = lambda target, options, before: steps_of(
        target,
        fails=None if options.families == (6,) else "tcp",
        failure="network_unreachable",
        engine=options.engines[0],
    )
    facts = LineFacts(default_route=True, ipv6_route=True, tunnel=False)
    result = await run_round(deps(catalog(*targets(1)), probe, line=lambda: facts))
    assert result.context.gates == ()
    assert of(result, "app0.example.com").verdict.state is State.INCONCLUSIVE


@pytest.mark.parametrize(("by_s", "spoils"), [(-3600, True), (LONG_S, True), (LONG_S - 1, False)])
async def test_a_clock_that_parts_from_the_other_during_a_round_makes_it_invalid(
    by_s: float, spoils: bool
) -> None:
    """Set back, or the machine slept: times of day are not to be used; nothing is lost."""

    class SetBack(VirtualClock):
        shift = timedelta(0)

        def now(self) -> datetime:
            return super().now() + self.shift

    clock = SetBack(START)
    probe = FakeProbe(clock)

    def set_back(target: Endpoint) -> None:
        if target.host.startswith("app"):
            clock.shift = timedelta(seconds=by_s)

    probe.on_measure = set_back
    store = MemoryStore()
    result = await run_round(deps(catalog(*targets(2)), probe, store=store))
    gates = [gate.id for gate in result.context.gates]
    assert gates == ([GateId.CLOCK] if spoils else [])
    found = of(result, "app0.example.com").verdict.state
    assert found is (State.INVALID if spoils else State.OK)
    assert store.ended is not None


async def test_a_machine_that_stands_still_during_a_round_makes_it_invalid(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both clocks went on while the process was stopped: its timeouts mean nothing."""
    stops = 1  # one before the round is none of its own
    monkeypatch.setattr(runner, "long_stops", lambda: stops)
    clock = VirtualClock(START)
    probe = FakeProbe(clock)
    result = await run_round(deps(catalog(*targets(2)), probe))
    assert result.context.gates == ()

    def stop(target: Endpoint) -> None:
        nonlocal stops
        stops += target.host.startswith("app")

    probe.on_measure = stop
    result = await run_round(deps(catalog(*targets(2)), probe))
    assert result.context.invalid is not None
    assert result.context.invalid.id is GateId.CLOCK
    assert of(result, "app0.example.com").verdict.state is State.INVALID


async def test_a_broken_resolver_is_not_taken_for_a_broken_line() -> None:
    """The anchors are dialled at what an encrypted resolver says; gate G5, targets stay valid."""
    clock = VirtualClock(START)

    def no_system_dns(target: Endpoint, options: ProbeOptions, before: int) -> tuple[Step, ...]:
        engine = options.engines[0]
        fails = None if engine is DnsEngine.DOH else "dns"
        return steps_of(target, fails=fails, engine=engine)

    probe = FakeProbe(clock, default=no_system_dns)
    result = await run_round(deps(catalog(*targets(1)), probe, quick=True))
    assert [g.id for g in result.context.gates] == [GateId.RESOLVER_DOWN]
    assert result.context.inputs.other_resolver_ok == (True, True, True)
    assert any(a.ok for a in result.context.inputs.anchors)


async def test_a_wrong_clock_is_seen_by_the_dates_of_two_servers() -> None:
    """TLS-authenticated dates say that the wall clock is ahead."""
    clock = VirtualClock(START)

    def dated(target: Endpoint, options: ProbeOptions, before: int) -> tuple[Step, ...]:
        return steps_of(
            target, engine=options.engines[0], date_header="Sun, 10 Mar 2024 10:00:00 GMT"
        )

    result = await run_round(deps(catalog(*targets(1)), FakeProbe(clock, default=dated)))
    assert result.context.invalid is not None
    assert result.context.invalid.id is GateId.CLOCK
    assert min(result.context.inputs.clock_skews_s) > 7_000


async def test_another_gateway_is_another_network_and_no_address_is_kept() -> None:
    """The gateway is stored as a keyed fingerprint only; a new one closes ``path_changed``."""
    cat = catalog(*targets(1))
    store = MemoryStore()
    facts = LineFacts(default_route=True, gateway="192.168.77.1", addresses=("192.168.77.20",))
    first = await run_round(deps(cat, store=store, line=lambda: facts))
    assert store.begun is not None
    assert store.begun.gateway is not None
    moved = LineFacts(default_route=True, gateway="192.168.1.1")
    second = await run_round(deps(cat, line=lambda: moved, previous=store.begun))
    assert [g.id for g in second.context.gates] == [GateId.PATH_CHANGED]
    again = await run_round(deps(cat, line=lambda: facts, previous=store.begun))
    assert again.context.gates == ()
    assert b"192.168.77" not in encode(first)


async def test_probes_are_told_whom_to_leave_out() -> None:
    """Addresses of this machine and of its router are scrubbed from what a round keeps."""
    seen: list[frozenset[str]] = []

    class Telling(FakeProbe):
        async def __call__(
            self,
            endpoint: Endpoint,
            env: ProbeEnv,
            options: ProbeOptions,
            *,
            on_interrupt: Partial | None = None,
        ) -> Measurement:
            seen.append(frozenset(env.own_addresses))
            return await super().__call__(endpoint, env, options, on_interrupt=on_interrupt)

    facts = LineFacts(default_route=True, gateway="192.168.77.1", addresses=("192.168.77.20",))
    await run_round(deps(catalog(*targets(1)), Telling(VirtualClock(START)), line=lambda: facts))
    assert set(seen) == {frozenset({"192.168.77.1", "192.168.77.20"})}


# --- budgets


async def test_what_the_byte_budget_does_not_allow_is_recorded_as_not_run() -> None:
    """Real bytes count: when more crosses the wire than was planned, the rest is not run."""
    clock = VirtualClock(START)
    cat = catalog(*targets(40, plan=Plan.DEFAULT))
    probe = FakeProbe(clock, payload=100_000)
    allowed = Allowance(bytes=2_500_000, seconds=3_600.0)
    result = await run_round(deps(cat, probe, allowed=allowed, concurrency=1))
    reasons = {r.main.reason for r in result.records if r.main.outcome is Outcome.NOT_RUN}
    assert reasons == {RUN_BYTES}
    assert result.bytes <= 2_500_000 + 130_000
    assert len([r for r in result.records if r.endpoint.startswith("app")]) == 40


async def test_a_spent_budget_is_not_taken_for_an_outage() -> None:
    """Anchors that were not run have not failed: no gate closes, nothing is called offline."""
    clock = VirtualClock(START)
    probe = FakeProbe(clock)
    cat = catalog(*targets(3))
    nothing = Allowance(bytes=0, seconds=60.0)
    result = await run_round(deps(cat, probe, allowed=nothing, store=MemoryStore()))
    assert probe.asked == []
    assert result.context.gates == ()
    assert result.context.inputs.anchors == ()
    assert {r.main.outcome for r in result.records} == {Outcome.NOT_RUN}
    half = Allowance(bytes=90_000, seconds=60.0)
    some = await run_round(deps(cat, FakeProbe(clock, payload=12_000), allowed=half))
    assert some.context.gates == ()


async def test_the_time_budget_ends_a_round() -> None:
    """After its seconds nothing new starts, and long retests are not waited for."""
    clock = VirtualClock(START)
    probe = FakeProbe(clock, takes_s=30.0)
    probe.behaviours = {"app0.example.com": failing("tls")}
    allowed = Allowance(bytes=10**9, seconds=320.0)
    result = await run_round(
        deps(catalog(*targets(20)), probe, allowed=allowed, concurrency=1, store=MemoryStore())
    )
    reasons = {r.main.reason for r in result.records if r.main.outcome is Outcome.NOT_RUN}
    assert reasons == {RUN_SECONDS}
    assert clock.monotonic_s() < 420


# --- ending early


async def test_a_stop_keeps_what_was_measured_and_closes_the_round() -> None:
    """Ctrl-C: measured is kept, half measured is ``interrupted``, the rest is ``not_run``."""
    clock = VirtualClock(START)
    stop = asyncio.Event()
    hang = asyncio.Event()
    store = MemoryStore()
    probe = FakeProbe(clock)
    plain = probe.__call__

    async def measure(
        endpoint: Endpoint,
        env: ProbeEnv,
        options: ProbeOptions,
        *,
        on_interrupt: Partial | None = None,
    ) -> Measurement:
        if endpoint.host == "app1.example.com":
            stop.set()
            try:
                await hang.wait()
            except asyncio.CancelledError:
                assert on_interrupt is not None
                on_interrupt(blank(endpoint, clock, Outcome.INTERRUPTED, "cancelled"))
                raise
        return await plain(endpoint, env, options, on_interrupt=on_interrupt)

    cat = catalog(*targets(6))
    d = deps(cat, probe, store=store, stop=stop, concurrency=1)
    d.measure = measure
    async with asyncio.timeout(10):
        result = await run_round(d)
    assert result.interrupted
    assert store.ended is not None
    outcomes = {r.endpoint: r.main.outcome for r in store.saved if r.endpoint.startswith("app")}
    assert len(outcomes) == 6
    assert outcomes[cat.services[3].endpoints[0].id] is Outcome.INTERRUPTED
    assert {r.main.reason for r in store.saved if r.main.outcome is Outcome.NOT_RUN} <= {
        INTERRUPTED
    }
    assert of(result, "app1.example.com").verdict.state is State.INCONCLUSIVE


async def test_a_stop_after_the_machine_stood_still_leaves_no_claim(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ctrl-Z, ``fg``, Ctrl-C: nobody looks at the line again, and the round is invalid."""
    stops = 0
    monkeypatch.setattr(runner, "long_stops", lambda: stops)
    clock, stop, store = VirtualClock(START), asyncio.Event(), MemoryStore()
    probe = FakeProbe(clock)

    def stand_still(target: Endpoint) -> None:
        nonlocal stops
        if target.host == "app1.example.com":
            stops += 1
            stop.set()

    probe.on_measure = stand_still
    result = await run_round(
        deps(catalog(*targets(6)), probe, store=store, stop=stop, concurrency=1)
    )
    assert result.interrupted
    assert result.context.invalid is not None
    assert result.context.invalid.id is GateId.CLOCK
    assert of(result, "app0.example.com").verdict.state is State.INVALID


async def test_a_cancelled_task_closes_the_round_and_stays_cancelled() -> None:
    """The caller's cancellation is not swallowed."""
    clock = VirtualClock(START)
    store = MemoryStore()
    started = asyncio.Event()

    async def measure(
        endpoint: Endpoint,
        env: ProbeEnv,
        options: ProbeOptions,
        *,
        on_interrupt: Partial | None = None,
    ) -> Measurement:
        if endpoint.host == "app0.example.com":
            started.set()
            await asyncio.Event().wait()
        return await FakeProbe(clock)(endpoint, env, options, on_interrupt=on_interrupt)

    d = deps(catalog(*targets(3)), FakeProbe(clock), store=store)
    d.measure = measure
    task = asyncio.create_task(run_round(d))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert store.ended is not None
    assert len([r for r in store.saved if r.endpoint.startswith("app")]) == 3


async def test_a_full_disk_is_a_storage_error_and_leaves_the_round_to_recovery() -> None:
    """What was committed stays; nothing more is written to a store that failed."""
    clock = VirtualClock(START)
    store = MemoryStore(fail_after=1)
    probe = FakeProbe(clock)
    with pytest.raises(StoreError, match="full"):
        await run_round(deps(catalog(*targets(120)), probe, store=store, concurrency=3))
    assert store.batches == 1
    assert store.saved
    assert store.ended is None


async def test_a_bug_in_a_probe_costs_one_measurement_and_is_said() -> None:
    """An unattended line must not lose its round to one odd endpoint."""
    clock = VirtualClock(START)

    def bug(target: Endpoint, options: ProbeOptions, before: int) -> tuple[Step, ...]:
        raise KeyError("app0.example.com 198.51.100.7")

    probe = FakeProbe(clock, {"app0.example.com": bug})
    result = await run_round(deps(catalog(*targets(3)), probe))
    (problem,) = result.problems
    assert problem.startswith("http: KeyError at test_runner:")
    assert "198.51" not in problem
    assert of(result, "app0.example.com").main.outcome is Outcome.NOT_RUN
    assert of(result, "app1.example.com").verdict.state is State.OK


async def test_a_forbidden_packet_ends_the_round() -> None:
    """The guard's refusal is no network failure: nothing more is tried."""
    clock = VirtualClock(START)

    def forbidden(target: Endpoint, options: ProbeOptions, before: int) -> tuple[Step, ...]:
        raise ForbiddenNetwork("not here")

    probe = FakeProbe(clock, {"app0.example.com": forbidden})
    with pytest.raises(ForbiddenNetwork):
        await run_round(deps(catalog(*targets(3)), probe))


async def test_a_refusal_about_what_is_private_does_not_say_where_it_is() -> None:
    """The guard's own words quote the address; they end up on a screen, or in a journal."""

    def forbidden(target: Endpoint, options: ProbeOptions, before: int) -> tuple[Step, ...]:
        raise ForbiddenNetwork(f"{target.host} is not loopback")

    own = endpoint("private", "own.example.com", private="own-1")
    probe = FakeProbe(VirtualClock(START), {"own.example.com": forbidden})
    with pytest.raises(ForbiddenNetwork) as refused:
        await run_round(deps(catalog(own), probe))
    assert "own-1" in str(refused.value)
    assert "example" not in "".join(traceback.format_exception(refused.value))


async def test_without_a_store_the_round_is_the_same() -> None:
    """``--no-store`` changes nothing but what is kept."""
    cat = catalog(*targets(4))
    plain = await run_round(deps(cat, plan=plan_of(cat)))
    stored = await run_round(deps(cat, plan=plan_of(cat), store=MemoryStore()))
    assert plain.round_id is None
    assert stored.round_id == 7
    assert [r.verdict for r in plain.records] == [r.verdict for r in stored.records]


async def test_a_change_of_state_is_noticed() -> None:
    """What worked in the last round and fails now is what a burst of retests is for."""
    cat = catalog(*targets(2))
    ids = [s.endpoints[0].id for s in cat.services[2:]]
    good = (await run_round(deps(cat))).records
    last = {r.endpoint: r.verdict for r in good}
    clock = VirtualClock(START)
    probe = FakeProbe(clock, {"app1.example.com": failing("tls")})
    result = await run_round(deps(cat, probe, store=MemoryStore(last=last)))
    assert result.changed == (ids[1],)
