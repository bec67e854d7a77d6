"""Series made of a table of looks against those made of the rows that it stands for."""

import random
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from probe.analysis.columns import Columns, columns_of
from probe.analysis.evidence import evidence_of
from probe.analysis.look_series import series_of_looks
from probe.analysis.look_table import LookTable
from probe.analysis.look_wholes import table_of_wholes
from probe.analysis.series import series_of
from probe.analysis.timeline import intervals
from probe.model.context import Anchor, AnchorGroup, Gate, GateId, RoundContext, RoundInputs
from probe.model.record import RETESTS, RoundRow, SeriesRound
from probe.model.target import PartOf
from probe.model.timeline import Series
from probe.model.times import microseconds
from probe.model.vantage import Network
from probe.model.verdict import Confidence, Locus, State, Verdict

START = datetime(2024, 3, 1, tzinfo=UTC)
SERVICES = ("calls", "chat", "mail")
NETWORKS = (Network(asn=64500), Network(asn=64501), Network())


def said(state: State, mechanism: str, locus: Locus, rule: str = "r.live") -> Verdict:
    """Return a ruling in its short form."""
    return Verdict(
        state=state,
        mechanism=mechanism,
        locus=locus,
        confidence=Confidence.LIKELY,
        rule_id=rule,
        rule_version=0,
    )


RULINGS = (
    said(State.OK, "ok", Locus.UNKNOWN),
    said(State.BLOCKED, "tls.reset", Locus.NETWORK),
    said(State.BLOCKED, "server.geoblock", Locus.SERVER),
    said(State.DOWN, "down", Locus.UNKNOWN),
    said(State.DEGRADED, "some", Locus.LOCAL),
    said(State.INCONCLUSIVE, "tcp.timeout", Locus.UNKNOWN, "r.expected"),
    said(State.INCONCLUSIVE, "tcp.timeout", Locus.UNKNOWN, "r.alone"),
    said(State.INCONCLUSIVE, "not_run", Locus.UNKNOWN),
    said(State.INVALID, "gate", Locus.LOCAL),
    said(State.DOWN, "service.retired", Locus.SERVER),
)


def round_of(number: int, at: datetime, dice: random.Random) -> RoundRow:
    """Return a round of some vantage on some network, perhaps of retests, perhaps killed."""
    network = dice.choice(NETWORKS)
    gates = dice.choice([(), (), (Gate(id=GateId.OFFLINE_LOCAL, invalidates=True),)])
    anchor = Anchor(
        endpoint="i", group=AnchorGroup.INTERNATIONAL, network="AS2", ok=dice.random() < 0.9
    )
    context = RoundContext(
        started=at,
        tz="UTC",
        utc_offset_s=0,
        network=network,
        inputs=RoundInputs(anchors=(anchor,)),
        gates=gates,
    )
    return RoundRow(
        id=number,
        vantage=dice.choice(["here", "here", "there"]),
        plan=dice.choice(["core", "core", RETESTS]),
        started=at,
        network=network,
        context=None if dice.random() < 0.1 else context,
    )


def drawn(seed: int) -> tuple[LookTable, list[RoundRow]]:
    """Return some weeks of rounds with pauses, and what they said of three services."""
    dice = random.Random(seed)
    rounds, at = [], START
    for number in range(1, 200):
        at += timedelta(minutes=dice.choice([30, 30, 30, 31, 600]), microseconds=dice.randrange(9))
        rounds.append(round_of(number, at, dice))
    looked = [
        (service, microseconds(row.started) + dice.randrange(10**6), place, ruling)
        for service in range(len(SERVICES))
        for place, row in enumerate(rounds)
        if dice.random() < 0.8
        for ruling in (dice.choice([0, 0, 0, 0, *range(len(RULINGS))]),)
    ]
    columns = np.array(looked, dtype=np.int64).T
    facts = [
        SeriesRound(
            row.id,
            microseconds(row.started),
            row.vantage,
            row.network.key,
            dice.choice(["Asia/Tehran", "UTC"]),
            0,
            dice.choice([None, 0.0, 0.25]),
            ("offline.local",) if row.id % 7 == 0 else (),
        )
        for row in rounds
    ]
    return LookTable(SERVICES, tuple(facts), RULINGS, *columns), rounds[5:]


def as_series(columns: Columns) -> Series:
    """Return the series that columns stand for."""
    return Series(key=columns.key, tz=columns.tz, samples=columns.samples())


@pytest.mark.parametrize("seed", range(4))
def test_a_table_makes_the_series_of_its_rows(seed: int) -> None:
    """Whoever looked from wherever, at what, with what result: not one sample differs."""
    table, rounds = drawn(seed)
    plain = series_of(table.judged(), rounds)
    assert tuple(map(as_series, series_of_looks(table, rounds))) == plain
    assert len({one.key.locus for one in plain}) >= 3
    assert {s.absence is None for one in plain for s in one.samples} == {True, False}


def test_an_empty_table_has_the_line_only() -> None:
    """Without looks there are the series of the line."""
    table, rounds = drawn(1)
    nothing = table.where(np.zeros(len(table), dtype=np.bool_))
    assert tuple(map(as_series, series_of_looks(nothing, rounds))) == series_of([], rounds)


def test_columns_are_cut_as_their_samples_are() -> None:
    """Evidence and intervals of a series are the same in either form."""
    table, rounds = drawn(2)
    for columns in series_of_looks(table, rounds):
        series = as_series(columns)
        assert as_series(columns_of(series)) == series
        mine, plain = evidence_of(columns), evidence_of(series)
        assert mine.names == plain.names
        for name in ("time_s", "bad", "weight", "mechanism"):
            assert np.array_equal(getattr(mine, name), getattr(plain, name))
        assert intervals(columns) == intervals(series)


@pytest.mark.parametrize("seed", range(4))
def test_a_whole_is_that_of_the_rows(seed: int) -> None:
    """What a round says of a whole, and the series of it, are those made of the rows of its parts.

    The rows are also of services that are parts of nothing, and of retired ones.
    """
    table, rounds = drawn(seed)
    parts = {name: PartOf(whole="both", part=name) for name in SERVICES[:2]}
    plain = series_of(table.judged(), rounds, parts=parts)
    whole = series_of_looks(table_of_wholes(table, parts), rounds, line=False)
    assert tuple(map(as_series, whole)) == tuple(s for s in plain if s.key.subject == "both")
    assert any((one.bad == 1).any() for one in whole)


def test_no_parts_make_no_whole() -> None:
    """Where nothing is a part, no look is at a whole."""
    table, rounds = drawn(1)
    assert series_of_looks(table_of_wholes(table, {}), rounds, line=False) == ()


def test_a_table_is_put_in_order() -> None:
    """By service, then time, then round, however its looks came; one in order stays itself."""
    table, _ = drawn(3)
    ordered = table.in_order()
    rows = list(ordered.judged())
    assert rows == sorted(rows, key=lambda row: (row.service, row.time, row.round))
    assert ordered.in_order() is ordered
    turned = ordered.where(np.arange(len(table))[::-1])
    assert list(turned.in_order().judged()) == rows


def test_a_table_is_chosen_from() -> None:
    """By vantage and by service; what it holds no look of is not among its rules."""
    table, _ = drawn(3)
    rows = list(table.judged())
    here = table.of_vantage("here").of_services({"mail", "none"})
    wanted = [row for row in rows if row.vantage == "here" and row.service == "mail"]
    assert list(here.judged()) == wanted
    assert table.rules() == {row.rule_id for row in rows}
    assert here.where(here.ruling == 0).rules() == {"r.live"}
