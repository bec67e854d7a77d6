"""A process of the lab that takes orders by its standard input and answers by its output."""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence

from probe.lab.line import LabError
from probe.lab.messages import MAX_LINE, Ask, Told
from probe.lab.netns.children import Birth, Children, spawn
from probe.lab.netns.conversation import Conversation
from probe.lab.netns.namespaces import Ground, Place
from probe.lab.netns.outlook import Outlook

__all__ = ["Worker"]

END_S = 3.0


class Worker:
    """A running process and the conversation with it."""

    def __init__(self, conversation: Conversation, ended: "asyncio.Future[int]") -> None:
        """Talk by ``conversation``; ``ended`` becomes the exit code."""
        self._conversation = conversation
        self._ended = ended
        self._told_to_end = False

    def on_end(self, said: Callable[[str], None]) -> None:
        """Have ``said`` called when the process ends before it was told to."""

        def ended(code: "asyncio.Future[int]") -> None:
            if not self._told_to_end and not code.cancelled():
                said(f"{self._conversation.whom} ended with code {code.result()}")

        self._ended.add_done_callback(ended)

    @classmethod
    async def start(
        cls,
        ground: Ground,
        children: Children,
        *,
        name: str,
        place: Place,
        command: Sequence[str],
        outlook: Outlook,
        environment: Mapping[str, str],
    ) -> "Worker":
        """Start ``command`` in ``place``; errors call it the lab's process for ``name``.

        Raises:
            LabError: it could not be started.

        """
        orders_in, orders_out = os.pipe2(os.O_CLOEXEC)
        answers_in, answers_out = os.pipe2(os.O_CLOEXEC)
        birth = Birth(command, place, outlook, environment, stdin=orders_in, stdout=answers_out)
        try:
            pid = spawn(ground, birth)
        except LabError:
            os.close(orders_out)
            os.close(answers_in)
            raise
        finally:
            os.close(orders_in)
            os.close(answers_out)
        reader, writer = await _streams(answers_in, orders_out)
        whom = f"the lab's process for {name}"
        return cls(Conversation(reader, writer, whom), children.end_of(pid))

    async def ask(self, ask: Ask, *, timeout_s: float) -> Told:
        """Send one order and return its answer.

        Raises:
            LabError: see ``Conversation.ask``.

        """
        return await self._conversation.ask(ask, timeout_s=timeout_s)

    async def aclose(self) -> None:
        """Hang up, and give the process a moment to end by it; the lab's end ends it anyhow."""
        self._told_to_end = True
        await self._conversation.aclose()
        await asyncio.wait((self._ended,), timeout=END_S)


async def _streams(answers: int, orders: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=MAX_LINE)
    await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(answers, "rb", 0)
    )
    transport, protocol = await loop.connect_write_pipe(
        lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader()), os.fdopen(orders, "wb", 0)
    )
    return reader, asyncio.StreamWriter(transport, protocol, None, loop)
