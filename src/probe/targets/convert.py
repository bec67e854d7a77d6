"""Nodes to values of the file format; every refusal names file, line, field and mend."""

import difflib
import re
from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from probe.errors import CatalogError
from probe.targets.document import Node, line_at, plain

__all__ = ["convert", "field_name", "quoted", "split"]

T = TypeVar("T")

_AT = re.compile(r" - at `(?:key in )?\$(?P<path>[^`]*)`\Z")
_STEP = re.compile(r"\.([A-Za-z_]+)|\[(\d+)\]|\[\.\.\.\]")
_UNKNOWN = re.compile(r"unknown field `(.*)`\Z")
_MISSING = re.compile(r"missing required field `(.*)`\Z")


def convert(node: Node, kind: type[T], file: str, path: Sequence[str | int] = ()) -> T:
    """Return ``node`` as a ``kind``; ``path`` is where it stands in the file.

    Raises:
        CatalogError: a field is unknown, missing or of the wrong type or form.

    """
    try:
        return msgspec.convert(plain(node), kind)
    except msgspec.ValidationError as exc:
        raise _explain(str(exc), node, kind, file, path) from exc


def field_name(path: Sequence[str | int]) -> str:
    """Return ``services[3].endpoints[0].kind`` for a path."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def quoted(text: object) -> str:
    """Return what a stranger wrote, short and printable, in quotes."""
    shown = "".join(c if c.isprintable() else "?" for c in str(text))
    return repr(shown if len(shown) <= 60 else shown[:57] + "...")


def _explain(
    message: str, node: Node, kind: type[Any], file: str, path: Sequence[str | int]
) -> CatalogError:
    inner: list[str | int] = []
    found = _AT.search(message)
    if found:
        message = message[: found.start()]
        inner = [int(i) if i else name for name, i in _STEP.findall(found["path"]) if i or name]
    unknown, missing = _UNKNOWN.search(message), _MISSING.search(message)
    if unknown:
        inner.append(unknown[1])
        message, mend = "unknown field", _known_fields(kind, inner)
    elif missing:
        message, mend = f"{quoted(missing[1])} is missing", f"add `{missing[1]}:`"
    else:
        message, mend = message[:1].lower() + message[1:], _allowed(kind, inner)
    return CatalogError(
        "".join(c if c.isprintable() else "?" for c in message)[:200],
        file=file,
        line=line_at(node, inner),
        field=field_name([*path, *inner])[:120] or None,
        mend=mend,
    )


def _struct_at(kind: type[Any], path: Sequence[str | int]) -> dict[str, Any]:
    """Return the fields of the struct that ``path`` ends in (best effort, for the mend)."""
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    for step in path:
        if isinstance(step, str) and step in fields:
            for part in getattr(fields[step].type, "__args__", (fields[step].type,)):
                if isinstance(part, type) and issubclass(part, msgspec.Struct):
                    fields = {field.name: field for field in msgspec.structs.fields(part)}
    return fields


def _known_fields(kind: type[Any], path: Sequence[str | int]) -> str:
    known = list(_struct_at(kind, path[:-1]))
    close = difflib.get_close_matches(str(path[-1])[:100], known, n=1)
    return f"did you mean `{close[0]}`?" if close else "known fields: " + ", ".join(known)


def _allowed(kind: type[Any], path: Sequence[str | int]) -> str:
    names = [step for step in path if isinstance(step, str)]
    if not names:
        return "write `field: value` pairs"
    field = _struct_at(kind, path[:-1]).get(names[-1])
    if field is None:
        return "see targets/README.md"
    for part in (field.type, *getattr(field.type, "__args__", ())):
        values = getattr(part, "__members__", None)
        if values:
            return "one of: " + ", ".join(member.value for member in values.values())
        literal = getattr(part, "__args__", ())
        if literal and all(isinstance(value, str) for value in literal):
            return "one of: " + ", ".join(literal)
    return "see targets/README.md"


def split(
    node: Node, field: str, file: str, path: Sequence[str | int] = ()
) -> tuple[list[Node], Node]:
    """Return the list under ``field``, and the node without it.

    Raises:
        CatalogError: there is no such list, or it is empty.

    """
    value = node.value
    if not isinstance(value, dict):
        raise CatalogError(
            "`field: value` pairs are expected",
            file=file,
            line=node.line,
            field=field_name(path) or None,
            mend="see targets/README.md",
        )
    inner = value.get(field)
    if inner is None or not isinstance(inner.value, list) or not inner.value:
        raise CatalogError(
            f"{field} must be a list with at least one entry",
            file=file,
            line=node.line if inner is None else inner.line,
            field=field_name([*path, field]),
            mend=f"add {field}:",
        )
    rest = Node({key: child for key, child in value.items() if key != field}, node.line)
    return inner.value, rest
