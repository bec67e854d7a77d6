"""Kind ``openvpn``: a client's hard reset, over UDP or TCP, in the wrapping that is known.

A server with a wrapping is silent to whoever has not its key. Its reply proves the server, by the
echo of our session id and, with a key, by its HMAC; the TLS inside is never begun.
"""

from probe.model.measurement import ExchangeStep, Proof
from probe.model.target import Endpoint, Wrap
from probe.net.base import Stream
from probe.probes.datagrams import ANYTHING, Question, ask
from probe.probes.exchange import Heard, Line, converse
from probe.probes.naming import each_address
from probe.probes.session import Session
from probe.probes.tcp import connect
from probe.wire.comparison import comparison
from probe.wire.errors import Fault, WireError
from probe.wire.openvpn import Opcode, frame, hard_reset, looks_like_openvpn, split_frame
from probe.wire.openvpn_wrap import (
    Digest,
    Plain,
    Replay,
    TlsAuth,
    TlsCrypt,
    Wrapping,
    read_server_reset,
)
from probe.wire.published import static_key

__all__ = ["OPENVPN_PORT", "probe_openvpn", "wrapping_of"]

OPENVPN_PORT = 1194
_LONGEST_RESET = 1_024
"""It has 26 to 114 bytes, by its wrapping, and a few more that a later version may add."""


def wrapping_of(endpoint: Endpoint) -> Wrapping:
    """Return how our packets are wrapped: without the server's key not at all."""
    if endpoint.key is None:
        return Plain()
    key = static_key(endpoint.key)
    if endpoint.wrap is Wrap.TLS_CRYPT:
        return TlsCrypt(key)
    return TlsAuth(key, Digest(endpoint.digest))


async def probe_openvpn(session: Session) -> None:
    """Send a hard reset and read the server's."""
    endpoint = session.endpoint
    port = endpoint.port or OPENVPN_PORT
    over_tcp = endpoint.transport == "tcp"

    async def attempt(address: str) -> bool:
        question = _question(session)
        if not over_tcp:
            return (await ask(session, address, port, question)).failure is None
        stream = await connect(session, address, port)
        if stream is None:
            return False
        try:
            return (await _over_tcp(session, stream, address, port, question)).failure is None
        finally:
            await stream.aclose()

    await each_address(session, attempt)


def _question(session: Session) -> Question:
    env = session.env
    wrapping = wrapping_of(session.endpoint)
    ours = env.rng.randbytes(8)

    def packet() -> bytes:
        return wrapping.seal(hard_reset(ours), Replay(1, int(env.clock.now().timestamp())))

    def read(reply: bytes) -> str:
        return read_server_reset(reply, ours, wrapping).opcode.name.lower()

    return Question(_name(session.endpoint), packet, read, looks_like_openvpn)


def _name(endpoint: Endpoint) -> str:
    return "openvpn" if endpoint.key is None else f"openvpn+{endpoint.wrap}"


async def _over_tcp(
    session: Session, stream: Stream, address: str, port: int, question: Question
) -> ExchangeStep:
    """Say the same over a connection, where each packet stands behind its length."""
    random = session.options.random_payload
    said = frame(question.packet())
    if random:
        said = comparison(said, session.env.rng, lambda data: looks_like_openvpn(data[2:]))

    async def ask_framed(line: Line) -> Heard:
        await line.send(said)
        if random:
            await line.more()
            return Heard(ANYTHING, None)
        return Heard(question.read(await line.take(_reset)), Proof.ECHO)

    name = f"{question.protocol}-random" if random else question.protocol
    return await converse(session, stream, address, port, name, ask_framed)


def _reset(buffer: bytes) -> tuple[bytes, bytes] | None:
    """Split a server's reset off; what cannot become one is not waited for.

    Raises:
        WireError: ``FORMAT``.

    """
    size, first = int.from_bytes(buffer[:2], "big"), buffer[2:3]
    told = bool(first) and first[0] >> 3 != Opcode.HARD_RESET_SERVER_V2
    if len(buffer) >= 2 and (size > _LONGEST_RESET or told):
        raise WireError(Fault.FORMAT, "not a reset of a server")
    return split_frame(buffer)
