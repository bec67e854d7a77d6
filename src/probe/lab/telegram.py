"""A Telegram data centre's first answer, in the clear and obfuscated; and its plain HTTP."""

import random
from collections.abc import Callable

from probe.lab.speakers import Http1, Place
from probe.lab.wire import Application, Wire
from probe.wire.errors import Fault, WireError
from probe.wire.mtproto import TELEGRAM_KEY, ResPq, message_id, read_req_pq, res_pq
from probe.wire.mtproto_transport import INIT_BYTES, Envelope, Obfuscation, read_obfuscation

__all__ = ["FloodedServer", "TelegramServer"]

_METHODS = (b"GET ", b"POST", b"HEAD")
_OPENING = 4
_FLOOD = (-429).to_bytes(4, "little", signed=True)
_PQ = 0x17ED48941A08F981  # of the documented sample


class TelegramServer:
    """One connection: its first bytes choose the envelope, or HTTP."""

    def __init__(self, wire: Wire, place: Place) -> None:
        """Serve ``place`` over ``wire``."""
        self._wire = wire
        self._place = place
        self._buffer = b""
        self._streams: Obfuscation | None = None
        self._envelope: Envelope | None = None
        self._web: Application | None = None

    def feed(self, data: bytes) -> None:
        """Take bytes; what is no question ends the connection."""
        if self._web is not None:
            self._web.feed(data)
            return
        self._buffer += data if self._streams is None else self._streams.decrypt(data)
        try:
            if self._envelope is None and not self._opened():
                return
            self._answers()
        except WireError:
            self._wire.close()

    def _opened(self) -> bool:
        """Find out from the first bytes what is spoken."""
        first = self._buffer
        if first.startswith(Envelope.ABRIDGED.value):
            self._envelope, self._buffer = Envelope.ABRIDGED, first[1:]
        elif len(first) < _OPENING:
            return False
        elif first.startswith(_METHODS):
            self._web = Http1(self._wire, self._place)
            self._web.feed(first)
            return False
        elif first.startswith(Envelope.INTERMEDIATE.value):
            self._envelope, self._buffer = Envelope.INTERMEDIATE, first[_OPENING:]
        elif len(first) < INIT_BYTES:
            return False
        else:
            self._streams = read_obfuscation(first[:INIT_BYTES])
            self._envelope = self._streams.envelope
            self._buffer = self._streams.decrypt(first[INIT_BYTES:])
        return True

    def _answers(self) -> None:
        envelope = self._envelope
        while envelope is not None and (found := envelope.split(self._buffer)) is not None:
            question, self._buffer = found
            answer = envelope.wrap(self._answer(question))
            self._wire.write(self._sealed()(answer))

    def _answer(self, question: bytes) -> bytes:
        return _answer(question, self._place)

    def _sealed(self) -> Callable[[bytes], bytes]:
        return bytes if self._streams is None else self._streams.encrypt


class FloodedServer(TelegramServer):
    """The same where too many connections come from one address: an error of the transport.

    Source: core.telegram.org/mtproto/mtproto-transports, transport errors.
    """

    def _answer(self, question: bytes) -> bytes:
        read_req_pq(question)  # what is no question ends the connection here, too
        return _FLOOD


def _answer(question: bytes, place: Place) -> bytes:
    nonce = read_req_pq(question)
    if len(nonce) != 16:
        raise WireError(Fault.SHORT, "nonce")
    now = place.situation.now.timestamp()
    rng = random.Random(nonce)  # noqa: S311 - a number of the lab's, not a secret
    said = ResPq(server_nonce=rng.randbytes(16), pq=_PQ, fingerprints=(TELEGRAM_KEY,))
    return res_pq(nonce, said, message_id(int(now) * 1_000_000_000) + 1)
