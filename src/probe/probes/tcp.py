"""Connecting: the second step, and the whole of kind ``tcp``. Alone it proves nothing."""

from probe.model.measurement import TcpStep
from probe.net.base import NetFailure, Stream
from probe.probes.naming import each_address
from probe.probes.session import Session

__all__ = ["connect", "probe_tcp"]


async def connect(session: Session, address: str, port: int) -> Stream | None:
    """Connect and record it; ``None`` when it failed."""
    env, recorder = session.env, session.recorder
    async with env.limits.destination(address):
        t0_s = recorder.now_s()
        stream: Stream | None = None
        failure = None
        try:
            stream = recorder.count(
                await env.net.connect_tcp(address, port, timeout_s=env.timeouts.tcp_s)
            )
        except NetFailure as exc:
            failure = exc.failure
    recorder.add(
        TcpStep(t0_s=t0_s, t_s=recorder.now_s(), failure=failure, address=address, port=port)
    )
    return stream


async def probe_tcp(session: Session) -> None:
    """Resolve and connect, then close."""
    port = session.endpoint.port or 443

    async def attempt(address: str) -> bool:
        stream = await connect(session, address, port)
        if stream is not None:
            await stream.aclose()
        return stream is not None

    await each_address(session, attempt)
