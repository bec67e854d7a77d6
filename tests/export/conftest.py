"""A small store to export from: five rounds of one line, a cut service beside a good one."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from store_records import START, blocked, good, whole_round

from probe.store.database import MEMORY, Store

HOUR = timedelta(hours=1)


@pytest.fixture
def store() -> Iterator[Store]:
    """Yield a store of five rounds, an hour apart."""
    with Store.open(MEMORY) as opened:
        for hour in range(5):
            at = START + hour * HOUR
            whole_round(opened, [blocked("news.example", at=at), good("chat.example", at=at)], at)
        yield opened
