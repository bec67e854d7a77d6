"""Slow lines: they are told from cut ones, and a round waits as long as its line takes."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import msgspec
import pytest
from schedule_rounds import (
    ANCHORS,
    START,
    FakeProbe,
    address_of,
    catalog,
    deps,
    endpoint,
    environment,
    plan_of,
    steps_of,
    targets,
)

from probe.clock import VirtualClock
from probe.model.context import GateId
from probe.model.measurement import (
    Answer,
    DnsEngine,
    DnsStep,
    Measurement,
    Outcome,
    Step,
    TcpStep,
    Variant,
)
from probe.model.target import Endpoint, Kind
from probe.model.verdict import State
from probe.probes.env import ProbeEnv, Timeouts
from probe.probes.options import ProbeOptions
from probe.schedule import context
from probe.schedule.budget import Allowance
from probe.schedule.line import LineFacts
from probe.schedule.patience import connect_s, silent
from probe.schedule.runner import RoundResult, run_round
from probe.schedule.work import Partial

TIMEOUT, GAVE_UP = "generic_timeout_error", "dns_server_misbehaving"
USUAL = Timeouts()
NEVER_S = 1e9
HEAD = endpoint("app", "app.example.com")
ABROAD = next(anchor for anchor in ANCHORS if anchor.service == "abroad")


def look(*steps: Step, outcome: Outcome = Outcome.MEASURED) -> Measurement:
    """Return a look of these steps."""
    return Measurement(
        endpoint=HEAD.id,
        service=HEAD.service,
        kind=HEAD.kind,
        outcome=outcome,
        started=START,
        steps=steps,
    )


def connect(took_s: float, failure: str | None = None) -> TcpStep:
    """Return a connect that took so long."""
    return TcpStep(t0_s=1.0, t_s=1.0 + took_s, address="93.184.1.1", port=443, failure=failure)


def named(engine: DnsEngine, took_s: float, failure: str | None = None) -> DnsStep:
    """Return a question for a name that took so long."""
    return DnsStep(
        t0_s=0.0,
        t_s=took_s,
        failure=failure,
        hostname=HEAD.host,
        qtype="A",
        engine=engine,
        resolver="configured",
        answers=() if failure else (Answer(address=address_of(HEAD.host)),),
    )


def test_a_line_is_as_slow_as_its_slow_connects() -> None:
    """The 95th percentile by nearest rank: of few connects the slowest, of many not the last."""
    assert connect_s([look(connect(0.1)), look(connect(3.0), connect(0.2))]) == pytest.approx(3.0)
    many = [look(connect(0.1)) for _ in range(39)]
    assert connect_s([*many, look(connect(9.0))]) == pytest.approx(0.1)


def test_what_was_not_connected_says_nothing_of_the_pace() -> None:
    """A deadline that passed is no duration, and a resolver at home is not the line."""
    assert connect_s([look(named(DnsEngine.UDP, 8.0), connect(10.0, TIMEOUT))]) is None


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ((named(DnsEngine.SYSTEM, 4.0, GAVE_UP), named(DnsEngine.UDP, 5.0, TIMEOUT)), True),
        ((named(DnsEngine.SYSTEM, 0.1), connect(10.0, TIMEOUT)), True),
        ((named(DnsEngine.SYSTEM, 4.0, GAVE_UP), named(DnsEngine.UDP, 9.0), connect(9.0)), False),
        ((named(DnsEngine.SYSTEM, 0.1), connect(0.1, "connection_reset")), False),
        ((named(DnsEngine.SYSTEM, 0.1), connect(0.1, "network_unreachable")), False),
        ((named(DnsEngine.UDP, 0.1, "dns_servfail_error"),), False),
        ((named(DnsEngine.UDP, 0.1, "dns_refused_error"), connect(9.0, TIMEOUT)), False),
        ((named(DnsEngine.SYSTEM, 0.1), connect(0.1)), False),
        ((), False),
    ],
)
def test_silence_is_a_look_that_met_nothing_else(steps: tuple[Step, ...], expected: bool) -> None:
    """A reset, a refusal, or a resolver that says no, is an answer of somebody on the line."""
    assert silent(look(*steps)) is expected


def test_what_was_not_measured_was_not_silent() -> None:
    """A budget that is spent says nothing of the line."""
    steps = (connect(10.0, TIMEOUT),)
    assert not silent(look(*steps, outcome=Outcome.INTERRUPTED))


# --- rounds


def slowed(steps: tuple[Step, ...], trip_s: float) -> tuple[Step, ...]:
    """Return steps that each took so long."""
    return tuple(msgspec.structs.replace(step, t_s=step.t0_s + trip_s) for step in steps)


@dataclass
class SlowLine:
    """A line on which every answer takes ``trip_s`` (of each host, if it says so)."""

    probe: FakeProbe
    trip_s: float = NEVER_S
    of_host: Callable[[Endpoint], float | None] = lambda _: None
    failure: str = TIMEOUT
    seen: list[tuple[str, Variant, Timeouts]] = field(default_factory=list)
    asks: Callable[[ProbeEnv], None] = lambda _: None

    async def __call__(
        self,
        endpoint: Endpoint,
        env: ProbeEnv,
        options: ProbeOptions,
        *,
        on_interrupt: Partial | None = None,
    ) -> Measurement:
        """Measure as a probe does that gives up at the deadlines of now."""
        self.seen.append((endpoint.host, options.variant, env.timeouts))
        self.asks(env)
        found = self.of_host(endpoint)
        steps = self._steps(
            endpoint, env.timeouts, options, self.trip_s if found is None else found
        )
        self.probe.behaviours[endpoint.host] = lambda *_: steps
        return await self.probe(endpoint, env, options, on_interrupt=on_interrupt)

    def _steps(
        self, target: Endpoint, limits: Timeouts, options: ProbeOptions, trip_s: float
    ) -> tuple[Step, ...]:
        if DnsEngine.DOH in options.engines and trip_s > limits.dns_s:
            return (named(DnsEngine.DOH, limits.tcp_s, self.failure),)
        if trip_s < 4.0:
            return slowed(steps_of(target, engine=options.engines[0]), trip_s)
        system = named(DnsEngine.SYSTEM, 4.0, GAVE_UP)
        if DnsEngine.UDP not in options.engines:
            return (system,)
        if trip_s > limits.dns_s:
            return (system, named(DnsEngine.UDP, limits.dns_s, self.failure))
        names = (system, named(DnsEngine.UDP, trip_s))
        if trip_s > limits.tcp_s:
            return (*names, connect(limits.tcp_s, self.failure))
        return (*names, *slowed(steps_of(target)[1:], trip_s))

    def waited(self, *variants: Variant) -> Counter[float]:
        """Return how often which deadline of connects was in force."""
        return Counter(t.tcp_s for _, v, t in self.seen if not variants or v in variants)

    def of(self, host: str) -> list[Timeouts]:
        """Return the deadlines with which a host was looked at."""
        return [t for h, _, t in self.seen if h == host]


def line_of(**more: object) -> SlowLine:
    """Return a line; of ``more`` see ``SlowLine``."""
    return replace(SlowLine(FakeProbe(VirtualClock(START))), **more)  # type: ignore[arg-type]


async def played(on: SlowLine, **more: object) -> RoundResult:
    """Run a round over two targets on a line."""
    given = deps(catalog(*targets(2)), on.probe, **more)
    given.measure = on
    return await run_round(given)


async def test_connects_of_ten_seconds_are_neither_offline_nor_blocked() -> None:
    """A slow line is asked patiently before it is called offline, and then it is measured."""
    line = line_of(trip_s=10.5)
    result = await played(line)
    assert result.context.gates == ()
    assert all(anchor.ok for anchor in result.context.inputs.anchors)
    assert result.context.inputs.connect_s == pytest.approx(10.5)
    assert {r.verdict.state for r in result.records if r.service.startswith("app")} == {State.OK}
    (limits,) = set(line.of("app0.example.com"))
    assert (limits.tcp_s, limits.tls_s, limits.dns_s, limits.http_s) == (42.0, 42.0, 21.0, 63.0)


async def test_a_dead_line_is_asked_once_more_for_longer_and_then_called_offline() -> None:
    """Each neutral host once, and three encrypted resolvers; nothing else waits longer."""
    line = line_of()
    result = await played(line)
    assert result.context.invalid is not None
    assert result.context.invalid.id is GateId.OFFLINE_UPSTREAM
    long_s = USUAL.patience * USUAL.tcp_s
    patient = [(h, v) for h, v, t in line.seen if t.tcp_s == long_s]
    assert len(patient) == len(ANCHORS) + 1 + 3
    assert len(set(patient)) == len(patient)
    assert set(line.of("app0.example.com")) == {USUAL}
    assert result.context.inputs.connect_s is None


@pytest.mark.parametrize("failure", ["connection_refused", "network_unreachable"])
async def test_a_line_that_answers_at_all_is_not_asked_patiently(failure: str) -> None:
    """Who says no does not need more time."""
    line = line_of(failure=failure)
    result = await played(line)
    assert line.waited() == {USUAL.tcp_s: len(line.seen)}
    assert result.context.gates != ()


@pytest.mark.parametrize(
    "facts", [LineFacts(default_route=False), LineFacts(gateway_reachable=False)]
)
async def test_a_machine_that_is_not_connected_does_not_wait(facts: LineFacts) -> None:
    """Without a way out nothing can come late."""
    line = line_of()
    result = await played(line, line=lambda: facts)
    assert result.context.gate(GateId.OFFLINE_LOCAL)
    assert line.waited() == {USUAL.tcp_s: len(line.seen)}


@pytest.mark.parametrize(("patience", "looks"), [(4.0, 3 + 2), (1.0, 3)])
async def test_silence_beside_quick_answers_is_not_waited_for(patience: float, looks: int) -> None:
    """Where domestic hosts answer at once, hosts abroad that are silent are cut, not slow.

    They are asked once more before that is said (by the usual resolver and an encrypted one,
    after three looks that tell a broken resolver from a broken line), but not for longer; and
    not at all where a lab says that silence may be believed at once.
    """
    line = line_of(trip_s=0.1, of_host=lambda e: NEVER_S if e.service == "abroad" else None)
    env = replace(environment(line.probe.clock), timeouts=Timeouts(patience=patience))
    result = await played(line, env=env)
    assert result.context.gate(GateId.DOMESTIC_ONLY)
    assert line.waited() == {USUAL.tcp_s: len(line.seen)}
    assert len(line.of(ABROAD.host)) == looks


async def test_hosts_abroad_that_answer_when_asked_again_are_not_cut() -> None:
    """A line that loses many connections may lose those to all hosts abroad at once."""
    line = line_of(trip_s=0.1)

    def lost(target: Endpoint) -> float | None:
        return NEVER_S if target.service == "abroad" and len(line.of(target.host)) <= 3 else None

    line.of_host = lost
    result = await played(line)
    assert result.context.gates == ()
    assert line.waited() == {USUAL.tcp_s: len(line.seen)}


async def test_one_slow_answer_among_silence_is_no_outage() -> None:
    """Somebody was connected to: the line is too slow to tell, and nothing is said of targets."""
    slow = ANCHORS[0].host
    line = line_of(of_host=lambda e: 12.0 if e.host == slow else None)
    result = await played(line)
    assert result.context.gate(GateId.OFFLINE_UPSTREAM) is None
    states = {r.verdict.state for r in result.records if r.service.startswith("app")}
    assert states == {State.INCONCLUSIVE}


async def test_a_connect_of_some_seconds_gives_the_whole_round_more_time() -> None:
    """Deadlines follow the line also where nothing had to be asked twice."""
    line = line_of(trip_s=3.0)
    result = await played(line)
    assert result.context.gates == ()
    assert {t.tcp_s for t in line.of("app0.example.com")} == {12.0}
    assert line.waited(Variant.RETEST) == {}


async def test_without_patience_silence_is_believed_at_once() -> None:
    """A lab that plays fourteen days does not wait for what it knows to be silent."""
    line = line_of()
    env = replace(environment(line.probe.clock), timeouts=Timeouts(patience=1.0))
    await played(line, env=env)
    assert line.waited() == {USUAL.tcp_s: len(line.seen)}


async def test_a_budget_of_seconds_that_is_nearly_spent_leaves_no_time_for_patience() -> None:
    """A round does not outlast its budget for the sake of one more look."""
    line = line_of()
    allowed = Allowance(bytes=10**9, seconds=USUAL.patience * USUAL.tcp_s - 1)
    result = await played(line, allowed=allowed, plan=plan_of(catalog(*targets(2)), allowed))
    assert line.waited() == {USUAL.tcp_s: len(line.seen)}
    assert result.context.gate(GateId.OFFLINE_UPSTREAM)


async def test_a_stop_does_not_wait_for_the_patient_look() -> None:
    """Ctrl-C ends the round at once, also while a silent line is waited for."""
    line, stop = line_of(), asyncio.Event()

    def asks(env: ProbeEnv) -> None:
        if env.timeouts.tcp_s > USUAL.tcp_s:
            line.probe.takes_s = 1e6
            stop.set()

    class Waits(VirtualClock):
        async def sleep(self, seconds: float) -> None:
            await asyncio.Event().wait()

    line.probe.clock = Waits(START)
    line.asks = asks
    async with asyncio.timeout(10):
        result = await played(line, stop=stop)
    assert result.interrupted
    assert result.records == ()


async def test_on_a_slow_line_the_own_address_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is scrubbed from all that is kept, so it must be known also where it comes late."""

    async def late(_: Endpoint, env: ProbeEnv) -> str | None:
        return "93.184.216.34" if env.timeouts.dns_s > USUAL.dns_s else None

    monkeypatch.setattr(context, "own_public_address", late)
    line = line_of(trip_s=10.5)
    told: set[tuple[str, ...]] = set()
    line.asks = lambda env: told.add(tuple(env.own_addresses))
    cat = catalog(*targets(1))
    stun = endpoint("abroad", "stun.example.org", kind=Kind.STUN, port=3478, tls=False)
    await played(line, plan=plan_of(cat, stun=stun))
    assert told == {(), ("93.184.216.34",)}
