"""WhatsApp's web socket up to the server's hello, beside the pages of the same host."""

import h11

from probe.lab.own_keys import signer
from probe.lab.speakers import Http1, Place
from probe.lab.wire import Application, Wire
from probe.wire.errors import WireError
from probe.wire.protobuf import encode_field
from probe.wire.websocket import Frame, FrameKind, accept_value, encode_frame, split_frame
from probe.wire.whatsapp import read_client_hello, server_hello

__all__ = ["WhatsAppServer"]

_DAY_S = 86_400
_MAX_HEAD = 16_384
_PATH = b"/ws/chat"


class WhatsAppServer:
    """One connection inside TLS: an upgrade on its path, else the web."""

    def __init__(self, wire: Wire, place: Place) -> None:
        """Serve ``place`` over ``wire``."""
        self._wire = wire
        self._place = place
        self._first = b""
        self._web: Application | None = None
        self._open = False

    def feed(self, data: bytes) -> None:
        """Take bytes; the head of the first request decides."""
        if self._web is not None:
            self._web.feed(data)
            return
        self._first += data
        if not self._open and b"\r\n\r\n" not in self._first and len(self._first) < _MAX_HEAD:
            return
        if not self._open and not self._upgraded():
            self._web = Http1(self._wire, self._place)
            self._web.feed(self._first)
            return
        try:
            self._answer()
        except WireError:
            self._wire.close()

    def _upgraded(self) -> bool:
        """Answer an upgrade; ``False``: it is another request, or none."""
        connection = h11.Connection(h11.SERVER)
        try:
            connection.receive_data(self._first)
            event = connection.next_event()
        except h11.RemoteProtocolError:
            return False
        if not isinstance(event, h11.Request) or not event.target.startswith(_PATH):
            return False
        headers = dict(event.headers)
        key = headers.get(b"sec-websocket-key", b"").decode("latin-1")
        host = headers.get(b"host", b"").decode("latin-1")
        refusal = self._place.web("GET", host, event.target.decode("latin-1"), b"")
        if not key or refusal.reset or refusal.status != 200:  # the censor's, or the service's own
            return False
        self._wire.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept_value(key).encode() + b"\r\n\r\n"
        )
        self._first = self._first.partition(b"\r\n\r\n")[2]
        self._open = True
        return True

    def _answer(self) -> None:
        found = split_frame(self._first)
        if found is None:
            return
        frame, self._first = found
        if frame.kind is not FrameKind.BINARY:
            return
        now = int(self._place.situation.now.timestamp())
        hello = server_hello(
            read_client_hello(frame.payload),
            ephemeral_private=signer("ephemeral").private,
            static_private=signer("static").private,
            certificate=_chain(now),
        )
        self._wire.write(encode_frame(Frame(FrameKind.BINARY, hello)))


def _chain(now_s: int) -> bytes:
    """Return two certificates: the lab's root for an intermediate key, that for the server's."""
    leaf = _certificate("middle", 9, 7, signer("static").public, now_s)
    return encode_field(1, leaf) + encode_field(
        2, _certificate("whatsapp root", 7, 0, signer("middle").public, now_s)
    )


def _certificate(by: str, serial: int, issuer: int, key: bytes, now_s: int) -> bytes:
    dates = ((4, now_s - 30 * _DAY_S), (5, now_s + 30 * _DAY_S))
    parts: tuple[tuple[int, bytes | int], ...] = ((1, serial), (2, issuer), (3, key), *dates)
    details = b"".join(encode_field(number, value) for number, value in parts)
    return encode_field(1, details) + encode_field(2, signer(by).sign(details))
