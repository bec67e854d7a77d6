"""The lab's second process: ``python -m probe.lab.server``.

It connects back to the process that started it, serves the world on loopback, and ends when
that connection does, however its parent ended. It takes no other orders.
"""

import asyncio
import os
import random
import signal
import sys

import msgspec

from probe.lab.certificates import Certificates
from probe.lab.listeners import Listeners
from probe.lab.messages import MAX_LINE, Ask, Hello, Locate, Play, SetTime, Start, Told
from probe.lab.situation import Situation
from probe.lab.world import build_world
from probe.net import guard

__all__ = ["main"]

_decoder = msgspec.json.Decoder(Ask)


class Conversation:
    """Answers the parent's lines, one after the other."""

    def __init__(self) -> None:
        """Wait for a ``Start``."""
        self._situation: Situation | None = None
        self._listeners: Listeners | None = None

    async def answer(self, line: bytes) -> Told:
        """Return the answer to one line."""
        ask = _decoder.decode(line)
        if isinstance(ask, Start):
            return await self._start(ask)
        situation, listeners = self._situation, self._listeners
        if situation is None or listeners is None:
            return Told(error="nothing was started")
        if isinstance(ask, Locate):
            return await self._locate(ask, situation, listeners)
        if isinstance(ask, SetTime):
            situation.set_time(ask.now)
        elif isinstance(ask, Play):
            situation.play(ask.scenario)
        else:
            return Told(situation.epoch, counts=dict(situation.counts))
        return Told(situation.epoch)

    async def _locate(self, ask: Locate, situation: Situation, listeners: Listeners) -> Told:
        """Return where to go; no host where this machine has no such loopback (no IPv6)."""
        try:
            place = await listeners.locate(
                ask.transport, ask.address, ask.port, control=ask.control
            )
        except OSError:
            return Told(situation.epoch)
        return Told(situation.epoch, place.host, place.port, place.lasting)

    async def _start(self, ask: Start) -> Told:
        world = build_world(ask.services, ask.scenario.country, cdn=ask.scenario.cdn)
        certificates = Certificates(ask.authorities, ask.now, http2=ask.http2)
        rng = random.Random(ask.seed)  # noqa: S311 - a censor's dice, not a secret
        await self.close()
        self._situation = Situation(world, ask.scenario, certificates, now=ask.now, rng=rng)
        self._listeners = Listeners(self._situation)
        return Told(self._situation.epoch)

    async def close(self) -> None:
        """Close every socket of the world."""
        if self._listeners is not None:
            await self._listeners.close()


async def serve(port: int, token: str) -> None:
    """Talk to the parent on loopback ``port`` until it hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=MAX_LINE)
    conversation = Conversation()
    writer.write(msgspec.json.encode(Hello(token)) + b"\n")
    try:
        while line := await reader.readline():
            try:
                told = await conversation.answer(line)
            except (OSError, ValueError, msgspec.MsgspecError) as exc:
                told = Told(error=f"{type(exc).__name__}: {exc}")
            writer.write(msgspec.json.encode(told) + b"\n")
    except ConnectionError:
        pass  # the parent is gone
    finally:
        await conversation.close()
        writer.close()


def main() -> None:
    """Run until the parent hangs up; Ctrl-C is the parent's to handle."""
    guard.confine()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    port, _, token = os.environ.pop("PROBE_LAB", "").partition(":")
    if not port.isdigit() or not token:
        sys.exit("this is the lab's second process; it is started by the first")
    asyncio.run(serve(int(port), token))


if __name__ == "__main__":
    main()
