"""Values to JSON and back, exactly; the one place that names the encoder."""

from typing import Any, TypeVar

import msgspec

from probe.errors import InputError

__all__ = ["decode", "encode", "to_builtins"]

T = TypeVar("T")


def encode(value: Any) -> bytes:
    """Return compact UTF-8 JSON; bytes become base64, datetimes RFC 3339 in UTC."""
    return msgspec.json.encode(value)


def decode(data: bytes | str, kind: type[T]) -> T:
    """Return the value that ``encode`` wrote.

    Raises:
        InputError: when ``data`` is not JSON or does not describe a ``kind``.

    """
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise InputError(str(exc)) from exc


def to_builtins(value: Any) -> Any:
    """Return dicts, lists, strings and numbers, as ``encode`` would write them."""
    return msgspec.to_builtins(value)
