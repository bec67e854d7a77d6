"""Who is asked for controls in a round, when, and what becomes of the answers."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from schedule_rounds import START, FakeProbe, all_fail, catalog, deps, failing, targets

from probe.clock import VirtualClock
from probe.errors import ForbiddenNetwork
from probe.model.codec import encode
from probe.model.control import ControlKind, ControlObservation
from probe.model.measurement import Variant
from probe.model.target import Endpoint
from probe.model.verdict import State
from probe.schedule.controls import ControlProvider
from probe.schedule.line import LineFacts
from probe.schedule.runner import run_round
from probe.store.database import Store


def seen_of(endpoint: Endpoint, **changes: Any) -> ControlObservation:
    """Return what a live control saw: it works, unless told otherwise."""
    fields: dict[str, Any] = {
        "endpoint": endpoint.id,
        "source": "live",
        "kind": ControlKind.LIVE,
        "observed": START + timedelta(seconds=30),
        "status": 200,
    }
    return ControlObservation(**{**fields, **changes})


class Elsewhere:
    """A provider that answers when it is let to, and writes down what it was asked."""

    def __init__(self, *, answers: bool = True) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.waited: list[str] = []
        self.answers = answers
        self.ready = asyncio.Event()
        self.bytes = (700, 9_000)

    async def run(self, endpoints: Sequence[Endpoint]) -> None:
        """Take note, and be ready."""
        self.asked.append(tuple(e.host for e in endpoints))
        self.ready.set()

    async def observe(self, endpoint: Endpoint) -> Sequence[ControlObservation]:
        """Answer once ready."""
        self.waited.append(endpoint.host)
        await self.ready.wait()
        return self.seen(endpoint)

    def seen(self, endpoint: Endpoint) -> Sequence[ControlObservation]:
        """Return it."""
        return [seen_of(endpoint)] if self.answers and self.ready.is_set() else []

    def crossed(self) -> tuple[int, int]:
        """Return bytes, once."""
        crossed, self.bytes = self.bytes, (0, 0)
        return crossed


async def test_a_provider_is_asked_about_the_whole_round_and_waited_for_by_failures_only() -> None:
    """What is asked is what is measured; a good look needs no control, so it does not wait."""
    probe = FakeProbe(VirtualClock(START), {"app1.example.com": failing("tls")})
    elsewhere = Elsewhere()
    assert isinstance(elsewhere, ControlProvider)
    result = await run_round(deps(catalog(*targets(4)), probe, controls=elsewhere))
    assert [sorted(hosts) for hosts in elsewhere.asked] == [
        [f"app{n}.example.com" for n in range(4)]
    ]
    assert elsewhere.waited == ["app1.example.com"]
    (cut,) = [r for r in result.records if "app1" in r.endpoint]
    assert [c.source for c in cut.controls] == ["live"]
    assert cut.verdict.state is State.BLOCKED


async def test_the_answer_is_there_before_the_follow_ups() -> None:
    """They are aimed by what the control knows: its addresses are tried."""
    probe = FakeProbe(VirtualClock(START), all_fail(["app0.example.com"]))
    order: list[str] = []
    elsewhere = Elsewhere()
    observe = elsewhere.observe

    async def noted(endpoint: Endpoint) -> Sequence[ControlObservation]:
        order.append("control")
        return await observe(endpoint)

    elsewhere.observe = noted  # type: ignore[method-assign]
    probe.on_measure = lambda e: order.append("look") if e.host.startswith("app0") else None
    await run_round(deps(catalog(*targets(1)), probe, controls=elsewhere))
    assert order[:2] == ["look", "control"]
    assert "look" in order[2:]


async def test_a_provider_with_a_bug_costs_its_answers_only() -> None:
    """The round goes on, and says so; an error of ours ends it."""

    class Broken(Elsewhere):
        async def run(self, endpoints: Sequence[Endpoint]) -> None:
            self.ready.set()
            raise KeyError("a bug")

    result = await run_round(deps(catalog(*targets(2)), controls=Broken(answers=False)))
    assert result.problems == ("control: KeyError",)
    assert all(r.verdict.state is State.OK for r in result.records if "app" in r.endpoint)

    class Forbidden(Elsewhere):
        async def run(self, endpoints: Sequence[Endpoint]) -> None:
            raise ForbiddenNetwork("no")

    with pytest.raises(ForbiddenNetwork):
        await run_round(deps(catalog(*targets(2)), controls=Forbidden()))


async def test_what_asking_costs_is_booked() -> None:
    """In the round, and in the store's budget."""
    plain = await run_round(deps(catalog(*targets(2))))
    with Store.open(":memory:") as store:
        first = deps(catalog(*targets(2)), controls=Elsewhere(), store=store)
        store.save_vantage(first.vantage)
        result = await run_round(first)
        used = store.bytes_used(START, START + timedelta(hours=1))
        again = deps(catalog(*targets(2)), store=store)
        await run_round(again)
        without = store.bytes_used(START, START + timedelta(hours=1)) - used
    assert result.bytes > plain.bytes
    assert used == without + 9_700


@pytest.mark.parametrize("kind", ["plain", "async"])
async def test_a_function_is_asked_once_after_the_look(kind: str) -> None:
    """Plain or ``async``, it is asked about what was measured, and its answer is kept."""
    asked: list[str] = []

    def plain(endpoint: Endpoint) -> Sequence[ControlObservation]:
        asked.append(endpoint.host)
        return [seen_of(endpoint)]

    async def later(endpoint: Endpoint) -> Sequence[ControlObservation]:
        await asyncio.sleep(0)
        return plain(endpoint)

    probe = FakeProbe(VirtualClock(START), {"app0.example.com": failing("tls")})
    given = plain if kind == "plain" else later
    result = await run_round(deps(catalog(*targets(2)), probe, controls=given))
    assert [h for h in asked if h.startswith("app")].count("app0.example.com") == 1
    (cut,) = [r for r in result.records if "app0" in r.endpoint]
    assert [c.source for c in cut.controls] == ["live"]
    assert Variant.RETEST in {m.variant for m in cut.bundle}


async def test_the_controls_of_a_verdict_are_stored_with_it() -> None:
    """What was given, and the own past: all that the verdict was made with."""
    probe = FakeProbe(VirtualClock(START))
    with Store.open(":memory:") as store:
        given = [seen_of(e) for e in targets(1)]
        first = deps(catalog(*targets(1)), probe, store=store, controls=given)
        store.save_vantage(first.vantage)
        await run_round(first)
        probe.behaviours = {"app0.example.com": failing("tls")}
        await probe.clock.sleep(60)
        result = await run_round(deps(catalog(*targets(1)), probe, store=store, controls=given))
        assert result.round_id is not None
        stored = {r.endpoint: r for r in store.records(result.round_id)}
    (cut,) = [r for r in result.records if "app0" in r.endpoint]
    assert [c.kind for c in cut.controls] == [ControlKind.LIVE, ControlKind.OWN_PAST]
    assert stored[cut.endpoint].controls == cut.controls


@pytest.mark.parametrize("second", ["alike", "passes", "none"])
async def test_controls_that_contradict_each_other_carry_nothing(second: str) -> None:
    """One sees it work, one sees it fail alike: nobody is blamed; two that agree blame as one."""
    probe = FakeProbe(VirtualClock(START), {"app0.example.com": failing("tls")})
    target = targets(1)[0]
    given = [seen_of(target)]
    if second == "passes":
        given.append(seen_of(target, source="farther"))
    if second == "alike":
        broken = {"failure": "connection_reset", "failed_operation": "tls", "status": None}
        given.append(seen_of(target, source="farther", **broken))
    wanted = deps(catalog(target), probe, controls=given, quick=True)
    (cut,) = [r for r in (await run_round(wanted)).records if "app0" in r.endpoint]
    assert (cut.verdict.state is State.BLOCKED) is (second != "alike")
    assert len(cut.controls) == len(given)


async def test_a_control_cannot_plant_the_lines_own_address() -> None:
    """It knows who asks: what it answers is stored, told and dialled without that address."""
    own = "93.184.216.77"
    facts = LineFacts(default_route=True, addresses=(own,))
    target = targets(1)[0]
    planted = seen_of(
        target,
        addresses=(own, "93.184.216.34"),
        address=own,
        title=f"Hello {own}",
        issuer=own,
        failure=f"unknown_failure: {own}",
    )
    probe = FakeProbe(VirtualClock(START), all_fail([target.host]))
    result = await run_round(deps(catalog(target), probe, line=lambda: facts, controls=(planted,)))
    kept = next(c for r in result.records for c in r.controls if c.endpoint == target.id)
    assert kept.addresses == ("93.184.216.34",)
    assert kept.address is None
    assert own.encode() not in encode(result.records)
