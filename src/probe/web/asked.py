"""All state of a view, as it stands in its address: period, zone, vantage, network, language."""

from datetime import datetime, timedelta
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from probe.errors import InputError
from probe.model.verdict import State
from probe.report.hours import zone
from probe.report.period import time_of
from probe.report.tongue import LANGUAGES

__all__ = ["DEFAULT_DAYS", "Asked", "Window", "asked_of"]

DEFAULT_DAYS = 14
_MAX = 200
_FIELDS = ("since", "until", "tz", "vantage", "network", "service", "endpoint", "state", "lang")


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the address asks for; every field is empty where it does not say."""

    since: str = ""
    until: str = ""
    tz: str = ""
    vantage: str = ""
    network: str = ""
    service: str = ""
    endpoint: str = ""
    state: str = ""
    lang: str = "en"

    def address(self, path: str, **changes: str) -> str:
        """Return the address of a page with this state, some of it changed."""
        said = {name: getattr(self, name) for name in _FIELDS} | changes
        if said["lang"] == "en":
            said["lang"] = ""
        query = urlencode({name: value for name, value in said.items() if value})
        return f"{quote(path)}?{query}" if query else quote(path)

    def fields(self, *without: str) -> dict[str, str]:
        """Return what is said, for the hidden fields of a form."""
        said = {name: getattr(self, name) for name in _FIELDS if name not in without}
        return {name: value for name, value in said.items() if value and value != "en"}


class Window(msgspec.Struct, frozen=True):
    """The period asked for, in UTC; an end of ``None`` is that of the store."""

    since: datetime | None
    until: datetime | None


def asked_of(values: dict[str, str]) -> Asked:
    """Return the state that an address holds.

    Raises:
        InputError: for a value that cannot be what it should be.

    """
    said = {name: values[name].strip() for name in _FIELDS if values.get(name, "").strip()}
    for name, value in said.items():
        if len(value) > _MAX:
            raise InputError("too long", field=name, mend=f"at most {_MAX} characters")
    asked = msgspec.convert(said, Asked)
    if asked.lang not in LANGUAGES:
        raise InputError(
            f"no such language: {asked.lang[:20]!r}",
            field="lang",
            mend=f"choose one of {', '.join(LANGUAGES)}",
        )
    if asked.state and asked.state not in [state.value for state in State]:
        raise InputError(
            f"no such state: {asked.state[:20]!r}",
            field="state",
            mend=f"choose one of {', '.join(state.value for state in State)}",
        )
    if asked.tz:
        try:
            ZoneInfo(asked.tz)
        except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
            raise InputError(
                f"no such zone: {asked.tz[:40]!r}", field="tz", mend="write Asia/Tehran, or UTC"
            ) from exc
    return asked


def window_of(
    asked: Asked,
    *,
    tz: str,
    now: datetime,
    first: datetime | None,
    last: datetime | None,
) -> Window:
    """Return the period; without one, the last fourteen days that the store knows of.

    Raises:
        InputError: for what is no time, or a period that ends before it begins.

    """
    where = zone(asked.tz or tz)
    until = time_of(asked.until or None, "until", where, now)
    since = time_of(asked.since or None, "since", where, now)
    if since is None:
        end = until or last or now
        since = end - timedelta(days=DEFAULT_DAYS)
        if first is not None and since < first < end:
            since = first
    if until is not None and since >= until:
        raise InputError("not after since", field="until", mend="exchange them")
    return Window(since.replace(second=0, microsecond=0), until)
