"""What a store holds of rounds: whose line they are of, how they are written, and read."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import Connection, select

from probe.errors import StoreError
from probe.model.context import RoundContext
from probe.model.record import Record, RoundRow
from probe.model.selection import Selection
from probe.model.vantage import Network, Vantage
from probe.store import foreign, past, reading, vantages, writing
from probe.store.dictionary import table_of
from probe.store.opened import ROUNDS_AT_ONCE, Opened
from probe.store.reading import Span
from probe.store.rows import StoredRound

__all__ = ["HoldsRounds"]

_ROUND = table_of(StoredRound)
_HIGHEST = 2**63 - 1  # that a database counts to


class HoldsRounds(Opened):
    """The part of a store that is about rounds and their records."""

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
            return reading.round_batch(connection, self._dictionary, span, after, ROUNDS_AT_ONCE)

        for rows in self._batches(batch, lambda row: row.id):
            yield from rows

    def round(self, round_id: int) -> RoundRow | None:
        """Return one round by its number, ``None`` when there is none."""
        if round_id > _HIGHEST:
            return None
        with self._reading() as connection:
            found = reading.round_batch(connection, self._dictionary, Span(), round_id - 1, 1)
        return found[0] if found and found[0].id == round_id else None

    def records(self, round_id: int) -> tuple[Record, ...]:
        """Return a round's records in the order in which they were saved."""
        with self._reading() as connection:
            return reading.records_of(connection, self._dictionary, round_id)

    def record(self, round_id: int, no: int) -> Record | None:
        """Return one record of a round by its number, ``None`` when there is none."""
        if max(round_id, no) > _HIGHEST:
            return None
        with self._reading() as connection:
            found = reading.records_of(connection, self._dictionary, round_id, [no])
        return found[0] if found else None
