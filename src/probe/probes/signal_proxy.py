"""Kind ``signal-proxy``: TLS to a proxy, and inside it TLS to Signal.

Source: signalapp/Signal-TLS-Proxy. The proxy leads by the inner name, which nobody on the way can
read; that the inner handshake shows Signal's own authority proves that it leads to Signal.
"""

from probe.model.measurement import Proof
from probe.model.target import Trust
from probe.net.base import NetFailure, Stream
from probe.net.tls import client_handshake
from probe.net.trust import verify_chain
from probe.probes.exchange import Heard, Line, converse
from probe.probes.naming import each_address
from probe.probes.options import UNSET
from probe.probes.peer import peer_of
from probe.probes.session import Session
from probe.probes.tcp import connect
from probe.probes.tls import shake_hands
from probe.wire.errors import Fault, WireError

__all__ = ["BEHIND", "PROTOCOL", "probe_signal_proxy"]

PROTOCOL = "signal"
BEHIND = "chat.signal.org"
"""The first of the names that such a proxy leads to."""


async def probe_signal_proxy(session: Session) -> None:
    """Resolve, connect, shake hands with the proxy, then through it with Signal."""
    port = session.endpoint.port or 443
    neutral = session.options.sni is not UNSET

    async def attempt(address: str) -> bool:
        stream = await connect(session, address, port)
        if stream is None:
            return False
        try:
            step, inside = await shake_hands(session, stream, address, port, peer_of(session))
            if inside is None or neutral:
                return inside is not None

            async def ask(line: Line) -> Heard:
                del line
                return await _through(session, inside)

            asked = await converse(session, inside, address, port, PROTOCOL, ask)
        finally:
            await stream.aclose()
        return asked.failure is None and step.failure is None

    await each_address(session, attempt)


async def _through(session: Session, outer: Stream) -> Heard:
    """Shake hands with Signal inside ``outer``.

    Raises:
        NetFailure: the network failed, or the proxy ended the connection.
        WireError: ``FORMAT``, what came is no TLS.

    """
    env = session.env
    shaken = await client_handshake(outer, sni=BEHIND, timeout_s=env.timeouts.exchange_s)
    if shaken.failure is not None:
        if shaken.bytes_received and shaken.failure.startswith("ssl_"):
            raise WireError(Fault.FORMAT, "no handshake")
        raise NetFailure(shaken.failure)
    check = None
    if shaken.chain:
        check = verify_chain(shaken.chain, BEHIND, env.roots, env.clock.now(), trust=Trust.SIGNAL)
    if check is None or check.packaged is not None:
        return Heard("a handshake with another authority", Proof.OTHER_IDENTITY)
    return Heard("a handshake with Signal's own authority", Proof.IDENTITY)
