"""Kind ``whatsapp``: the web socket of WhatsApp's web client, up to the server's Noise hello.

Sources: see ``wire.whatsapp``. The answer opens only with our ephemeral key, and is signed, by
way of two certificates, with a key that is known: proof that messages could pass. ClientFinish,
which would name a device, is never made.
"""

from probe.model.measurement import Proof
from probe.net.http import HttpRequest
from probe.net.tls import TlsStream
from probe.net.web_socket import open_web_socket
from probe.probes.exchange import Heard, Line, converse
from probe.probes.http import record_answer, request_of
from probe.probes.naming import each_address
from probe.probes.options import UNSET
from probe.probes.peer import peer_of
from probe.probes.session import Session
from probe.probes.tcp import connect
from probe.probes.tls import shake_hands
from probe.wire.errors import WireError
from probe.wire.websocket import Frame, FrameKind, encode_frame
from probe.wire.websocket import split_frame as split_web_frame
from probe.wire.whatsapp import (
    CERTIFICATE_KEY,
    client_hello,
    read_server_hello,
    split_frame,
    verify_certificate,
)

__all__ = ["PROTOCOL", "probe_whatsapp"]

PROTOCOL = "whatsapp"
PATH = "/ws/chat"


async def probe_whatsapp(session: Session) -> None:
    """Resolve, connect, shake hands, open the web socket, say hello, close on the answer."""
    port = session.endpoint.port or 443
    request = request_of(session.endpoint, port, path=session.endpoint.path or PATH)
    neutral = session.options.sni is not UNSET

    async def attempt(address: str) -> bool:
        stream = await connect(session, address, port)
        if stream is None:
            return False
        try:
            step, inside = await shake_hands(session, stream, address, port, peer_of(session))
            if inside is None or neutral:
                return inside is not None
            return await _over(session, inside, address, request) and step.failure is None
        finally:
            await stream.aclose()

    await each_address(session, attempt)


async def _over(session: Session, inside: TlsStream, address: str, request: HttpRequest) -> bool:
    """Go on inside TLS; the switch to the web socket is a request of its own."""
    t0_s, env = session.recorder.now_s(), session.env
    result, behind = await open_web_socket(
        inside,
        request,
        origin=f"https://{request.host}",
        nonce=env.rng.randbytes(16),
        timeout_s=env.timeouts.http_s,
    )
    record_answer(session, address, request, result, t0_s)
    if behind is None:
        return False

    async def ask(line: Line) -> Heard:
        line.buffer = behind
        return await _hello(session, line)

    step = await converse(session, inside, address, request.port, PROTOCOL, ask)
    return step.failure is None


async def _hello(session: Session, line: Line) -> Heard:
    """Say hello in one binary message, and read the server's, which may come in several."""
    rng, env = session.env.rng, session.env
    hello = client_hello(rng.randbytes(32))
    frame = Frame(FrameKind.BINARY, hello.packet)
    await line.send(encode_frame(frame, rng.randbytes(4)))
    message = b""
    while (found := split_frame(message)) is None:
        message += await _payload(line)
    answer = read_server_hello(found[0], hello)
    key = env.roots.keys.whatsapp or CERTIFICATE_KEY
    try:
        current = verify_certificate(answer, env.clock.now(), key)
    except WireError:
        return Heard("a server's hello with another key", Proof.OTHER_IDENTITY)
    if not current:  # a clock that is wrong makes no interception of it
        return Heard("a server's hello with a certificate of another time", Proof.ECHO)
    return Heard("a server's hello", Proof.IDENTITY)


async def _payload(line: Line) -> bytes:
    """Return the next frame's payload; pings and the like are empty here."""
    while (found := split_web_frame(line.buffer)) is None:
        await line.more()
    frame, line.buffer = found
    return frame.payload if frame.kind in (FrameKind.BINARY, FrameKind.CONTINUATION) else b""
