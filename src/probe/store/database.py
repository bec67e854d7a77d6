"""The store: everything that is kept, behind one class that speaks in values of the model."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from sqlalchemy import Connection, select

from probe.analysis.line_series import networks_of
from probe.errors import StoreError
from probe.model.context import GateId, RoundContext
from probe.model.control import ControlObservation
from probe.model.goodput import Pair, PairKey
from probe.model.measurement import Variant
from probe.model.record import Judged, Note, Record, RoundRow
from probe.model.selection import Selection
from probe.model.vantage import Network, Vantage
from probe.model.verdict import Verdict
from probe.store import (
    browsing,
    foreign,
    looks,
    notes,
    past,
    reading,
    retention,
    revising,
    transfers,
    upkeep,
    vantages,
    writing,
)
from probe.store.browsing import Entry, Query, StoreState
from probe.store.chain import Problem, head
from probe.store.dictionary import Dictionary, table_of
from probe.store.engine import MEMORY, Database
from probe.store.foreign import ForeignFile
from probe.store.holds_others import HoldsOthers
from probe.store.info import StoreInfo, describe
from probe.store.looks import Look
from probe.store.reading import Span
from probe.store.retention import Forgotten
from probe.store.revising import Evidence
from probe.store.rows import StoredRound
from probe.store.schema import prepare
from probe.store.shelf import chunks
from probe.store.times import microseconds

if TYPE_CHECKING:
    from probe.store.scanning import Scan

__all__ = [
    "MEMORY",
    "Entry",
    "Evidence",
    "ForeignFile",
    "Forgotten",
    "Look",
    "Problem",
    "Query",
    "Store",
    "StoreInfo",
    "StoreState",
]

_ROUND = table_of(StoredRound)
_ROUNDS_AT_ONCE = 256
_ALL = 10_000_000
_FULL_ROUNDS_AT_ONCE = 32  # when every endpoint is asked for
_OTHER_LINE = (GateId.VPN_ON, GateId.PATH_CHANGED)

T = TypeVar("T")


class Store(HoldsOthers):
    """A store that is open; use it as a context manager, or call ``close``.

    Each method is one transaction and raises ``StoreError`` when the database cannot do it
    (full, locked, read-only, damaged); what was stored before stays. It may be called from
    several threads. Iterators read in batches, so that writing may go on meanwhile.
    """

    def __init__(self, database: Database) -> None:
        """Take a prepared database; use ``Store.open``."""
        self._database = database
        self._dictionary = Dictionary()
        self._last: dict[str, Verdict] | None = None  # what thinning compares with

    @classmethod
    def open(
        cls,
        target: Path | str,
        *,
        create: bool = True,
        readonly: bool = False,
        busy_timeout_s: float = 5.0,
    ) -> Self:
        """Open a file, a SQLAlchemy URL, or ``":memory:"`` (``--no-store``: kept nowhere).

        A new file has mode 0600, a new folder 0700. An older schema is brought up to date.

        Raises:
            StoreError: there is none (with ``create=False``), it is another program's, damaged,
                locked, of a newer probe, or may not be written. It is then left as it is.

        """
        database = Database.connect(
            target, create=create, readonly=readonly, busy_timeout_s=busy_timeout_s
        )
        try:
            prepare(database, create=create)
        except BaseException:
            database.abandon()
            raise
        return cls(database)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Fold the WAL into the file and let go of it."""
        self._database.close()

    @property
    def place(self) -> str:
        """The file or URL, without a password."""
        return self._database.place

    @property
    def path(self) -> Path | None:
        """The file, ``None`` for a memory or a server."""
        return self._database.path

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._database.reading() as connection:
            self._dictionary.refresh(connection)
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        try:
            with self._database.writing() as connection:
                self._dictionary.refresh(connection)
                yield connection
        except BaseException:  # rolled back: numbers given in it are void
            self._dictionary.forget()
            self._last = None
            raise

    # --- the line

    def vantage(self) -> Vantage | None:
        """Return the vantage of this store, ``None`` before one was saved."""
        with self._reading() as connection:
            return vantages.own(connection)

    def save_vantage(self, vantage: Vantage) -> None:
        """Make ``vantage`` that of this store; earlier rounds keep theirs."""
        with self._writing() as connection:
            vantages.save_own(connection, vantage)

    def vantages(self) -> dict[str, Vantage]:
        """Return every vantage by its random id."""
        with self._reading() as connection:
            return vantages.all_of(connection)

    # --- rounds

    def begin_round(
        self,
        *,
        vantage: str,
        plan: str,
        started: datetime,
        catalog_digest: str,
        network: Network,
        opening: RoundContext | None = None,
    ) -> int:
        """Open a round and return its number; numbers grow, whatever the clock does.

        ``opening`` is kept until the round is closed: what a kill leaves is judged by it.

        Raises:
            StoreError: the vantage was never saved.

        """
        with self._writing() as connection:
            found = vantages.find(connection, vantage)
            if found is None:
                raise StoreError(f"{self.place}: the vantage {vantage} was never saved")
            start = writing.RoundStart(
                vantage_id=found[0],
                network=network,
                plan=plan,
                catalog_digest=catalog_digest,
                started=started,
                tz=found[1].tz,
                opening=opening,
            )
            return writing.insert_round(connection, self._dictionary, start)

    def save(self, round_id: int, records: Sequence[Record]) -> None:
        """Keep a batch of an open round: all of it, or nothing.

        Repeated good results are thinned (``probe.store.evidence`` says what that loses).
        """
        with self._writing() as connection:
            if self._last is None:
                self._last = past.last_verdicts(connection, self._dictionary)
            writing.save_records(connection, self._dictionary, round_id, records, self._last)

    def end_round(self, round_id: int, context: RoundContext, ended: datetime) -> None:
        """Close a round with its context and bind it into the hash chain."""
        with self._writing() as connection:
            writing.close_round(connection, self._dictionary, round_id, context, ended)

    def recover(self) -> tuple[RoundRow, ...]:
        """Close the rounds that a kill left open; return them. Call it under the run's lock.

        What was committed of them is kept; they have no context, and end with their last
        measurement.
        """
        with self._writing() as connection:
            numbers = writing.recover(connection, self._dictionary)
            rows = [
                row
                for number in numbers
                for row in reading.round_batch(
                    connection, self._dictionary, Span(), number - 1, limit=1
                )
            ]
        return tuple(rows)

    def import_round(
        self,
        *,
        vantage: Vantage,
        network: Network,
        plan: str,
        started: datetime,
        ended: datetime,
        records: Sequence[Record],
        imported_from: str,
        context: RoundContext | None = None,
        catalog_digest: str = "",
        opening: RoundContext | None = None,
        tz: str | None = None,
    ) -> int:
        """Keep a foreign round whole, in one transaction, with its own link in the chain.

        ``imported_from`` says where it comes from; such rounds never count as the own past, nor
        in the budget, nor are they pruned. Without a context the zone is ``tz``, or the vantage's.
        """
        start = writing.RoundStart(
            vantage_id=0,
            network=network,
            plan=plan,
            catalog_digest=catalog_digest,
            started=started,
            tz=tz or vantage.tz,
            imported_from=imported_from,
            opening=opening,
        )
        with self._writing() as connection:
            number = vantages.add_foreign(connection, vantage)
            round_id = writing.insert_round(
                connection, self._dictionary, start._replace(vantage_id=number)
            )
            writing.save_records(connection, self._dictionary, round_id, records, {})
            writing.close_round(connection, self._dictionary, round_id, context, ended)
        return round_id

    def has_import(self, imported_from: str) -> bool:
        """Say whether a round of this provenance is stored already."""
        query = select(_ROUND.c.id).where(_ROUND.c.imported_from == imported_from).limit(1)
        with self._reading() as connection:
            return connection.execute(query).first() is not None

    def known_rounds(self) -> set[str]:
        """Return what rounds are known by.

        That is their vantage and their link in the chain of the store that measured them
        (``foreign.known_as``); of OONI's measurements the whole provenance.
        """
        return {
            foreign.known_as(facts.vantage, facts.digest, facts.imported_from)
            for facts in self.scan.rounds(Selection())
        }

    def rounds(
        self, *, since: datetime | None = None, until: datetime | None = None
    ) -> Iterator[RoundRow]:
        """Yield the rounds that started in the span, by number."""
        span = Span.of(since, until)

        def batch(connection: Connection, after: int) -> list[RoundRow]:
            return reading.round_batch(connection, self._dictionary, span, after, _ROUNDS_AT_ONCE)

        for rows in self._batches(batch, lambda row: row.id):
            yield from rows

    def judged(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        service: str | None = None,
        endpoint: str | None = None,
        services: Collection[str] | None = None,
    ) -> Iterator[Judged]:
        """Yield verdicts whose measurement started in the span, by round and endpoint."""
        span = Span.of(since, until)
        with self._reading() as connection:
            wanted = reading.matching_endpoints(
                connection,
                self._dictionary,
                services if service is None else {service},
                endpoint,
            )
        limit = _FULL_ROUNDS_AT_ONCE if wanted is None else _ROUNDS_AT_ONCE

        def batch(connection: Connection, after: int) -> list[reading.SeriesRound]:
            return reading.series_batch(connection, self._dictionary, span, after, limit)

        for rounds in self._batches(batch, lambda row: row.id):
            with self._reading() as connection:
                found = reading.judged_of(connection, self._dictionary, rounds, wanted, span)
            yield from found

    def _batches(
        self, batch: Callable[[Connection, int], list[T]], number: Callable[[T], int]
    ) -> Iterator[list[T]]:
        after = 0
        while True:
            with self._reading() as connection:
                rows = batch(connection, after)
            if not rows:
                return
            yield rows
            after = number(rows[-1])

    @property
    def scan(self) -> "Scan":
        """What walks very many rows in columns."""
        from probe.store.scanning import Scan  # numpy, which few commands need

        return Scan(self._reading, self._dictionary)

    def looks(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        services: Collection[str] | None = None,
    ) -> list[Look]:
        """Return what closed rounds said of each service in the span, by service and time."""
        span = Span.of(since, until)
        with self._reading() as connection:
            rounds = reading.series_batch(connection, self._dictionary, span, 0, _ALL)
            return list(looks.looks_in(connection, self._dictionary, rounds, span, services))

    def last_looks(self) -> list[Judged]:
        """Return what was said last of each service, whoever looked."""
        with self._reading() as connection:
            return looks.last_looks(connection, self._dictionary)

    def entries(self, query: Query) -> list[Entry]:
        """Return one page of measurements as a list shows them, newest first."""
        with self._reading() as connection:
            return browsing.entries(connection, self._dictionary, query)

    def record(self, round_id: int, no: int) -> Record | None:
        """Return one record of a round by its number, ``None`` when there is none."""
        with self._reading() as connection:
            found = reading.records_of(connection, self._dictionary, round_id, [no])
        return found[0] if found else None

    def round(self, round_id: int) -> RoundRow | None:
        """Return one round by its number, ``None`` when there is none."""
        with self._reading() as connection:
            found = reading.round_batch(connection, self._dictionary, Span(), round_id - 1, 1)
        return found[0] if found and found[0].id == round_id else None

    def state(self) -> StoreState:
        """Return the little that tells whether a page is still right; fast on any store."""
        with self._reading() as connection:
            return browsing.state(connection)

    def records(self, round_id: int) -> tuple[Record, ...]:
        """Return a round's records in the order in which they were saved."""
        with self._reading() as connection:
            return reading.records_of(connection, self._dictionary, round_id)

    def replace_verdicts(self, round_id: int, verdicts: Sequence[Verdict]) -> None:
        """Judge a round again: one verdict for each of ``records(round_id)``, in their order.

        Raises:
            ValueError: there are more or fewer verdicts than records.

        """
        with self._writing() as connection:
            writing.replace_verdicts(connection, self._dictionary, round_id, verdicts)
            self._last = None

    # --- judging again

    def evidence(self, round_id: int) -> tuple[Evidence, ...]:
        """Return a round's records as they can be judged, those without a verdict as well."""
        with self._reading() as connection:
            return revising.evidence_of(connection, self._dictionary, round_id)

    def verdict_at(self, endpoint: str, at: datetime) -> Verdict | None:
        """Return what is said of the own look at ``endpoint`` that started at ``at``."""
        with self._reading() as connection:
            return revising.verdict_at(connection, self._dictionary, endpoint, at)

    def begin_revision(self, now: datetime) -> int:
        """Open a revision: verdicts given under its number can be taken back together."""
        with self._writing() as connection:
            return revising.begin_revision(connection, now)

    def revise(self, revision: int, round_id: int, verdicts: Mapping[int, Verdict]) -> None:
        """Give records of a round, by number, other verdicts; the old ones are kept for undoing."""
        with self._writing() as connection:
            revising.revise(connection, self._dictionary, revision, round_id, verdicts)
            self._last = None

    def last_revision(self) -> datetime | None:
        """Return when records were last judged again, ``None`` when never."""
        with self._reading() as connection:
            found = revising.last_revision(connection)
        return None if found is None else found[1]

    def undo_revision(self) -> int:
        """Put back what was said before the last revision; return how many verdicts.

        Raises:
            StoreError: there is none.

        """
        with self._writing() as connection:
            undone = revising.undo(connection, self._dictionary)
            self._last = None
        return undone

    # --- what a run asks

    def last_verdicts(self) -> Mapping[str, Verdict]:
        """Return what the own rounds said last of each endpoint."""
        with self._reading() as connection:
            return past.last_verdicts(connection, self._dictionary)

    def own_past(self, endpoint: str, before: datetime) -> ControlObservation | None:
        """Return the newest own good result of an endpoint before a time, as a control."""
        with self._reading() as connection:
            return past.own_past(connection, self._dictionary, endpoint, before)

    def goodput(
        self, since: datetime | None = None, until: datetime | None = None
    ) -> dict[PairKey, tuple[Pair, ...]]:
        """Return every pair of timed transfers from ``since`` to ``until``, by what is compared.

        Pairs are in the order of their rounds, under the network that series have them under.
        Rounds that looked at another line (a tunnel, or a network that changed meanwhile) are
        left out.
        """
        with self._reading() as connection:
            span = reading.Span.of(since, until)
            rounds = transfers.rounds_with_transfers(connection, span)
            if not rounds:
                return {}
            networks = networks_of(reading.bare_rounds(connection, self._dictionary, span))
        found: dict[PairKey, list[Pair]] = {}
        for part in chunks(rounds, _ROUNDS_AT_ONCE):
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

    # --- notes

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

    # --- looking after it

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
