"""Orders on stdin, answers on stdout: how a process of the lab talks with the one above it."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable

import msgspec

from probe.lab.messages import MAX_LINE, Told

__all__ = ["answer_lines"]


async def answer_lines(answer: Callable[[bytes], Awaitable[Told]], *, at_once: int = 1) -> None:
    """Answer each line of stdin on stdout, in order, until stdin ends.

    ``at_once`` lines may be worked on at the same time. Answers go to the stdout of before; what
    else prints goes to stderr from now on.
    """
    out = os.dup(1)
    os.dup2(2, 1)
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=MAX_LINE)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer)
    places = asyncio.Semaphore(at_once)
    last: asyncio.Task[None] | None = None

    async def one(line: bytes, before: "asyncio.Task[None] | None") -> None:
        try:
            told = await answer(line)
        finally:
            places.release()
        if before is not None:
            await before
        await asyncio.to_thread(_write, out, msgspec.json.encode(told) + b"\n")

    async with asyncio.TaskGroup() as group:
        while True:
            await places.acquire()
            line = await reader.readline()
            if not line:
                return
            last = group.create_task(one(line, last))


def _write(out: int, data: bytes) -> None:
    """Write all of ``data``; a reader that is gone will not miss it."""
    try:
        while data:
            data = data[os.write(out, data) :]
    except BrokenPipeError:
        return
