"""A round for a diagnosis: it compares also what works, and says beforehand how long it waits."""

from schedule_rounds import START, FakeProbe, catalog, deps, failing, targets

from probe.analysis.followup import FollowUp
from probe.clock import VirtualClock
from probe.model.measurement import Variant
from probe.model.verdict import State
from probe.schedule.chain import FollowUps
from probe.schedule.runner import RoundResult, run_round

HOST = "app0.example.com"


async def diagnosed(probe: FakeProbe, waits: list[tuple[Variant, float, float]]) -> RoundResult:
    """Run a round over one target as a diagnosis does."""

    def waiting(wanted: FollowUp, due_s: float, last_s: float) -> None:
        waits.append((wanted.variant, due_s, last_s))

    found = deps(catalog(*targets(1)), probe, follow_ups=FollowUps.THOROUGH, waiting=waiting)
    return await run_round(found)


async def test_what_works_is_compared_all_the_same_and_nothing_waits() -> None:
    """The encrypted resolver is asked too; the verdict stays what it was."""
    waits: list[tuple[Variant, float, float]] = []
    probe = FakeProbe(VirtualClock(START))
    result = await diagnosed(probe, waits)
    asked = [variant for host, variant, _ in probe.asked if host == HOST]
    assert asked == [Variant.MAIN, Variant.DOH]
    (record,) = [r for r in result.records if r.endpoint.startswith("app0/")]
    assert record.verdict.state is State.OK
    assert {due_s for _, due_s, _ in waits} == {0.0}


async def test_every_wait_is_said_before_it_begins() -> None:
    """With its own length, and with the length of all that is still to come."""
    waits: list[tuple[Variant, float, float]] = []
    clock = VirtualClock(START)
    probe = FakeProbe(clock, {HOST: failing("tls")})
    await diagnosed(probe, waits)
    long = [w for w in waits if w[1] >= 20]
    assert 200 <= long[0][1] <= long[0][2] <= clock.monotonic_s()
    assert all(due_s <= last_s for _, due_s, last_s in waits)
    announced = sum(due_s for _, due_s, _ in waits)
    assert announced >= clock.monotonic_s() - 60


async def test_a_host_that_was_set_off_rests_before_it_is_asked_again() -> None:
    """Being thorough triggers nobody's residual blocking a second time."""
    probe = FakeProbe(VirtualClock(START), {HOST: failing("tls")})
    await diagnosed(probe, [])
    at = [when for host, variant, when in probe.asked if host == HOST]
    assert all(when == 0 or when >= 200 for when in at)
