"""What answers datagrams at one port of one host, and what the censor does to each of them.

On loopback nobody stands on the way, so that what a filter drops is not answered, and what it
drops of an answer is not sent. In namespaces the box does that, and only the server's own rules
come here.
"""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from typing import cast

from probe.lab.actions import Action, Layer
from probe.lab.answers import answer
from probe.lab.path.quic import QuicOpening, looks_initial
from probe.lab.path.quic_close import closing_datagram
from probe.lab.protocols import datagrams_of
from probe.lab.recognised import Recogniser
from probe.lab.rules import ALERTS, Rule
from probe.lab.situation import Situation, View
from probe.lab.stun import unauthorized
from probe.lab.tunnels import echo_of
from probe.lab.world import Host

__all__ = ["DatagramServer"]

_MOST = 1024
"""Askers that are remembered; the oldest go first."""

_OTHER_SERVICE = b"SIP/2.0 400 Bad Request\r\nContent-Length: 0\r\n\r\n"


class _Exchange:
    """What is known of one asker: what it speaks, and whether it is cut for a name it gave."""

    __slots__ = ("cut", "opening", "recogniser")

    def __init__(self) -> None:
        self.recogniser = Recogniser()
        self.opening: QuicOpening | None = QuicOpening()
        self.cut = False


class DatagramServer(asyncio.DatagramProtocol):
    """A resolver on port 53, the host's own protocol on any other."""

    def __init__(
        self,
        situation: Situation,
        host: Host,
        port: int,
        view: Callable[[str], View],
        *,
        mirror: bool = False,
    ) -> None:
        """Answer for ``host``; ``view`` says who looks, by the address that asks.

        What tells the asker its address tells the line's own, or with ``mirror`` the one that
        it sees.
        """
        self._speak = datagrams_of(host.speaks.get(port), situation, host, port)
        self._situation = situation
        self._host = host
        self._port = port
        self._view = view
        self._mirror = mirror
        self._transport: asyncio.DatagramTransport | None = None
        self._exchanges: dict[tuple[str, int], _Exchange] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer one datagram, perhaps twice, perhaps not at all."""
        if self._port != 53:
            self._converse(data, addr)
            return
        loop = asyncio.get_running_loop()
        control = self._view(addr[0])
        for reply in answer(data, self._situation, self._host, self._port, control=control):
            if reply.delay_s:
                loop.call_later(reply.delay_s, self._send, reply.wire, addr)
            else:
                self._send(reply.wire, addr)

    def _converse(self, data: bytes, addr: tuple[str, int]) -> None:
        exchange = self._exchange(addr)
        control = self._view(addr[0])
        rule = self._decide(exchange, data, control=control)
        if exchange.cut or (rule is not None and rule.action is Action.DATAGRAM_DROP):
            return
        opening = exchange.opening
        named = self._named(exchange, data, control=control)
        if named is not None:
            exchange.cut = True
            if opening is not None and named.action is Action.ALERT:
                self._send(closing_datagram(opening, ALERTS[named.what.alert]), addr)
            return
        for told in self._answers(data, addr, rule):
            cut = self._decide(exchange, told, control=control)
            if cut is None or cut.action is not Action.DATAGRAM_DROP:
                self._send(told, addr)

    def _exchange(self, addr: tuple[str, int]) -> _Exchange:
        found = self._exchanges.get(addr)
        if found is None:
            while len(self._exchanges) >= _MOST:
                del self._exchanges[next(iter(self._exchanges))]
            found = self._exchanges[addr] = _Exchange()
        return found

    def _decide(self, exchange: _Exchange, data: bytes, *, control: View) -> Rule | None:
        """Return the rule that hits a datagram of either side."""
        situation = self._situation
        said = exchange.recogniser.look(data)
        return situation.decide(
            situation.about_datagram(self._host, self._port, said, len(data), control=control)
        )

    def _named(self, exchange: _Exchange, data: bytes, *, control: View) -> Rule | None:
        """Return the rule that cuts a QUIC client for the name in its hello.

        Only an alert can be told in the server's name, in an Initial packet; whatever else a rule
        does to hellos is silence here.
        """
        opening = exchange.opening
        if opening is None or not (looks_initial(data) or opening.heard):
            return None
        hello = opening.add(data)
        if hello is None:
            exchange.opening = None if opening.over else opening
            return None
        exchange.opening = None
        situation = self._situation
        request = situation.about_name(
            Layer.HELLO, self._host, self._port, hello.sni, control=control, protocol="quic"
        )
        return situation.decide(request)

    def _answers(self, data: bytes, addr: tuple[str, int], rule: Rule | None) -> Sequence[bytes]:
        action = None if rule is None else rule.action
        if action is Action.GARBAGE:
            return (hashlib.shake_256(data).digest(64),)
        if action is Action.WRONG_SERVICE:
            return (_OTHER_SERVICE,)
        if action is Action.UNAUTHORIZED:
            reply = unauthorized(data)
            return () if reply is None else (reply,)
        seen = addr[:2] if self._mirror else (self._situation.world.own_address, 40_000)
        told = self._speak(data, seen)
        noise = action is Action.ECHO and Recogniser().look(data).protocol is None
        return (echo_of(data),) if noise and not told else told

    def _send(self, wire: bytes, addr: tuple[str, int]) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(wire, addr)
