"""Kind ``udp-stun``: one binding request, which calls begin with (RFC 8489).

The address in the answer is the line's own. That there is one is looked at; which, is not kept.
"""

from probe.probes.datagrams import Question, ask
from probe.probes.naming import each_address
from probe.probes.session import Session
from probe.wire.stun import binding_answer, binding_request, may_be_stun

__all__ = ["STUN_PORT", "probe_stun"]

STUN_PORT = 3478


async def probe_stun(session: Session) -> None:
    """Ask for a binding; an error response proves as much as a success."""
    port = session.endpoint.port or STUN_PORT

    async def attempt(address: str) -> bool:
        transaction = session.env.rng.randbytes(12)
        question = Question(
            "stun",
            lambda: binding_request(transaction),
            lambda reply: binding_answer(reply, transaction).value,
            may_be_stun,
        )
        return (await ask(session, address, port, question)).failure is None

    await each_address(session, attempt)
