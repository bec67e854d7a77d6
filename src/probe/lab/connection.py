"""One TCP connection to a host of the lab: what the censor does to it, and what it speaks.

The first bytes say what it is: a TLS ClientHello, DNS on port 53, else HTTP, where the host does
not speak a protocol of its own. The ClientHello
is read before any TLS is made, so that the censor acts exactly there. TLS goes through
``ssl.MemoryBIO``.
"""

import asyncio
import socket
import ssl
import struct
from collections.abc import Callable

from probe.lab.actions import Action, Layer
from probe.lab.client_hello import NotTls, read_client_hello
from probe.lab.cut_answer import CutAnswer
from probe.lab.looks import looks_of_bytes, looks_of_hello
from probe.lab.protocols import StreamSpeaker, inside_of, stream_of
from probe.lab.rules import ALERTS, Rule
from probe.lab.speakers import DnsStream, Http1, Place
from probe.lab.tls_end import TlsEnd
from probe.lab.wire import Application, Wire

__all__ = ["Connection", "Find"]

Find = Callable[[asyncio.Transport], Place | None]
"""Says where a connection that was accepted has ended up; ``None`` is nowhere, and a RST."""

_NO_LINGER = struct.pack("ii", 1, 0)


class Connection(asyncio.Protocol):
    """The plain side of a connection; also the wire of applications that use no TLS."""

    _place: Place

    def __init__(self, find: Find, open_ones: set["Connection"]) -> None:
        """Serve where ``find`` says; the connection is in ``open_ones`` while it lives."""
        self._find = find
        self._open_ones = open_ones
        self._transport: asyncio.Transport | None = None
        self._application: Application | None = None
        self._first = b""
        self._deaf = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let the censor act on a connection that only just stands."""
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("a stream transport is needed")
        self._transport = transport
        self._open_ones.add(self)
        place = self._find(transport)
        if place is None:
            self.reset()
            return
        self._place = place
        place.situation.counts["tcp"] += 1
        rule = place.situation.decide(
            place.situation.about_address(
                Layer.ACCEPTED, place.host, place.port, control=place.control
            )
        )
        if rule is not None:
            self._cut(rule.action)

    def _looks(self, looks: str | None) -> bool:
        """Let the censor act on what the first bytes look like; return whether it did."""
        place = self._place
        rule = None if looks is None else place.acting(Layer.LOOKS, looks)
        if rule is not None:
            self._cut(rule.action)
        return rule is not None

    def data_received(self, data: bytes) -> None:
        """Hand on what arrived; the first bytes decide to whom."""
        if self._deaf:
            return
        if self._application is not None:
            self._application.feed(data)
            return
        self._first += data
        place = self._place
        kind = place.host.speaks.get(place.port)
        speaker = stream_of(kind)
        if speaker is None and self._first[0] == 0x16 and place.port != 53:
            self._hello()
            return
        if self._looks(looks_of_bytes(self._first)):
            return
        if speaker is not None or inside_of(kind) is not None:
            speaker = place.speaker(speaker)
        if speaker is None:
            speaker = DnsStream if place.port == 53 else Http1
        self._start(speaker(self, place))

    def eof_received(self) -> bool:
        """Close when the client does."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        del exc
        self._open_ones.discard(self)
        self._application = None

    def write(self, data: bytes) -> None:
        """Send plain bytes, if there is still somebody to send to."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        """Send FIN."""
        if self._transport is not None:
            self._transport.close()

    def cut(self) -> None:
        """Send FIN and ignore what still comes."""
        self._deaf = True
        self._finish()

    def _finish(self) -> None:
        """Send FIN and go on reading: after a full close, late bytes would draw a RST."""
        if self._transport is not None:
            self._transport.write_eof()

    def reset(self) -> None:
        """Send RST: close with a linger time of zero."""
        self._deaf = True
        if self._transport is None:
            return
        sock: socket.socket | None = self._transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self._transport.abort()

    def abort(self) -> None:
        """Drop the connection at once; used when the lab ends."""
        if self._transport is not None:
            self._transport.abort()

    def _start(self, application: Application) -> None:
        self._application = application
        first, self._first = self._first, b""
        application.feed(first)

    def _cut(self, action: Action) -> None:
        """Do to the connection what needs no bytes of an answer."""
        if action in (Action.RST, Action.SNI_RESET, Action.PROTOCOL_RESET):
            self.reset()
        elif action in (Action.FIN, Action.SNI_FIN):
            self.cut()
        else:  # STALL, SNI_DROP, PROTOCOL_DROP: read on, say nothing
            self._deaf = True
            self._first = b""

    def _hello(self) -> None:
        """Read the ClientHello, let the censor act on it, then answer it."""
        try:
            hello = read_client_hello(self._first)
        except NotTls:
            self.close()
            return
        if hello is None:
            return
        place = self._place
        situation = place.situation
        situation.counts["tls"] += 1
        if self._looks(looks_of_hello(hello)):
            return
        rule = situation.decide(
            situation.about_name(
                Layer.HELLO, place.host, place.port, hello.sni, control=place.control
            )
        )
        if rule is not None and rule.action is Action.ALERT:
            self._deaf = True
            self.write(bytes((0x15, 3, 3, 0, 2, 2, ALERTS[rule.what.alert])))
            self._finish()
        elif rule is not None and not rule.what.answered:
            self._cut(rule.action)
        elif (stranger := self._stranger()) is not None:
            self._start(stranger(self, place))
        else:
            wire = self if rule is None else self._cut_later(rule)
            self._start(TlsEnd(wire, place, self._context(hello.sni), hello.sni))

    def _stranger(self) -> StreamSpeaker | None:
        """Return who answers a hello where TLS was meant; a kind inside it asks for itself."""
        place = self._place
        own = inside_of(place.host.speaks.get(place.port))
        return place.speaker(None) if own is None else None

    def _cut_later(self, rule: Rule) -> Wire:
        """Return the wire of a server whose answer is cut after some bytes."""
        return CutAnswer(self, rule.what.answered, lambda: self._cut(rule.action))

    def _context(self, sni: str | None) -> ssl.SSLContext:
        """Return the certificate that answers: the server's, or an interceptor's."""
        place = self._place
        situation = place.situation
        rule = situation.decide(
            situation.about_name(
                Layer.CERTIFICATE, place.host, place.port, sni, control=place.control
            )
        )
        place.sealed = rule is None or rule.action is not Action.MITM
        if rule is None:
            return situation.certificates.honest(situation.world, place.host, sni)
        return _forged(rule, place, sni)


def _forged(rule: Rule, place: Place, sni: str | None) -> ssl.SSLContext:
    certificates = place.situation.certificates
    site = place.situation.world.default_site(place.host)
    name = sni or (site.name if site else place.host.address)
    if rule.action is Action.EXPIRED_CERT:
        return certificates.expired(name, place.host.address)
    if rule.action is Action.WRONG_NAME_CERT:
        return certificates.misnamed(place.host.address)
    if rule.action is Action.CLIENT_CERT:
        return certificates.asking(name, place.host.address)
    name = rule.what.name or name
    return certificates.forged(rule.what.ca, name, place.host.address, rule.what.issuer)
