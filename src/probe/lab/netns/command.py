"""The command that the lab was built for: it has the terminal, and is told what we are told."""

import asyncio
import contextlib
import os
import signal

from probe.lab.netns.children import Birth, Children, give_terminal, spawn
from probe.lab.netns.namespaces import Ground

__all__ = ["GRACE_S", "run_command", "terminal_in_front"]

GRACE_S = 5.0
"""How long a command may take to end after it was told to."""

_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


async def run_command(ground: Ground, children: Children, birth: Birth, alive: int) -> int:
    """Run ``birth`` and return its exit code; ``alive`` ends when nobody waits for it any more.

    SIGTERM and the like are passed on; who does not end by them within ``GRACE_S`` is killed.

    Raises:
        LabError: the command could not be started.

    """
    loop = asyncio.get_running_loop()
    pid = spawn(ground, birth)
    ended = children.end_of(pid)

    def stop(number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, number)
        if number != signal.SIGINT:
            loop.call_later(GRACE_S, stop, signal.SIGKILL)

    for number in _PASSED_ON:
        loop.add_signal_handler(number, stop, number)
    loop.add_reader(alive, _parent_died)
    try:
        return await ended
    finally:
        loop.remove_reader(alive)
        if birth.terminal is not None:
            give_terminal(birth.terminal, os.getpgrp())


def terminal_in_front() -> int | None:
    """Return the terminal whose foreground this process is, ``None`` without one."""
    try:
        return 0 if os.isatty(0) and os.tcgetpgrp(0) == os.getpgrp() else None
    except OSError:
        return None


def _parent_died() -> None:
    """Nobody waits for an answer any more: end, and with this process all that it started."""
    os._exit(1)
