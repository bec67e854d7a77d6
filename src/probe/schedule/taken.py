"""The records of a round: taken one by one, some held back for a while, and judged again."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import structs

from probe.analysis.rollup import rollup
from probe.model.measurement import Measurement, Outcome
from probe.model.record import Record
from probe.model.target import Endpoint, Service
from probe.model.verdict import ServiceVerdict, State, Verdict
from probe.schedule.chain import ChainDeps, record_of
from probe.schedule.deps import Keeps
from probe.schedule.writer import BatchWriter

__all__ = ["Taken", "claims"]


class Taken:
    """What a round has of its endpoints, in the order in which it was taken.

    A record that is held waits for looks that join it, and is kept only then.
    """

    def __init__(self) -> None:
        """Begin with nothing, and keep nothing until ``keep_in``."""
        self.writer = BatchWriter(None, None)
        self.records: list[Record] = []
        self._store: Keeps | None = None
        self._round_id: int | None = None
        self._endpoints: list[Endpoint] = []  # of the records, in their order
        self._held: dict[str, tuple[Endpoint, Record]] = {}

    def keep_in(self, store: Keeps | None, round_id: int | None) -> None:
        """Write what is taken from now on to a store; with ``None`` it is only counted."""
        self._store, self._round_id = store, round_id
        self.writer = BatchWriter(store, round_id)

    def take(self, endpoint: Endpoint, record: Record) -> None:
        """Take a record; it is written with the next batch."""
        self._endpoints.append(endpoint)
        self.records.append(record)
        self.writer.add(record)

    def hold(self, endpoint: Endpoint, record: Record) -> None:
        """Hold a record back until it is released."""
        self._held[endpoint.id] = endpoint, record

    def held(self, endpoint_id: str) -> Record | None:
        """Return what is held of an endpoint."""
        held = self._held.get(endpoint_id)
        return None if held is None else held[1]

    def release(self, endpoint_id: str, looks: Sequence[Measurement]) -> None:
        """Take what is held of an endpoint, with the looks that joined it."""
        endpoint, record = self._held.pop(endpoint_id)
        self.take(endpoint, structs.replace(record, bundle=(*record.bundle, *looks)))

    def release_all(self) -> None:
        """Take all that is held, as it is."""
        for endpoint_id in tuple(self._held):
            self.release(endpoint_id, ())

    def seen(self) -> frozenset[str]:
        """Return the endpoints that have a record."""
        return frozenset(endpoint.id for endpoint in self._endpoints)

    def judged_again(self, chain: ChainDeps, *, all_of_them: bool) -> list[Record]:
        """Judge under the context as it is now; what passed stays passed, it was seen."""
        return [
            record_of(endpoint, record.bundle, chain, record.controls)
            if all_of_them or record.verdict.state is not State.OK
            else record
            for endpoint, record in zip(self._endpoints, self.records, strict=True)
        ]

    def replace(self, records: list[Record]) -> None:
        """Put these verdicts in the place of the ones that were given so far.

        Raises:
            StoreError: the store cannot be written.

        """
        self.records = records
        self.writer.close()
        if self._store is not None and self._round_id is not None:
            self._store.replace_verdicts(self._round_id, [r.verdict for r in records])

    def service_verdicts(self, services: Mapping[str, Service]) -> Iterator[ServiceVerdict]:
        """Yield what is said of each service that has a record."""
        found: dict[str, list[tuple[Endpoint, Verdict]]] = {}
        known: dict[str, tuple[Endpoint, Verdict]] = {}
        for endpoint, record in zip(self._endpoints, self.records, strict=True):
            known[endpoint.id] = (endpoint, record.verdict)
            found.setdefault(endpoint.service, []).append(known[endpoint.id])
        for service_id, verdicts in found.items():
            yield rollup(services[service_id], verdicts, known)

    def changed(self, last: Mapping[str, Verdict]) -> tuple[str, ...]:
        """Return which endpoints were fine and fail now, or the other way round."""
        return tuple(r.endpoint for r in self.records if _changed(r, last.get(r.endpoint)))


def _changed(record: Record, last: Verdict | None) -> bool:
    if last is None or record.main.outcome is not Outcome.MEASURED:
        return False
    if last.state is State.OK:
        return record.verdict.bad or record.verdict.state is State.INCONCLUSIVE
    return last.bad and record.verdict.state is State.OK


def claims(records: Iterable[Record]) -> tuple[int, int]:
    """Return how much is said to be wrong: for certain, and at all."""
    verdicts = [record.verdict for record in records]
    return sum(v.headline for v in verdicts), sum(v.bad for v in verdicts)
