"""The outer process of ``probe lab up``: starts the lab, passes signals on, returns its code.

It leaves the machine's namespaces before it forks, so the lab is the first process of new
process ids: when that ends, or this one dies in whatever way, the kernel ends all that the lab
has started, and with the last process the namespaces and mounts go.
"""

import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from probe.lab.netns.children import exit_code
from probe.lab.netns.namespaces import leave_the_machine
from probe.lab.netns.syscalls import die_with_parent

__all__ = ["run_apart"]

_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


def run_apart(lab: Callable[[Path, int], int], *, pids: bool = True) -> int:
    """Run ``lab`` in a process and namespaces of its own and return its exit code.

    ``lab`` is given a private folder, which is removed at the end, and a descriptor that ends
    when this process does. This process must have one thread, and is of no use for the network
    afterwards: it has left it.

    Raises:
        LabError: this machine does not allow it.

    """
    folder = Path(tempfile.mkdtemp(prefix="probe-lab-"))
    try:
        leave_the_machine(pids=pids)
        alive, held = os.pipe2(os.O_CLOEXEC)
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            os.close(held)
            _be_the_lab(lab, folder, alive)
        os.close(alive)
        return _wait(pid)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _be_the_lab(lab: Callable[[Path, int], int], folder: Path, alive: int) -> None:
    """In the child: run and end. Never returns, so that nothing of the caller's runs twice."""
    code = 70  # EX_SOFTWARE: only a fault of ours leaves it so
    try:
        die_with_parent()
        code = lab(folder, alive)
    except BaseException:  # noqa: BLE001 - the end of this process: nobody is above it
        sys.excepthook(*sys.exc_info())
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _wait(pid: int) -> int:
    """Wait for the lab; what this process is told to stop by is told to the lab."""

    def pass_on(number: int, frame: object) -> None:
        del frame
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)

    before = {number: signal.signal(number, pass_on) for number in _PASSED_ON}
    try:
        _, status = os.waitpid(pid, 0)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return exit_code(status)
