"""The order of a trace: neutral before target, as far as the server, and a pause that is one."""

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pytest

from probe.clock import VirtualClock
from probe.model.trace import Answer, AnswerKind, Arm, Fingerprint, Shot, Trigger
from probe.net.capture import Caught
from probe.probes.trace import BATCH, Aim, Pace, Tracing

HOST = "33.1.2.3"
NAMED = Aim(trigger=Trigger.TLS, address=HOST, port=443, target="a.example", neutral="b.example")
Fate = Callable[[int, Arm, int], Shot]


class Deaf:
    """A capture that hears nothing."""

    def take(self) -> list[Caught]:
        return []

    def lost(self) -> int:
        return 0


class Played(Tracing):
    """A trace whose batches are played: ``batches`` says what was shot."""

    __slots__ = ("batches", "fate")

    batches: list[tuple[int, Arm, list[int]]]
    fate: Fate

    async def _batch(self, number: int, arm: Arm, ttls: Sequence[int]) -> list[Shot]:
        self.batches.append((number, arm, list(ttls)))
        return [self.fate(number, arm, ttl) for ttl in ttls]


def path(server: int = 7) -> Fate:
    """Return an open way to a server."""

    def fate(number: int, arm: Arm, ttl: int) -> Shot:
        if ttl < server:
            return Shot(round=number, arm=arm, ttl=ttl, router=f"29.1.1.{ttl}")
        answer = Answer(kind=AnswerKind.DATA, after_ms=1, looks=Fingerprint(ttl=58))
        return Shot(round=number, arm=arm, ttl=ttl, taken=58, answers=(answer,))

    return fate


def tracing(fate: Fate, aim: Aim | None = None, **pace: float) -> Played:
    """Return a trace over ``fate``, on a clock that costs no time."""
    made = Played(
        aim or NAMED,
        Pace(**{"rounds": 2} | pace),  # type: ignore[arg-type]
        Deaf(),
        VirtualClock(datetime(2026, 3, 2, tzinfo=UTC)),
        random.Random(1),
    )
    made.batches, made.fate = [], fate
    return made


async def test_the_neutral_name_goes_first() -> None:
    """Path once, then neutral and target a round, nearest hop first; one shot between rounds."""
    trace = tracing(path())
    await trace.run()
    near = list(range(1, 9))
    assert trace.batches == [
        (1, Arm.PATH, near),
        (1, Arm.NEUTRAL, near),
        (1, Arm.TARGET, near),
        (2, Arm.NEUTRAL, [8]),
        (2, Arm.NEUTRAL, near),
        (2, Arm.TARGET, near),
    ]
    assert trace.rounds == 2


async def test_nothing_goes_far_beyond_the_server() -> None:
    """The target's shots end one hop behind it, however far a trace may go."""
    trace = tracing(path(server=12), rounds=1)
    await trace.run()
    farthest = {arm: max(ttls) for _, arm, ttls in trace.batches}
    assert farthest[Arm.TARGET] == 13
    assert all(len(ttls) <= BATCH for _, _, ttls in trace.batches)


async def test_where_nobody_speaks_the_sweep_ends() -> None:
    """A batch without a word from anybody is the last of its sweep."""
    trace = tracing(lambda number, arm, ttl: Shot(round=number, arm=arm, ttl=ttl), rounds=1)
    await trace.run()
    assert all(ttls == list(range(1, 9)) for _, _, ttls in trace.batches)


async def test_the_pause_is_kept() -> None:
    """So long as the spacing says."""
    trace = tracing(path(), spacing_s=200.0, rounds=3)
    await trace.run()
    assert trace.clock.monotonic_s() == 400.0


async def test_residual_blocking_is_waited_for() -> None:
    """While the neutral name is held up the pause goes on; then the round is made."""
    held = iter([True, True])

    def fate(number: int, arm: Arm, ttl: int) -> Shot:
        if number == 2 and ttl == 8 and next(held, False):
            return Shot(round=number, arm=arm, ttl=ttl)
        return path()(number, arm, ttl)

    trace = tracing(fate, spacing_s=100.0)
    await trace.run()
    assert trace.clock.monotonic_s() == 300.0
    assert trace.rounds == 2


async def test_residual_blocking_that_stays_ends_the_trace() -> None:
    """After three pauses the trace keeps what it has; no spoilt round is added."""

    def fate(number: int, arm: Arm, ttl: int) -> Shot:
        return Shot(round=number, arm=arm, ttl=ttl) if number > 1 else path()(number, arm, ttl)

    trace = tracing(fate, spacing_s=100.0)
    shots = await trace.run()
    assert trace.clock.monotonic_s() == 300.0
    assert {shot.round for shot in shots} == {1}
    assert trace.rounds == 1


async def test_stop_ends_it_with_what_is_there() -> None:
    """The sweep that is on ends, and its shots are given."""
    trace = tracing(path(server=30), rounds=3)

    def fate(number: int, arm: Arm, ttl: int) -> Shot:
        if arm is Arm.NEUTRAL and ttl == 8:
            trace.stop.set()
        return path(server=30)(number, arm, ttl)

    trace.fate = fate
    shots = await trace.run()
    assert {shot.arm for shot in shots} == {Arm.PATH, Arm.NEUTRAL}
    assert max(shot.ttl for shot in shots if shot.arm is Arm.NEUTRAL) == 8
    assert trace.rounds == 0


@pytest.mark.parametrize("trigger", [Trigger.DNS, Trigger.QUIC])
async def test_datagrams_have_no_path_of_connections(trigger: Trigger) -> None:
    """The neutral shots tell the way."""
    aim = Aim(trigger=trigger, address=HOST, port=53, target="a.example", neutral="b.example")
    trace = tracing(path(), aim, rounds=1)
    await trace.run()
    assert [arm for _, arm, _ in trace.batches] == [Arm.NEUTRAL, Arm.TARGET]


async def test_a_syn_without_a_neutral_host() -> None:
    """Only datagrams along the same way are compared with."""
    aim = Aim(trigger=Trigger.SYN, address=HOST, port=443, neutral=None)
    trace = tracing(path(), aim, rounds=2)
    await trace.run()
    assert [arm for _, arm, _ in trace.batches] == [Arm.PATH, Arm.TARGET, Arm.TARGET]


def test_what_an_aim_sends() -> None:
    """Each arm's place, port and first bytes."""
    aim = Aim(
        trigger=Trigger.SYN, address=HOST, port=443, neutral="n.example", neutral_address="33.9.9.9"
    )
    assert aim.addresses == (HOST, "33.9.9.9")
    assert [aim.place(arm) for arm in (Arm.TARGET, Arm.NEUTRAL, Arm.PATH)] == [
        HOST,
        "33.9.9.9",
        HOST,
    ]
    assert (aim.sent(Arm.TARGET), aim.sent(Arm.PATH)) == (Trigger.SYN, None)
    assert (aim.port_of(Arm.TARGET), aim.port_of(Arm.PATH)) == (443, 33_434)
    assert (NAMED.sent(Arm.PATH), NAMED.port_of(Arm.PATH)) == (Trigger.SYN, 443)
    assert NAMED.place(Arm.NEUTRAL) == HOST


class Flooded(Deaf):
    """A capture that could not keep what came; five are from before the shots."""

    def __init__(self) -> None:
        self.left = [5, 7]

    def lost(self) -> int:
        return self.left.pop(0)


async def test_what_could_not_be_read_is_counted_while_shots_are_waited_for() -> None:
    """What came between two batches is nobody's; what came during one may have been an answer."""
    made = Tracing(
        Aim(trigger=Trigger.QUIC, address="127.0.0.1", port=9, target="a.example"),
        Pace(settle_s=0.0, gap_s=0.0),
        Flooded(),
        VirtualClock(datetime(2026, 3, 2, tzinfo=UTC)),
        random.Random(1),
    )
    await made._batch(1, Arm.NEUTRAL, [])
    assert made.lost == 7
