"""The protocols of the lab's servers: HTTP/1.1 (h11), HTTP/2 (h2) and DNS over a stream."""

import asyncio
from dataclasses import replace
from typing import Protocol

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h11

from probe.lab.actions import Layer
from probe.lab.answers import answer
from probe.lab.pages import WebRequest, WebResponse, respond
from probe.lab.protocols import StreamSpeaker, stranger_of
from probe.lab.rules import Rule
from probe.lab.situation import Situation, View
from probe.lab.wire import Wire, paced_write
from probe.lab.world import Host

__all__ = ["DnsStream", "Http1", "Http2", "Place", "Web"]

MAX_BODY = 1_000_000


class Place:
    """Where a connection ended up: the host and port, who looks, who can read it."""

    __slots__ = ("control", "host", "port", "sealed", "situation")

    def __init__(
        self, situation: Situation, host: Host, port: int, *, control: View, sealed: bool = False
    ) -> None:
        """Describe a plain connection until ``sealed`` is set."""
        self.situation = situation
        self.host = host
        self.port = port
        self.control = control
        self.sealed = sealed

    def web(
        self, method: str, host: str | None, target: str, body: bytes, part: str | None = None
    ) -> WebResponse:
        """Return the response to a request that arrived here; ``part`` is its range."""
        request = WebRequest(method, host, target, body, self.sealed, part)
        return respond(request, self.situation, self.host, self.port, control=self.control)

    def acting(self, layer: Layer, looks: str | None = None) -> Rule | None:
        """Return the rule that acts on this address and port at ``layer``, and count it."""
        situation = self.situation
        seen = situation.about_address(layer, self.host, self.port, control=self.control)
        return situation.decide(replace(seen, looks=looks))

    def speaker(self, own: StreamSpeaker | None) -> StreamSpeaker | None:
        """Return who speaks the host's own protocol here: ``own``, or somebody in its place."""
        rule = self.acting(Layer.SPEAKER)
        return own if rule is None else stranger_of(rule.action)


class Web(Protocol):
    """Whoever answers requests."""

    def web(
        self, method: str, host: str | None, target: str, body: bytes, part: str | None = None
    ) -> WebResponse:
        """Return the response; ``part`` is the range that was asked for."""
        ...


class Http1:
    """HTTP/1.1, one request after the other."""

    def __init__(self, wire: Wire, place: Web) -> None:
        """Serve ``place`` over ``wire``."""
        self._wire = wire
        self._place = place
        self._h11 = h11.Connection(h11.SERVER)
        self._request: h11.Request | None = None
        self._body = b""

    def feed(self, data: bytes) -> None:
        """Take bytes; a malformed request ends the connection."""
        try:
            self._h11.receive_data(data)
            self._events()
        except h11.RemoteProtocolError:
            self._wire.close()

    def _events(self) -> None:
        while True:
            event = self._h11.next_event()
            if isinstance(event, h11.Request):
                self._request, self._body = event, b""
            elif isinstance(event, h11.Data):
                self._body += bytes(event.data)
                if len(self._body) > MAX_BODY:
                    self._wire.close()
                    return
            elif isinstance(event, h11.EndOfMessage):
                if not self._answer():
                    return
            elif event is h11.PAUSED or event is h11.NEED_DATA:
                return
            else:  # the client closed
                self._wire.close()
                return

    def _answer(self) -> bool:
        """Send the response; return whether another request may follow."""
        request = self._request
        if request is None:
            return False
        host = next((v.decode("latin-1") for k, v in request.headers if k == b"host"), None)
        method = request.method.decode("ascii", "replace")
        target = request.target.decode("latin-1")
        part = next((v.decode("latin-1") for k, v in request.headers if k == b"range"), None)
        response = self._place.web(method, host, target, self._body, part)
        if response.reset:
            self._wire.reset()
            return False
        whole = paced_write(
            self._wire,
            self._encoded(response, method),
            stop_after=response.stop_after,
            rate=response.rate,
        )
        if whole and self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE:
            self._h11.start_next_cycle()
            return True
        if response.ends and not whole:
            self._wire.cut()
        elif whole and response.rate is None:
            self._wire.close()
        return False

    def _encoded(self, response: WebResponse, method: str) -> bytes:
        headers = [*response.headers, ("content-length", str(len(response.body)))]
        if response.status in (204, 304):
            headers = list(response.headers)
        head = h11.Response(status_code=response.status, headers=headers)
        out = self._h11.send(head) or b""
        if method != "HEAD" and response.body and response.status not in (204, 304):
            out += self._h11.send(h11.Data(data=response.body)) or b""
        return out + (self._h11.send(h11.EndOfMessage()) or b"")


class Http2:
    """HTTP/2; bodies are small, so a response waits only for the window that it needs."""

    def __init__(self, wire: Wire, place: Place) -> None:
        """Serve ``place`` over ``wire``."""
        self._wire = wire
        self._place = place
        config = h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
        self._h2 = h2.connection.H2Connection(config)
        self._h2.initiate_connection()
        self._heads: dict[int, dict[str, str]] = {}
        self._bodies: dict[int, bytes] = {}
        self._waiting: dict[int, bytes] = {}
        self._flush()

    def feed(self, data: bytes) -> None:
        """Take bytes; a protocol error ends the connection."""
        try:
            for event in self._h2.receive_data(data):
                self._on(event)
        except h2.exceptions.H2Error:
            self._flush()
            self._wire.close()
            return
        self._flush()

    def _on(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.RequestReceived):
            stream = int(event.stream_id or 0)
            self._heads[stream] = {str(k): str(v) for k, v in event.headers or ()}
            self._bodies[stream] = b""
        elif isinstance(event, h2.events.DataReceived):
            stream = int(event.stream_id or 0)
            self._bodies[stream] = (self._bodies.get(stream, b"") + (event.data or b""))[:MAX_BODY]
            self._h2.acknowledge_received_data(int(event.flow_controlled_length or 0), stream)
        elif isinstance(event, h2.events.StreamEnded):
            self._answer(int(event.stream_id or 0))
        elif isinstance(event, h2.events.WindowUpdated):
            for stream in list(self._waiting):
                self._send_body(stream)
        elif isinstance(event, h2.events.StreamReset):
            self._waiting.pop(int(event.stream_id or 0), None)
        elif isinstance(event, h2.events.ConnectionTerminated):
            self._wire.close()

    def _answer(self, stream: int) -> None:
        head = self._heads.pop(stream, {})
        method = head.get(":method", "GET")
        response = self._place.web(
            method,
            head.get(":authority"),
            head.get(":path", "/"),
            self._bodies.pop(stream, b""),
            head.get("range"),
        )
        if response.reset:
            self._wire.reset()
            return
        empty = method == "HEAD" or not response.body or response.status in (204, 304)
        headers = [(":status", str(response.status)), *response.headers]
        self._h2.send_headers(stream, headers, end_stream=empty)
        if not empty:
            self._waiting[stream] = response.body
            self._send_body(stream)
        out = self._h2.data_to_send()
        whole = paced_write(self._wire, out, stop_after=response.stop_after, rate=response.rate)
        if response.ends and not whole:
            self._wire.cut()

    def _send_body(self, stream: int) -> None:
        body = self._waiting.get(stream, b"")
        while body:
            size = min(self._h2.local_flow_control_window(stream), self._h2.max_outbound_frame_size)
            if size <= 0:
                break
            part, body = body[:size], body[size:]
            self._h2.send_data(stream, part, end_stream=not body)
        if body:
            self._waiting[stream] = body
        else:
            self._waiting.pop(stream, None)

    def _flush(self) -> None:
        out = self._h2.data_to_send()
        if out:
            self._wire.write(out)


class DnsStream:
    """DNS with a two-byte length before each message (RFC 7766, and RFC 7858 inside TLS)."""

    def __init__(self, wire: Wire, place: Place) -> None:
        """Serve ``place`` over ``wire``."""
        self._wire = wire
        self._place = place
        self._buffer = b""

    def feed(self, data: bytes) -> None:
        """Take bytes and answer each message that is complete."""
        self._buffer += data
        while len(self._buffer) >= 2:
            length = int.from_bytes(self._buffer[:2], "big")
            if len(self._buffer) < 2 + length:
                return
            message, self._buffer = self._buffer[2 : 2 + length], self._buffer[2 + length :]
            self._answer(message)

    def _answer(self, message: bytes) -> None:
        place = self._place
        replies = answer(
            message,
            place.situation,
            place.host,
            place.port,
            control=place.control,
            sealed=place.sealed,
        )
        loop = asyncio.get_running_loop()
        for reply in replies:
            framed = len(reply.wire).to_bytes(2, "big") + reply.wire
            if reply.delay_s:
                loop.call_later(reply.delay_s, self._wire.write, framed)
            else:
                self._wire.write(framed)
