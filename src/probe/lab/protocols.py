"""Which protocols besides DNS and the web the lab's own servers speak, one row a kind.

A host speaks the protocol of an endpoint's kind at that endpoint's port (``Host.speaks``), on the
terms of that endpoint (``Host.terms``): its wrapping, its published key.
"""

from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from probe.lab.actions import Action
from probe.lab.quic_server import quic_server
from probe.lab.stun import stun_server
from probe.lab.tunnels import ikev2_server, openvpn_server, wireguard_server
from probe.lab.wire import Application, Wire
from probe.model.target import Endpoint, Kind

if TYPE_CHECKING:
    from probe.lab.situation import Situation
    from probe.lab.speakers import Place
    from probe.lab.world import Host

__all__ = [
    "DATAGRAM_KINDS",
    "STREAM_KINDS",
    "DatagramServerMaker",
    "DatagramSpeaker",
    "StreamSpeaker",
    "carrier_of",
    "datagrams_of",
    "inside_of",
    "stranger_of",
    "stream_of",
]

DatagramSpeaker = Callable[[bytes, tuple[str, int]], Sequence[bytes]]
"""Answers one datagram; given are its bytes, and the address and port that are seen as its
sender's. Nothing is an answer, too."""

DatagramServerMaker = Callable[["Situation", "Host", int], DatagramSpeaker]
"""Makes who answers the datagrams at one port of one host; it may remember what was said."""

StreamSpeaker = Callable[[Wire, "Place"], Application]
"""Serves one connection, from its first byte on (so before any TLS)."""

_DATAGRAMS: dict[Kind, DatagramServerMaker] = {
    Kind.STUN: lambda _situation, _host, _port: stun_server,
    Kind.QUIC: quic_server,
    Kind.OPENVPN: openvpn_server,
    Kind.WIREGUARD: wireguard_server,
    Kind.IKEV2: ikev2_server,
}
_Place = tuple[str, str]
"""A module beside this one, and its class; they are loaded when first spoken to."""

_STREAMS: dict[Kind, _Place] = {
    Kind.OPENVPN: ("tunnels", "OpenVpnStream"),
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
    Action.TRANSPORT_FLOOD: ("telegram", "FloodedServer"),
}

DATAGRAM_KINDS = frozenset(_DATAGRAMS)
STREAM_KINDS = frozenset((*_STREAMS, *_INSIDE))


def carrier_of(endpoint: Endpoint) -> str:
    """Return what carries the packets of an endpoint of these kinds: ``udp`` or ``tcp``."""
    datagrams = endpoint.kind in DATAGRAM_KINDS and endpoint.transport == "udp"
    return "udp" if datagrams else "tcp"


def datagrams_of(
    kind: Kind | None, situation: "Situation", host: "Host", port: int
) -> DatagramSpeaker:
    """Return who answers datagrams at a port; nobody where the kind is none of these."""
    return _silence if kind not in _DATAGRAMS else _DATAGRAMS[kind](situation, host, port)


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


def _silence(datagram: bytes, seen: tuple[str, int]) -> tuple[bytes, ...]:
    del datagram, seen
    return ()
