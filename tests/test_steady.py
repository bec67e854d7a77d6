"""A loop's time stands still while the loop does, and goes on whatever keeps it busy."""

import asyncio
import selectors
import socket
import sys
from collections.abc import Iterator

import pytest

from probe.steady import LONG_S, STILL_S, SteadyLoop, long_stops, loop_factory

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="its loops have no selector")


class Hand:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.at_s = 1_000.0

    def __call__(self) -> float:
        return self.at_s


@pytest.fixture
def hand() -> Hand:
    """Return the clock that ``run`` goes by."""
    return Hand()


@pytest.fixture
def loop(hand: Hand) -> Iterator[SteadyLoop]:
    """Return a loop by that clock."""
    made = SteadyLoop(hand)
    yield made
    made.close()


def test_an_answer_that_lay_there_is_no_timeout(hand: Hand, loop: SteadyLoop) -> None:
    """The process stood still for a minute with a deadline of two seconds: what came is read."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)  # noqa: FBT003 - the name of a method of sockets

    def stand_still() -> None:
        theirs.send(b"answer")
        hand.at_s += 60.0

    async def ask() -> bytes:
        async with asyncio.timeout(2.0):
            loop.call_soon(stand_still)
            return await loop.sock_recv(ours, 100)

    with ours, theirs:
        assert loop.run_until_complete(ask()) == b"answer"


def test_what_is_silent_while_the_loop_runs_is_a_timeout(hand: Hand, loop: SteadyLoop) -> None:
    """Turns that take no longer than they may are time, each of them."""
    turns = 0

    def turn() -> None:
        nonlocal turns
        turns += 1
        hand.at_s += STILL_S
        loop.call_soon(turn)

    async def ask() -> None:
        loop.call_soon(turn)
        async with asyncio.timeout(2.0):
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        loop.run_until_complete(ask())
    assert 2.0 / STILL_S <= turns <= 4.0 / STILL_S


def test_who_keeps_the_loop_busy_cannot_stop_its_time(hand: Hand, loop: SteadyLoop) -> None:
    """A peer whose bytes take a second of work each delays the deadline, and no more."""
    turns = 0

    def turn() -> None:
        nonlocal turns
        turns += 1
        hand.at_s += 1.0
        loop.call_soon(turn)

    async def ask() -> None:
        loop.call_soon(turn)
        async with asyncio.timeout(2.0):
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        loop.run_until_complete(ask())
    assert 2.0 / STILL_S <= turns <= 4.0 / STILL_S
    assert loop.long_stops == 0


def test_a_kernel_that_wakes_it_late_is_a_stop_too(
    hand: Hand, loop: SteadyLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGSTOP or a machine that was put aside while all waited: the time after the deadline."""
    select = selectors.DefaultSelector.select
    waits = iter([0.0, 61.0])

    def late(self: selectors.DefaultSelector, timeout: float | None = None) -> object:
        hand.at_s += next(waits, 0.0)
        return select(self, 0.0)

    monkeypatch.setattr(selectors.DefaultSelector, "select", late)

    async def wait() -> float:
        began_s = loop.time()
        await asyncio.sleep(1.0)
        return loop.time() - began_s

    assert loop.run_until_complete(wait()) == pytest.approx(1.0 + STILL_S)
    assert loop.long_stops == 1


def test_long_stops_are_counted_of_the_loop_that_runs(hand: Hand, loop: SteadyLoop) -> None:
    """From ``LONG_S`` on; another kind of loop has none to tell of."""

    async def stops() -> list[int]:
        counts = [long_stops()]
        for seconds in (LONG_S - 1.0, LONG_S):
            hand.at_s += seconds
            await asyncio.sleep(0)
            counts.append(long_stops())
        return counts

    assert loop.run_until_complete(stops()) == [0, 0, 1]
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as other:
        assert other.run(stops()) == [0, 0, 0]


def test_commands_measure_on_it() -> None:
    """It is what ``asyncio.Runner`` is given."""
    assert loop_factory() is SteadyLoop
