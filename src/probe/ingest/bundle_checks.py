"""Whether a round of a bundle may be kept: times, names and texts of somebody else's.

The signature says whose word it is, and not that it means well: whoever has the device has its
key. What is kept is shown on terminals and pages and put beside one's own; so no text turns
writing round or moves a cursor, no name is another's, and no time breaks a timeline for good.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from probe.analysis.zones import zone
from probe.errors import InputError
from probe.model.bundle import BundledRound
from probe.model.context import RoundContext
from probe.model.record import Record
from probe.targets.private import PRIVATE_SERVICE

__all__ = ["check_round", "check_texts"]

FIRST: Final = datetime(2015, 1, 1, tzinfo=UTC)
"""There was nothing to bundle before."""

_LONGEST: Final = timedelta(days=2)  # a round, with all that waits in it
_MAX_TEXT: Final = 10_000
_MAX_ASN: Final = 2**32
_MAX_OFFSET_S: Final = 18 * 3_600
_SERVICE: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,299}")
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_DATES: Final = (datetime, bytes)


def check_round(found: BundledRound) -> None:
    """See that a round may be kept.

    Raises:
        InputError: with the field, and what is wrong with it.

    """
    check_texts(found)
    _check_times(found)
    if not 0 <= found.network.asn < _MAX_ASN:
        raise _wrong("network.asn", "no number of a network")
    for name, context in (("context", found.context), ("opening", found.opening)):
        if context is not None:
            _check_context(name, context)
    for record in found.records:
        _check_record(record)


def check_texts(value: msgspec.Struct) -> None:
    """See that no text has a control character, a mark of direction, or far too many letters.

    Raises:
        InputError: one has.

    """
    for text in _texts(msgspec.to_builtins(value, builtin_types=_DATES)):
        if len(text) > _MAX_TEXT or not text.isprintable():
            raise _wrong("", "a text that no probe writes: control characters, or far too long")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _all_texts((*value.keys(), *value.values()))
    elif isinstance(value, list | tuple):
        yield from _all_texts(value)


def _all_texts(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        yield from _texts(value)


def _check_times(found: BundledRound) -> None:
    if found.started < FIRST:
        raise _wrong("started", "before there was anything to bundle")
    if not timedelta(0) <= found.ended - found.started <= _LONGEST:
        raise _wrong("ended", "not within two days of its start")
    looks = (look.started for record in found.records for look in record.bundle)
    if any(abs(at - found.started) > _LONGEST for at in looks):
        raise _wrong("records", "a look far from its round")


def _check_context(name: str, context: RoundContext) -> None:
    if _COUNTRY.fullmatch(context.country) is None:
        raise _wrong(f"{name}.country", "no country's two letters")
    if abs(context.utc_offset_s) > _MAX_OFFSET_S:
        raise _wrong(f"{name}.utc_offset_s", "no zone is so far from UTC")
    zone(context.tz)


def _check_record(record: Record) -> None:
    if _SERVICE.fullmatch(record.service) is None or record.service == PRIVATE_SERVICE:
        raise _wrong("records", "a service that is none of a catalog's")
    parts = record.endpoint.split("/", 2)
    if len(parts) < 3 or parts[0] != record.service or not record.endpoint.isascii():
        raise _wrong("records", "an endpoint that is none of its service's")


def _wrong(field: str, problem: str) -> InputError:
    return InputError(problem, field=field or None, mend="do not trust this bundle's other rounds")
