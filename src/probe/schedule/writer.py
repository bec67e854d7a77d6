"""One writer: records are committed in batches, so that a kill loses the batch in flight."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from probe.model.record import Record

__all__ = ["BATCH", "BatchWriter", "Saves"]

BATCH = 50
MAX_WAIT_S = 2.0
"""Real seconds that a record may wait for company: a retest may be minutes away."""


class Saves(Protocol):
    """What the writer needs of a store."""

    def save(self, round_id: int, records: Sequence[Record]) -> None:
        """Save in one transaction."""
        ...


class BatchWriter:
    """Collects records and commits them by number or by time, whichever comes first.

    Commits run in a thread: a flash card that takes 100 ms to sync must not stand between a
    packet and its time stamp. Records are committed in the order in which they were added.
    """

    def __init__(self, store: Saves | None, round_id: int | None) -> None:
        """Write to ``store`` under ``round_id``; with ``None`` everything is only counted."""
        self._store = store
        self._round_id = round_id
        self._waiting: list[Record] = []
        self._full = asyncio.Event()
        self.failed = False

    def add(self, record: Record) -> None:
        """Take one record; never waits."""
        self._waiting.append(record)
        if len(self._waiting) >= BATCH:
            self._full.set()

    async def run(self) -> None:
        """Commit until cancelled; what is left then is for ``close``.

        Raises:
            StoreError: the store cannot be written; what was committed before stays.

        """
        while True:
            try:
                async with asyncio.timeout(MAX_WAIT_S):
                    await self._full.wait()
            except TimeoutError:
                pass
            self._full.clear()
            if self._waiting:
                await self._in_thread()

    async def _in_thread(self) -> None:
        """Commit in a thread, and be sure that it has ended when this ends."""
        commit = asyncio.ensure_future(asyncio.to_thread(self.close))
        try:
            await asyncio.shield(commit)
        except asyncio.CancelledError:
            await commit
            raise

    def close(self) -> None:
        """Commit what is waiting.

        Raises:
            StoreError: the store cannot be written.

        """
        batch, self._waiting = self._waiting, []
        if not batch or self._store is None or self._round_id is None:
            return
        try:
            self._store.save(self._round_id, batch)
        except BaseException:
            self.failed = True
            raise
