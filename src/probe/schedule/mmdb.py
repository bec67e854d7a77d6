"""Address ranges to a MaxMind DB file, so that open data that comes as CSV can be looked up.

Source of the format: MaxMind DB File Format Specification, version 2.0.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from struct import pack

__all__ = ["AddressRange", "mmdb_bytes"]

_MARKER = b"\xab\xcd\xefMaxMind.com"
_SEPARATOR = bytes(16)
_EMPTY = 0
_STRING, _UINT32, _MAP, _UINT64 = 2, 6, 7, 9
_ARRAY = 11
_UINT16 = 5

Data = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class AddressRange:
    """Addresses ``first`` to ``last`` as 128-bit numbers; IPv4 lies in ``::/96``."""

    first: int
    last: int
    data: Data


@dataclass(slots=True)
class _Tree:
    """A binary trie over sorted ranges; a record is a node (> 0), a leaf (< 0) or empty."""

    firsts: list[int]
    lasts: list[int]
    leaves: list[int]
    nodes: list[tuple[int, int]] = field(default_factory=lambda: [(0, 0)])

    def build(self, start: int, bits: int, low: int, high: int) -> int:
        """Return the record of ``start/bits``, which the ranges ``low`` to ``high`` touch."""
        if low >= high:
            return _EMPTY
        end = start + (1 << bits) - 1
        if high - low == 1 and self.firsts[low] <= start and self.lasts[low] >= end:
            return -self.leaves[low]
        middle = start + (1 << (bits - 1))
        left = self.build(start, bits - 1, low, bisect_left(self.firsts, middle, low, high))
        right = self.build(middle, bits - 1, bisect_left(self.lasts, middle, low, high), high)
        if left == right and left < 0:
            return left
        self.nodes.append((left, right))
        return len(self.nodes) - 1


def mmdb_bytes(ranges: Iterable[AddressRange], *, kind: str, built_epoch: int) -> bytes:
    """Return a database (IPv6 tree, 32-bit records) of sorted ranges that do not overlap.

    Raises:
        ValueError: when the ranges are not sorted or overlap.

    """
    items = list(ranges)
    if any(a.last >= b.first for a, b in pairwise(items)):
        raise ValueError("address ranges overlap or are not sorted")
    if any(item.first > item.last for item in items):
        raise ValueError("an address range ends before it starts")
    data, offsets = _data_section(item.data for item in items)
    tree = _Tree([i.first for i in items], [i.last for i in items], [o + 1 for o in offsets])
    root = tree.build(0, 128, 0, len(items))
    if root <= 0:  # a file has at least one node
        tree.nodes.append((root, root))
        root = len(tree.nodes) - 1
    about = _metadata(kind, len(tree.nodes), built_epoch)
    return b"".join((_search_tree(tree.nodes, root), _SEPARATOR, data, _MARKER, about))


def _search_tree(nodes: list[tuple[int, int]], root: int) -> bytes:
    """Write the nodes with the root in place 0 (which ``_Tree`` keeps free)."""
    total = len(nodes)

    def record(value: int) -> int:
        if value == _EMPTY:
            return total
        if value < 0:
            return total + len(_SEPARATOR) + (-value - 1)
        return value

    rows = [nodes[root], *nodes[1:]]
    return b"".join(pack(">II", record(left), record(right)) for left, right in rows)


def _data_section(data: Iterable[Data]) -> tuple[bytes, list[int]]:
    """Return the section and each range's offset into it; equal data are written once."""
    section = bytearray()
    seen: dict[tuple[tuple[str, str | int], ...], int] = {}
    offsets = []
    for item in data:
        key = tuple(item.items())
        if key not in seen:
            seen[key] = len(section)
            section += _map({name: _value(value) for name, value in item.items()})
        offsets.append(seen[key])
    return bytes(section), offsets


def _metadata(kind: str, nodes: int, built_epoch: int) -> bytes:
    return _map(
        {
            "binary_format_major_version": _number(_UINT16, 2),
            "binary_format_minor_version": _number(_UINT16, 0),
            "build_epoch": _number(_UINT64, built_epoch),
            "database_type": _text(kind),
            "description": _map({"en": _text(kind)}),
            "ip_version": _number(_UINT16, 6),
            "languages": _control(_ARRAY, 0),
            "node_count": _number(_UINT32, nodes),
            "record_size": _number(_UINT16, 32),
        }
    )


def _control(kind: int, size: int) -> bytes:
    """Return the control byte(s): type in the upper three bits, size in the lower five."""
    head, extended = (0, bytes((kind - 7,))) if kind > 7 else (kind << 5, b"")
    if size < 29:
        return bytes((head | size,)) + extended
    if size < 285:
        return bytes((head | 29,)) + extended + bytes((size - 29,))
    return bytes((head | 30,)) + extended + pack(">H", size - 285)


def _value(value: str | int) -> bytes:
    return _text(value) if isinstance(value, str) else _number(_UINT32, value)


def _text(value: str) -> bytes:
    raw = value.encode()[:1000]
    return _control(_STRING, len(raw)) + raw


def _number(kind: int, value: int) -> bytes:
    raw = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return _control(kind, len(raw)) + raw


def _map(pairs: Mapping[str, bytes]) -> bytes:
    return _control(_MAP, len(pairs)) + b"".join(_text(k) + v for k, v in pairs.items())
