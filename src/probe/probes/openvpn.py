"""Kind ``openvpn``: a client's hard reset, over UDP or TCP, in the wrapping that is known.

A server with a wrapping is silent to whoever has not its key. Its reply proves the server, by the
echo of our session id and, with a key, by its HMAC; the TLS inside is never begun.
"""

import asyncio
from collections.abc import Callable

from probe.model.failure import Failure
from probe.model.measurement import ExchangeStep, Proof
from probe.model.target import Endpoint, Wrap
from probe.net.base import NetFailure, Stream
from probe.probes.datagrams import ANYTHING, Question, ask, not_understood
from probe.probes.naming import each_address
from probe.probes.session import Session
from probe.probes.tcp import connect
from probe.wire.comparison import comparison
from probe.wire.errors import Fault, WireError
from probe.wire.openvpn import frame, hard_reset, looks_like_openvpn, split_frame
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
_CHUNK = 4096
_MOST = 65_537


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
    env, recorder = session.env, session.recorder
    random = session.options.random_payload
    said = frame(question.packet())
    if random:
        said = comparison(said, env.rng, lambda data: looks_like_openvpn(data[2:]))
    t0_s = recorder.now_s()
    sent, heard = stream.bytes_sent, stream.bytes_received
    reply: str | None = None
    proof: Proof | None = None
    failure: Failure | None = None
    try:
        await stream.send(said, timeout_s=env.timeouts.tls_s)
        read = (lambda _: ANYTHING) if random else question.read
        reply = read(await _first_packet(stream, env.timeouts.tls_s, whole=not random))
        proof = Proof.OTHER if random else Proof.ECHO
    except NetFailure as exc:
        failure = exc.failure
    except WireError as exc:
        failure = not_understood(exc.fault, question.protocol)
        proof = Proof.FOREIGN if exc.fault is Fault.FOREIGN else Proof.OTHER
    step = ExchangeStep(
        t0_s=t0_s,
        t_s=recorder.now_s(),
        failure=failure,
        address=address,
        port=port,
        protocol=f"{question.protocol}-random" if random else question.protocol,
        reply=reply,
        proof=proof,
        bytes_sent=stream.bytes_sent - sent,
        bytes_received=stream.bytes_received - heard,
    )
    recorder.add(step)
    return step


async def _first_packet(stream: Stream, timeout_s: float, *, whole: bool) -> bytes:
    """Return the first framed packet, or with ``whole`` unset the first bytes that come.

    Raises:
        NetFailure: nothing came, or the stream ended or was cut.
        WireError: what came is not framed.

    """
    buffer = b""
    loop_end = _deadline(timeout_s)
    while len(buffer) < _MOST:
        data = await stream.receive(_CHUNK, timeout_s=loop_end())
        if not data:
            raise NetFailure("eof_error")
        buffer += data
        if not whole:
            return buffer
        found = split_frame(buffer)
        if found is not None:
            return found[0]
    raise NetFailure("eof_error")


def _deadline(timeout_s: float) -> Callable[[], float]:
    """Return what says how many seconds are left; at the end there is a last instant."""
    loop = asyncio.get_running_loop()
    ends_s = loop.time() + timeout_s
    return lambda: max(0.001, ends_s - loop.time())
