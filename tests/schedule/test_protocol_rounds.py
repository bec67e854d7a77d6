"""Protocols of their own in a round: what follows a cut, in which order, and what stays private."""

from schedule_rounds import START, Behaviour, FakeProbe, catalog, deps, endpoint

from probe.clock import VirtualClock
from probe.model.measurement import ExchangeStep, Proof, Step, TcpStep, Variant
from probe.model.target import Endpoint, Kind
from probe.model.verdict import State
from probe.probes.options import ProbeOptions
from probe.schedule.runner import run_round

PLACE = "93.184.216.34"


def centre(**more: object) -> Endpoint:
    """Return a data centre at an address."""
    values: dict[str, object] = {"kind": Kind.MTPROTO, "tls": False, "path": None, **more}
    return endpoint("app", PLACE, **values)


def cut(*, hidden: bool) -> Behaviour:
    """Return a place where the clear form is cut; asked in ``hidden`` form it may answer."""

    def behave(target: Endpoint, options: ProbeOptions, before: int) -> tuple[Step, ...]:
        del before
        at = {"t0_s": 0.0, "t_s": 0.1, "address": target.host, "port": 443}
        opened = TcpStep(**at)  # type: ignore[arg-type]
        if options.variant is Variant.CONNECT:
            return (opened,)
        good = hidden and options.variant is Variant.COMPARISON
        failure = None if good else "connection_reset"
        proof = Proof.ECHO if good else None
        asked = ExchangeStep(**at, protocol="mtproto", failure=failure, proof=proof)  # type: ignore[arg-type]
        return opened, asked

    return behave


async def test_another_form_is_asked_between_the_cut_and_its_retest() -> None:
    """A silent connection at once, although the place rests; the form when the trace is gone."""
    clock = VirtualClock(START)
    probe = FakeProbe(clock, {PLACE: cut(hidden=True)})
    result = await run_round(deps(catalog(centre()), probe))
    looks = [(v, at) for host, v, at in probe.asked if host == PLACE]
    assert [v for v, _ in looks] == [
        Variant.MAIN, Variant.CONNECT, Variant.COMPARISON, Variant.RETEST, Variant.RETEST,
    ]  # fmt: skip
    times = dict(looks)
    assert times[Variant.CONNECT] < 10
    assert times[Variant.COMPARISON] >= 200
    record = next(r for r in result.records if PLACE in r.endpoint)
    assert record.verdict.rule_id == "exchange.reset.protocol.ab"
    assert record.verdict.state is State.BLOCKED


async def test_a_quick_round_still_opens_the_silent_connection() -> None:
    """It says nothing, so that nothing has to rest from it; the form has to wait and is left."""
    clock = VirtualClock(START)
    probe = FakeProbe(clock, {PLACE: cut(hidden=True)})
    result = await run_round(deps(catalog(centre()), probe, quick=True))
    assert clock.monotonic_s() < 60
    variants = [v for host, v, _ in probe.asked if host == PLACE]
    assert variants == [Variant.MAIN, Variant.CONNECT]
    record = next(r for r in result.records if PLACE in r.endpoint)
    assert record.verdict.state is State.INCONCLUSIVE


async def test_an_exchange_that_was_cut_lets_its_place_rest() -> None:
    """As after a handshake: 120 s at least until the next endpoint there is asked."""
    clock = VirtualClock(START)
    one, two = centre(), centre(kind=Kind.TOR_OR)
    probe = FakeProbe(clock, {PLACE: cut(hidden=False)})
    await run_round(deps(catalog(one, two), probe))
    mains = [at for host, v, at in probe.asked if host == PLACE and v is Variant.MAIN]
    assert len(mains) == 2
    assert mains[1] - mains[0] >= 120


async def test_what_is_private_is_veiled_before_anybody_sees_it() -> None:
    """Follow-ups look it up again, no neighbour is asked, and the record has no place in it."""
    clock = VirtualClock(START)
    own = centre(private="own-1")
    near = endpoint("other", "93.184.216.40", kind=Kind.TCP, tls=False, path=None)
    probe = FakeProbe(clock, {PLACE: cut(hidden=False)})
    result = await run_round(deps(catalog(own, near), probe))
    looks = [v for host, v, _ in probe.asked if host == PLACE]
    assert set(looks) == {Variant.MAIN, Variant.RETEST}
    record = next(r for r in result.records if r.endpoint == "app/mtproto/own-1")
    assert PLACE not in repr(record)
    assert all(s.address == "0.0.0.0" for s in record.bundle[0].steps)  # type: ignore[union-attr]
    assert not [v for host, v, _ in probe.asked if v is Variant.NEIGHBOUR]


async def test_what_is_private_is_nobodys_neighbour() -> None:
    """Another endpoint that fails beside it does not make it be asked."""
    clock = VirtualClock(START)
    own = centre(private="own-1")
    beside = endpoint("other", "93.184.216.40", kind=Kind.MTPROTO, tls=False, path=None)

    def passes(target: Endpoint, options: ProbeOptions, before: int) -> tuple[Step, ...]:
        del options, before
        at = {"t0_s": 0.0, "t_s": 0.1, "address": target.host, "port": 443}
        echoed = ExchangeStep(**at, protocol="mtproto", proof=Proof.ECHO)  # type: ignore[arg-type]
        return TcpStep(**at), echoed  # type: ignore[arg-type]

    probe = FakeProbe(clock, {PLACE: passes, beside.host: cut(hidden=False)})
    await run_round(deps(catalog(own, beside), probe))
    assert [v for host, v, _ in probe.asked if host == PLACE] == [Variant.MAIN]
