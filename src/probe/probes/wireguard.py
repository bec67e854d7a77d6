"""Kind ``wireguard``: a handshake initiation (wireguard.com/protocol).

A server answers the peers that it knows and nobody else, so a reply is expected of a responder
with the published test keys only; the others' silence says nothing.
"""

from probe.probes.datagrams import Question, ask
from probe.probes.naming import each_address
from probe.probes.session import Session
from probe.wire.noise import public_key
from probe.wire.published import TEST_PEER, TEST_RESPONDER, wireguard_key
from probe.wire.wireguard import (
    CookieReply,
    Initiation,
    initiation,
    looks_like_wireguard,
    read_answer,
    tai64n,
)

__all__ = ["WIREGUARD_PORT", "probe_wireguard"]

WIREGUARD_PORT = 51_820


async def probe_wireguard(session: Session) -> None:
    """Send an initiation that the server of this key would take; without a key, of the same shape.

    To a stranger it is signed by a key that is made up on the spot. Never by a volunteer's own.
    """
    port = session.endpoint.port or WIREGUARD_PORT

    async def attempt(address: str) -> bool:
        return (await ask(session, address, port, _Handshake(session).question())).failure is None

    await each_address(session, attempt)


class _Handshake:
    """Initiations to one server, each with a time stamp of its own, and the last one's answer."""

    def __init__(self, session: Session) -> None:
        key = session.endpoint.key
        rng = session.env.rng
        self._env = session.env
        self._server = public_key(rng.randbytes(32)) if key is None else wireguard_key(key)
        ours = self._server == public_key(TEST_RESPONDER)
        self._static = TEST_PEER if ours else rng.randbytes(32)
        self._sent: Initiation | None = None

    def question(self) -> Question:
        """Return what is asked."""
        return Question("wireguard", self._packet, self._read, looks_like_wireguard)

    def _packet(self) -> bytes:
        now = self._env.clock.now()
        self._sent = initiation(
            server_public=self._server,
            static_private=self._static,
            ephemeral_private=self._env.rng.randbytes(32),
            sender=self._env.rng.randbytes(4),
            timestamp=tai64n(int(now.timestamp()), now.microsecond * 1000),
        )
        return self._sent.packet

    def _read(self, reply: bytes) -> str:
        if self._sent is None:
            raise AssertionError("a reply to nothing")
        found = read_answer(reply, self._sent)
        return "cookie" if isinstance(found, CookieReply) else "response"
