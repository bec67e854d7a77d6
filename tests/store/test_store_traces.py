"""Traces read in columns say what each says alone; what is damaged is refused, never guessed."""

from collections.abc import Sequence

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from store_records import cut, measurement

from probe.errors import StoreError
from probe.model.measurement import Measurement
from probe.store.evidence import skim_trace, split, write_trace
from probe.store.traces import NO_STEP, Skimmed, skim_traces

encode = msgspec.msgpack.Encoder().encode
WHOLE = measurement()
NUMBER = st.integers(-(2**31), 2**32 - 1) | st.integers(-200, 300)
WIDE = st.integers(-(2**62), 2**62)
STEP = st.lists(NUMBER, min_size=3, max_size=6)


def traces_of(steps: st.SearchStrategy[list[list[int]]]) -> st.SearchStrategy[bytes]:
    return st.builds(
        lambda form, sent, received, reason, monotonic, duration, steps: encode(
            [form, sent, received, reason, monotonic, duration, *steps]
        ),
        st.sampled_from([0, 1]),
        NUMBER,
        st.one_of(NUMBER, NUMBER, NUMBER, WIDE),
        st.none() | st.none() | st.text(max_size=40),
        WIDE,
        NUMBER,
        steps,
    )


def moved(steps: Sequence[tuple[int, list[int]]]) -> list[list[int]]:
    """Return steps as they are stored, each number as how far it is from the one before."""
    numbers = [0, *(number for number, _ in steps)]
    return [
        [number - before, *rest] for (number, rest), before in zip(steps, numbers, strict=False)
    ]


NUMBERED = st.tuples(
    st.integers(0, 2**31) | st.integers(0, 300), st.lists(NUMBER, min_size=2, max_size=5)
)
POSSIBLE = traces_of(st.lists(NUMBERED, max_size=12).map(moved))
TRACE = traces_of(st.lists(STEP, max_size=12))


def trace(look: Measurement, *, thin: bool = False) -> bytes:
    return write_trace(look, split(look, thin=thin), range(7, 7 + 400 * len(look.steps), 400))


def columns(traces: Sequence[bytes]) -> Skimmed:
    length = np.array([len(one) for one in traces], dtype=np.int64)
    return skim_traces(b"".join(traces), np.cumsum(length) - length, length)


def rows(found: Skimmed) -> list[tuple[object, ...]]:
    return [
        (
            tuple([step for step in found.steps[:, row].tolist() if step != NO_STEP]),
            float(found.duration_ms[row]),
            int(found.sent[row]),
            int(found.received[row]),
            (None, *found.reasons)[found.reason[row]],
        )
        for row in range(len(found.sent))
    ]


def alone(traces: Sequence[bytes]) -> list[tuple[object, ...]]:
    skimmed = [skim_trace(one) for one in traces]
    return [(steps, round(took * 1e3, 3), *rest) for steps, took, *rest in skimmed]


def test_every_form_of_trace_side_by_side() -> None:
    """Full, thinned and raw; without steps, with many, with a reason, with large numbers."""
    many = tuple([replace(WHOLE.steps[1], t0_s=n / 7, t_s=(n + 1) / 7) for n in range(12)])
    looks = [
        WHOLE,
        cut(WHOLE),
        replace(WHOLE, steps=()),
        replace(WHOLE, steps=many),
        replace(WHOLE, steps=many[:9]),
        replace(WHOLE, reason="budget"),
        replace(WHOLE, duration_s=float("inf")),
        replace(WHOLE, duration_s=90_000.5, bytes_sent=2**50),
        replace(WHOLE, steps=tuple(reversed(WHOLE.steps))),
    ]
    traces = [trace(one, thin=thin) for one in looks for thin in (False, True)]
    traces += [traces[0]] * 3
    assert rows(columns(traces)) == alone(traces)
    assert columns(traces).reasons == ("budget",)


@given(st.lists(POSSIBLE, max_size=8))
def test_whatever_numbers_a_trace_holds(traces: list[bytes]) -> None:
    """Any sign and size, any number of steps and counters."""
    assert rows(columns(traces)) == alone(traces)


@given(st.lists(st.binary(max_size=60) | TRACE, min_size=1, max_size=5))
def test_bytes_of_any_kind_are_read_as_alone_or_refused(traces: list[bytes]) -> None:
    """One damaged trace refuses the batch, and never makes another say what it does not."""
    try:
        expected = alone(traces)
    except StoreError:
        with pytest.raises(StoreError, match="trace is damaged"):
            columns(traces)
    else:
        assert rows(columns(traces)) == expected


@pytest.mark.parametrize("cutting", [1, 5, 20, 44])
def test_a_trace_that_is_cut_short_does_not_go_on_in_the_next(cutting: int) -> None:
    """Where a trace ends is where it was stored to end."""
    whole = trace(WHOLE)
    with pytest.raises(StoreError, match="trace is damaged"):
        columns([whole, whole[:-cutting], whole])


@pytest.mark.parametrize("form", [0, 1, 2])
def test_a_step_below_zero_is_damage(form: int) -> None:
    """No step was ever stored under such a number; it is refused alone and among others."""
    bad = encode([form, 0, 0, None, 0, 0, [4, 0, 0], [-5, 0, 0]])
    with pytest.raises(StoreError, match="a step has the number"):
        skim_trace(bad)
    with pytest.raises(StoreError, match="a step has the number"):
        columns([trace(WHOLE), bad])


def test_a_number_beyond_64_bits_is_damage() -> None:
    """It is an error of the store, not of the program."""
    with pytest.raises(StoreError, match="trace is damaged"):
        columns([encode([0, 2**64 - 1, 0, None, 0, 0])])


def test_traces_may_lie_anywhere() -> None:
    """Rows that were not chosen leave gaps, and the order is the asker's."""
    first, second = trace(WHOLE), trace(cut(WHOLE))
    data = b"\xc1" * 5 + first + b"\xc1" + second
    start = np.array([6 + len(first), 5], dtype=np.int64)
    found = skim_traces(data, start, np.array([len(second), len(first)], dtype=np.int64))
    assert rows(found) == alone([second, first])
