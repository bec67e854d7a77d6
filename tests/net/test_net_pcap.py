"""The capture is what other programs read."""

import errno
import io
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.errors import InputError
from probe.net.pcap import MAGIC, RAW, Tape, open_tape

WALL_S = 1_772_452_800.0


class Kept(io.BytesIO):
    """A file whose content outlives it."""

    content = b""

    def close(self) -> None:
        """Keep what was written."""
        self.content = self.getvalue()
        super().close()


@given(st.lists(st.tuples(st.binary(max_size=80), st.floats(0, 1000)), max_size=8))
def test_every_packet_is_there_with_its_time(packets: list[tuple[bytes, float]]) -> None:
    """Header, lengths, nanoseconds: read back by the format's own definition."""
    file = Kept()
    tape = Tape(file, lambda: WALL_S, 50.0)
    for packet, at_s in packets:
        tape.keep(packet, 50.0 + at_s)
    tape.close()
    magic, major, minor, zone, _, _, link = struct.unpack_from("=IHHiIII", file.content)
    assert (magic, major, minor, zone, link) == (MAGIC, 2, 4, 0, RAW)
    at = 24
    for packet, at_s in packets:
        seconds, nanoseconds, kept, size = struct.unpack_from("=IIII", file.content, at)
        assert nanoseconds < 10**9
        assert seconds + nanoseconds / 1e9 == pytest.approx(WALL_S + at_s, abs=1e-5)
        assert kept == size == len(packet)
        assert file.content[at + 16 : at + 16 + size] == packet
        at += 16 + size
    assert at == len(file.content)


def test_a_moved_time_shows_in_the_capture() -> None:
    """After the lab's time was set, packets carry the new one."""
    wall = [WALL_S]
    file = Kept()
    tape = Tape(file, lambda: wall[0], 0.0)
    wall[0] = WALL_S + 3600
    tape.turn(10.0)
    tape.keep(b"x", 11.0)
    tape.close()
    assert struct.unpack_from("=I", file.content, 24)[0] == int(WALL_S + 3601)


def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    """It shows all that was done; and a place that cannot be written is said with the mend."""
    file = tmp_path / "lab.pcap"
    open_tape(file).close()
    assert file.stat().st_mode & 0o077 == 0
    file.chmod(0o644)
    open_tape(file).close()
    assert file.stat().st_mode & 0o077 == 0
    with pytest.raises(InputError, match="choose another place"):
        open_tape(tmp_path / "missing" / "lab.pcap")


def test_a_disk_that_fills_up_meanwhile_is_said() -> None:
    """Not only at the end: a long capture is written as it grows."""

    class Full(io.BytesIO):
        def write(self, data: Any) -> int:
            if len(data) > 100:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(data)

    tape = Tape(Full(), lambda: WALL_S, 0.0)
    tape.keep(b"x", 1.0)
    with pytest.raises(InputError, match="not whole: No space left"):
        tape.keep(bytes(200), 2.0)
