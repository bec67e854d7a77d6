"""Hypothesis strategies for any value of ``probe.model``, built from its annotations."""

import enum
import types
import typing
from datetime import UTC, date, datetime
from typing import Any

import msgspec
from hypothesis import strategies as st

from probe.model.failure import FAILURES

_NAMES = sorted(FAILURES)
_TEXT = st.text(max_size=12)
_TIMES = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)).map(
    lambda t: t.replace(tzinfo=UTC)
)
_SIMPLE: dict[Any, st.SearchStrategy[Any]] = {
    str: _TEXT,
    int: st.integers(-(2**40), 2**40),
    float: st.floats(-1e9, 1e9, allow_nan=False),
    bool: st.booleans(),
    bytes: st.binary(max_size=16),
    datetime: _TIMES,
    date: st.dates(),
    type(None): st.none(),
}


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for an annotation: a struct, enum, tuple, union, literal or builtin."""
    if kind in _SIMPLE:
        return _SIMPLE[kind]
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return st.one_of(*(values(a) for a in args))
    if origin is frozenset:
        return st.frozensets(values(args[0]), max_size=2)
    if origin is tuple:
        if args[-1] is Ellipsis:
            return st.lists(values(args[0]), max_size=2).map(tuple)
        return st.tuples(*(values(a) for a in args))
    if origin is typing.Annotated and args[0] is int and isinstance(args[1], msgspec.Meta):
        return st.integers(int(args[1].ge or 0), int(args[1].le or 2**40))
    if origin is typing.Annotated and args[0] is str and isinstance(args[1], msgspec.Meta):
        return st.from_regex(str(args[1].pattern), fullmatch=True)
    if origin is typing.Annotated and args[0] is datetime and args[1].tz:
        return _TIMES
    if origin is typing.Literal:
        return st.sampled_from(args)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return st.sampled_from(list(kind))
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return structs(kind)
    msg = f"no strategy for {kind!r}"
    raise TypeError(msg)


@st.composite
def structs(draw: st.DrawFn, kind: type[msgspec.Struct]) -> Any:
    """Draw a valid value of a struct, respecting its rules of failure names and step times."""
    drawn: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        if field.name == "failure" or field.name in ("packaged", "system"):
            drawn[field.name] = draw(st.none() | st.sampled_from(_NAMES))
        else:
            drawn[field.name] = draw(values(field.type))
    if "t0_s" in drawn:
        drawn["t0_s"], drawn["t_s"] = sorted((drawn["t0_s"], drawn["t_s"]))
    return kind(**drawn)
