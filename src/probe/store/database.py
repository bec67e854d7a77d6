"""The store: everything that is kept, behind one class that speaks in values of the model.

Its parts: rounds (``holds_rounds``), verdicts (``holds_verdicts``), what is of others
(``holds_others``); here are timed transfers, traffic, notes, and looking after it.
"""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta

from sqlalchemy import Connection

from probe.analysis.line_series import networks_of
from probe.model.context import GateId
from probe.model.goodput import Pair, PairKey
from probe.model.measurement import Variant
from probe.model.record import Note
from probe.model.times import microseconds
from probe.store import notes, past, reading, retention, transfers, upkeep, writing
from probe.store.browsing import Entry, Query, StoreState
from probe.store.chain import Problem, head
from probe.store.engine import MEMORY
from probe.store.foreign import ForeignFile
from probe.store.holds_others import HoldsOthers
from probe.store.holds_rounds import HoldsRounds
from probe.store.holds_verdicts import HoldsVerdicts
from probe.store.info import StoreInfo, describe
from probe.store.opened import ROUNDS_AT_ONCE
from probe.store.reading import Span
from probe.store.retention import Forgotten
from probe.store.revising import Evidence
from probe.store.shelf import chunks

__all__ = [
    "MEMORY",
    "Entry",
    "Evidence",
    "ForeignFile",
    "Forgotten",
    "Problem",
    "Query",
    "Store",
    "StoreInfo",
    "StoreState",
]

_OTHER_LINE = (GateId.VPN_ON, GateId.PATH_CHANGED)


class Store(HoldsRounds, HoldsVerdicts, HoldsOthers):
    """A store that is open; use it as a context manager, or call ``close``.

    Each method is one transaction and raises ``StoreError`` when the database cannot do it
    (full, locked, read-only, damaged); what was stored before stays. It may be called from
    several threads. Iterators read in batches, so that writing may go on meanwhile.
    """

    def goodput(
        self, since: datetime | None = None, until: datetime | None = None
    ) -> dict[PairKey, tuple[Pair, ...]]:
        """Return every pair of timed transfers from ``since`` to ``until``, by what is compared.

        Pairs are in the order of their rounds, under the network that series have them under.
        Rounds that looked at another line (a tunnel, or a network that changed meanwhile) are
        left out.
        """
        with self._reading() as connection:
            span = Span.of(since, until)
            rounds = transfers.rounds_with_transfers(connection, span)
            if not rounds:
                return {}
            networks = networks_of(reading.bare_rounds(connection, self._dictionary, span))
        found: dict[PairKey, list[Pair]] = {}
        for part in chunks(rounds, ROUNDS_AT_ONCE):
            with self._reading() as connection:
                for key, pair in transfers.pairs_of(
                    connection, self._dictionary, part, networks, spoils=_OTHER_LINE
                ):
                    found.setdefault(key, []).append(pair)
        return {key: tuple(pairs) for key, pairs in found.items()}

    def times_looked(self, variants: Collection[Variant], since: datetime) -> dict[str, int]:
        """Return in how many own rounds since a time each endpoint had one of these looks."""
        with self._reading() as connection:
            return transfers.times_looked(connection, self._dictionary, variants, since)

    def bytes_used(self, since: datetime, until: datetime) -> int:
        """Return the bytes that own rounds put on the wire, by whole hours, never too few.

        The counts outlive the rounds by up to 32 days, so that pruning gives no new budget.
        """
        with self._reading() as connection:
            return past.bytes_used(connection, since, until)

    def count_traffic(self, at: datetime, sent: int, received: int) -> None:
        """Count bytes that no measurement carries (asking a control), for the budgets."""
        with self._writing() as connection:
            writing.count_traffic(connection, at, sent, received)

    def add_note(self, note: Note) -> None:
        """Keep what a person saw."""
        with self._writing() as connection:
            notes.insert_note(connection, self._dictionary, note)

    def notes(
        self, since: datetime | None = None, until: datetime | None = None
    ) -> tuple[Note, ...]:
        """Return the notes of a span, by time."""
        with self._reading() as connection:
            return notes.notes_in(connection, Span.of(since, until))

    def info(self) -> StoreInfo:
        """Return counts, dates, size and the chain's head."""
        with self._reading() as connection:
            return describe(connection, self._database)

    def chain_head(self) -> str:
        """Return the newest digest of the chain, in hexadecimal digits."""
        with self._reading() as connection:
            return head(connection)[1].hex()

    def verify(self) -> list[Problem]:
        """Check the pages, the rows' references, the hash chain and every certificate."""
        return upkeep.verify(self._database, self._dictionary)

    def vacuum(self) -> None:
        """Give free pages back to the disk (SQLite needs as much room again meanwhile)."""
        upkeep.vacuum(self._database)

    def prune(self, now: datetime, retention_days: int | None) -> Forgotten:
        """Forget own rounds and notes older than the retention; ``None`` keeps all.

        The digests of the chain stay. Imported rounds stay: their dates are not of this line.
        """
        if retention_days is None:
            return Forgotten()
        before_us = microseconds(now - timedelta(days=retention_days))
        return self._forget(
            lambda connection: retention.forget_before(
                connection, self._dictionary, before_us, foreign=False
            )
        )

    def purge(self, before: datetime | None = None) -> Forgotten:
        """Forget all rounds, notes and names (older than ``before``), and leave no trace in a file.

        The own vantage and the digests of the chain stay; they name no target.

        Raises:
            StoreError: also when another program keeps the old pages alive.

        """
        if before is None:
            forgotten = self._forget(
                lambda connection: retention.forget_all(connection, self._dictionary)
            )
        else:
            before_us = microseconds(before)
            forgotten = self._forget(
                lambda connection: retention.forget_before(
                    connection, self._dictionary, before_us, foreign=True
                )
            )
        self.vacuum()
        return forgotten

    def _forget(self, delete: Callable[[Connection], Forgotten]) -> Forgotten:
        with upkeep.without_parent_checks(self._database), self._writing() as connection:
            forgotten = delete(connection)
        self._last = None
        if forgotten != Forgotten():
            upkeep.empty_wal(self._database)
        return forgotten
