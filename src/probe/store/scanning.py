"""The whole store, walked in batches of bounded size while others write."""

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Final, TypeVar

from sqlalchemy import Connection

from probe.model.measurement import Step
from probe.model.selection import Selection
from probe.store.dictionary import Dictionary
from probe.store.foreign import imported_from
from probe.store.reading import steps_of
from probe.store.scan import (
    RoundFacts,
    VerdictBatch,
    next_links,
    next_rounds,
    vantage_origins,
    verdict_batch,
)
from probe.store.scan_measurements import MeasurementBatch, measurement_batch

__all__ = ["LOOKS_AT_ONCE", "ROWS_AT_ONCE", "Scan", "collector_paused"]

ROWS_AT_ONCE: Final = 65_536
"""Verdicts that a batch holds, about."""

LOOKS_AT_ONCE: Final = 16_384
"""Measurements that a batch holds, about: they are wider."""

_FEWEST, _MOST = 8, 4_096  # rounds a batch
_FACTS_AT_ONCE = 2_000

B = TypeVar("B", VerdictBatch, MeasurementBatch)


class Scan:
    """Batches of columns; each is one read transaction, so that writing may go on meanwhile."""

    def __init__(
        self,
        reading: Callable[[], AbstractContextManager[Connection]],
        dictionary: Dictionary,
    ) -> None:
        """Take what opens a read transaction, and the store's dictionary."""
        self._reading = reading
        self._dictionary = dictionary

    def rounds(self, chosen: Selection) -> Iterator[RoundFacts]:
        """Yield the rounds that may hold a chosen row, by number; their contexts are not read."""
        after = 0
        while True:
            with self._reading() as connection:
                found = next_rounds(connection, self._dictionary, chosen, after, _FACTS_AT_ONCE)
            if not found:
                return
            yield from found
            after = found[-1].id

    def services(self) -> tuple[str, ...]:
        """Return the names of all services of which something is stored, sorted."""
        with self._reading() as connection:
            self._dictionary.services.load_all(connection)
            return tuple(sorted(self._dictionary.services.ids))

    def vantages(self) -> Mapping[str, tuple[str, str | None]]:
        """Return the country of each vantage and where its rounds came from, ``None`` if own."""
        with self._reading() as connection:
            return vantage_origins(connection) | imported_from(connection)

    def links(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield content hash and digest of each link of the hash chain, from its start."""
        after = 0
        while True:
            with self._reading() as connection:
                found = next_links(connection, after, _FACTS_AT_ONCE)
            if not found:
                return
            yield from ((content, digest) for _, content, digest in found)
            after = found[-1][0]

    def verdicts(self, chosen: Selection) -> Iterator[VerdictBatch]:
        """Yield the chosen verdicts by round, endpoint and record."""
        return self._batches(chosen, verdict_batch, ROWS_AT_ONCE)

    def measurements(self, chosen: Selection) -> Iterator[MeasurementBatch]:
        """Yield the chosen measurements by round, record and place in the bundle."""
        return self._batches(chosen, measurement_batch, LOOKS_AT_ONCE)

    def _batches(
        self,
        chosen: Selection,
        read: Callable[[Connection, Dictionary, Selection, list[RoundFacts]], B],
        rows: int,
    ) -> Iterator[B]:
        after, limit = 0, _FEWEST
        while True:
            with self._reading() as connection, collector_paused():
                rounds = next_rounds(connection, self._dictionary, chosen, after, limit)
                if not rounds:
                    return
                batch = read(connection, self._dictionary, chosen, rounds)
            if len(batch.round):
                yield batch
            after = rounds[-1].id
            limit = _fitting(len(rounds), len(batch.round), rows)

    def steps(self, numbers: Iterable[int]) -> Mapping[int, Step]:
        """Return steps by the numbers in traces, without times and counters."""
        with self._reading() as connection:
            return steps_of(connection, self._dictionary, set(numbers))


@contextmanager
def collector_paused() -> Iterator[None]:
    """Pause the cyclic collector: it would walk each batch's tuples and texts for nothing."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def _fitting(rounds: int, rows: int, aim: int) -> int:
    """Return how many rounds give about ``aim`` rows, at most four times as many as before."""
    wanted = aim * rounds // max(rows, 1)
    return max(_FEWEST, min(wanted, 4 * rounds, _MOST))
