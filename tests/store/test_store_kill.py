"""A run killed in the middle loses the batch in flight, and nothing else."""

import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from store_records import START, good, whole_round

from probe.store.database import Store

BATCH = 5
_RUN = """
import sys
sys.path[:0] = {path!r}
from datetime import timedelta
from pathlib import Path
import pytest
from store_records import START, begin, good
from probe.store.database import Store
store = Store.open(Path({place!r}))
number = begin(store)
for batch in range(10_000):
    at = START + timedelta(seconds=batch)
    store.save(number, [good(f"b{{batch}}h{{n}}.example", at=at) for n in range({batch})])
    print(batch, flush=True)
"""


def _kill_after(place: Path, batches: int) -> int:
    """Run, kill -9 after some batches, return the last batch that was said to be saved."""
    script = _RUN.format(
        path=[str(Path(__file__).parent), *sys.path], place=str(place), batch=BATCH
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        for _ in range(batches):
            run.stdout.readline()
        run.send_signal(signal.SIGKILL)
        rest = run.stdout.read().split()
    assert run.returncode == -signal.SIGKILL
    return int(rest[-1]) if rest else batches - 1


@pytest.mark.slow
def test_sigkill_loses_at_most_the_batch_in_flight(place: Path) -> None:
    """After ``kill -9`` every batch that was committed is there, whole, and the chain goes on."""
    saved = _kill_after(place, 7)
    with Store.open(place) as store:
        (closed,) = store.recover()
        records = store.records(closed.id)
        batches, rest = divmod(len(records), BATCH)
        assert rest == 0
        assert saved + 1 <= batches <= saved + 2  # committed, but killed before it said so
        names = {f"b{b}h{n}" for b in range(batches) for n in range(BATCH)}
        assert {record.service for record in records} == names
        assert closed.context is None
        assert closed.ended == START + timedelta(seconds=batches - 1)
        assert store.verify() == []
        whole_round(store, [good()], START + timedelta(hours=1))
        assert store.info().links == 2
        assert store.verify() == []
    with Store.open(place) as store:
        assert store.recover() == ()


@pytest.mark.slow
def test_killed_twice_the_chain_still_holds(place: Path) -> None:
    """A second kill before anybody recovered leaves two interrupted rounds, both chained."""
    _kill_after(place, 1)
    _kill_after(place, 2)
    with Store.open(place) as store:
        assert [row.id for row in store.recover()] == [1, 2]
        assert store.verify() == []
