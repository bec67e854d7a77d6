"""Countries and time zones: whether they are real, and which zone this machine is in.

The tables are those of the ``tzdata`` package, which probe carries, so that the answer is the
same on every machine.
"""

import difflib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from probe.errors import InputError

__all__ = ["UNKNOWN_COUNTRY", "check_country", "check_zone", "system_zone"]

UNKNOWN_COUNTRY = "ZZ"
_USER_ASSIGNED = {"XK"}  # Kosovo: not in ISO 3166, in every routing registry
_COMMON_SLIPS = {"UK": "GB", "EL": "GR", "SU": "RU", "BU": "MM"}


def check_country(text: str) -> str:
    """Return the ISO 3166 alpha-2 code in capitals; ``ZZ`` is "not said".

    Raises:
        InputError: there is no such country.

    """
    code = text.strip().upper()
    if code == UNKNOWN_COUNTRY or code in _USER_ASSIGNED or code in _countries():
        return code
    near = _COMMON_SLIPS.get(code)
    raise InputError(
        f"there is no country {text[:20]!r}",
        field="country",
        mend=f"did you mean {near}?" if near else "two letters of ISO 3166, such as IR",
    )


def check_zone(text: str) -> str:
    """Return the name of an IANA time zone.

    Raises:
        InputError: there is no such zone.

    """
    name = text.strip()
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        known, cities = _zones()
        wanted = name[:60].lower().replace(" ", "_")
        near = known.get(wanted) or cities.get(wanted)
        close = [near] if near else difflib.get_close_matches(name[:60], known.values(), n=1)
        raise InputError(
            f"there is no time zone {name[:60]!r}",
            field="tz",
            mend=f"did you mean {close[0]}?" if close else "a name such as Asia/Tehran",
        ) from None
    return name


def system_zone(
    environ: Mapping[str, str],
    *,
    localtime: Path = Path("/etc/localtime"),
    named: Path = Path("/etc/timezone"),
) -> str | None:
    """Return the zone that this machine is set to, ``None`` when it does not say a name.

    Asked in order: ``TZ``, where ``/etc/localtime`` points to, ``/etc/timezone``.
    """
    candidates = [environ.get("TZ", "").removeprefix(":")]
    try:
        candidates.append(str(localtime.readlink()))
    except OSError:
        candidates.append("")
    try:
        candidates.append(named.read_text(encoding="ascii")[:100].strip())
    except (OSError, UnicodeDecodeError):
        candidates.append("")
    for candidate in candidates:
        name = candidate.rpartition("/zoneinfo/")[2]
        if not name or name.startswith(("/", ".")):
            continue
        try:
            return check_zone(name)
        except InputError:  # a rule such as IRST-3:30 says no place
            continue
    return None


@cache
def _countries() -> frozenset[str]:
    table = files("tzdata.zoneinfo").joinpath("iso3166.tab").read_text(encoding="utf-8")
    lines = (line for line in table.splitlines() if line and not line.startswith("#"))
    return frozenset(line.split("\t")[0] for line in lines)


@cache
def _zones() -> tuple[dict[str, str], dict[str, str]]:
    """Return the zones by their lower-case names, and by their cities alone."""
    known = {zone.lower(): zone for zone in sorted(available_timezones())}
    return known, {zone.rpartition("/")[2].lower(): zone for zone in known.values()}
