"""A loop's time stands still while the loop does, and goes on whatever keeps it busy."""

import asyncio
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from probe.steady import LONG_S, STILL_S, SteadyLoop, long_stops, loop_factory, lost_s

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


def test_a_process_that_was_stopped_while_it_waited_looks_before_it_gives_up(
    hand: Hand, loop: SteadyLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``epoll_wait`` ends with EINTR after a stop, and Python then tells of no events at all."""
    select = selectors.DefaultSelector.select
    ours, theirs = socket.socketpair()
    ours.setblocking(False)  # noqa: FBT003 - the name of a method of sockets

    def stopped(self: selectors.DefaultSelector, timeout: float | None = None) -> object:
        if timeout == 0:
            return select(self, 0)
        theirs.send(b"answer")
        hand.at_s += 5.0
        return []

    monkeypatch.setattr(selectors.DefaultSelector, "select", stopped)

    async def ask() -> bytes:
        async with asyncio.timeout(0.5):
            return await loop.sock_recv(ours, 100)

    began_s = loop.time()
    with ours, theirs:
        assert loop.run_until_complete(ask()) == b"answer"
    assert loop.time() - began_s == pytest.approx(0.5 + STILL_S)


def test_what_came_before_a_stop_does_not_hide_what_came_in_it(
    hand: Hand, loop: SteadyLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One answer ends the wait, the process is stopped, and another one comes meanwhile."""
    select = selectors.DefaultSelector.select
    pairs = [socket.socketpair() for _ in range(2)]

    def stopped(self: selectors.DefaultSelector, timeout: float | None = None) -> object:
        if timeout == 0:
            return select(self, 0)
        pairs[0][1].send(b"one")
        found = select(self, 0)
        pairs[1][1].send(b"two")
        hand.at_s += 5.0
        return found

    monkeypatch.setattr(selectors.DefaultSelector, "select", stopped)

    async def ask(ours: socket.socket) -> bytes:
        ours.setblocking(False)  # noqa: FBT003 - the name of a method of sockets
        async with asyncio.timeout(0.5):
            return await loop.sock_recv(ours, 100)

    async def both() -> list[bytes]:
        return await asyncio.gather(*(ask(ours) for ours, _ in pairs))

    try:
        assert loop.run_until_complete(both()) == [b"one", b"two"]
    finally:
        for ours, theirs in pairs:
            ours.close()
            theirs.close()


def test_time_never_goes_back(hand: Hand, loop: SteadyLoop) -> None:
    """A step that begins late in a long turn ends no sooner than it began."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)  # noqa: FBT003 - the name of a method of sockets

    async def step() -> float:
        await asyncio.sleep(0)
        hand.at_s += 5.0
        began_s = loop.time()
        loop.call_soon(theirs.send, b"answer")
        await loop.sock_recv(ours, 100)
        return loop.time() - began_s

    with ours, theirs:
        assert loop.run_until_complete(step()) >= 0.0


def test_a_deadline_that_is_set_after_a_stop_is_no_longer_for_it(
    hand: Hand, loop: SteadyLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the process stood still before is not added to it."""

    def wait(_self: selectors.DefaultSelector, timeout: float | None = None) -> list[object]:
        hand.at_s += timeout or 0.0
        return []

    monkeypatch.setattr(selectors.DefaultSelector, "select", wait)

    async def give_up() -> float:
        await asyncio.sleep(0)
        hand.at_s += 5.0
        began_s = hand.at_s
        async with asyncio.timeout(0.5):
            await asyncio.Event().wait()
        return began_s

    began_s = hand.at_s
    with pytest.raises(TimeoutError):
        loop.run_until_complete(give_up())
    assert hand.at_s - began_s == pytest.approx(5.5, abs=0.01)


def test_a_stop_is_long_however_long_the_wait_was_meant_to_be(
    hand: Hand, loop: SteadyLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process stood still for ``LONG_S`` in the middle of a wait of a minute."""
    stops = iter([LONG_S])

    def wait(_self: selectors.DefaultSelector, timeout: float | None = None) -> list[object]:
        if timeout:
            hand.at_s += max(timeout, next(stops, 0.0))
        return []

    monkeypatch.setattr(selectors.DefaultSelector, "select", wait)
    loop.run_until_complete(asyncio.sleep(60.0))
    assert loop.long_stops == 1


def test_an_interrupt_that_leaves_the_wait_is_no_stop(
    hand: Hand, loop: SteadyLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in ``select``: what was waited for until then was waited for."""
    select = selectors.DefaultSelector.select
    hand_on = iter([0.0, 0.5])

    def wait(self: selectors.DefaultSelector, timeout: float | None = None) -> object:
        if timeout:
            hand.at_s += next(hand_on, timeout)
            raise KeyboardInterrupt
        return select(self, 0)

    monkeypatch.setattr(selectors.DefaultSelector, "select", wait)
    waiting = loop.create_task(asyncio.sleep(60.0))
    began_s = loop.time()
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            loop.run_until_complete(waiting)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(waiting)
    assert loop.time() - began_s == pytest.approx(0.5)


ASKER = """
import asyncio, socket, sys
from probe.steady import SteadyLoop

async def ask():
    with socket.socket(fileno=int(sys.argv[1])) as ours:
        ours.setblocking(False)
        async with asyncio.timeout(1.0):
            print("asked", flush=True)
            print(await asyncio.get_running_loop().sock_recv(ours, 100), flush=True)

with asyncio.Runner(loop_factory=SteadyLoop) as runner:
    runner.run(ask())
"""


@pytest.mark.slow
def test_the_answer_to_a_process_that_is_really_stopped_is_read() -> None:
    """Ctrl-Z while it waits, the answer comes, and ``fg`` only after the deadline."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        command = [sys.executable, "-c", ASKER, str(theirs.fileno())]
        with subprocess.Popen(
            command, pass_fds=[theirs.fileno()], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "asked\n"
            time.sleep(0.1)  # noqa: TID251 - it is in the kernel by then
            process.send_signal(signal.SIGSTOP)
            ours.send(b"answer")
            time.sleep(2.0)  # noqa: TID251 - the stop itself
            process.send_signal(signal.SIGCONT)
            assert process.stdout.read() == "b'answer'\n"


def test_long_stops_are_counted_of_the_loop_that_runs(hand: Hand, loop: SteadyLoop) -> None:
    """From ``LONG_S`` on; another kind of loop has none to tell of."""

    async def stops() -> list[tuple[int, float]]:
        counts = [(long_stops(), lost_s())]
        for seconds in (LONG_S - 1.0, LONG_S):
            hand.at_s += seconds
            await asyncio.sleep(0)
            counts.append((long_stops(), lost_s()))
        return counts

    first_s = LONG_S - 1.0 - STILL_S
    both = [(0, 0.0), (0, first_s), (1, first_s + LONG_S - STILL_S)]
    assert loop.run_until_complete(stops()) == both
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as other:
        assert other.run(stops()) == [(0, 0.0)] * 3


def test_commands_measure_on_it() -> None:
    """It is what ``asyncio.Runner`` is given."""
    assert loop_factory() is SteadyLoop
