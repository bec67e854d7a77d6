"""The shape of ``fingerprints.yaml``, and what must hold for one fingerprint."""

import ipaddress
import re
from collections.abc import Collection, Iterator
from datetime import date

import msgspec

from probe.model.fingerprint import Fingerprint, Mark, Place
from probe.targets.rules import Problem

__all__ = ["FingerprintsHead", "mark_problems"]

MIN_LENGTH = 8
"""A shorter substring is found in innocent pages."""

_HEADER = re.compile(r"[a-z][a-z0-9-]*: .+\Z")
_SPKI = re.compile(r"[0-9a-f]{64}\Z")
_STATUS = re.compile(r"[1-5][0-9]{2}\Z")
_OF_A_PAGE = frozenset({Place.BODY, Place.TITLE, Place.HEADER})
_ID = re.compile(r"[a-z0-9]+([._-][a-z0-9]+)*\Z")
_COUNTRY = re.compile(r"[A-Z]{2}\Z")


class FingerprintsHead(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``fingerprints.yaml`` without its list ``fingerprints``."""

    checked_on: date


def mark_problems(mark: Fingerprint, seen: Collection[str]) -> Iterator[Problem]:
    """Yield what is wrong with a fingerprint; ``seen`` holds the ids before it."""
    if not _ID.match(mark.id):
        yield Problem("id", "not an id", "write lower case words joined by . _ or -")
    if mark.id in seen:
        yield Problem("id", "used twice", "choose another id")
    if not mark.source:
        yield Problem("source", "where does it come from?", "name the source")
    for country in mark.countries:
        if not _COUNTRY.match(country):
            yield Problem("countries", f"{country[:20]!r} is no country", "ISO 3166 alpha-2")
    wrong = _pattern_problem(mark)
    if wrong:
        yield Problem("pattern", wrong, "see the head of fingerprints.yaml")
    if mark.status is not None:
        if mark.place not in _OF_A_PAGE:
            yield Problem("status", "only a page has a status", "body, title or header")
        elif not _STATUS.match(str(mark.status)):
            yield Problem("status", "not a status code", "100 to 599")
    if (mark.mark is Mark.SINKHOLE) != (mark.place is Place.DNS):
        yield Problem("place", "sinkholes are looked for in DNS answers, and only they", "dns")


def _pattern_problem(mark: Fingerprint) -> str | None:
    pattern = mark.pattern
    if mark.place is Place.DNS:
        return None if _is_network(pattern) else "not an address or network"
    if mark.place is Place.STATUS:
        return None if _STATUS.match(pattern) else "not a status code"
    if mark.place is Place.SPKI:
        return None if _SPKI.match(pattern) else "not a SHA-256 in lower-case hex"
    if mark.place is Place.HEADER:
        return None if _HEADER.match(pattern) else "not `name: substring`"
    if len(pattern) < MIN_LENGTH:
        return f"shorter than {MIN_LENGTH} characters"
    return None


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True
