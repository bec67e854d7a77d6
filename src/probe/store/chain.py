"""The hash chain: each closed round is bound to all that came before it.

    content(n) = SHA-256 of the round's evidence, read from the stored bytes
    digest(n)  = SHA-256(digest(n-1) || content(n)), digest(0) = 32 zero bytes

The evidence of a round is its plan, times, catalog and context, and each measurement with its
trace and the SHA-256 of each step's content, and the controls that it was judged with. A round
without any has the hash that it had before controls were stored. What identifies a person or a
line is left out of it: vantage, label, network, AS, gateway, where an import came from. Verdicts
are left out too, since they are made again when rules get better.

Pruning deletes a round and keeps both hashes, so that the chain still closes. The chain holds no
secret: it shows damage and careless edits by itself, and a careful forger only when the head
(``probe store info``) was written down elsewhere.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, insert, select

from probe.errors import StoreError
from probe.store.context import canonical_context
from probe.store.controls import control_rows
from probe.store.dictionary import Dictionary, table_of
from probe.store.evidence import read_trace
from probe.store.rows import StoredCertificate, StoredLink, StoredMeasurement, StoredRound

__all__ = ["GENESIS", "Problem", "append_link", "head", "verify_certificates", "verify_chain"]

GENESIS = bytes(32)
_FORMAT = "probe-evidence-1"

_encode = msgspec.msgpack.Encoder().encode
_LINK = table_of(StoredLink)
_ROUND = table_of(StoredRound)
_MEASUREMENT = table_of(StoredMeasurement)


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that ``verify`` found; ``round`` is ``None`` when it concerns the whole store."""

    round: int | None = None
    what: str

    def __str__(self) -> str:
        """Return one line for a person."""
        return self.what if self.round is None else f"round {self.round}: {self.what}"


def head(connection: Connection) -> tuple[int, bytes]:
    """Return the number of links and the digest of the last one."""
    row = connection.execute(
        select(_LINK.c.seq, _LINK.c.digest).order_by(_LINK.c.seq.desc()).limit(1)
    ).first()
    return (0, GENESIS) if row is None else (row.seq, row.digest)


def append_link(connection: Connection, dictionary: Dictionary, round_id: int) -> bytes:
    """Bind a round that was just closed; return the new head."""
    seq, previous = head(connection)
    content = _content(connection, dictionary, round_id, {})
    digest = hashlib.sha256(previous + content).digest()
    connection.execute(
        insert(_LINK),
        {
            "seq": seq + 1,
            "round_id": round_id,
            "content": content,
            "digest": digest,
            "pruned": False,
        },
    )
    return digest


def verify_chain(connection: Connection, dictionary: Dictionary) -> Iterator[Problem]:
    """Walk the chain from its start; yield every link that does not hold."""
    dictionary.forget()  # what is in memory proves nothing
    previous, expected = GENESIS, 1
    hashes: dict[int, bytes] = {}
    linked: set[int] = set()
    present = set(connection.execute(select(_ROUND.c.id)).scalars())
    for link in connection.execute(select(_LINK).order_by(_LINK.c.seq)).all():
        linked.add(link.round_id)
        if link.seq != expected:
            yield Problem(what=f"links {expected} to {link.seq - 1} of the chain are missing")
        if hashlib.sha256(previous + link.content).digest() != link.digest:
            yield Problem(round=link.round_id, what="does not follow from the round before it")
        yield from _round_problems(
            connection, dictionary, link, present=link.round_id in present, hashes=hashes
        )
        previous, expected = link.digest, link.seq + 1
    closed = connection.execute(select(_ROUND.c.id).where(_ROUND.c.ended_us.is_not(None)))
    for round_id in closed.scalars():
        if round_id not in linked:
            yield Problem(round=round_id, what="is closed and not in the chain")


def verify_certificates(connection: Connection) -> Iterator[Problem]:
    """Hash every certificate again."""
    table = table_of(StoredCertificate)
    for row in connection.execute(select(table).execution_options(yield_per=500)):
        if hashlib.sha256(row.der).digest() != row.sha256:
            yield Problem(what=f"certificate {row.sha256.hex()} is not what it was")


def _round_problems(
    connection: Connection,
    dictionary: Dictionary,
    link: Row[Any],
    *,
    present: bool,
    hashes: dict[int, bytes],
) -> Iterator[Problem]:
    if link.pruned:
        if present:
            yield Problem(round=link.round_id, what="is marked as pruned and is still there")
        return
    if not present:
        yield Problem(round=link.round_id, what="is missing")
        return
    try:
        content = _content(connection, dictionary, link.round_id, hashes)
    except StoreError as exc:
        yield Problem(round=link.round_id, what=str(exc))
        return
    if content != link.content:
        yield Problem(round=link.round_id, what="its evidence was changed after it was closed")


def _content(
    connection: Connection, dictionary: Dictionary, round_id: int, hashes: dict[int, bytes]
) -> bytes:
    """Hash a round's evidence as it lies in the tables; ``hashes`` are those known, by number.

    Raises:
        StoreError: part of it cannot be read.

    """
    round_ = connection.execute(select(_ROUND).where(_ROUND.c.id == round_id)).one()
    rows = connection.execute(
        select(_MEASUREMENT)
        .where(_MEASUREMENT.c.round_id == round_id)
        .order_by(_MEASUREMENT.c.no, _MEASUREMENT.c.seq)
    ).all()
    hashed = hashlib.sha256(
        _encode(
            [
                _FORMAT,
                round_.plan,
                round_.catalog_digest,
                round_.started_us,
                round_.ended_us,
                round_.tz,
                round_.utc_offset_s,
                canonical_context(round_.context),
            ]
        )
    )
    if round_.opening is not None:  # of a round that was cut off
        hashed.update(_encode(["opening", canonical_context(round_.opening)]))
    traces = [[number for number, _ in read_trace(row.trace).steps] for row in rows]
    _add_hashes(connection, dictionary, {n for numbers in traces for n in numbers}, hashes)
    dictionary.endpoints.load_all(connection)
    dictionary.services.load_all(connection)
    for row, numbers in zip(rows, traces, strict=True):
        hashed.update(_measurement(dictionary, row))
        for number in numbers:
            hashed.update(hashes[number])
    controls = control_rows(connection, round_id)
    dictionary.controls.load(connection, {row.control_id for row in controls})
    for row in controls:
        content = hashlib.sha256(dictionary.controls.key_of(row.control_id)).digest()
        hashed.update(_encode(["control", row.no, row.seq, row.offset_us, content]))
    return hashed.digest()


def _add_hashes(
    connection: Connection, dictionary: Dictionary, numbers: set[int], hashes: dict[int, bytes]
) -> None:
    missing = numbers - hashes.keys()
    dictionary.evidence.load(connection, missing)
    for number in missing:
        hashes[number] = hashlib.sha256(dictionary.evidence.key_of(number)).digest()


def _measurement(dictionary: Dictionary, row: Row[Any]) -> bytes:
    endpoint = dictionary.endpoints.key_of(row.endpoint_id)
    service = dictionary.services.key_of(endpoint.service_id)
    return _encode(
        [
            row.no,
            row.seq,
            endpoint.name,
            service,
            endpoint.kind.value,
            row.variant,
            row.outcome,
            row.offset_us,
            row.trace,
        ]
    )
