"""The strict reading of YAML: what it understands, what it refuses, and how fast."""

import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.errors import CatalogError
from probe.targets import document
from probe.targets.document import MAX_BYTES, MAX_LINES, line_at, parse_document, plain


def read(text: str | bytes) -> object:
    return plain(parse_document(text if isinstance(text, bytes) else text.encode(), "f"))


def outcome(data: bytes) -> str:
    """Return the words of the refusal, none when the data is read."""
    try:
        plain(parse_document(data, "f"))
    except CatalogError as error:
        return str(error)
    return ""


def refused(data: bytes) -> CatalogError:
    with pytest.raises(CatalogError) as caught:
        parse_document(data, "f")
    assert caught.value.file == "f"
    assert caught.value.mend
    return caught.value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (
            "a: true\nb: false\nc: null\nd: ~\ne:\n",
            {"a": True, "b": False, "c": None, "d": None, "e": None},
        ),
        ("a: 443\nb: -1\nc: '443'\nd: 0443\n", {"a": 443, "b": -1, "c": "443", "d": "0443"}),
        (
            "a: NO\nb: yes\nc: off\nd: 2026-11-21\n",
            {"a": "NO", "b": "yes", "c": "off", "d": "2026-11-21"},
        ),
        (
            "a: 1.5\nb: 1_000\nc: 0x10\nd: .inf\n",
            {"a": "1.5", "b": "1_000", "c": "0x10", "d": ".inf"},
        ),
        ("- [x, {y: z}]\n", [["x", {"y": "z"}]]),
        ("a: >-\n  one\n  two\n", {"a": "one two"}),
    ],
)
def test_few_types_exist(text: str, value: object) -> None:
    """Only true, false, null and whole numbers are not text: country codes stay text."""
    assert read(text) == value


def test_a_byte_order_mark_is_skipped() -> None:
    """Editors on Windows write one."""
    assert read(b"\xef\xbb\xbfa: b\n") == {"a": "b"}


def test_lines_are_known_at_every_depth() -> None:
    """The line of a value, or of its nearest ancestor when it is absent."""
    root = parse_document(b"a:\n  - b: 1\n    c: 2\n  - d: 3\n", "f")
    assert line_at(root, ["a", 0, "c"]) == 3
    assert line_at(root, ["a", 1]) == 4
    assert line_at(root, ["a", 1, "missing"]) == 4
    assert line_at(root, ["a", 9]) == 2


@pytest.mark.parametrize(
    ("data", "line", "word"),
    [
        (b"a: 1\nb: 2\na: 3\n", 3, "twice"),
        (b"a: &x 1\nb: *x\n", 1, "anchors"),
        (b"a: [1]\nb: *x\n", 2, "aliases"),
        (b"a: !!python/object:os.system x\n", 1, "tags"),
        (b"a: !!binary aGk=\n", 1, "tags"),
        (b"a: b\n---\nc: d\n", 2, "second document"),
        (b"1: b\n", 1, "key"),
        (b"? [a]\n: b\n", 1, "key"),
        (b"a: b\n\xff\n", 2, "UTF-8"),
        ("a: b\n".encode("utf-16"), 1, "UTF-8"),
        (b"a: [1\n", 2, "YAML"),
        (b"a: b: c\n", 1, "YAML"),
        (b"a: b\nc: \x07\n", 2, "character"),
        (b'a: "x\\e[2Jy"\n', 1, "character"),
        ('a: "x\u202ey"\n'.encode(), 1, "character"),
        (b'a: "\\ud800"\n', 1, "YAML"),
        (b"%YAML 3.0\n---\na: b\n", 1, "YAML"),
        (b"", None, "empty"),
        (b"# only a word\n", None, "empty"),
    ],
)
def test_what_is_refused(data: bytes, line: int | None, word: str) -> None:
    """Each refusal names the line and the mend, and is a CatalogError."""
    error = refused(data)
    assert word in error.problem
    assert error.line == line


def test_the_merge_key_is_an_ordinary_key() -> None:
    """``<<`` merges nothing."""
    assert read("a: {<<: {b: 1}}\n") == {"a": {"<<": {"b": 1}}}


@pytest.mark.parametrize(
    ("opening", "word"), [(b"[", "nested"), (b"{a: ", "nested"), (b"- ", "nested"), (b"? ", "key")]
)
def test_deep_nesting_is_refused_at_once(
    opening: bytes, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred thousand levels (20 to 60 s in libyaml's scanner) end at the thirteenth."""
    taken = 0

    def counted(*given: Any, **named: Any) -> Iterator[Any]:
        nonlocal taken
        for event in parse(*given, **named):
            taken += 1
            yield event

    parse = yaml.parse
    monkeypatch.setattr(yaml, "parse", counted)
    assert word in refused(opening * 100_000).problem
    assert taken < 50


def test_a_million_lines_are_refused_unparsed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lines are counted before anything is parsed, so the refusal costs nothing."""
    monkeypatch.setattr(yaml, "parse", None)
    error = refused(b"- a\n" * 1_000_000)
    assert "1,000,000 lines" in error.problem
    assert "split" in (error.mend or "")


def test_old_line_ends_count_as_lines() -> None:
    """A file with bare carriage returns is no way round the limit."""
    assert "lines" in refused(b"- a\r" * (MAX_LINES + 1)).problem


def test_a_large_file_is_refused_without_being_copied() -> None:
    """Size is looked at first."""
    data = b"x" * (MAX_BYTES + 1)
    tracemalloc.start()
    assert "larger" in refused(data).problem
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000


def test_too_many_values_on_few_lines_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wide line is bounded too."""
    monkeypatch.setattr(document, "MAX_NODES", 1_000)
    assert "too many" in refused(b"[" + b"a," * 2_000 + b"]").problem


def test_without_libyaml_the_reading_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pure-Python loader gives the same values and refuses the same."""
    monkeypatch.setattr(document, "_LOADER", yaml.SafeLoader)
    assert read("a: [1, NO, {b: null}]\n") == {"a": [1, "NO", {"b": None}]}
    assert "anchors" in refused(b"a: &x 1\n").problem
    assert "character" in refused(b"a: b\nc: \x07\n").problem
    assert "character" in refused(b'a: "\\ud800"\n').problem
    assert "nested" in refused(b"[" * 1_000).problem


@given(st.binary(max_size=400))
@settings(max_examples=300)
def test_bytes_never_raise_anything_else(data: bytes) -> None:
    """Whatever comes, the answer is a value or a CatalogError."""
    assert outcome(data).isprintable()


@given(st.text(alphabet="ab:-[]{},&*!|>'\"%@`#?\n \t\\01~<=é\u202e", max_size=120))
@settings(max_examples=300)
def test_yaml_like_text_never_raises_anything_else(text: str) -> None:
    """The same for text made of YAML's own characters."""
    assert outcome(text.encode()).isprintable()
