"""All shelves of one store, kept true while other processes write to the same database."""

from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, Table, func, insert, literal, select, update

from probe.model.target import Kind, Role
from probe.model.vantage import Network
from probe.model.verdict import Verdict
from probe.store.bulk import bulk_insert
from probe.store.codes import ACCESS, CONFIDENCE, KIND, LOCUS, REASON, ROLE, STATE
from probe.store.evidence import compress, decompress, prefix_of
from probe.store.rows import (
    StoredCertificate,
    StoredControl,
    StoredEndpoint,
    StoredEvidence,
    StoredFact,
    StoredNetwork,
    StoredRuling,
    StoredService,
)
from probe.store.shelf import NameShelf, PrefixShelf, Shelf, chunks

__all__ = ["GENERATION", "Dictionary", "EndpointKey", "table_of"]

_encode = msgspec.msgpack.Encoder().encode
_pointers = msgspec.json.Decoder(tuple[str, ...]).decode
GENERATION = "generation"


class EndpointKey(NamedTuple):
    """What makes an endpoint's row: a role that changes makes a new one, history keeps its own."""

    name: str
    service_id: int
    kind: Kind
    role: Role


def table_of(row_class: type[Any]) -> Table:
    """Return the Core table of a row class."""
    table: Table = row_class.__table__
    return table


class Dictionary:
    """Services, endpoints, networks, rulings, evidence, controls and certificates by number."""

    def __init__(self) -> None:
        """Start with empty caches."""
        self.services: NameShelf[str] = NameShelf(
            table_of(StoredService), lambda name: {"name": name}, lambda row: str(row.name)
        )
        self.endpoints: NameShelf[EndpointKey] = NameShelf(
            table_of(StoredEndpoint), _endpoint_columns, _endpoint_key
        )
        self.networks: NameShelf[Network] = NameShelf(
            table_of(StoredNetwork), _network_columns, _network_key
        )
        self.rulings: PrefixShelf[Verdict] = PrefixShelf(
            table_of(StoredRuling), _ruling_columns, _ruling_key, lambda v: prefix_of(_encode(v))
        )
        self.evidence: PrefixShelf[bytes] = PrefixShelf(
            table_of(StoredEvidence),
            lambda content: {"prefix": prefix_of(content), "body": compress(content)},
            lambda row: decompress(row.body),
            prefix_of,
        )
        self.controls: PrefixShelf[bytes] = PrefixShelf(
            table_of(StoredControl),
            lambda content: {"prefix": prefix_of(content), "body": compress(content)},
            lambda row: decompress(row.body),
            prefix_of,
        )
        self._certificates: set[bytes] = set()
        self._generation: str | None = None
        self._state = _state_query(self._shelves())

    def _shelves(self) -> tuple[Shelf[Any], ...]:
        return (
            self.services,
            self.endpoints,
            self.networks,
            self.rulings,
            self.evidence,
            self.controls,
        )

    def forget(self) -> None:
        """Drop every cache."""
        for shelf in self._shelves():
            shelf.forget()
        self._certificates.clear()
        self._generation = None

    def make_room(self) -> None:
        """Keep the caches of a long import within bounds; called before a batch."""
        self.rulings.make_room()
        self.evidence.make_room()
        self.controls.make_room()

    def refresh(self, connection: Connection) -> None:
        """See what others have done since; called at the start of each transaction."""
        generation, *highest = connection.execute(self._state).one()
        if (generation or "") != self._generation:
            self.forget()
            self._generation = generation or ""
        for shelf, number in zip(self._shelves(), highest, strict=True):
            if shelf.highest != (number or 0):
                shelf.highest = number or 0
                if isinstance(shelf, NameShelf):
                    shelf.forget()

    def names_deleted(self, connection: Connection) -> None:
        """Tell every process, this one too, that numbers may be given again."""
        fact = table_of(StoredFact)
        value = connection.execute(select(fact.c.value).where(fact.c.name == GENERATION)).scalar()
        if value is None:
            connection.execute(insert(fact), {"name": GENERATION, "value": "1"})
        else:
            changed = {"value": str(int(value) + 1)}
            connection.execute(update(fact).where(fact.c.name == GENERATION).values(changed))
        self.forget()

    def add_certificates(self, connection: Connection, found: dict[bytes, bytes]) -> None:
        """Store the certificates (SHA-256 to DER) that are not stored yet."""
        missing = {sha: der for sha, der in found.items() if sha not in self._certificates}
        if not missing:
            return
        table = table_of(StoredCertificate)
        for part in chunks(missing):
            held = connection.execute(select(table.c.sha256).where(table.c.sha256.in_(part)))
            self._certificates.update(held.scalars())
        rows = [pair for pair in missing.items() if pair[0] not in self._certificates]
        bulk_insert(connection, table, ("sha256", "der"), rows)
        self._certificates.update(sha for sha, _ in rows)


def _state_query(shelves: tuple[Shelf[Any], ...]) -> Any:
    fact = table_of(StoredFact)
    generation = select(fact.c.value).where(fact.c.name == literal(GENERATION)).scalar_subquery()
    highest = (select(func.max(s.table.c.id)).scalar_subquery() for s in shelves)
    return select(generation, *highest)


def _endpoint_columns(key: EndpointKey) -> dict[str, Any]:
    return {
        "name": key.name,
        "service_id": key.service_id,
        "kind": KIND.code[key.kind],
        "role": ROLE.code[key.role],
        "last_round": None,
    }


def _endpoint_key(row: Row[Any]) -> EndpointKey:
    return EndpointKey(row.name, row.service_id, KIND.member(row.kind), ROLE.member(row.role))


def _network_columns(network: Network) -> dict[str, Any]:
    return {
        "asn": network.asn,
        "name": network.name,
        "access": ACCESS.code[network.access],
        "gateway": network.gateway or "",
    }


def _network_key(row: Row[Any]) -> Network:
    return Network(
        asn=row.asn, name=row.name, access=ACCESS.member(row.access), gateway=row.gateway or None
    )


def _ruling_columns(verdict: Verdict) -> dict[str, Any]:
    return {
        "prefix": prefix_of(_encode(verdict)),
        "state": STATE.code[verdict.state],
        "locus": LOCUS.code[verdict.locus],
        "confidence": CONFIDENCE.code[verdict.confidence],
        "reason": None if verdict.reason is None else REASON.code[verdict.reason],
        "mechanism": verdict.mechanism,
        "rule_id": verdict.rule_id,
        "rule_version": verdict.rule_version,
        "sentence": verdict.sentence,
        "evidence": msgspec.json.encode(verdict.evidence).decode(),
    }


def _ruling_key(row: Row[Any]) -> Verdict:
    return Verdict(
        state=STATE.member(row.state),
        mechanism=row.mechanism,
        locus=LOCUS.member(row.locus),
        confidence=CONFIDENCE.member(row.confidence),
        rule_id=row.rule_id,
        rule_version=row.rule_version,
        reason=None if row.reason is None else REASON.member(row.reason),
        sentence=row.sentence,
        evidence=_pointers(row.evidence),
    )
