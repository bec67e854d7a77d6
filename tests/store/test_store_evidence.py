"""Steps to bytes and back: exact in full, bounded when thinned, safe with damaged bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from store_records import good_steps, measurement
from strategies import structs

from probe.errors import StoreError
from probe.model.measurement import Measurement, Outcome, Variant
from probe.model.record import NoteKind
from probe.model.target import Kind, Role
from probe.model.vantage import Access
from probe.model.verdict import Confidence, Locus, Reason, State
from probe.store import codes
from probe.store.evidence import (
    compress,
    decompress,
    join,
    parse_content,
    prefix_of,
    read_trace,
    split,
    write_trace,
)


@given(content=st.binary(max_size=400))
def test_compression_loses_nothing(content: bytes) -> None:
    """Any bytes come back from their compressed form, and are found by 63 bits."""
    assert decompress(compress(content)) == content
    assert 0 <= prefix_of(content) < 2**63


def test_a_step_becomes_small() -> None:
    """The content of a usual step takes about a hundred bytes."""
    contents = split(measurement(), thin=True).contents
    assert max(len(compress(content)) for content in contents) < 330  # three hashes of 32 bytes
    assert sum(len(compress(content)) for content in contents) < 600
    assert sum(len(content) for content in contents) > 1_000


def test_figures_are_no_part_of_the_content() -> None:
    """Two looks that differ in times and counters alone have equal contents."""
    one = split(replace(measurement(), steps=good_steps("a.example", second=1)), thin=True)
    two = split(replace(measurement(), steps=good_steps("a.example", second=2)), thin=True)
    assert one.contents == two.contents
    assert one.figures != two.figures


@given(given_=structs(Measurement))
def test_any_trace_comes_back(given_: Measurement) -> None:
    """A trace holds what is no column and no content, to the microsecond."""
    parts = split(given_, thin=False)
    ids = [n * 7 + 3 for n in range(len(parts.contents))]
    trace = read_trace(write_trace(given_, parts, ids))
    assert trace.reason == given_.reason
    assert (trace.bytes_sent, trace.bytes_received) == (given_.bytes_sent, given_.bytes_received)
    assert trace.duration_s == pytest.approx(given_.duration_s, abs=1e-6)
    assert [number for number, _ in trace.steps] == ids
    for content, (_, figures), step in zip(parts.contents, trace.steps, given_.steps, strict=True):
        found = join(parse_content(content), figures, lambda _: None)
        assert type(found) is type(step)
        assert (found.t0_s, found.t_s) == pytest.approx((step.t0_s, step.t_s), abs=1e-6)


@given(data=st.binary(max_size=200))
def test_damaged_bytes_are_an_error_of_ours(data: bytes) -> None:
    """Whatever lies in a damaged row, reading it raises StoreError or gives a value."""
    for read in (decompress, read_trace, parse_content):
        try:
            read(data)
        except StoreError:
            continue


def test_a_bomb_is_not_unpacked() -> None:
    """A small body that would grow beyond all measure is refused."""
    with pytest.raises(StoreError, match="too large"):
        decompress(compress(bytes(5_000_000)))


def test_figures_must_fit_their_step() -> None:
    """A trace that gives a step too few or impossible figures is damaged."""
    bare = parse_content(split(measurement(), thin=False).contents[1])
    with pytest.raises(StoreError, match="figures"):
        join(bare, (1.0,), lambda _: None)
    with pytest.raises(StoreError, match="ends before"):
        join(bare, (2.0, 1.0), lambda _: None)


@pytest.mark.parametrize(
    ("table", "enumeration", "last"),
    [
        (codes.STATE, State, 5),
        (codes.LOCUS, Locus, 3),
        (codes.CONFIDENCE, Confidence, 2),
        (codes.REASON, Reason, 2),
        (codes.OUTCOME, Outcome, 3),
        (codes.VARIANT, Variant, 20),
        (codes.ROLE, Role, 11),
        (codes.KIND, Kind, 17),
        (codes.ACCESS, Access, 4),
        (codes.NOTE, NoteKind, 6),
    ],
)
def test_every_member_has_a_code(table: codes.Codes, enumeration: type, last: int) -> None:  # type: ignore[type-arg]
    """Each member of each vocabulary has its own number, and the numbers have no gap."""
    assert set(table.code) == set(enumeration)  # type: ignore[call-overload]
    assert sorted(table.code.values()) == list(range(last + 1))
    assert all(table.member(table.code[m]) is m for m in enumeration)  # type: ignore[attr-defined]
    with pytest.raises(StoreError, match="not known"):
        table.member(99)


def test_codes_never_change() -> None:
    """Numbers that stand in databases mean what they meant."""
    assert [codes.STATE.code[s] for s in State] == [0, 1, 2, 3, 4, 5]
    assert codes.VARIANT.code[Variant.NEUTRAL_SNI] == 4
    assert codes.KIND.code[Kind.TOR_OR] == 12
    assert codes.ROLE.code[Role.CALL] == 4
    with pytest.raises(ValueError, match="share"):
        codes.Codes({State.OK: 1, State.DOWN: 1})
