"""A YAML file with the line of each value, so that an error can point at it.

The reading itself is the catalog's (``probe.targets.document``): strict, bounded, without tags
or aliases.
"""

import re
from pathlib import Path
from typing import Any

import msgspec

from probe.errors import InputError
from probe.targets.document import Node, parse_document, plain

__all__ = ["LocatedYaml", "read_yaml"]

MAX_BYTES = 1_000_000
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
_AT = re.compile(r" - at `\$?([^`]*)`$")


class LocatedYaml:
    """A parsed document: ``data`` is its plain values."""

    def __init__(self, file: str, root: Node) -> None:
        """Keep the data beside the nodes that it came from."""
        self.file = file
        self.data: Any = plain(root)
        self._root = root

    def line(self, path: str) -> int:
        """Return the line (from 1) of the value at ``path`` (``.rules[0].who``), or its parent."""
        node = self._root
        for name, index in _STEP.findall(path):
            value = node.value
            if isinstance(value, dict) and name in value:
                node = value[name]
            elif isinstance(value, list) and index and int(index) < len(value):
                node = value[int(index)]
            else:  # an abbreviation: what it stands for is not in the file
                break
        return node.line

    def error(self, problem: str, path: str, mend: str | None = None) -> InputError:
        """Return an error that points at ``path``."""
        return InputError(
            problem,
            file=self.file,
            line=self.line(path),
            field=path.removeprefix(".") or None,
            mend=mend,
        )

    def invalid(self, exc: msgspec.ValidationError) -> InputError:
        """Return msgspec's complaint as ours, pointing at the line that it speaks of."""
        text = str(exc)
        match = _AT.search(text)
        path = match.group(1) if match else ""
        return self.error(_AT.sub("", text), path)


def read_yaml(path: Path) -> LocatedYaml:
    """Read one YAML document whose top is a mapping.

    Raises:
        InputError: unreadable, too long, not UTF-8, not YAML or not the YAML that is read here.

    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as exc:
        raise InputError(exc.strerror or str(exc), file=str(path)) from exc
    if len(raw) > MAX_BYTES:
        raise InputError(f"longer than {MAX_BYTES} bytes", file=str(path))
    root = parse_document(raw, str(path))
    if not isinstance(root.value, dict):
        raise InputError("the top of the file is not a mapping", file=str(path), line=root.line)
    return LocatedYaml(str(path), root)
