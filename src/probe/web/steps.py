"""A measurement's steps and controls as rows of names and values, whatever they are made of."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from probe.model.codec import to_builtins
from probe.model.control import ControlObservation
from probe.model.measurement import Measurement
from probe.report.text import clean

__all__ = ["StepRow", "details_of", "step_rows"]

_APART = frozenset({"t0_s", "t_s", "failure", "chain", "type"})
_LONGEST = 300


class StepRow(NamedTuple):
    """One step; ``details`` are what it holds beside its times and its failure."""

    kind: str
    t0_s: float
    t_s: float
    failure: str | None
    details: tuple[tuple[str, str], ...]


def step_rows(measurement: Measurement) -> list[StepRow]:
    """Return the steps of a measurement in order; certificates by their hashes."""
    rows = []
    for step in measurement.steps:
        said = dict(_flat(step))
        chain = getattr(step, "chain", ())
        if chain:
            said["chain"] = f"{len(chain)} certificates"
        kind = type(step).__name__.removesuffix("Step").lower()
        rows.append(StepRow(kind, step.t0_s, step.t_s, step.failure, tuple(said.items())))
    return rows


def details_of(control: ControlObservation) -> list[tuple[str, str]]:
    """Return what a control saw, apart from what it is called."""
    apart = {"endpoint", "source", "kind", "observed", "failure"}
    return [(name, value) for name, value in _flat(control) if name not in apart]


def _flat(value: msgspec.Struct) -> Iterator[tuple[str, str]]:
    for name in value.__struct_fields__:
        held = getattr(value, name)
        if name in _APART or held is None or held == () or held == "":
            continue
        if isinstance(held, msgspec.Struct):
            yield from ((f"{name}.{inner}", text) for inner, text in _flat(held))
        else:
            yield name, _text(held)


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple):
        return clean(", ".join(_text(one) for one in value), _LONGEST)
    if isinstance(value, msgspec.Struct):
        built = to_builtins(value)
        return " ".join(f"{name}={one}" for name, one in built.items() if one not in (None, False))
    if isinstance(value, bytes):
        return value.hex()
    return clean(str(value), _LONGEST)
