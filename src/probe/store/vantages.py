"""Where rounds are taken: the one vantage of this store, and those of imported rounds."""

from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from probe.model.vantage import Vantage
from probe.store.codes import ACCESS
from probe.store.dictionary import table_of
from probe.store.rows import StoredVantage

__all__ = ["add_foreign", "all_of", "find", "own", "save_own"]

_VANTAGE = table_of(StoredVantage)


def own(connection: Connection) -> Vantage | None:
    """Return this store's own vantage, ``None`` before one was saved."""
    query = select(_VANTAGE).where(_VANTAGE.c.own.is_(True)).order_by(_VANTAGE.c.id.desc())
    row = connection.execute(query).first()
    return None if row is None else _vantage(row)


def save_own(connection: Connection, vantage: Vantage) -> None:
    """Make this the own vantage; rounds of an earlier one keep theirs."""
    connection.execute(update(_VANTAGE).values(own=False))
    changed = connection.execute(
        update(_VANTAGE).where(_VANTAGE.c.name == vantage.id).values(_columns(vantage, own=True))
    )
    if changed.rowcount == 0:
        connection.execute(insert(_VANTAGE), _columns(vantage, own=True))


def add_foreign(connection: Connection, vantage: Vantage) -> int:
    """Return the number of an imported round's vantage, writing it if it is new."""
    found = find(connection, vantage.id)
    if found is not None:
        return found[0]
    result = connection.execute(insert(_VANTAGE).values(_columns(vantage, own=False)))
    (number,) = result.inserted_primary_key or (0,)
    return int(number)


def find(connection: Connection, name: str) -> tuple[int, Vantage] | None:
    """Return a vantage and its number by its random id."""
    row = connection.execute(select(_VANTAGE).where(_VANTAGE.c.name == name)).first()
    return None if row is None else (row.id, _vantage(row))


def all_of(connection: Connection) -> dict[str, Vantage]:
    """Return every vantage by its random id."""
    return {row.name: _vantage(row) for row in connection.execute(select(_VANTAGE)).all()}


def _columns(vantage: Vantage, *, own: bool) -> dict[str, Any]:
    return {
        "name": vantage.id,
        "label": vantage.label,
        "country": vantage.country,
        "tz": vantage.tz,
        "access": ACCESS.code[vantage.access],
        "own": own,
    }


def _vantage(row: Row[Any]) -> Vantage:
    return Vantage(
        id=row.name,
        label=row.label,
        country=row.country,
        tz=row.tz,
        access=ACCESS.member(row.access),
    )
