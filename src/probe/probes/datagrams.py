"""Asking over UDP: at most three datagrams, a second apart, and what each silence may mean.

A reply is read by the protocol's codec and kept as a name; its bytes, which may carry the line's
own address, go no further. ICMP port unreachable comes back as a refused datagram: the way works,
and nobody listens.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from probe.model.failure import Failure, unknown_failure
from probe.model.measurement import UdpStep
from probe.net.base import Datagrams, NetFailure
from probe.probes.session import Session
from probe.wire.comparison import comparison
from probe.wire.errors import Fault, WireError

__all__ = ["ANYTHING", "DATAGRAMS", "Question", "ask", "not_understood"]

DATAGRAMS = 3
APART_S = 1.0

ANYTHING = "anything"
"""The reply to a random payload, whatever it is."""

_SILENCE: Failure = "generic_timeout_error"
_HEARD_PER_TRY = 8
"""Datagrams that are read after one of ours; who floods is not listened to for ever."""


@dataclass(frozen=True, slots=True)
class Question:
    """One protocol's first packet and how its answer is read.

    ``packet`` makes each datagram anew, so that no server takes it for a replay. ``read`` returns
    the name of the answer to the last packet, or raises ``WireError``. ``is_protocol`` is whether
    a filter would take bytes for this protocol.
    """

    protocol: str
    packet: Callable[[], bytes]
    read: Callable[[bytes], str]
    is_protocol: Callable[[bytes], bool]


def not_understood(fault: Fault, protocol: str) -> Failure:
    """Return the failure of a reply that is none: of another service, or forged."""
    said = {
        Fault.FOREIGN: f"a reply of {protocol} to another question",
        Fault.UNPROVEN: f"a reply of {protocol} that does not verify",
    }
    return unknown_failure(said.get(fault, f"a reply that is not of {protocol}"))


async def ask(session: Session, address: str, port: int, question: Question) -> UdpStep:
    """Ask until it is answered or refused, three times at most, and record the step.

    With ``random_payload`` in the options, the same is sent with other bytes, and whatever
    comes is an answer.
    """
    env, recorder = session.env, session.recorder
    random = session.options.random_payload
    async with env.limits.destination(address):
        t0_s = recorder.now_s()
        told = _Told()
        try:
            datagrams = recorder.count(await env.net.open_udp(address, port))
        except NetFailure as exc:
            told.failure = exc.failure
        else:
            try:
                await _exchange(session, datagrams, _compared(session, question), told)
            finally:
                await datagrams.aclose()
    step = UdpStep(
        t0_s=t0_s,
        t_s=recorder.now_s(),
        failure=told.failure,
        address=address,
        port=port,
        protocol=f"{question.protocol}-random" if random else question.protocol,
        sent=told.sent,
        received=told.received,
        reply=told.reply,
    )
    recorder.add(step)
    return step


def _compared(session: Session, question: Question) -> Question:
    """Return the question itself, or its random likeness."""
    if not session.options.random_payload:
        return question
    return Question(
        question.protocol,
        lambda: comparison(question.packet(), session.env.rng, question.is_protocol),
        lambda _: ANYTHING,
        question.is_protocol,
    )


@dataclass(slots=True)
class _Told:
    """What an exchange has come to; ``odd`` is how a reply failed to be one."""

    sent: int = 0
    received: int = 0
    reply: str | None = None
    failure: Failure | None = None
    odd: Failure | None = None


async def _exchange(
    session: Session, datagrams: Datagrams, question: Question, told: _Told
) -> None:
    """Send and listen; what was refused or answered is not asked again."""
    clock = session.env.clock
    for number in range(DATAGRAMS):
        sent_at_s = clock.monotonic_s()
        try:
            await datagrams.send(question.packet())
            told.sent += 1
            await _listen(session, datagrams, question, told)
        except NetFailure as exc:
            told.failure = exc.failure
        if told.failure != _SILENCE:
            return
        if number + 1 < DATAGRAMS:  # a virtual clock has not moved while we listened
            await clock.sleep(max(0.0, APART_S - (clock.monotonic_s() - sent_at_s)))
    told.failure = told.odd or _SILENCE


async def _listen(session: Session, datagrams: Datagrams, question: Question, told: _Told) -> None:
    """Read until an answer comes.

    Raises:
        NetFailure: none came in time, or the network said why.

    """
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + session.env.timeouts.udp_s
    for _ in range(_HEARD_PER_TRY):
        left_s = deadline_s - loop.time()
        if left_s <= 0:
            break
        data = await datagrams.receive(timeout_s=left_s)
        told.received += 1
        try:
            told.reply, told.failure = question.read(data), None
        except WireError as exc:
            told.odd = not_understood(exc.fault, question.protocol)
        else:
            return
    raise NetFailure(_SILENCE)
