"""Kind ``dns``: resolve this name; nothing is dialled."""

from probe.errors import InputError
from probe.model.address import parse_ip
from probe.probes.naming import resolve
from probe.probes.session import Session, ascii_host

__all__ = ["probe_dns"]


async def probe_dns(session: Session) -> None:
    """Ask every engine of the options for the endpoint's host."""
    host = ascii_host(session.endpoint.host)
    if parse_ip(host) is not None:
        raise InputError(f"{host} is an address, there is no name to resolve")
    for family in session.options.families:
        await resolve(session, host, family)
    session.reason = None  # whether an answer could be dialled is not asked here
