"""The few Linux system calls that Python 3.11 has no name for: namespaces, mounts, prctl.

Numbers are those of the kernel's own headers (linux/sched.h, linux/mount.h, linux/prctl.h),
which never change. Every failure is an ``OSError`` with the call's name in it.
"""

import ctypes
import os
import signal
from functools import cache

__all__ = [
    "MS_BIND",
    "MS_NODEV",
    "MS_NOEXEC",
    "MS_NOSUID",
    "MS_PRIVATE",
    "MS_RDONLY",
    "MS_REC",
    "MS_REMOUNT",
    "NEWNET",
    "NEWNS",
    "NEWPID",
    "NEWUSER",
    "adopt_orphans",
    "die_with_parent",
    "mount",
    "setns",
    "unshare",
]

NEWNS, NEWUSER, NEWPID, NEWNET = 0x00020000, 0x10000000, 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 0x1, 0x2, 0x4, 0x8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 0x20, 0x1000, 0x4000, 0x40000
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(call: str, result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    """Give this thread namespaces of its own (unshare(2)).

    Raises:
        OSError: the kernel or its settings do not allow it.

    """
    _check("unshare", _libc().unshare(flags))


def setns(fd: int, kind: int = 0) -> None:
    """Put this thread into the namespace behind ``fd``; ``kind`` 0 takes any (setns(2)).

    Raises:
        OSError: not allowed, or not a namespace.

    """
    _check("setns", _libc().setns(fd, kind))


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """Mount ``source`` on ``target`` (mount(2)).

    Raises:
        OSError: not allowed, or one of them is not there.

    """
    given = [text.encode() if text else None for text in (source, target, kind)]
    result = _libc().mount(*given, ctypes.c_ulong(flags), options.encode() or None)
    _check(f"mount on {target}", result)


def die_with_parent(number: int = signal.SIGKILL) -> None:
    """Have the kernel send this process ``number`` when its parent dies (prctl(2)).

    Raises:
        OSError: never on Linux.

    """
    _check("prctl", _libc().prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(number), 0, 0, 0))


def adopt_orphans() -> None:
    """Become the parent of all descendants whose own parent ends (prctl(2)).

    Raises:
        OSError: never on Linux.

    """
    _check("prctl", _libc().prctl(_PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(1), 0, 0, 0))
