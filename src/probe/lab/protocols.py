"""Which protocols besides DNS and the web the lab's own servers speak, one row a kind.

A host speaks the protocol of an endpoint's kind at that endpoint's port (``Host.speaks``).
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from probe.lab.stun import stun_server
from probe.lab.wire import Application, Wire
from probe.model.target import Kind

if TYPE_CHECKING:
    from probe.lab.speakers import Place

__all__ = [
    "DATAGRAM_KINDS",
    "STREAM_KINDS",
    "DatagramSpeaker",
    "StreamSpeaker",
    "datagrams_of",
    "stream_of",
]

DatagramSpeaker = Callable[[bytes, tuple[str, int]], Sequence[bytes]]
"""Answers one datagram; given are its bytes, and the address and port that are seen as its
sender's. Nothing is an answer, too."""

StreamSpeaker = Callable[[Wire, "Place"], Application]
"""Serves one connection, from its first byte on (so before any TLS)."""

_DATAGRAMS: dict[Kind, DatagramSpeaker] = {Kind.STUN: stun_server}
_STREAMS: dict[Kind, StreamSpeaker] = {}

DATAGRAM_KINDS = frozenset(_DATAGRAMS)
STREAM_KINDS = frozenset(_STREAMS)


def datagrams_of(kind: Kind) -> DatagramSpeaker:
    """Return who answers datagrams of a kind of ``DATAGRAM_KINDS``."""
    return _DATAGRAMS[kind]


def stream_of(kind: Kind | None) -> StreamSpeaker | None:
    """Return who serves connections of a kind, ``None`` for the web and what TLS wraps."""
    return None if kind is None else _STREAMS.get(kind)
