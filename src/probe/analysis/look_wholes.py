"""What rounds said of wholes, made of the looks at the services that are their parts."""

from collections.abc import Sequence

import numpy as np

from probe.analysis.look_table import LookTable
from probe.analysis.series import RETIRED, combined, felt
from probe.analysis.wholes import Membership, combine_whole
from probe.model.record import Judged, ruling_of
from probe.model.verdict import Verdict

__all__ = ["table_of_wholes"]


def table_of_wholes(table: LookTable, parts: Membership) -> LookTable:
    """Return a look at a whole for each round that looked at one of its services.

    It says what ``combine_whole`` says of the round's rows, at the time of the first of them.
    Rounds in which the same was said of the same services are combined once.
    """
    mine = table.of_services(parts).without(RETIRED)
    names = sorted({part.whole for part in parts.values()})
    numbers = {name: place for place, name in enumerate(names)}
    of_service = np.array(
        [numbers[parts[name].whole] if name in parts else -1 for name in table.services],
        dtype=np.int64,
    )
    mine = mine.where(np.lexsort((mine.round, of_service[mine.service])))
    whole = of_service[mine.service]
    changed = (np.diff(whole, prepend=-1) != 0) | (np.diff(mine.round, prepend=-1) != 0)
    first = np.flatnonzero(changed)
    said = mine.service * max(len(table.rulings), 1) + mine.ruling
    rulings: dict[Verdict, int] = {}
    known: dict[tuple[str, bytes], int] = {}
    found = []
    ends = np.append(first[1:], len(mine))[: first.size]
    for a, b in zip(first.tolist(), ends.tolist(), strict=True):
        name = names[whole[a]]
        key = (name, said[a:b].tobytes())
        if key not in known:
            ruling = ruling_of(_combined(name, parts, list(mine.judged(range(a, b)))))
            known[key] = rulings.setdefault(ruling, len(rulings))
        found.append(known[key])
    return LookTable(
        services=tuple(names),
        rounds=table.rounds,
        rulings=tuple(rulings),
        service=whole[first],
        time_us=mine.time_us[first],
        round=mine.round[first],
        ruling=np.array(found, dtype=np.int64),
    ).in_order()


def _combined(whole: str, parts: Membership, rows: Sequence[Judged]) -> Judged:
    services: dict[str, list[Judged]] = {}
    for row in map(felt, rows):
        services.setdefault(row.service, []).append(row)
    return combine_whole(whole, parts, [combined(group) for group in services.values()])
