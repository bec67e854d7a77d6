"""Processes of the lab: each is born into a place, sees the place's files, dies with the box."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from probe.lab.line import LabError
from probe.lab.netns.namespaces import Ground, Place
from probe.lab.netns.outlook import Outlook
from probe.lab.netns.syscalls import die_with_parent

__all__ = ["Birth", "Children", "end_all", "exit_code", "give_terminal", "spawn"]

_NOT_FOUND, _NOT_RUN = 127, 126


@dataclass(frozen=True)
class Birth:
    """How a process is started."""

    command: Sequence[str]
    place: Place
    outlook: Outlook
    environment: Mapping[str, str]
    stdin: int | None = None  # descriptors that take the place of the standard ones
    stdout: int | None = None
    terminal: int | None = None  # the terminal whose foreground it becomes


def spawn(ground: Ground, birth: Birth) -> int:
    """Start a process and return its id.

    Raises:
        LabError: it could not be started, with what failed.

    """
    told, tell = os.pipe2(os.O_CLOEXEC)
    with ground.inside(birth.place):
        pid = os.fork()
        if pid == 0:
            os.close(told)
            _become(birth, tell)
    os.close(tell)
    with os.fdopen(told, "rb") as pipe:
        problem = pipe.read(1000)
    if problem:
        os.waitpid(pid, 0)
        raise LabError(f"{birth.command[0]}: {problem.decode('utf-8', 'replace')}")
    return pid


def _become(birth: Birth, tell: int) -> None:
    """In the child: put everything in place and turn into the command. Never returns."""
    code = _NOT_RUN
    try:
        die_with_parent()
        os.setpgid(0, 0)
        if birth.terminal is not None:
            give_terminal(birth.terminal, os.getpgrp())
        birth.outlook.put_on()
        for fd, standard in ((birth.stdin, 0), (birth.stdout, 1)):
            if fd is not None:
                os.dup2(fd, standard)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        name, environment = birth.command[0], dict(birth.environment)
        os.execvpe(name, list(birth.command), environment)  # noqa: S606 - what the caller names
    except FileNotFoundError as exc:
        code = _NOT_FOUND
        os.write(tell, str(exc.strerror or exc).encode()[:900])
    except BaseException as exc:  # noqa: BLE001 - the end of this process: nobody is above it
        os.write(tell, str(exc).encode("utf-8", "replace")[:900])
    finally:
        os._exit(code)


def give_terminal(terminal: int, group: int) -> None:
    """Make ``group`` the terminal's foreground; from the background that needs SIGTTOU masked."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
    try:
        with contextlib.suppress(OSError):  # no terminal of this session
            os.tcsetpgrp(terminal, group)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def exit_code(status: int) -> int:
    """Return what a shell would: the exit code, or 128 and the signal's number."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def end_all(proc: Path = Path("/proc")) -> None:
    """Kill every child, and with ``adopt_orphans`` theirs, until there is none.

    Only where the lab has no process ids of its own; else the kernel does it.
    """
    me = os.getpid()
    while children := [pid for pid in _processes(proc) if _parent_of(proc, pid) == me]:
        for pid in children:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _processes(proc: Path) -> list[int]:
    return [int(entry.name) for entry in proc.iterdir() if entry.name.isdigit()]


def _parent_of(proc: Path, pid: int) -> int | None:
    """Return the parent's id: the second field behind the name, which is in brackets (proc(5))."""
    try:
        text = (proc / str(pid) / "stat").read_text(encoding="ascii", errors="replace")
    except OSError:  # it has ended meanwhile
        return None
    return int(text.rpartition(")")[2].split()[1])


@dataclass
class Children:
    """Waits for every child, also those that the lab adopts as the first process of its ids."""

    _ends: dict[int, "asyncio.Future[int]"] = field(default_factory=dict)
    _ended: dict[int, int] = field(default_factory=dict)

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Reap from now on."""
        loop.add_signal_handler(signal.SIGCHLD, self._reap)

    def end_of(self, pid: int) -> "asyncio.Future[int]":
        """Return what becomes the exit code of ``pid``."""
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        if pid in self._ended:
            future.set_result(self._ended.pop(pid))
        else:
            self._ends[pid] = future
        return future

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if os.WIFSTOPPED(status):  # by Ctrl-Z: nobody is there who could continue it
                os.kill(pid, signal.SIGCONT)
                continue
            future = self._ends.pop(pid, None)
            if future is None:
                self._ended[pid] = exit_code(status)
            elif not future.done():
                future.set_result(exit_code(status))
