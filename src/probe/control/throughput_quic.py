"""The throughput service over HTTP/3, by aioquic (extra ``quic``); imported where it is there.

A stranger's first packet is answered with a Retry, which is shorter (RFC 9000 section 8.1.2): more
is sent only to an address that has shown that it receives. aioquic's server does not tell which
name a hello carries, so that the list of names holds for the request's authority here.
"""

import asyncio
from collections import Counter
from typing import Any, cast

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import QuicServer
from aioquic.h3.connection import ErrorCode, H3Connection
from aioquic.h3.events import HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import (
    ConnectionTerminated,
    ProtocolNegotiated,
    QuicEvent,
    StreamDataReceived,
)

from probe.control.requests import bearer_of
from probe.control.throughput import Ration, filler, wanted_of
from probe.errors import InputError
from probe.net.listen import Bounds, ServerTls, peer_of

__all__ = ["CONNECTIONS", "MOST_RECEIVED", "Http3Throughput"]

CONNECTIONS = 16
"""At once: each may hold one object of 512 KiB in memory."""

MOST_RECEIVED = 16_384
"""Bytes on all streams of a connection: aioquic holds a head until all of it is there."""

_REQUESTS = 8
_IDLE_S = 20.0
_VERSION_1 = (1).to_bytes(4, "big")
_SMALLEST = 1_200  # of a first packet (RFC 9000 section 14.1)
_HEADERS = 40
_SERVER_HEADERS = ((b"content-type", b"application/octet-stream"),)


class Http3Throughput:
    """Takes the datagrams of QUIC from a socket that ``probe.net.listen_udp`` has opened."""

    def __init__(
        self,
        ration: Ration,
        names: frozenset[str],
        tls: ServerTls,
        bounds: Bounds,
    ) -> None:
        """Answer for ``names`` with the certificate of ``tls``, as far as ``ration`` goes.

        Of ``bounds`` hold those of a connection in all and of one peer: whoever has shown an
        address is a stranger still, and packets that say nothing keep a connection from idling.

        Raises:
            InputError: the certificate and its key cannot be used.

        """
        self.ration = ration
        self.names = names
        self.bounds = bounds
        self.served = 0
        self._peer = ""
        self._open: Counter[str] = Counter()
        configuration = QuicConfiguration(
            is_client=False, alpn_protocols=["h3"], idle_timeout=_IDLE_S, max_stream_data=65_536
        )
        try:
            configuration.load_cert_chain(tls.certificate, tls.key)
        except (OSError, ValueError) as exc:
            raise InputError("cannot be used for QUIC", file=str(tls.certificate)) from exc
        self._server = _Server(
            configuration=configuration, create_protocol=self._connection, retry=True
        )

    def is_mine(self, datagram: bytes) -> bool:
        """Return whether a datagram is QUIC's: its fixed bit is set, RTP's is not (RFC 9443)."""
        return bool(datagram) and (datagram[0] >= 0xC0 or 0x40 <= datagram[0] < 0x80)

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:
        """Send over this socket."""
        self._server.connection_made(transport)

    def is_known(self, datagram: bytes) -> bool:
        """Return whether a datagram is of a connection that is open."""
        return self._server.knows(_connection_id(datagram))

    def take(self, datagram: bytes, peer: tuple[Any, ...]) -> None:
        """Take one datagram; when there is no place, new connections are not begun.

        A short packet of an unknown version would be answered with more than it is.
        """
        self._peer = peer_of(str(peer[0]))
        long = datagram[0] >= 0xC0
        unknown = datagram[1:5] != _VERSION_1 and len(datagram) < _SMALLEST
        if long and (unknown or not (self._room() or self.is_known(datagram))):
            return
        self._server.datagram_received(datagram, cast("Any", peer))

    def left(self, peer: str) -> None:
        """Count a connection no longer."""
        self._open[peer] -= 1
        if not self._open[peer]:
            del self._open[peer]

    def _room(self) -> bool:
        return self._open.total() < CONNECTIONS and self._open[self._peer] < self.bounds.per_peer

    def close(self) -> None:
        """Close what is open."""
        self._server.close()

    def _connection(self, *arguments: Any, **named: Any) -> "_Connection":
        self._open[self._peer] += 1
        return _Connection(self, self._peer, *arguments, **named)


class _Server(QuicServer):
    """Says which connections it has."""

    def knows(self, connection_id: bytes) -> bool:
        """Return whether packets to a connection id are of one that is open."""
        return connection_id in self._protocols


def _connection_id(datagram: bytes) -> bytes:
    """Return the destination connection id (RFC 8999 section 5); ours are of 8 bytes."""
    if datagram[0] >= 0xC0:
        return datagram[6 : 6 + datagram[5]] if len(datagram) > 5 else b""
    return datagram[1:9]


class _Connection(QuicConnectionProtocol):
    """One connection: one request for bytes, and nothing else; it may be held in memory once."""

    def __init__(self, service: Http3Throughput, peer: str, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._service = service
        self._peer = peer
        self._h3: H3Connection | None = None
        self._given = False
        self._received = self._requests = 0
        loop = asyncio.get_running_loop()
        self._ends = loop.call_later(service.bounds.connection_s, self.close)

    def quic_event_received(self, event: QuicEvent) -> None:
        """Answer requests; one connection's faults end that connection."""
        if isinstance(event, ConnectionTerminated):
            self._ends.cancel()
            self._service.left(self._peer)
        if isinstance(event, ProtocolNegotiated):
            self._h3 = H3Connection(self._quic)
        if isinstance(event, StreamDataReceived):
            self._received += len(event.data)
        if self._h3 is None or self._too_much():
            return
        for told in self._h3.handle_event(event):
            if isinstance(told, HeadersReceived):
                self._answer(told)

    def _too_much(self) -> bool:
        """End a connection that says more than a request needs (RFC 9114 section 8.1)."""
        if self._received <= MOST_RECEIVED and self._requests <= _REQUESTS:
            return False
        self._quic.close(error_code=ErrorCode.H3_EXCESSIVE_LOAD)
        return True

    def _answer(self, asked: HeadersReceived) -> None:
        self._requests += 1
        status, size = self._verdict(dict(asked.headers[:_HEADERS]))
        http = cast("H3Connection", self._h3)
        length = (b"content-length", str(size).encode())
        head = [(b":status", str(status).encode()), length, *_SERVER_HEADERS]
        http.send_headers(asked.stream_id, head, end_stream=not size)
        left = size
        while left > 0:
            part = filler(left)
            left -= len(part)
            http.send_data(asked.stream_id, part, end_stream=not left)
        self._service.served += status == 200

    def _verdict(self, headers: dict[bytes, bytes]) -> tuple[int, int]:
        """Return the status and the bytes to give: 404 to strangers, whatever they ask."""
        ration = self._service.ration
        given = headers.get(b"authorization")
        holder = bearer_of((given,) if given is not None else (), ration.tokens())
        name = headers.get(b":authority", b"").decode("latin-1").partition(":")[0].lower()
        if holder is None or name not in self._service.names:
            return 404, 0
        if headers.get(b":method") != b"GET":
            return 405, 0
        size = wanted_of(headers.get(b":path", b""))
        if size is None:
            return 413, 0
        if self._given or not ration.grant(holder, size):
            return 429, 0
        self._given = True
        return 200, size
