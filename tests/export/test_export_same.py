"""The fast way of exporting measurements says what the plain way says, to the byte."""

import io
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from plain_measurements import HOUR, TITLES, odd_store, plain_rows
from store_records import LINE, START

from probe.export import measurements
from probe.export.measurements import TABLE
from probe.export.parquet import write_parquet
from probe.export.publish import HOUR_S, Publisher
from probe.export.stored import View
from probe.export.table import Batch, Table, only, plain_batch
from probe.export.text import write_csv, write_jsonl
from probe.model.selection import Selection
from probe.model.verdict import State
from probe.store.database import Store

CHOSEN = [
    Selection(),
    Selection(since=START + 2 * HOUR),
    Selection(until=START + timedelta(minutes=8)),
    Selection(services=frozenset({"chat", "mail"})),
    Selection(services=frozenset()),
    Selection(networks=frozenset({"AS64511/unknown"})),
    Selection(vantages=frozenset({LINE.id, "d"})),
    Selection(states=frozenset({State.BLOCKED})),
    Selection(states=frozenset({State.OK}), services=frozenset({"chat"}), since=START + HOUR),
]


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    """Yield the store of odd cases."""
    with odd_store() as opened:
        yield opened


def view_of(store: Store, *, publish: bool) -> View:
    """Return how rows are shown, the lines numbered the same each time."""
    shelves = {"chat": "messenger"}
    if not publish:
        return View(categories=shelves)
    told = Publisher(store.scan.rounds(Selection()), dice=Random(1))
    return View(categories=shelves, shown=told.round, grain_s=HOUR_S)


def both(
    store: Store, chosen: Selection, *, publish: bool = False
) -> tuple[Table, list[Batch], list[Batch]]:
    """Return the table, the batches of the fast way, and one of the plain way."""
    table = TABLE.without_private() if publish else TABLE
    fast = measurements.batches(store.scan, chosen, view_of(store, publish=publish))
    plain = plain_rows(store, chosen, view_of(store, publish=publish))
    return table, [only(one, table) for one in fast], [only(plain_batch(TABLE, plain), table)]


def written(write: Callable[[Iterable[Batch], io.BytesIO], int], batches: list[Batch]) -> bytes:
    out = io.BytesIO()
    write(batches, out)
    return out.getvalue()


@pytest.mark.parametrize("publish", [False, True])
@pytest.mark.parametrize("chosen", CHOSEN)
def test_text_is_the_same(store: Store, chosen: Selection, publish: bool) -> None:
    """CSV and JSON of every choice, for the owner and for strangers."""
    table, fast, plain = both(store, chosen, publish=publish)
    as_csv = [written(lambda b, out: write_csv(table, b, out), one) for one in (fast, plain)]
    assert as_csv[0] == as_csv[1]
    assert written(write_jsonl, fast) == written(write_jsonl, plain)


def test_the_odd_cases_are_there(store: Store) -> None:
    """What the comparison is worth: each odd thing is in a row of it."""
    _, fast, plain = both(store, Selection())
    text = written(lambda b, out: write_csv(TABLE, b, out), plain).decode()
    odd = ("inf", "5000000.0", str(2**40), 'budget, ""spent""', "not_measured_yet", "\ufffd")
    assert [word for word in (*odd, TITLES[2]) if word not in text] == []
    assert sum(one.size for one in fast) == 5 * 4 + len(TITLES) + 11 + 6 * 4
    looks = plain_rows(store, Selection(), View())
    said = [row[[c.name for c in TABLE.columns].index("state")] for row in looks]
    assert said.count(None) == 3


def test_nothing_changes_where_batches_end_and_what_was_known_is_forgotten(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A round or two a batch, and next to nothing remembered from one to the next."""
    _, whole, _ = both(store, Selection())
    expected = written(lambda b, out: write_csv(TABLE, b, out), whole)
    monkeypatch.setattr("probe.store.scanning._FEWEST", 1)
    monkeypatch.setattr("probe.store.scanning.LOOKS_AT_ONCE", 3)
    for place in ("seen", "measurements", "text"):
        monkeypatch.setattr(f"probe.export.{place}._MAX_REMEMBERED", 2)
    batches = measurements.batches(store.scan, Selection(), view_of(store, publish=False))
    out = io.BytesIO()
    assert write_csv(TABLE, batches, out) > 0
    assert out.getvalue() == expected
    assert len(whole) < sum(1 for _ in measurements.batches(store.scan, Selection(), View()))


@pytest.mark.slow
@pytest.mark.parametrize("publish", [False, True])
@pytest.mark.parametrize("remembered", [2, 100_000])
def test_parquet_is_the_same(
    store: Store,
    tmp_path: Path,
    publish: bool,
    remembered: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same files by country and month, the same values in them, in the same order."""
    import pyarrow.parquet as pq

    monkeypatch.setattr("probe.store.scanning._FEWEST", 1)
    monkeypatch.setattr("probe.store.scanning.LOOKS_AT_ONCE", 3)
    monkeypatch.setattr("probe.export.parquet_columns._MAX_REMEMBERED", remembered)
    for chosen in (Selection(), CHOSEN[-1]):
        table, fast, plain = both(store, chosen, publish=publish)
        folders = (tmp_path / f"fast{id(chosen)}", tmp_path / f"plain{id(chosen)}")
        found = [
            write_parquet(table, batches, folder)
            for batches, folder in zip((fast, plain), folders, strict=True)
        ]
        assert found[0][0] == found[1][0] > 0
        files = [sorted(folder.rglob("*.parquet")) for folder in folders]
        assert [f.relative_to(folders[0]) for f in files[0]] == [
            f.relative_to(folders[1]) for f in files[1]
        ]
        for one, other in zip(*files, strict=True):
            assert pq.read_table(one, partitioning=None).to_pylist() == (
                pq.read_table(other, partitioning=None).to_pylist()
            )
