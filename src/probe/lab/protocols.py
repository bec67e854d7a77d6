"""Which protocols besides DNS and the web the lab's own servers speak, one row a kind.

A host speaks the protocol of an endpoint's kind at that endpoint's port (``Host.speaks``).
"""

from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from probe.lab.actions import Action
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
    "inside_of",
    "stranger_of",
    "stream_of",
]

DatagramSpeaker = Callable[[bytes, tuple[str, int]], Sequence[bytes]]
"""Answers one datagram; given are its bytes, and the address and port that are seen as its
sender's. Nothing is an answer, too."""

StreamSpeaker = Callable[[Wire, "Place"], Application]
"""Serves one connection, from its first byte on (so before any TLS)."""

_DATAGRAMS: dict[Kind, DatagramSpeaker] = {Kind.STUN: stun_server}
_Place = tuple[str, str]
"""A module beside this one, and its class; they are loaded when first spoken to."""

_STREAMS: dict[Kind, _Place] = {
    Kind.MTPROTO: ("telegram", "TelegramServer"),
    Kind.TOR_DIR: ("tor", "TorDirectory"),
    Kind.OBFS4: ("strangers", "Mute"),
}
_INSIDE: dict[Kind, _Place] = {
    Kind.TOR_OR: ("tor", "TorRelay"),
    Kind.WHATSAPP: ("whatsapp", "WhatsAppServer"),
    Kind.SIGNAL_PROXY: ("signal_proxy", "SignalProxy"),
}
_STRANGERS: dict[Action, _Place] = {
    Action.WRONG_SERVICE: ("strangers", "WebServer"),
    Action.GARBAGE: ("strangers", "Garbage"),
    Action.MUTE: ("strangers", "Mute"),
}

DATAGRAM_KINDS = frozenset(_DATAGRAMS)
STREAM_KINDS = frozenset((*_STREAMS, *_INSIDE))


def datagrams_of(kind: Kind) -> DatagramSpeaker:
    """Return who answers datagrams of a kind of ``DATAGRAM_KINDS``."""
    return _DATAGRAMS[kind]


def stream_of(kind: Kind | None) -> StreamSpeaker | None:
    """Return who serves connections of a kind, ``None`` for the web and what TLS wraps."""
    place = None if kind is None else _STREAMS.get(kind)
    return None if place is None else _loaded(place)


def inside_of(kind: Kind | None) -> StreamSpeaker | None:
    """Return who speaks a kind inside TLS, ``None`` for the web and DNS."""
    place = None if kind is None else _INSIDE.get(kind)
    return None if place is None else _loaded(place)


def stranger_of(action: Action) -> StreamSpeaker:
    """Return who serves instead of the service."""
    return _loaded(_STRANGERS[action])


@cache
def _loaded(place: _Place) -> StreamSpeaker:
    speaker: StreamSpeaker = getattr(import_module(f"probe.lab.{place[0]}"), place[1])
    return speaker
