"""The round context in its row: compressed JSON, and the few narrow columns that series read."""

import zlib
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from probe.errors import StoreError
from probe.model.codec import decode, encode
from probe.model.context import RoundContext

__all__ = ["canonical_context", "control_bad", "gates_of", "offset_s", "pack", "unpack"]

_MAX_JSON: Final = 8_000_000
_IDENTIFYING = ("network",)  # left out of the hash chain
_IDENTIFYING_INPUTS = ("seen_asn", "captive_redirect")


def pack(context: RoundContext) -> bytes:
    """Return the context as compressed JSON."""
    return zlib.compress(encode(context))


def unpack(data: bytes) -> RoundContext:
    """Return the context that ``pack`` wrote.

    Raises:
        StoreError: the bytes are damaged.
        InputError: they are no context.

    """
    return decode(_json(data), RoundContext)


def control_bad(context: RoundContext) -> float | None:
    """Return the share of the round's anchors that failed, ``None`` without any."""
    anchors = context.inputs.anchors
    return sum(not anchor.ok for anchor in anchors) / len(anchors) if anchors else None


def gates_of(context: RoundContext) -> str:
    """Return the ids of the gates that closed, in order, as one column."""
    return " ".join(gate.id.value for gate in context.gates)


def offset_s(tz: str, time: datetime) -> int:
    """Return the seconds east of UTC of a zone at a time; 0 for a zone that is not known."""
    try:
        offset = ZoneInfo(tz).utcoffset(time)
    except (ZoneInfoNotFoundError, ValueError):
        return 0
    return 0 if offset is None else round(offset.total_seconds())


def canonical_context(data: bytes | None) -> bytes:
    """Return what the hash chain binds of a stored context: nothing that tells whose line it is.

    Made from the stored JSON, not from today's structs, so that a field that a later version
    adds does not change the hash of an old round.
    """
    if data is None:
        return b""
    fields: dict[str, Any] = msgspec.json.decode(_json(data), type=dict[str, Any])
    for name in _IDENTIFYING:
        fields.pop(name, None)
    opened = fields.get("opened")
    for holder in (fields, opened if isinstance(opened, dict) else {}):
        inputs = holder.get("inputs")
        if isinstance(inputs, dict):
            for name in _IDENTIFYING_INPUTS:
                inputs.pop(name, None)
    return msgspec.json.encode(fields, order="deterministic")


def _json(data: bytes) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(data, _MAX_JSON)
    except zlib.error as exc:
        raise StoreError(f"a round's context is damaged: {exc}") from exc
    if not unpacker.eof:
        raise StoreError("a round's context is cut short or too large")
    return text
