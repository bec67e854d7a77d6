"""The control socket: a unix socket in a private folder, an order a line, an answer a line."""

import asyncio
from pathlib import Path

import msgspec

from probe.lab.line import LabError
from probe.lab.messages import MAX_LINE, Ask, Told
from probe.lab.netns.director import Director

__all__ = ["SOCKET", "serve_orders"]

SOCKET = "control"
_decoder = msgspec.json.Decoder(Ask)


async def serve_orders(director: Director, folder: Path) -> asyncio.Server:
    """Listen in ``folder``, which only its owner may enter; answers come in the order of asking."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _talk(director, reader, writer)

    return await asyncio.start_unix_server(talk, folder / SOCKET, limit=MAX_LINE)


async def _talk(
    director: Director, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Work on a caller's orders at once, and answer them in their order."""
    answers: asyncio.Queue[asyncio.Task[Told] | None] = asyncio.Queue()
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_write(answers, writer))
            while line := await reader.readline():
                answers.put_nowait(group.create_task(_answer(director, line)))
            answers.put_nowait(None)
    except* (ConnectionError, ValueError):
        pass  # the caller went away, or sent a line without an end
    finally:
        writer.close()


async def _answer(director: Director, line: bytes) -> Told:
    try:
        return await director.answer(_decoder.decode(line))
    except (LabError, OSError, ValueError, msgspec.MsgspecError) as exc:
        return Told(error=str(exc))


async def _write(
    answers: "asyncio.Queue[asyncio.Task[Told] | None]", writer: asyncio.StreamWriter
) -> None:
    while (task := await answers.get()) is not None:
        writer.write(msgspec.json.encode(await task) + b"\n")
        await writer.drain()
