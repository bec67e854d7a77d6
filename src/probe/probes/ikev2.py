"""Kind ``ikev2``: IKE_SA_INIT, which every responder answers somehow (RFC 7296)."""

from probe.probes.datagrams import Question, ask
from probe.probes.naming import each_address
from probe.probes.session import Session
from probe.wire.ikev2 import Group, looks_like_ike, marked, read_answer, sa_init, unmarked

__all__ = ["IKE_PORT", "probe_ikev2"]

IKE_PORT = 500
"""Any other port, 4500 first of all, carries IKE behind four zero bytes (section 2.23)."""


async def probe_ikev2(session: Session) -> None:
    """Propose; whatever the responder says to it is proof. IKE_AUTH is never begun."""
    port = session.endpoint.port or IKE_PORT

    async def attempt(address: str) -> bool:
        return (await ask(session, address, port, _question(session, port))).failure is None

    await each_address(session, attempt)


def _question(session: Session, port: int) -> Question:
    rng = session.env.rng
    spi = b"\x01" + rng.randbytes(7)  # never all zeros
    request = sa_init(
        spi=spi, nonce=rng.randbytes(32), public_value=rng.randbytes(Group.CURVE_25519.size)
    )
    plain = port == IKE_PORT
    return Question(
        "ikev2",
        lambda: request if plain else marked(request),
        lambda reply: read_answer(reply if plain else unmarked(reply), spi).kind.value,
        looks_like_ike,
    )
