"""What crossed the box, in a file that tcpdump and Wireshark read.

The classic format with nanoseconds (draft-ietf-opsawg-pcap, magic 0xA1B23C4D) and link type 101,
raw IP. A packet that is passed on is there twice: as it came, and as it went. Times are the
lab's own.
"""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from probe.errors import InputError

__all__ = ["MAGIC", "RAW", "SNAP", "Tape", "open_tape"]

MAGIC, RAW, SNAP = 0xA1B23C4D, 101, 65_535
_HEAD = struct.Struct("=IHHiIII")
_RECORD = struct.Struct("=IIII")


class Tape:
    """An open capture."""

    def __init__(self, file: BinaryIO, wall_s: Callable[[], float], at_s: float) -> None:
        """Write the head to ``file``; ``wall_s`` is the lab's time now, at monotonic ``at_s``."""
        self._file = file
        self._offset_s = wall_s() - at_s
        self._wall_s = wall_s
        self.packets = 0
        file.write(_HEAD.pack(MAGIC, 2, 4, 0, 0, SNAP, RAW))

    def turn(self, at_s: float) -> None:
        """Take the lab's time anew: it was moved."""
        self._offset_s = self._wall_s() - at_s

    def keep(self, packet: bytes, at_s: float) -> None:
        """Write one packet that was seen at monotonic ``at_s``.

        Raises:
            InputError: the disk is full.

        """
        seconds, rest = divmod(max(0.0, at_s + self._offset_s), 1.0)
        size = len(packet)
        try:
            self._file.write(_RECORD.pack(int(seconds), int(rest * 1e9), size, size) + packet)
        except OSError as exc:
            raise InputError(f"the capture is not whole: {exc.strerror}") from exc
        self.packets += 1

    def close(self) -> None:
        """Write what is left and close.

        Raises:
            InputError: the disk is full.

        """
        try:
            self._file.close()
        except OSError as exc:
            raise InputError(f"the capture is not whole: {exc.strerror}") from exc


def open_tape(file: Path) -> BinaryIO:
    """Open ``file`` for a capture; it shows all that was done, so nobody else may read it.

    Raises:
        InputError: it cannot be written.

    """
    import os
    import stat

    try:
        fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        if stat.S_ISREG(os.fstat(fd).st_mode):  # one that was there keeps the mode it had
            os.fchmod(fd, 0o600)
    except OSError as exc:
        raise InputError(
            f"cannot be written: {exc.strerror}", file=str(file), mend="choose another place"
        ) from exc
    return os.fdopen(fd, "wb", buffering=1 << 16)
