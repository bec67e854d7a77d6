"""Which states were said in a round, as one number of bits beside it; derived from verdicts.

A search for a rare state so reads the verdicts of the rounds that have it, and no others.
"""

from collections.abc import Iterable

from sqlalchemy import Connection, bindparam, case, distinct, func, select, update

from probe.model.verdict import State, Verdict
from probe.store.codes import STATE
from probe.store.dictionary import table_of
from probe.store.rows import StoredRound, StoredRuling, StoredVerdict

__all__ = ["add", "bits_of", "fill", "refresh"]

_ROUND = table_of(StoredRound)
_RULING = table_of(StoredRuling)
_VERDICT = table_of(StoredVerdict)
_BITS = case({code: 1 << code for code in STATE.code.values()}, value=_RULING.c.state, else_=0)


def bits_of(states: Iterable[State]) -> int:
    """Return states as bits: that of each one's code."""
    return sum({1 << STATE.code[state] for state in states})


def add(connection: Connection, round_id: int, verdicts: Iterable[Verdict]) -> None:
    """Count the states of more verdicts of a round among those that were said in it."""
    bits = bits_of(verdict.state for verdict in verdicts)
    said = {"said": _ROUND.c.said.bitwise_or(bits)}
    connection.execute(update(_ROUND).where(_ROUND.c.id == round_id).values(said))


def refresh(connection: Connection, round_id: int) -> None:
    """Say again which states the verdicts of a round have."""
    query = (
        select(func.sum(distinct(_BITS)))
        .select_from(_VERDICT)
        .join(_RULING, _RULING.c.id == _VERDICT.c.ruling_id)
        .where(_VERDICT.c.round_id == round_id)
    )
    bits = connection.execute(query).scalar()
    connection.execute(update(_ROUND).where(_ROUND.c.id == round_id).values(said=bits or 0))


def fill(connection: Connection) -> None:
    """Say of every round which states its verdicts have."""
    query = (
        select(_VERDICT.c.round_id, func.sum(distinct(_BITS)))
        .join(_RULING, _RULING.c.id == _VERDICT.c.ruling_id)
        .group_by(_VERDICT.c.round_id)
    )
    found = [{"number": number, "bits": bits} for number, bits in connection.execute(query)]
    if found:
        mended = update(_ROUND).where(_ROUND.c.id == bindparam("number"))
        connection.execute(mended.values(said=bindparam("bits")), found)
