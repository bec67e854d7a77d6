"""Asking one resolver for one name, by each engine; every question becomes a step."""

from collections.abc import Collection, Iterable
from contextlib import AbstractAsyncContextManager

import msgspec

from probe.model.measurement import Answer, DnsEngine, DnsStep, LateAnswer
from probe.net.base import Datagrams, NetFailure, Resolved
from probe.net.dns import DnsResult, UdpExchange, ask_stream
from probe.net.dnswire import question
from probe.probes.session import Session
from probe.wire.scrub import beside_own, scrub, scrub_address

__all__ = ["ask_system", "ask_tcp", "ask_udp", "dns_step", "kept_answers", "qtype_of"]

DNS_PORT = 53


def qtype_of(family: int) -> str:
    """Return the record type that carries addresses of a family."""
    return "AAAA" if family == 6 else "A"


def _answer(address: str, own: Collection[str]) -> Answer:
    """Return an answer as it is kept: whether it is local is told, one's own address is not."""
    (kept,) = kept_answers((address,), own)
    return Answer(address=kept, local=beside_own(address, own))


def kept_answers(addresses: Iterable[str], own: Collection[str]) -> tuple[str, ...]:
    """Return addresses fit to keep: one's own, which a router may answer with, are not."""
    return tuple(scrub_address(address.partition("%")[0], own) for address in addresses)


def dns_step(
    result: DnsResult,
    *,
    own: Collection[str],
    name: str,
    qtype: str,
    engine: DnsEngine,
    resolver: str,
    t0_s: float,
    t_s: float,
) -> DnsStep:
    """Return the step that records a result; ``own`` are the line's own addresses."""
    reply = result.reply
    addresses = () if reply is None else reply.addresses
    return DnsStep(
        t0_s=t0_s,
        t_s=t_s,
        failure=result.failure,
        hostname=name,
        qtype=qtype,
        engine=engine,
        resolver=resolver,
        rcode=None if reply is None else reply.rcode,
        answers=tuple(_answer(a, own) for a in addresses),
        cnames=() if reply is None else tuple(scrub(name, own) for name in reply.cnames),
    )


async def ask_system(session: Session, name: str, family: int) -> DnsStep:
    """Ask as applications do."""
    env, recorder = session.env, session.recorder
    async with env.limits.resolver("system"):
        t0_s = recorder.now_s()
        failure, resolved = None, Resolved(())
        try:
            resolved = await env.net.system_resolve(name, family, timeout_s=env.timeouts.dns_s)
        except NetFailure as exc:
            failure = exc.failure
    if failure is None and not resolved.addresses:
        failure = "dns_no_answer"
    step = DnsStep(
        t0_s=t0_s,
        t_s=recorder.now_s(),
        failure=failure,
        hostname=name,
        qtype=qtype_of(family),
        engine=DnsEngine.SYSTEM,
        resolver="system",
        answers=tuple(_answer(a, env.own_addresses) for a in resolved.addresses),
        cnames=(scrub(resolved.canonical, env.own_addresses),) if resolved.canonical else (),
    )
    recorder.add(step)
    return step


async def ask_udp(
    session: Session, name: str, qtype: str, *, server: tuple[str, int], label: str
) -> tuple[DnsStep, DnsResult]:
    """Ask over UDP; the socket goes on listening while the measurement does."""
    env, recorder = session.env, session.recorder
    asked = question(name, qtype, env.rng, mix_case=True)
    async with _turn(session, server[0]):
        t0_s = recorder.now_s()
        result, exchange, datagrams = DnsResult(None), None, None
        try:
            datagrams = recorder.count(await env.net.open_udp(*server))
            exchange = UdpExchange(datagrams, asked)
            result = await exchange.ask(timeout_s=env.timeouts.dns_s)
        except NetFailure as exc:
            result = DnsResult(exc.failure)
        except BaseException:
            if datagrams is not None:
                await datagrams.aclose()
            raise
    step = dns_step(
        result,
        own=env.own_addresses,
        name=name,
        qtype=qtype,
        engine=DnsEngine.UDP,
        resolver=label,
        t0_s=t0_s,
        t_s=recorder.now_s(),
    )
    recorder.add(step)
    if exchange is not None and datagrams is not None:
        await _after(session, step, exchange, datagrams)
    return step, result


async def _after(
    session: Session, step: DnsStep, exchange: UdpExchange, datagrams: Datagrams
) -> None:
    """Close, or listen on for a second answer."""
    listen_s = session.env.timeouts.late_s
    if not session.options.keep_listening or listen_s <= 0 or step.rcode is None:
        await datagrams.aclose()
        return
    session.listeners.create_task(_listen(session, step, exchange, datagrams, listen_s))


async def _listen(
    session: Session,
    step: DnsStep,
    exchange: UdpExchange,
    datagrams: Datagrams,
    listen_s: float,
) -> None:
    try:
        late = await exchange.late(listen_s=listen_s)
    finally:
        await datagrams.aclose()
    if late:
        recorder = session.recorder
        answers = tuple(
            LateAnswer(
                t_s=recorder.since_start_s(one.at_s),
                rcode=one.reply.rcode,
                addresses=kept_answers(one.reply.addresses, session.env.own_addresses),
            )
            for one in late
        )
        recorder.replace(step, msgspec.structs.replace(step, late=answers))


async def ask_tcp(
    session: Session, name: str, qtype: str, *, server: tuple[str, int], label: str
) -> DnsStep:
    """Ask over TCP; connecting is part of the step."""
    env, recorder = session.env, session.recorder
    asked = question(name, qtype, env.rng)
    async with _turn(session, server[0]):
        t0_s = recorder.now_s()
        try:
            stream = recorder.count(
                await env.net.connect_tcp(*server, timeout_s=env.timeouts.dns_s)
            )
        except NetFailure as exc:
            result = DnsResult(exc.failure)
        else:
            try:
                result = await ask_stream(stream, asked, timeout_s=env.timeouts.dns_s)
            finally:
                await stream.aclose()
    step = dns_step(
        result,
        own=env.own_addresses,
        name=name,
        qtype=qtype,
        engine=DnsEngine.TCP,
        resolver=label,
        t0_s=t0_s,
        t_s=recorder.now_s(),
    )
    recorder.add(step)
    return step


def _turn(session: Session, resolver: str) -> AbstractAsyncContextManager[None]:
    return session.env.limits.resolver(resolver)
