"""Stores for the tests: in memory where the file does not matter."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from probe.store.database import MEMORY, Store

sys.path.insert(0, str(Path(__file__).parents[1] / "model"))  # the strategies of any value


@pytest.fixture
def memory() -> Iterator[Store]:
    """Yield a store that is kept nowhere."""
    with Store.open(MEMORY) as store:
        yield store


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return where a store of a test may be made."""
    return tmp_path / "data" / "probe.sqlite"
