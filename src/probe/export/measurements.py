"""The table of measurements: one row for each look, follow-ups too, with what its steps came to."""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from probe.analysis.arrays import IntArray
from probe.export.numbers import Numbers
from probe.export.seen import SEEN, Seen
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
from probe.export.table import Batch, Cell, Coded, Column, Plain, Table, Times
from probe.model.selection import Selection
from probe.store.codes import OUTCOME, VARIANT
from probe.store.scan import RoundFacts
from probe.store.scan_measurements import UNSAID, MeasurementBatch
from probe.store.scanning import Scan
from probe.store.traces import Skimmed, skim_traces

__all__ = ["TABLE", "batches"]

_LOOK: Final = (
    Column("variant", "string", "main, or which follow-up this is."),
    Column("outcome", "string", "measured, not_run, not_measured_yet or interrupted."),
)
TABLE = Table(
    "measurements",
    "Every look at an endpoint, first looks and follow-ups",
    (
        Column("time", "datetime", "When it began, UTC."),
        *ROUND,
        *ENDPOINT,
        Column("record", "integer", "Number of the record in its round.", private=True),
        Column("seq", "integer", "Place in the record's bundle; 0 is the first look."),
        *_LOOK,
        Column("duration_ms", "number", "How long it took, milliseconds."),
        Column("bytes_sent", "integer", "Bytes on the wire, sent."),
        Column("bytes_received", "integer", "Bytes on the wire, received."),
        Column("note", "string", "Why it was not run."),
        *SEEN,
        *VERDICT,
    ),
)
_MAX_REMEMBERED: Final = 50_000
"""Reasons that are kept; then they are forgotten, and numbered anew."""


def batches(scan: Scan, chosen: Selection, view: View) -> Iterator[Batch]:
    """Yield the chosen measurements, by round, record and place in the bundle."""
    seen = Seen(scan, published=view.shown is not None)
    reasons = _Reasons()
    for found in scan.measurements(chosen):
        batch = _batch(found, view, seen, reasons)
        if batch.size:
            yield batch


class _Reasons:
    """Why looks were not run, by number; 0 is none."""

    def __init__(self) -> None:
        self._known: Numbers[str | None] = Numbers()

    def numbers(self, skimmed: Skimmed) -> IntArray:
        if len(self._known) > _MAX_REMEMBERED:
            self._known.forget()
        ours = [self._known.of(reason) for reason in (None, *skimmed.reasons)]
        return np.array(ours, dtype=np.int64)[skimmed.reason]

    def cells(self, number: int) -> tuple[Cell, ...]:
        return (self._known.key(number),)


def _batch(found: MeasurementBatch, view: View, seen: Seen, reasons: _Reasons) -> Batch:
    rounds: Mapping[int, RoundFacts] = view.rounds(found.rounds)
    columns = list(found[:10])
    if len(rounds) < len(found.rounds):
        kept = np.isin(found.round, list(rounds))
        columns = [column[kept] for column in columns]
    round_, no, seq, endpoint, variant, outcome, time_us, ruling, start, length = columns
    looks = skim_traces(found.traces, start, length)
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
            Plain("seq", seq),
            Coded(("variant",), variant, lambda key: (VARIANT.member(key).value,)),
            Coded(("outcome",), outcome, lambda key: (OUTCOME.member(key).value,)),
            Plain("duration_ms", looks.duration_ms),
            Plain("bytes_sent", looks.sent),
            Plain("bytes_received", looks.received),
            Coded(("note",), reasons.numbers(looks), reasons.cells),
            Coded(names(SEEN), seen.numbers(looks.steps), seen.cells),
            Coded(
                names(VERDICT),
                ruling,
                lambda key: verdict_cells(None if key == UNSAID else rulings[key]),
            ),
        ),
    )
