"""The loop around the path: packets in, packets out, in time and in order, whatever happens."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest

from probe.lab.netns.box import AT_ONCE, Box
from probe.lab.netns.passage import Homeward
from probe.lab.path.plumbing import Sent, Side

PATIENCE_S = 5.0
Answer = list[Sent | Homeward]


class Ends:
    """A wire whose other end the test holds; whole packets, as on a TUN device."""

    def __init__(self, stack: ExitStack) -> None:
        self.box, self.test = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.box.settimeout(0.0)
        self.test.settimeout(0.0)
        self.fd = self.box.fileno()
        self.closed = False
        stack.callback(self.box.close)
        stack.callback(self.test.close)

    def read(self) -> bytes:
        """Return the next packet."""
        return self.box.recv(65_535)

    def write(self, packet: bytes) -> None:
        """Put one packet."""
        self.box.send(packet)

    def close(self) -> None:
        """Note that the box is through with it."""
        self.closed = True

    async def next(self) -> bytes:
        """Return what the box puts next."""
        async with asyncio.timeout(PATIENCE_S):
            return await asyncio.get_running_loop().sock_recv(self.test, 65_535)


@dataclass
class Scripted:
    """A path that answers as the test says."""

    answer: Callable[[bytes, Side | None], Answer]
    seen: list[tuple[bytes, Side | None]] = field(default_factory=list)

    def handle(self, packet: bytes, came_from: Side | None, at_s: float) -> Answer:
        """Answer, and remember."""
        del at_s
        self.seen.append((packet, came_from))
        return self.answer(packet, came_from)


class Reel:
    """A capture that keeps what it is given."""

    def __init__(self) -> None:
        self.kept: list[bytes] = []

    def keep(self, packet: bytes, at_s: float) -> None:
        """Keep one packet."""
        assert at_s > 0
        self.kept.append(packet)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Close every socket at the end."""
    with ExitStack() as opened:
        yield opened


def built(
    stack: ExitStack, answer: Callable[[bytes, Side | None], Answer], tape: Reel | None = None
) -> tuple[Box, dict[Side, Ends], Scripted]:
    """Return an open box, the wires' other ends, and its path."""
    ends = {side: Ends(stack) for side in Side}
    path = Scripted(answer)
    box = Box(path, ends, tape=tape)  # type: ignore[arg-type]  # a reel stands for a tape
    box.open(asyncio.get_running_loop())
    stack.callback(box.close)
    return box, ends, path


async def test_a_packet_goes_where_the_path_sends_it(stack: ExitStack) -> None:
    """What comes from the line is handed over with its side, and put on the wire that is named."""
    _, ends, path = built(stack, lambda packet, _: [Sent(packet + b"!", Side.INTERNET)])
    ends[Side.LINE].test.send(b"one")
    assert await ends[Side.INTERNET].next() == b"one!"
    assert path.seen == [(b"one", Side.LINE)]


async def test_delayed_packets_keep_their_order(stack: ExitStack) -> None:
    """Whatever is due first goes first; of what is due together, what was said first."""

    def late(packet: bytes, _: Side | None) -> Answer:
        return [
            Sent(b"third", Side.LINE, 0.04),
            Sent(b"first", Side.LINE, 0.02),
            Sent(b"second", Side.LINE, 0.02),
            Sent(b"now", Side.LINE),
        ]

    _, ends, _ = built(stack, late)
    ends[Side.INTERNET].test.send(b"go")
    assert [await ends[Side.LINE].next() for _ in range(4)] == [
        b"now",
        b"first",
        b"second",
        b"third",
    ]


async def test_a_fault_in_the_path_costs_one_packet(stack: ExitStack) -> None:
    """The box goes on, and tells what happened."""

    def faulty(packet: bytes, _: Side | None) -> Answer:
        if packet == b"bad":
            raise ZeroDivisionError
        return [Sent(packet, Side.LINE)]

    box, ends, _ = built(stack, faulty)
    for packet in (b"bad", b"good"):
        ends[Side.INTERNET].test.send(packet)
    assert await ends[Side.LINE].next() == b"good"
    assert len(box.faults) == 1
    assert "ZeroDivisionError" in box.faults[0]


async def test_more_than_one_turn_takes_is_not_lost(stack: ExitStack) -> None:
    """A wire that has more than its share at once is asked again."""
    many = AT_ONCE + 20
    box, ends, _ = built(stack, lambda packet, _: [Sent(packet, Side.LINE)])
    for number in range(many):
        ends[Side.INTERNET].test.send(b"%d" % number)
    assert [await ends[Side.LINE].next() for _ in range(many)] == [b"%d" % n for n in range(many)]
    assert box.packets == many


async def test_the_capture_has_both_sides_but_not_the_control(stack: ExitStack) -> None:
    """Line and internet are kept as they came and as they went; the control abroad is not."""
    reel = Reel()

    def onward(packet: bytes, side: Side | None) -> Answer:
        return [Sent(packet.upper(), Side.INTERNET if side is Side.LINE else Side.ABROAD)]

    _, ends, _ = built(stack, onward, reel)
    ends[Side.LINE].test.send(b"line")
    assert await ends[Side.INTERNET].next() == b"LINE"
    ends[Side.ABROAD].test.send(b"abroad")
    assert await ends[Side.ABROAD].next() == b"ABROAD"
    assert reel.kept == [b"line", b"LINE"]


async def test_the_vpn_comes_and_goes(stack: ExitStack) -> None:
    """Its wire is read and written while it is there; parting with it closes it."""
    box, ends, path = built(stack, lambda packet, _: [Homeward(packet)])
    tunnel = Ends(stack)
    box.tunnel(tunnel)
    assert box.tunnelled
    tunnel.test.send(b"out")
    assert await tunnel.next() == b"out"
    assert path.seen == [(b"out", None)]
    box.tunnel(None)
    assert (box.tunnelled, tunnel.closed) == (False, True)
    ends[Side.LINE].test.send(b"nowhere")  # nobody to put it to: lost, as without an interface


async def test_a_closed_box_lets_go_of_its_wires(stack: ExitStack) -> None:
    """Nothing is read after the end, nothing that waited is sent."""
    box, ends, path = built(stack, lambda packet, _: [Sent(packet, Side.LINE, 0.01)])
    box.close()
    assert all(end.closed for end in ends.values())
    ends[Side.LINE].test.send(b"late")
    await asyncio.sleep(0)
    assert path.seen == []
