"""From an endpoint's host to the addresses that are dialled."""

from collections.abc import Awaitable, Callable

from probe.model.address import family_of, parse_ip
from probe.model.measurement import DnsEngine, DnsStep
from probe.probes.ask import DNS_PORT, ask_system, ask_tcp, ask_udp, qtype_of
from probe.probes.ask_encrypted import ask_doh, ask_dot
from probe.probes.resolvers import resolver_label
from probe.probes.session import Attempt, Session, ascii_host

__all__ = ["each_address", "resolve"]

NOT_DIALLED = "no public address to dial"
NO_NAMESERVER = "no nameserver is known"


async def each_address(session: Session, attempt: Attempt) -> None:
    """Resolve, family by family, and try addresses in turn until one passes.

    Addresses that the dial policy does not allow are recorded in the DNS steps and left alone.
    """
    for family in _families(session):
        addresses = await _addresses(session, family)
        for address in addresses[: max(1, session.options.max_addresses)]:
            if await attempt(address):
                break


def _families(session: Session) -> tuple[int, ...]:
    """Return the families to measure; a literal host has only its own."""
    literal = family_of(session.endpoint.host)
    if literal is not None and not session.options.addresses:
        return (literal,)
    return session.options.families


async def _addresses(session: Session, family: int) -> tuple[str, ...]:
    given = session.options.addresses
    host = ascii_host(session.endpoint.host)
    if given:
        wanted = tuple(a for a in given if family_of(a) == family)
    elif parse_ip(host) is not None:
        wanted = (host.strip("[]"),)
    else:
        return await resolve(session, host, family)
    allowed = _allowed(session, wanted)
    if wanted and not allowed:
        session.reason = NOT_DIALLED
    return allowed


def _allowed(session: Session, addresses: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(a for a in addresses if session.env.dial.allows(a))


async def resolve(session: Session, name: str, family: int) -> tuple[str, ...]:
    """Ask every engine of the options; return the first engine's addresses fit to dial."""
    chosen: tuple[str, ...] = ()
    answered = asked = False
    for engine in session.options.engines:
        for step in await _ENGINES[engine](session, name, family):
            asked = True
            answered = answered or bool(step.answers)
            if step.failure is None:
                chosen = chosen or _allowed(session, tuple(a.address for a in step.answers))
    if not chosen and (answered or not asked):
        session.reason = NOT_DIALLED if asked else NO_NAMESERVER
    return chosen


_Engine = Callable[[Session, str, int], Awaitable[tuple[DnsStep, ...]]]


async def _by_system(session: Session, name: str, family: int) -> tuple[DnsStep, ...]:
    return (await ask_system(session, name, family),)


async def _by_udp(session: Session, name: str, family: int) -> tuple[DnsStep, ...]:
    server = _server(session)
    if server is None:
        return ()
    label = resolver_label(session, server)
    step, result = await ask_udp(session, name, qtype_of(family), server=server, label=label)
    if result.reply is None or not result.reply.truncated or step.answers:
        return (step,)
    again = await ask_tcp(session, name, qtype_of(family), server=server, label=label)
    return step, again


async def _by_tcp(session: Session, name: str, family: int) -> tuple[DnsStep, ...]:
    server = _server(session)
    if server is None:
        return ()
    label = resolver_label(session, server)
    return (await ask_tcp(session, name, qtype_of(family), server=server, label=label),)


async def _by_dot(session: Session, name: str, family: int) -> tuple[DnsStep, ...]:
    return (await ask_dot(session, name, qtype_of(family)),)


async def _by_doh(session: Session, name: str, family: int) -> tuple[DnsStep, ...]:
    return await ask_doh(session, name, qtype_of(family))


_ENGINES: dict[DnsEngine, _Engine] = {
    DnsEngine.SYSTEM: _by_system,
    DnsEngine.UDP: _by_udp,
    DnsEngine.TCP: _by_tcp,
    DnsEngine.DOT: _by_dot,
    DnsEngine.DOH: _by_doh,
}


def _server(session: Session) -> tuple[str, int] | None:
    """Return the resolver of the options, else the first that the system is configured with."""
    chosen = session.options.resolver
    if chosen is not None:
        return chosen, DNS_PORT
    servers = session.env.net.nameservers()
    return (servers[0], DNS_PORT) if servers else None
