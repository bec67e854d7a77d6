"""What is taken out of a web page before it is thrown away: title and known marks; pure.

The page may be hostile: every search is linear and over bounded text.
"""

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from probe.model.fingerprint import Fingerprint, Place

__all__ = ["MarkIndex", "decode_body", "mark_index", "page_title"]

MAX_PAGE_CHARS = 65_536
MAX_TITLE = 200
_MAX_RAW_TITLE = 2_000
_CHARSETS = frozenset(
    """
    utf-8 utf-16 iso-8859-1 iso-8859-2 iso-8859-5 iso-8859-6 iso-8859-7 iso-8859-8 iso-8859-9
    iso-8859-15 windows-1250 windows-1251 windows-1252 windows-1253 windows-1254 windows-1255
    windows-1256 windows-1257 windows-1258 windows-874 koi8-r koi8-u gbk gb2312 gb18030 big5
    shift_jis euc-jp euc-kr iso-2022-jp tis-620
    """.split()  # noqa: SIM905 - a list of words reads better as one
)
_CHARSET = re.compile(r"charset\s{0,5}=\s{0,5}[\"']?([A-Za-z0-9_-]{2,20})", re.IGNORECASE)


def decode_body(body: bytes, content_type: str | None) -> str:
    """Return a page as text, by the charset of its header or its first KiB, else UTF-8.

    Only charsets of texts are believed; bytes that do not decode are replaced.
    """
    declared = _CHARSET.search(content_type or "") or _CHARSET.search(
        body[:1024].decode("ascii", "replace")
    )
    name = declared.group(1).lower() if declared else "utf-8"
    return body[: MAX_PAGE_CHARS * 4].decode(name if name in _CHARSETS else "utf-8", "replace")[
        :MAX_PAGE_CHARS
    ]


def page_title(page: str) -> str | None:
    """Return the text of the first ``<title>``, one line, at most 200 characters."""
    page = page[:MAX_PAGE_CHARS]
    lowered = page.lower()
    if len(lowered) != len(page):  # lower() changed the length of some letter
        lowered = page
    start = lowered.find("<title")
    opened = lowered.find(">", start, start + 300) if start >= 0 else -1
    if opened < 0:
        return None
    end = lowered.find("</title", opened, opened + _MAX_RAW_TITLE)
    raw = page[opened + 1 : end if end >= 0 else opened + _MAX_RAW_TITLE]
    text = " ".join(html.unescape(raw).split())
    clean = "".join(c for c in text if c.isprintable())
    return clean[:MAX_TITLE] or None


class MarkIndex:
    """Fingerprints sorted by where they are looked for, patterns in lower case."""

    def __init__(self, fingerprints: Iterable[Fingerprint]) -> None:
        """Index those that a page can show; the others belong to other layers."""
        self._by_place: dict[Place, list[tuple[str, str]]] = {}
        self._only_with: dict[str, int] = {}
        for mark in fingerprints:
            pattern = mark.pattern.lower()
            if pattern:
                self._by_place.setdefault(mark.place, []).append((pattern, mark.id))
            if mark.status is not None:
                self._only_with[mark.id] = mark.status

    def find(
        self,
        *,
        status: int | None,
        headers: Sequence[tuple[str, str]],
        title: str | None,
        page: str,
    ) -> tuple[str, ...]:
        """Return the ids of all marks found, sorted; matching ignores case."""
        found = set(self._in_text(Place.BODY, page[:MAX_PAGE_CHARS].lower()))
        found.update(self._in_text(Place.TITLE, (title or "").lower()))
        found.update(
            mark for pattern, mark in self._by_place.get(Place.STATUS, ()) if pattern == str(status)
        )
        lowered: dict[str, list[str]] = {}
        for name, value in headers:
            lowered.setdefault(name.lower(), []).append(value.lower())
        found.update(self._in_headers(lowered))
        return tuple(sorted(mark for mark in found if self._only_with.get(mark, status) == status))

    def _in_text(self, place: Place, text: str) -> list[str]:
        return [mark for pattern, mark in self._by_place.get(place, ()) if pattern in text]

    def _in_headers(self, headers: Mapping[str, Sequence[str]]) -> list[str]:
        found: list[str] = []
        for pattern, mark in self._by_place.get(Place.HEADER, ()):
            name, _, part = pattern.partition(":")
            if any(part.strip() in value for value in headers.get(name.strip(), ())):
                found.append(mark)
        return found


@lru_cache(maxsize=8)
def mark_index(fingerprints: tuple[Fingerprint, ...]) -> MarkIndex:
    """Return the index of a set of fingerprints, made once."""
    return MarkIndex(fingerprints)
