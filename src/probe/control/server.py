"""The control server: signed looks from a trusted line, for those who hold a token.

One request a connection, over TLS, each part with a deadline and a size. Whoever has no token is
told 404, whatever was asked: what this host is, it tells nobody else. Questions name endpoints of
the server's own catalog by id, so it fetches nothing for anybody. Nothing of a request is logged
or kept: neither who asked nor for what.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import h11

from probe import __version__
from probe.clock import Clock
from probe.control.lookout import Lookout, Sight
from probe.control.message import (
    ANSWER_FORMAT,
    MAX_ASK,
    OBSERVE_PATH,
    Answer,
    Question,
    Refused,
    read_question,
    seal_answer,
)
from probe.control.requests import (
    UNKNOWN,
    OneRequestServer,
    Reply,
    Talk,
    holder_of,
)
from probe.errors import InputError
from probe.net.bucket import TokenBucket

__all__ = ["ControlServer", "Reply", "TokenRate"]

WAIT_S = 45.0
"""The longest that a question waits for looks; what is not seen by then is pending."""

_BURST = 60.0  # questions that one token may ask at once
_PER_SECOND = 0.1  # and how fast it may ask again
_AT_ONCE = 8  # questions of one token that wait at the same time
_NOT_SERVED = "not served by this control"


@dataclass(slots=True)
class TokenRate:
    """A token bucket for each place in the list of tokens, and what is under way."""

    clock: Clock
    burst: float = _BURST
    per_second: float = _PER_SECOND
    _buckets: dict[int, TokenBucket] = field(default_factory=dict)
    _waiting: dict[int, int] = field(default_factory=dict)

    def take(self, holder: int, amount: float = 1.0) -> bool:
        """Take one question (or bytes) from a holder's bucket; ``False`` when it holds less."""
        bucket = self._buckets.get(holder)
        if bucket is None:
            bucket = self._buckets[holder] = TokenBucket(self.per_second, self.burst)
        return bucket.take(amount, self.clock.monotonic_s())

    def begin(self, holder: int) -> bool:
        """Count a question that waits; ``False`` when too many of its holder do already."""
        waiting = self._waiting.get(holder, 0)
        if waiting >= _AT_ONCE:
            return False
        self._waiting[holder] = waiting + 1
        return True

    def end(self, holder: int) -> None:
        """Count no longer a question of a holder that was answered."""
        self._waiting[holder] -= 1


@dataclass
class ControlServer(OneRequestServer):
    """Answers questions over connections that ``probe.net.listen`` hands to ``serve``."""

    lookout: Lookout
    tokens: Callable[[], Sequence[str]]  # hashes; read anew, so that a token can be ended
    private_key: bytes
    wait_s: float = WAIT_S
    rate: TokenRate = field(init=False)

    def __post_init__(self) -> None:
        """Count on the lookout's clock."""
        self.rate = TokenRate(self.lookout.session.clock)

    async def answer(self, talk: Talk, request: h11.Request) -> Reply:
        """Return what is said to a question; a stranger's is not read."""
        holder = holder_of(request, self.tokens())
        if holder is None:
            return UNKNOWN
        async with asyncio.timeout_at(talk.ends_s):
            body = await _body(talk)
        return await self._reply(request, holder, body)

    async def _reply(self, request: h11.Request, holder: int, body: bytes | None) -> Reply:
        """Return what to say; one holder cannot take the place of the others."""
        if request.target != OBSERVE_PATH.encode():
            return UNKNOWN
        if request.method != b"POST":
            return Reply(405, b"only POST\n")
        if body is None:
            return Reply(413, b"too large\n")
        if not self.rate.take(holder) or not self.rate.begin(holder):
            return Reply(429, b"too many questions\n", retry_after_s=60)
        try:
            question = read_question(body)
            return Reply(200, seal_answer(await self._looked(question), self.private_key))
        except InputError as error:
            return Reply(400, f"{error}\n"[:500].encode())
        finally:
            self.rate.end(holder)

    async def _looked(self, question: Question) -> Answer:
        """Look, unless the other side speaks of another catalog: then only say which is ours."""
        lookout = self.lookout
        digest = lookout.session.catalog.digest
        names = tuple(dict.fromkeys(question.endpoints))
        sight, strange = Sight(), names
        if question.catalog_digest == digest:
            served = [name for name in names if name in lookout.served]
            strange = tuple(name for name in names if name not in lookout.served)
            sight = await lookout.look(served, self.wait_s)
        return Answer(
            format=ANSWER_FORMAT,
            nonce=question.nonce,
            created=lookout.session.clock.now(),
            version=__version__,
            catalog_digest=digest,
            country=lookout.session.vantage.country,
            gate=sight.gate,
            observations=sight.observations,
            pending=sight.pending,
            refused=(
                *(Refused(endpoint=name, reason=_NOT_SERVED) for name in strange),
                *(Refused(endpoint=name, reason=why) for name, why in sight.unseen),
            ),
        )


async def _body(talk: Talk) -> bytes | None:
    """Return the body, ``None`` when it is larger than any question."""
    body = bytearray()
    while True:
        event = talk.connection.next_event()
        if isinstance(event, h11.EndOfMessage):
            return bytes(body)
        if isinstance(event, h11.Data):
            body += event.data
            if len(body) > MAX_ASK:
                return None
        elif event is h11.NEED_DATA:
            await talk.feed()
        else:
            raise h11.RemoteProtocolError("the request ended early")
