"""Kind ``resolver``: ask this resolver a neutral question, over UDP and then over TCP."""

from probe.model.address import authority
from probe.probes.ask import DNS_PORT, ask_tcp, ask_udp
from probe.probes.naming import each_address
from probe.probes.session import Session

__all__ = ["NEUTRAL_NAME", "probe_resolver"]

NEUTRAL_NAME = "example.com"
"""Reserved by RFC 2606, resolved everywhere, blocked nowhere that is known."""


async def probe_resolver(session: Session) -> None:
    """Ask for the neutral name; TCP is tried when no reply at all came over UDP."""
    port = session.endpoint.port or DNS_PORT

    async def attempt(address: str) -> bool:
        server = (address, port)
        label = authority(address, port)
        step, result = await ask_udp(session, NEUTRAL_NAME, "A", server=server, label=label)
        if result.reply is not None:
            return step.failure is None
        again = await ask_tcp(session, NEUTRAL_NAME, "A", server=server, label=label)
        return again.failure is None

    await each_address(session, attempt)
