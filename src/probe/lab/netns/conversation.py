"""Orders out, answers in, over any pair of streams; whoever waits may be cancelled."""

import asyncio
import contextlib
from collections import deque

import msgspec

from probe.lab.line import LabError
from probe.lab.messages import Ask, Told

__all__ = ["Conversation"]


class Conversation:
    """One line to somebody who answers each ``Ask`` by a ``Told``, in order."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, whom: str
    ) -> None:
        """Talk over ``reader`` and ``writer``; ``whom`` is what errors call the other end."""
        self._writer = writer
        self.whom = whom
        self._gone = ""
        self._waiting: deque[asyncio.Future[Told]] = deque()
        self._reading = asyncio.get_running_loop().create_task(self._read(reader))

    async def _read(self, reader: asyncio.StreamReader) -> None:
        """Hand answers to those who wait, until the other end hangs up."""
        problem = f"{self.whom} went away"
        try:
            while line := await reader.readline():
                told = msgspec.json.decode(line, type=Told)
                future = self._waiting.popleft()
                if not future.done():
                    future.set_result(told)
        except ConnectionError:
            pass
        except (ValueError, msgspec.MsgspecError, IndexError) as exc:
            problem = f"{self.whom} says what nobody understands: {exc}"
        finally:
            self._gone = problem
            while self._waiting:
                future = self._waiting.popleft()
                if not future.done():
                    future.set_exception(LabError(problem))

    async def ask(self, ask: Ask, *, timeout_s: float) -> Told:
        """Send one order and return its answer.

        Raises:
            LabError: no answer within ``timeout_s``, a refusal, or the other end went away.

        """
        if self._gone:
            raise LabError(self._gone)
        future: asyncio.Future[Told] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        self._writer.write(msgspec.json.encode(ask) + b"\n")
        try:
            async with asyncio.timeout(timeout_s):
                told = await future
        except TimeoutError as exc:
            raise LabError(f"{self.whom} does not answer") from exc
        if told.error is not None:
            raise LabError(f"{self.whom} refused: {told.error}")
        return told

    async def aclose(self) -> None:
        """Hang up."""
        self._writer.close()
        self._reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reading
