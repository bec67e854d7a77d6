"""What an application in the lab may do with its connection, in the clear or inside TLS."""

import asyncio
from typing import Protocol

__all__ = ["Application", "Wire", "paced_write"]

_SLICE_S = 0.05


class Wire(Protocol):
    """The writing half of a connection."""

    def write(self, data: bytes) -> None:
        """Send bytes."""
        ...

    def close(self) -> None:
        """End the connection in good order."""
        ...

    def cut(self) -> None:
        """End the plain connection as somebody on the way does: no goodbye inside a TLS."""
        ...

    def reset(self) -> None:
        """End the connection with a RST."""
        ...


class Application(Protocol):
    """A protocol spoken over a wire."""

    def feed(self, data: bytes) -> None:
        """Take bytes that arrived."""
        ...


def paced_write(wire: Wire, data: bytes, *, stop_after: int | None, rate: int | None) -> bool:
    """Send ``data``, at most ``stop_after`` bytes of it, at ``rate`` bytes per second.

    Returns whether everything was (or will be) sent.
    """
    whole = stop_after is None or len(data) <= stop_after
    data = data if stop_after is None else data[:stop_after]
    if rate is None:
        wire.write(data)
    else:
        _trickle(wire, data, max(1, int(rate * _SLICE_S)))
    return whole


def _trickle(wire: Wire, data: bytes, size: int) -> None:
    wire.write(data[:size])
    if len(data) > size:
        loop = asyncio.get_running_loop()
        loop.call_later(_SLICE_S, _trickle, wire, data[size:], size)
