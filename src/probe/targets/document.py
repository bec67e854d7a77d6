"""A strict reading of YAML: plain values with the line each was written on.

Target files may come from strangers, so this reads a small, safe part of YAML. It works on
libyaml's event stream and keeps its own stack, because a tree builder recurses, and libyaml's
scanner takes quadratic time on deep nesting: it is stopped at the first level too many. There
are no tags, anchors, aliases or merge keys, so no object is built and nothing can be expanded.

Only ``true``, ``false``, ``null``, whole numbers and strings exist; ``no`` and ``NO`` are strings
(country codes), and so are dates, which the model parses.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from probe.errors import CatalogError

__all__ = ["MAX_BYTES", "MAX_LINES", "Node", "line_at", "parse_document", "plain"]

MAX_BYTES = 5_000_000
MAX_LINES = 100_000
MAX_DEPTH = 12
MAX_NODES = 500_000

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # without libyaml: slower, the same
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})\Z")
_CONSTANTS: dict[str, bool | None] = {
    "true": True,
    "false": False,
    "null": None,
    "~": None,
    "": None,
}


class Node:
    """A value and the line (from 1) on which it starts; containers hold nodes."""

    __slots__ = ("line", "value")

    def __init__(self, value: Any, line: int) -> None:
        """Keep both; ``value`` is a dict of nodes, a list of nodes, or a scalar."""
        self.value = value
        self.line = line


def plain(node: Node) -> Any:
    """Return the value without its lines."""
    value = node.value
    if isinstance(value, dict):
        return {key: plain(child) for key, child in value.items()}
    if isinstance(value, list):
        return [plain(child) for child in value]
    return value


def line_at(node: Node, path: Sequence[str | int]) -> int:
    """Return the line of the value at ``path``, or of its nearest ancestor that exists."""
    for step in path:
        try:
            node = node.value[step]
        except (KeyError, IndexError, TypeError):
            break
    return node.line


def parse_document(data: bytes, file: str) -> Node:
    """Return the one document in ``data``.

    Raises:
        CatalogError: not UTF-8, too large, too many lines, not YAML, or YAML that is not
            accepted here (tags, anchors, duplicate keys, deep nesting, control characters).

    """
    text = _decode(data, file)
    try:
        return _Builder(file).build(yaml.parse(text, Loader=_LOADER))
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        line = None if mark is None else mark.line + 1
        problem = f"not valid YAML: {exc.problem or exc.context or 'syntax error'}"
        raise CatalogError(problem, file=file, line=line, mend="mend the syntax here") from exc
    except yaml.reader.ReaderError as exc:
        line = text.count("\n", 0, max(0, int(exc.position))) + 1
        raise CatalogError(
            "a character that YAML does not allow", file=file, line=line, mend="remove it"
        ) from exc
    except (yaml.YAMLError, ValueError, OverflowError) as exc:
        raise CatalogError("not valid YAML", file=file, mend="mend the syntax") from exc


def _decode(data: bytes, file: str) -> str:
    if len(data) > MAX_BYTES:
        raise CatalogError(
            f"larger than {MAX_BYTES:,} bytes", file=file, mend="split it into smaller files"
        )
    lines = max(data.count(b"\n"), data.count(b"\r"))
    if lines > MAX_LINES:
        raise CatalogError(
            f"{lines:,} lines, more than {MAX_LINES:,}",
            file=file,
            mend="split it into smaller files",
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        raise CatalogError("not UTF-8", file=file, line=line, mend="save it as UTF-8") from exc


class _Builder:
    """Turns events into nodes with a stack of open containers."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._open: list[Node] = []
        self._keys: list[Node | None] = []  # of each open container: the key that waits
        self._root: Node | None = None
        self._count = 0

    def build(self, events: Iterator[Any]) -> Node:
        for event in events:
            self._take(event)
        if self._root is None:
            raise CatalogError("empty", file=self._file, mend="write at least one entry")
        return self._root

    def _fail(self, problem: str, line: int, mend: str) -> CatalogError:
        return CatalogError(problem, file=self._file, line=line, mend=mend)

    def _take(self, event: Any) -> None:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.ScalarEvent):
            self._refuse_decoration(event, line)
            self._add(Node(self._scalar(event, line), line))
        elif isinstance(event, yaml.CollectionStartEvent):
            self._refuse_decoration(event, line)
            if len(self._open) >= MAX_DEPTH:
                raise self._fail("nested too deeply", line, f"at most {MAX_DEPTH} levels")
            node = Node({} if isinstance(event, yaml.MappingStartEvent) else [], line)
            self._add(node)
            self._open.append(node)
            self._keys.append(None)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._open.pop()
            self._keys.pop()
        elif isinstance(event, yaml.AliasEvent):
            raise self._fail("aliases are not accepted", line, "write the value out")
        elif isinstance(event, yaml.DocumentStartEvent) and self._root is not None:
            raise self._fail("a second document", line, "one document a file")

    def _refuse_decoration(self, event: Any, line: int) -> None:
        if event.anchor is not None:
            raise self._fail("anchors are not accepted", line, "write the value out")
        if event.tag is not None:
            raise self._fail("tags are not accepted", line, "write a plain value")

    def _scalar(self, event: Any, line: int) -> Any:
        text: str = event.value
        if event.style in (None, ""):
            if text in _CONSTANTS:
                return _CONSTANTS[text]
            if _INTEGER.match(text):
                return int(text)
        flat = " ".join(text.split()) if "\n" in text else text
        if not flat.isprintable():
            raise self._fail("an invisible or control character", line, "remove it")
        return flat

    def _add(self, node: Node) -> None:
        self._count += 1
        if self._count > MAX_NODES:
            raise self._fail("too many values", node.line, "split it into smaller files")
        if not self._open:
            self._root = node
            return
        parent = self._open[-1].value
        if isinstance(parent, list):
            parent.append(node)
            return
        key = self._keys[-1]
        if key is None:
            self._keys[-1] = self._checked_key(node, parent)
        else:
            parent[key.value] = node
            self._keys[-1] = None

    def _checked_key(self, node: Node, parent: dict[str, Node]) -> Node:
        if not isinstance(node.value, str):
            raise self._fail("a key that is not a word", node.line, "keys are field names")
        if node.value in parent:
            first = parent[node.value].line
            raise CatalogError(
                f"given twice (first on line {first})",
                file=self._file,
                line=node.line,
                field=node.value[:60],
                mend="remove one of the two",
            )
        return node
