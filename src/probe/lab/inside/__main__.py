"""The process that answers: ``python -m probe.lab.inside``, started in its own namespace.

Orders come as JSON lines on stdin, one answer a line goes to stdout; it ends with its stdin.
"""

import asyncio
import gc
import os
import signal
import sys

import msgspec

from probe.errors import ProbeError
from probe.lab.inside.internet import Internet
from probe.lab.messages import Ask, Play, SetTime, Start, Tell, Told
from probe.lab.pipes import answer_lines
from probe.net import guard

__all__ = ["main"]

_decoder = msgspec.json.Decoder(Ask)


class Orders:
    """Answers one order after the other."""

    def __init__(self) -> None:
        """Wait for a ``Start``."""
        self._internet: Internet | None = None

    async def answer(self, line: bytes) -> Told:
        """Return the answer to one line."""
        try:
            return await self._obey(_decoder.decode(line))
        except (OSError, ValueError, ProbeError) as exc:
            return Told(error=f"{type(exc).__name__}: {exc}")

    async def _obey(self, ask: Ask) -> Told:
        if isinstance(ask, Start):
            await self.close()
            self._internet = Internet(ask)
            await self._internet.open()
            gc.freeze()  # the world stays; no collection needs to walk through it again
            return Told()
        internet = self._internet
        if internet is None:
            return Told(error="nothing was started")
        if isinstance(ask, SetTime):
            await internet.set_time(ask.now)
        elif isinstance(ask, Play):
            await internet.play(ask)
        elif isinstance(ask, Tell):
            return Told(counts=internet.counts())
        else:
            return Told(error=f"no such order here: {type(ask).__name__}")
        return Told()

    async def close(self) -> None:
        """End all servers."""
        if self._internet is not None:
            await self._internet.close()
            self._internet = None


async def serve() -> None:
    """Obey until stdin ends."""
    orders = Orders()
    try:
        await answer_lines(orders.answer)
    finally:
        await orders.close()


def main() -> None:
    """Run until stdin ends; Ctrl-C is the parent's to handle."""
    guard.install()
    if not (guard.mode() or "").startswith("lab:"):
        sys.exit("this is a process of the lab; `probe lab up` starts it in a namespace")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.umask(0o077)
    asyncio.run(serve())


if __name__ == "__main__":
    main()
