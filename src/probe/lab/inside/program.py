"""A program of the real world, run in this namespace: started, awaited, ended with this process."""

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from probe.errors import ProbeError
from probe.lab.netns.syscalls import die_with_parent
from probe.model.address import family_of

__all__ = ["Program", "ProgramError", "find_program"]

READY_S = 15.0
END_S = 5.0
_STEP_S = 0.02
_SEARCHED = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/ipsec"


class ProgramError(ProbeError):
    """A program did not start."""


def find_program(name: str) -> str | None:
    """Return where ``name`` is installed, ``None`` where it is not."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:{_SEARCHED}")


class Program:
    """One running program; what it says goes to a file in its folder."""

    def __init__(
        self, name: str, arguments: Sequence[str], folder: Path, called: str | None = None
    ) -> None:
        """Prepare to run ``name`` (a path) with ``arguments``; it is ``called`` so in messages."""
        self.name = called or Path(name).name
        self._command = [name, *arguments]
        self._folder = folder
        self._log = folder / f"{self.name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Return the process id while it runs."""
        return None if self._process is None else self._process.pid

    async def start(self, door: tuple[str, int]) -> None:
        """Start it and wait until it accepts connections at ``door``.

        Raises:
            ProgramError: it ended, or does not listen in time.

        """
        await self.start_until(lambda: _accepts(door))

    async def start_until(self, ready: Callable[[], bool]) -> None:
        """Start it and wait until it is ``ready``, which is asked in a thread.

        Raises:
            ProgramError: it ended, or is not ready in time.

        """
        environment = {"PATH": _SEARCHED, "HOME": str(self._folder), "GOMAXPROCS": "2"}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220, S603 - returns at once; our own list
                self._command,
                cwd=self._folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - one system call
            )
        try:
            async with asyncio.timeout(READY_S):
                await self._ready(ready)
        except BaseException as exc:
            await self.end()
            if isinstance(exc, TimeoutError):
                raise ProgramError(f"{self.name} does not listen: {self._said()}") from exc
            raise

    async def _ready(self, ready: Callable[[], bool]) -> None:
        while not await asyncio.to_thread(ready):
            if self._process is None or self._process.poll() is not None:
                raise ProgramError(f"{self.name} did not start: {self._said()}")
            await asyncio.sleep(_STEP_S)

    def _said(self) -> str:
        """Return the last line of its output."""
        text = self._log.read_bytes()[-2000:].decode("utf-8", "replace").strip()
        return text.splitlines()[-1] if text else "it said nothing"

    async def end(self) -> None:
        """End it, and wait until its sockets are free."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            await asyncio.to_thread(process.wait, END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait)


def _accepts(door: tuple[str, int]) -> bool:
    family = socket.AF_INET6 if family_of(door[0]) == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.settimeout(1.0)
        return sock.connect_ex(door) == 0
