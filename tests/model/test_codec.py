"""Every value of the model survives JSON exactly, and cannot be changed."""

import importlib
import pkgutil

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import structs

import probe.model
from probe.errors import InputError
from probe.model import codec
from probe.model.measurement import Measurement


def _structs() -> list[type[msgspec.Struct]]:
    found = []
    for module in pkgutil.iter_modules(probe.model.__path__):
        loaded = importlib.import_module(f"probe.model.{module.name}")
        for name in loaded.__all__:
            thing = getattr(loaded, name)
            if isinstance(thing, type) and issubclass(thing, msgspec.Struct):
                found.append(thing)
    return found


def _name(kind: type) -> str:
    return kind.__name__


@pytest.mark.parametrize("kind", _structs(), ids=_name)
@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_round_trip(kind: type[msgspec.Struct], data: st.DataObject) -> None:
    """What is encoded decodes to an equal value."""
    value = data.draw(structs(kind))
    assert codec.decode(codec.encode(value), kind) == value


@pytest.mark.parametrize("kind", _structs(), ids=_name)
def test_frozen(kind: type[msgspec.Struct]) -> None:
    """A value cannot be changed after birth."""
    assert kind.__struct_config__.frozen


@given(st.binary(max_size=200))
def test_decode_refuses_with_our_error(junk: bytes) -> None:
    """Bytes that are no measurement raise InputError and nothing else."""
    with pytest.raises(InputError):
        codec.decode(junk, Measurement)


def test_decode_refuses_deep_nesting() -> None:
    """A bomb of brackets is refused, not a crash."""
    with pytest.raises(InputError):
        codec.decode(b"[" * 200_000, Measurement)
