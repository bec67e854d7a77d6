"""Bytes against time: marks, pauses, and a stream that is counted."""

import pytest

from probe.net.base import NetFailure
from probe.net.fake import FakeStream, Tcp
from probe.probes.meter import MARK_BYTES, Meter, MeteredStream


def test_a_mark_at_the_first_byte_at_each_4_kib_and_at_the_last() -> None:
    """What comes between is not kept, so that a transfer of 512 KiB has some 130 marks."""
    meter = Meter(10.0)
    for number in range(1, 41):
        meter.add(1_000, 10.0 + number)
    assert [so_far for so_far, _ in meter.marks] == [
        *(1_000, 5_000, 9_000, 13_000, 17_000, 21_000, 25_000, 29_000, 33_000, 37_000, 40_000),
    ]
    assert meter.marks[0] == (1_000, 1.0)
    assert meter.marks[-1] == (40_000, 40.0)


def test_a_jump_over_several_thresholds_is_one_mark() -> None:
    """The next mark is at the next whole multiple."""
    meter = Meter(0.0)
    for at_s, count in ((1.0, 3 * MARK_BYTES + 5), (2.0, MARK_BYTES - 6), (3.0, 1)):
        meter.add(count, at_s)
    assert [at_s for _, at_s in meter.marks] == [1.0, 3.0]
    assert meter.total == 4 * MARK_BYTES


def test_nothing_has_no_marks() -> None:
    """An end of the stream is no byte."""
    meter = Meter(0.0)
    meter.add(0, 1.0)
    assert (meter.marks, meter.total) == ((), 0)


@pytest.mark.parametrize(("pause_s", "stalled"), [(4.9, None), (5.0, 1_000)])
def test_five_seconds_are_a_stall(pause_s: float, stalled: int | None) -> None:
    """The count is of the bytes before it; the first one stays, and the longest is kept."""
    meter = Meter(0.0)
    meter.add(1_000, 1.0)
    meter.add(1_000, 1.0 + pause_s)
    meter.end(2.0 + pause_s)
    assert meter.stalled_at == stalled
    assert meter.longest_stall_s == pytest.approx(pause_s)


def test_silence_to_the_end_is_a_stall_and_so_is_no_first_byte() -> None:
    """Frozen is silent to the end; before the first byte, five seconds are more than thought."""
    frozen, mute = Meter(0.0), Meter(0.0)
    frozen.add(16_000, 0.5)
    frozen.end(10.5)
    mute.end(6.0)
    assert (frozen.stalled_at, frozen.longest_stall_s) == (16_000, 10.0)
    assert (mute.stalled_at, mute.longest_stall_s) == (0, 0.0)


async def test_a_stream_is_counted_only_while_a_meter_runs() -> None:
    """A handshake is no part of it; a timeout tells the meter that it waited."""
    now = [0.0]
    stream = MeteredStream(FakeStream(Tcp(replies=(b"hello", b"x" * 700))), lambda: now[0])
    await stream.send(b"hi", timeout_s=1.0)
    assert await stream.receive(100, timeout_s=1.0) == b"hello"
    meter = stream.running = Meter(0.0)
    await stream.send(b"more", timeout_s=1.0)
    now[0] = 2.0
    assert len(await stream.receive(1_000, timeout_s=1.0)) == 700
    now[0] = 9.0
    with pytest.raises(NetFailure):
        await stream.receive(1_000, timeout_s=1.0)
    assert (meter.marks, meter.stalled_at) == (((700, 2.0),), 700)
    assert (stream.bytes_sent, stream.bytes_received) == (6, 705)
