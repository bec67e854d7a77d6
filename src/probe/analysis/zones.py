"""Time zones from the packaged tzdata, the same on every machine.

``zoneinfo`` prefers the system's own files, which differ between machines and may be years
old. Zones are therefore read straight from the ``tzdata`` package, by a name that its list
contains, so that nothing global is reset and no path can be smuggled in as a zone.
"""

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import cache
from importlib import import_module, resources
from zoneinfo import ZoneInfo

import msgspec

from probe.errors import InputError

__all__ = ["Offsets", "country_of", "offsets", "tzdata_version", "zone", "zone_names"]

_DAY_S = 86_400


@cache
def zone_names() -> frozenset[str]:
    """Return every IANA name of the packaged data."""
    text = resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8")
    return frozenset(text.split())


@cache
def tzdata_version() -> str:
    """Return the IANA release of the packaged data, for example ``2025b``."""
    return str(import_module("tzdata").IANA_VERSION)


@cache
def _countries() -> dict[str, str]:
    table = resources.files("tzdata").joinpath("zoneinfo", "zone.tab").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in table.splitlines() if not line.startswith("#"))
    return {row[2]: row[0] for row in rows if len(row) > 2}


def country_of(name: str) -> str:
    """Return the ISO 3166 country of a zone by the packaged table; "" when it names none."""
    return _countries().get(name, "")


@cache
def zone(name: str) -> ZoneInfo:
    """Return the zone of that IANA name.

    Raises:
        InputError: when the packaged data has no such name.

    """
    if name not in zone_names():
        near = _nearest(name)
        mend = f"did you mean {near}?" if near else "use an IANA name such as Asia/Tehran"
        raise InputError(f"unknown time zone {name[:60]!r}", field="tz", mend=mend)
    path = resources.files("tzdata").joinpath("zoneinfo", *name.split("/"))
    with path.open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def _nearest(name: str) -> str | None:
    folded = {known.casefold(): known for known in zone_names()}
    wanted = name[:60].strip().replace(" ", "_").casefold()
    hits = get_close_matches(wanted, folded, n=1, cutoff=0.75)
    if not hits:
        cities = {known.rsplit("/", 1)[-1]: folded[known] for known in sorted(folded)}
        near = get_close_matches(wanted, cities, n=1, cutoff=0.8)
        return cities[near[0]] if near else None
    return folded[hits[0]]


class Offsets(msgspec.Struct, frozen=True):
    """A zone's offsets over a span: from ``starts_s[i]`` (UTC epoch) it is ``seconds[i]``."""

    starts_s: tuple[float, ...]
    seconds: tuple[int, ...]

    @property
    def changes(self) -> bool:
        """Whether the clocks were changed inside the span."""
        return len(self.seconds) > 1

    def at(self, time_s: float) -> int:
        """Return the offset from UTC, in seconds, at a UTC epoch time."""
        return self.seconds[max(0, bisect_right(self.starts_s, time_s) - 1)]

    def fixed(self, time_s: float) -> "Offsets":
        """Return the span as if the offset of ``time_s`` had held throughout (a UTC fold)."""
        return Offsets(self.starts_s[:1], (self.at(time_s),))


def offsets(name: str, first_s: float, last_s: float) -> Offsets:
    """Return the offsets of zone ``name`` between two UTC epoch times.

    The span is searched a day at a time and each change is bisected to the second: no zone
    changes twice within a day and back.
    """
    where = zone(name)
    starts: list[float] = [first_s]
    seconds: list[int] = [_offset_s(where, first_s)]
    at_s = first_s
    while at_s < last_s:
        next_s = min(at_s + _DAY_S, last_s)
        if _offset_s(where, next_s) != seconds[-1]:
            change_s = _bisect(where, at_s, next_s)
            starts.append(change_s)
            seconds.append(_offset_s(where, change_s))
        at_s = next_s
    return Offsets(tuple(starts), tuple(seconds))


def _bisect(where: ZoneInfo, low_s: float, high_s: float) -> float:
    before = _offset_s(where, low_s)
    low, high = int(low_s), int(high_s) + 1
    while high - low > 1:
        middle = (low + high) // 2
        if _offset_s(where, middle) == before:
            low = middle
        else:
            high = middle
    return float(high)


def _offset_s(where: ZoneInfo, time_s: float) -> int:
    offset = datetime.fromtimestamp(time_s, UTC).astimezone(where).utcoffset()
    return int((offset or timedelta()).total_seconds())
