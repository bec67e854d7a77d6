"""Kind ``mtproto``: Telegram's first question, ``req_pq_multi``, which asks for no account.

Source: core.telegram.org/mtproto. The answer brings our 16 random bytes back. Asked in the clear
(abridged), a filter of the protocol can see it; the follow-up asks the same in bytes that look
random, which the same server answers: what passes so and not in the clear, is filtered.
"""

from probe.model.measurement import Proof, Variant
from probe.probes.exchange import Heard, Line, converse
from probe.probes.naming import each_address
from probe.probes.session import Session
from probe.probes.tcp import connect
from probe.wire.errors import Fault, WireError
from probe.wire.mtproto import TransportError, message_id, read_answer, req_pq_multi
from probe.wire.mtproto_transport import Envelope, obfuscation

__all__ = ["PROTOCOL", "probe_mtproto"]

PROTOCOL = "mtproto"
DATA_CENTRE = 2
"""Where a proxy is asked to lead to: one of the five, all of which answer alike."""

_ERROR = b"\x01"  # one word: an error's length
_KEY_ID = 8  # all zeros before there is a key


async def probe_mtproto(session: Session) -> None:
    """Resolve, connect, ask, and close on the answer."""
    port = session.endpoint.port or 443
    secret = session.env.secrets.get(session.endpoint.id, b"")
    hidden = bool(secret) or session.options.variant is Variant.COMPARISON

    async def ask(line: Line) -> Heard:
        nonce = session.env.rng.randbytes(16)
        seconds = session.env.clock.now().timestamp()
        question = req_pq_multi(nonce, message_id(int(seconds * 1_000) * 1_000_000))
        answer = await (
            _hidden(session, line, question, secret) if hidden else _plain(line, question)
        )
        read = read_answer(answer, nonce)
        if isinstance(read, TransportError):
            return Heard(f"transport error {read.code}", Proof.FORM)
        return Heard("resPQ", Proof.ECHO)

    async def attempt(address: str) -> bool:
        stream = await connect(session, address, port)
        if stream is None:
            return False
        try:
            step = await converse(session, stream, address, port, PROTOCOL, ask)
        finally:
            await stream.aclose()
        return step.failure is None

    await each_address(session, attempt)


async def _plain(line: Line, question: bytes) -> bytes:
    await line.send(Envelope.ABRIDGED.value + Envelope.ABRIDGED.wrap(question))
    return await line.take(_answer)


def _answer(buffer: bytes) -> tuple[bytes, bytes] | None:
    """Split an answer off; what cannot become one is not waited for.

    Raises:
        WireError: ``FORMAT``.

    """
    key = buffer[1 : 1 + _KEY_ID]
    if buffer[:1] not in (b"", _ERROR) and key != bytes(len(key)):
        raise WireError(Fault.FORMAT, "not an unencrypted message")
    return Envelope.ABRIDGED.split(buffer)


async def _hidden(session: Session, line: Line, question: bytes, secret: bytes) -> bytes:
    """Ask in a stream that looks random; a person's own proxy leads it on, by its ``secret``."""
    centre = DATA_CENTRE if secret else None
    streams = obfuscation(session.env.rng, secret=secret, data_centre=centre)
    wrapped = streams.envelope.wrap(question, session.env.rng.randbytes(4))
    await line.send(streams.opening + streams.encrypt(wrapped))
    clear = b""
    while True:
        await line.more()
        received, line.buffer = line.buffer, b""
        clear += streams.decrypt(received)
        found = streams.envelope.split(clear)
        if found is not None:
            return found[0]
