"""Titles, charsets and marks of pages that may be hostile."""

import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.model.fingerprint import Fingerprint, Mark, Place
from probe.wire.pages import MarkIndex, decode_body, mark_index, page_title


@pytest.mark.parametrize(
    ("page", "title"),
    [
        ("<html><title>Hello</title>", "Hello"),
        ("<TITLE lang=fa>  two \n words </Title >", "two words"),
        ("<title>a &amp; b &#x41;</title>", "a & b A"),
        ("<title>\x1b[31mred\x00</title>", "[31mred"),
        ("<title></title>", None),
        ("<title", None),
        ("<title>never ends", "never ends"),
        ("no title at all", None),
        ("<title>" + "x" * 500 + "</title>", "x" * 200),
        ("<title>دسترسی</title>", "دسترسی"),
    ],
)
def test_titles(page: str, title: str | None) -> None:
    """The first title, as one printable line of at most 200 characters."""
    assert page_title(page) == title


@given(st.text(max_size=400))
def test_no_page_makes_a_title_raise(page: str) -> None:
    """Any text has a title or has none."""
    title = page_title(f"<title>{page}")
    assert title is None or (title.isprintable() and len(title) <= 200)


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        ("é".encode(), None, "é"),
        ("Привет".encode("windows-1251"), "text/html; charset=windows-1251", "Привет"),
        ("<meta charset='windows-1256'>سلام".encode("windows-1256"), "text/html", None),
        (b"abc", "text/html; charset=zlib", "abc"),
        (b"abc", "text/html; charset=unicode_escape", "abc"),
        (b"a\xffb", "text/html; charset=utf-8", "a\N{REPLACEMENT CHARACTER}b"),
    ],
)
def test_charsets(body: bytes, content_type: str | None, text: str | None) -> None:
    """The declared charset is believed if it is one of texts; nothing raises."""
    decoded = decode_body(body, content_type)
    assert decoded == text if text is not None else "سلام" in decoded


@given(st.binary(max_size=300), st.text(max_size=60))
def test_no_bytes_make_decoding_raise(body: bytes, content_type: str) -> None:
    """Any body with any content type is some text."""
    assert isinstance(decode_body(body, content_type), str)


def mark(name: str, place: Place, pattern: str) -> Fingerprint:
    return Fingerprint(id=name, mark=Mark.BLOCKPAGE, place=place, pattern=pattern, source="test")


FALSE_404 = msgspec.structs.replace(mark("false-404", Place.BODY, "HTTP 404 - "), status=403)

MARKS = (
    FALSE_404,
    mark("body", Place.BODY, "Access Restricted"),
    mark("title", Place.TITLE, "403 Forbidden"),
    mark("header", Place.HEADER, "Server: AkamaiGHost"),
    mark("present", Place.HEADER, "cf-mitigated: "),
    mark("status", Place.STATUS, "451"),
    mark("sinkhole", Place.DNS, "10.10.34.34"),
    mark("issuer", Place.ISSUER, "State CA"),
)


@pytest.mark.parametrize(
    ("status", "headers", "title", "page", "found"),
    [
        (200, (), None, "<p>ACCESS restricted</p>", ("body",)),
        (200, (), "403 forbidden by policy", "", ("title",)),
        (200, (("server", "akamaighost"),), None, "", ("header",)),
        (200, (("cf-mitigated", "challenge"),), None, "", ("present",)),
        (200, (("via", "AkamaiGHost"),), None, "403 Forbidden", ()),
        (451, (), None, "access restricted", ("body", "status")),
        (4510, (), None, "10.10.34.34 State CA", ()),
        (None, (), None, "", ()),
        (403, (), None, "<h2>HTTP 404 - Fichier introuvable", ("false-404",)),
        (404, (), None, "<h2>HTTP 404 - Fichier introuvable", ()),
        (None, (), None, "<h2>HTTP 404 - Fichier introuvable", ()),
    ],
)
def test_marks_are_found_where_they_belong(
    status: int | None,
    headers: tuple[tuple[str, str], ...],
    title: str | None,
    page: str,
    found: tuple[str, ...],
) -> None:
    """A mark is found in its own place, with its status if it has one, whatever the case."""
    got = MarkIndex(MARKS).find(status=status, headers=headers, title=title, page=page)
    assert got == found


def test_an_index_is_made_once() -> None:
    """The same fingerprints have the same index."""
    assert mark_index(MARKS) is mark_index(MARKS)


@pytest.mark.parametrize("page", ["<title" * 11_000, "<title>" * 9_000, "<" * 65_000])
def test_hostile_pages_take_no_time(page: str) -> None:
    """Title and marks of any page are found in linear time."""
    started = time.perf_counter()
    page_title(page)
    MarkIndex(MARKS).find(status=200, headers=(), title=None, page=page)
    decode_body(page.encode(), page[:2000])
    assert time.perf_counter() - started < 1.0
