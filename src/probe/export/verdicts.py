"""The table of verdicts: one row for each record of a round, what was said of it and by which rule.

Nothing of a step is in it, so it is the narrowest table from which a timeline can be made.
"""

from collections.abc import Iterator

import numpy as np

from probe.export.stored import (
    ENDPOINT,
    ROUND,
    VERDICT,
    View,
    endpoint_cells,
    names,
    round_cells,
    verdict_cells,
)
from probe.export.table import Batch, Coded, Column, Plain, Table, Times
from probe.model.selection import Selection
from probe.store.scan import VerdictBatch
from probe.store.scanning import Scan

__all__ = ["TABLE", "batches"]

TABLE = Table(
    "verdicts",
    "What was said of each endpoint in each round",
    (
        Column("time", "datetime", "When the look began, UTC."),
        *ROUND,
        *ENDPOINT,
        Column("record", "integer", "Number of the record in its round.", private=True),
        *VERDICT,
        Column("sentence", "string", "The verdict in words.", private=True),
    ),
)


def batches(scan: Scan, chosen: Selection, view: View) -> Iterator[Batch]:
    """Yield the chosen verdicts, by round, endpoint and record."""
    for found in scan.verdicts(chosen):
        batch = _batch(found, view)
        if batch.size:
            yield batch


def _batch(found: VerdictBatch, view: View) -> Batch:
    rounds = view.rounds(found.rounds)
    columns = [found.round, found.endpoint, found.no, found.ruling, found.time_us]
    if len(rounds) < len(found.rounds):
        kept = np.isin(found.round, list(rounds))
        columns = [column[kept] for column in columns]
    round_, endpoint, no, ruling, time_us = columns
    endpoints, rulings, categories = found.endpoints, found.rulings, view.categories
    return Batch(
        len(round_),
        (
            Times("time", view.times(time_us, round_, rounds)),
            Coded(names(ROUND), round_, lambda key: round_cells(rounds[key])),
            Coded(
                names(ENDPOINT), endpoint, lambda key: endpoint_cells(endpoints[key], categories)
            ),
            Plain("record", no),
            Coded(
                (*names(VERDICT), "sentence"),
                ruling,
                lambda key: (*verdict_cells(rulings[key]), rulings[key].sentence),
            ),
        ),
    )
