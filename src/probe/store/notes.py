"""What people saw: notes with their time, in and out."""

from typing import Any

from sqlalchemy import Connection, insert, select

from probe.model.record import Note
from probe.model.times import instant, microseconds
from probe.store.codes import NOTE
from probe.store.dictionary import Dictionary, table_of
from probe.store.reading import Span
from probe.store.rows import StoredNote, StoredService

__all__ = ["insert_note", "notes_in"]

_NOTE = table_of(StoredNote)
_SERVICE = table_of(StoredService)


def insert_note(connection: Connection, dictionary: Dictionary, note: Note) -> None:
    """Write one note."""
    service_id: int | None = None
    if note.service is not None:
        dictionary.services.resolve(connection, [note.service])
        service_id = dictionary.services.id_of(note.service)
    values: dict[str, Any] = {
        "time_us": microseconds(note.time),
        "kind": NOTE.code[note.kind],
        "service_id": service_id,
        "text": note.text,
    }
    connection.execute(insert(_NOTE), values)


def notes_in(connection: Connection, span: Span) -> tuple[Note, ...]:
    """Return the notes of a span by time."""
    query = select(_NOTE, _SERVICE.c.name).outerjoin(_SERVICE, _SERVICE.c.id == _NOTE.c.service_id)
    query = query.where(*span.conditions(_NOTE.c.time_us))
    return tuple(
        Note(time=instant(row.time_us), kind=NOTE.member(row.kind), service=row.name, text=row.text)
        for row in connection.execute(query.order_by(_NOTE.c.time_us, _NOTE.c.id))
    )
