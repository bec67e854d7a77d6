"""The transfers of a round as a table: a number each, and what stopped where."""

import pytest
from schedule_rounds import START, FakeProbe, catalog, endpoint
from test_goodput import EVERYTHING, FILE, OTHER, session, timed_steps

from probe.cli.timed import TIMED_COLUMNS, _kbit, timed_rows
from probe.clock import VirtualClock
from probe.model.goodput import Speed


async def test_each_pair_is_a_row() -> None:
    """By the service's name, with what it is beside; a round without transfers has none."""
    cat = catalog(FILE, OTHER, endpoint("chat", "chat.example.com"))
    probe = FakeProbe(VirtualClock(START), default=timed_steps)
    one = session(cat, None, probe)
    timed = await one.round(EVERYTHING, goodput=True)
    found = list(timed_rows(timed, cat))
    assert sorted((row["timed"], row["beside"]) for row in found) == [
        ("Shop", "files of neutral hosts"),
        ("Shop", "the same server under a neutral name"),
        ("Store", "files of neutral hosts"),
        ("Store", "the same server under a neutral name"),
    ]
    assert set(found[0]) == set(TIMED_COLUMNS)
    assert {row["kbit/s"] for row in found} == {"574"}
    assert list(timed_rows(await one.round(EVERYTHING), cat)) == []


@pytest.mark.parametrize(
    ("speed", "words"),
    [
        (Speed(rate=17_500.0), "140"),
        (Speed(rate=1_250_000.0), "10,000"),
        (Speed(rate=None, censored=True), "nothing came"),
        (
            Speed(rate=1_600.0, censored=True, stalled_at=16_384),
            "at most 13, stopped after 16384 bytes",
        ),
        (Speed(rate=8_600.0, lost_share=0.25), "69, 25% lost"),
        (Speed(rate=None, lost_share=1.0), "nothing came, 100% lost"),
    ],
)
def test_a_speed_in_words(speed: Speed, words: str) -> None:
    """Censored is at most; a stall says where, a call what was lost."""
    assert _kbit(speed) == words
