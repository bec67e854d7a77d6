"""One store into another, without duplicates: what several lines of one owner measured.

A round is known by its link in the hash chain of the store that measured it, however often it
was carried about. Its provenance is kept, and a new link binds it into the chain of this store.
"""

from datetime import datetime
from typing import NamedTuple

from probe.model.selection import Selection
from probe.store.database import Store
from probe.store.foreign import known_as

__all__ = ["Merged", "merge"]


class Merged(NamedTuple):
    """What came of it; ``open`` rounds are still running, ``notes_left`` are another line's."""

    rounds: int = 0
    known: int = 0
    open: int = 0
    samples: int = 0
    notes: int = 0
    notes_left: int = 0


def merge(into: Store, other: Store, *, now: datetime) -> Merged:
    """Take every closed round, series and note of ``other`` that ``into`` does not have.

    Each round is one transaction: when it is broken off, doing it again goes on.

    Raises:
        StoreError: one of them cannot be read, or ``into`` not be written.

    """
    done = _rounds(into, other, Merged())
    measured = into.measured_vantages()
    for file, held, overlays in other.imported_files():
        series = [(one, country) for one, country in held if one.key.vantage not in measured]
        if (series or overlays) and not into.has_file(file.digest):
            new = into.import_series(file, series, now) if series else 0
            new += into.import_overlays(file, overlays, now) if overlays else 0
            done = done._replace(samples=done.samples + new)
    return _notes(into, other, done)


def _rounds(into: Store, other: Store, done: Merged) -> Merged:
    known = into.known_rounds()
    vantages = other.vantages()
    digests = {facts.id: facts for facts in other.scan.rounds(Selection())}
    for row in other.rounds():
        if row.ended is None or row.id not in digests:
            done = done._replace(open=done.open + 1)
            continue
        facts = digests[row.id]
        provenance = row.imported_from or f"store:{row.vantage}:{facts.digest}"
        if known_as(row.vantage, facts.digest, row.imported_from) in known:
            done = done._replace(known=done.known + 1)
            continue
        into.import_round(
            vantage=vantages[row.vantage],
            network=row.network,
            plan=row.plan,
            started=row.started,
            ended=row.ended,
            records=other.records(row.id),
            imported_from=provenance,
            context=row.context,
            opening=row.opening,
            catalog_digest=row.catalog_digest,
            tz=facts.tz,
        )
        done = done._replace(rounds=done.rounds + 1)
    return done


def _notes(into: Store, other: Store, done: Merged) -> Merged:
    """Take notes of the same line only: the words of others are not this line's."""
    mine, theirs = into.vantage(), other.vantage()
    notes = other.notes()
    if mine is None or theirs is None or mine.id != theirs.id:
        return done._replace(notes_left=len(notes))
    held = set(into.notes())
    fresh = [note for note in notes if note not in held]
    for note in fresh:
        into.add_note(note)
    return done._replace(notes=len(fresh))
