"""What a store holds of verdicts: how they are read, and how rounds are judged again."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from probe.model.control import ControlObservation
from probe.model.record import Judged, SeriesRound
from probe.model.verdict import Verdict
from probe.store import browsing, looks, past, reading, revising, writing
from probe.store.browsing import Entry, Query, StoreState
from probe.store.opened import ROUNDS_AT_ONCE, Opened
from probe.store.reading import Span
from probe.store.revising import Evidence

if TYPE_CHECKING:
    from probe.analysis.look_table import LookTable

__all__ = ["HoldsVerdicts"]

_FULL_ROUNDS_AT_ONCE = 32  # when every endpoint is asked for


class HoldsVerdicts(Opened):
    """The part of a store that is about what was said of rounds."""

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
        limit = _FULL_ROUNDS_AT_ONCE if wanted is None else ROUNDS_AT_ONCE

        def batch(connection: Connection, after: int) -> list[SeriesRound]:
            return reading.series_batch(connection, self._dictionary, span, after, limit)

        for rounds in self._batches(batch, lambda row: row.id):
            with self._reading() as connection:
                found = reading.judged_of(connection, self._dictionary, rounds, wanted, span)
            yield from found

    def look_table(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        services: Collection[str] | None = None,
    ) -> "LookTable":
        """Return what closed rounds said of each service in the span, by service and time.

        They come as columns: millions of looks in a second or two.
        """
        from probe.store.look_tables import table_of_looks  # numpy, which few commands need

        span = Span.of(since, until)
        with self._reading() as connection:
            rounds = reading.series_batch(connection, self._dictionary, span)
            return table_of_looks(connection, self._dictionary, rounds, span, services)

    def last_looks(self) -> list[Judged]:
        """Return what was said last of each service, whoever looked."""
        with self._reading() as connection:
            return looks.last_looks(connection, self._dictionary)

    def last_verdicts(self) -> Mapping[str, Verdict]:
        """Return what the own rounds said last of each endpoint."""
        with self._reading() as connection:
            return past.last_verdicts(connection, self._dictionary)

    def own_past(self, endpoint: str, before: datetime) -> ControlObservation | None:
        """Return the newest own good result of an endpoint before a time, as a control."""
        with self._reading() as connection:
            return past.own_past(connection, self._dictionary, endpoint, before)

    def entries(self, query: Query) -> list[Entry]:
        """Return one page of measurements as a list shows them, newest first."""
        with self._reading() as connection:
            return browsing.entries(connection, self._dictionary, query)

    def state(self) -> StoreState:
        """Return the little that tells whether a page is still right; fast on any store."""
        with self._reading() as connection:
            return browsing.state(connection)

    def replace_verdicts(self, round_id: int, verdicts: Sequence[Verdict]) -> None:
        """Judge a round again: one verdict for each of ``records(round_id)``, in their order.

        Raises:
            ValueError: there are more or fewer verdicts than records.

        """
        with self._writing() as connection:
            writing.replace_verdicts(connection, self._dictionary, round_id, verdicts)
            self._last = None

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
