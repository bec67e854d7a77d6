"""Asking a live control: what a trusted line elsewhere sees of the same endpoints, meanwhile.

All endpoints of a round are asked about, in a random order and in batches of one size, from the
moment when the round begins to measure: what is asked shows what is measured, never what failed.
A round that measures part of what a round before it did (a burst after a change) asks for all of
that again.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from random import Random

from msgspec.structs import replace

from probe.clock import Clock
from probe.control.address import ControlAddress
from probe.control.certificate import key_of_certificate
from probe.control.message import (
    ASK_FORMAT,
    BATCH,
    OBSERVE_PATH,
    Answer,
    Asked,
    Question,
    open_answer,
    pack_question,
)
from probe.errors import InputError
from probe.model.address import is_public, parse_ip
from probe.model.control import ControlObservation
from probe.model.target import Endpoint, Trust
from probe.net.base import Net, NetFailure, Stream
from probe.net.http import HttpLimits, HttpRequest, HttpResult, exchange
from probe.net.tls import Handshake, client_handshake
from probe.net.trust import Roots, verify_chain
from probe.schedule.cost import MEASURED_KINDS

__all__ = ["LiveControl"]

_CONNECT_S = 15.0
_ANSWER_S = 75.0  # the server waits for its looks for 45 s
_TOTAL_S = 300.0
_TRIES = 6
_LIMITS = HttpLimits(body=2_000_000, wire=2_200_000)
_NONCE_BITS = 128
_REMEMBERED = 4  # rounds whose endpoints may be asked for again

_REFUSALS = {
    404: "it does not know this token, or is no control server",
    429: "it is asked too often by those who hold this token",
}


@dataclass
class LiveControl:
    """One control server; ``name`` is what this side calls it in words, never its address.

    ``keys`` are the signing keys that are trusted. ``say`` is told once why it is not used.
    """

    address: ControlAddress
    token: str = field(repr=False)
    net: Net
    roots: Roots
    clock: Clock
    rng: Random
    keys: Collection[str]
    catalog_digest: str
    name: str = "live control"
    say: Callable[[str], None] = lambda _: None
    total_s: float = _TOTAL_S
    _seen: dict[str, ControlObservation] = field(default_factory=dict)
    _settled: dict[str, asyncio.Event] = field(default_factory=dict)
    _asked: list[frozenset[str]] = field(default_factory=list)
    _sent: int = 0
    _received: int = 0

    def expect(self, endpoints: Sequence[Endpoint]) -> None:
        """Get ready to be asked about the endpoints of a round; ``run`` then asks."""
        measured = frozenset(e.id for e in endpoints if e.kind in MEASURED_KINDS)
        self._seen.clear()
        self._settled = {name: asyncio.Event() for name in self._cover(measured)}

    async def run(self) -> None:
        """Ask about what is expected; a control that fails is said, and gives nothing."""
        order = sorted(self._settled)
        self.rng.shuffle(order)
        try:
            async with asyncio.timeout(self.total_s):
                for start in range(0, len(order), BATCH):
                    await self._batch(order[start : start + BATCH])
        except InputError as error:
            self.say(f"The {self.name} is not used: {error}.")
        except NetFailure as failure:
            self.say(f"The {self.name} could not be asked: {failure.failure}.")
        except TimeoutError:
            self.say(f"The {self.name} is too slow; it is used as far as it came.")
        finally:
            self._settle(order)

    def _cover(self, measured: frozenset[str]) -> frozenset[str]:
        """Return what to ask about: the same as before, where that holds all that is measured."""
        before = next((names for names in self._asked if measured <= names), None)
        if before is not None:
            return before
        self._asked = [measured, *self._asked][:_REMEMBERED]
        return measured

    def _settle(self, names: Collection[str]) -> None:
        for name in names:
            self._settled[name].set()

    async def _batch(self, names: Sequence[str]) -> None:
        """Ask about one batch until everything in it is settled, or hopeless."""
        for _ in range(_TRIES):
            answer, key = await self._ask(names)
            if answer.gate is not None:
                raise InputError(f"its own line is unfit to be a control now: {answer.gate}")
            for one in answer.observations:
                source = f"live {key[:16]}"
                self._seen[one.endpoint] = replace(one, source=source, country=answer.country)
            self._settle(set(names) - set(answer.pending))
            if not answer.pending:
                return
        self._settle(names)

    async def _ask(self, names: Sequence[str]) -> tuple[Answer, str]:
        nonce = f"{self.rng.getrandbits(_NONCE_BITS):032x}"
        question = Question(
            format=ASK_FORMAT,
            nonce=nonce,
            catalog_digest=self.catalog_digest,
            endpoints=tuple(names),
        )
        result = await self._exchange(pack_question(question))
        if result.failure is not None:
            raise NetFailure(result.failure)
        if result.status != 200:
            raise InputError(_REFUSALS.get(result.status or 0, f"it answered {result.status}"))
        if result.truncated:
            raise InputError("its answer is larger than any answer can be")
        asked = Asked(
            nonce=nonce,
            endpoints=names,
            catalog_digest=self.catalog_digest,
            keys=self.keys,
            now=self.clock.now(),
        )
        return open_answer(bytes(result.body), asked)

    async def _exchange(self, body: bytes) -> HttpResult:
        """Send one question over a connection of its own, and return what came back."""
        stream = await self._connect()
        try:
            handshake = await client_handshake(
                stream, sni=self.address.host, alpn=("http/1.1",), timeout_s=_CONNECT_S
            )
            request = HttpRequest(
                "POST",
                self.address.host,
                self.address.port,
                OBSERVE_PATH,
                headers=(
                    ("Authorization", f"Bearer {self.token}"),
                    ("Content-Type", "application/json"),
                ),
                body=body,
            )
            return await exchange(
                self._vetted(handshake), request, timeout_s=_ANSWER_S, limits=_LIMITS
            )
        finally:
            self._sent += stream.bytes_sent
            self._received += stream.bytes_received
            await stream.aclose()

    async def _connect(self) -> Stream:
        """Connect to the server; a name has to lead to a public address."""
        host = self.address.host
        if parse_ip(host) is not None:
            addresses: tuple[str, ...] = (host,)
        else:
            addresses = await self._resolved(host)
        failure = NetFailure("dns_no_answer")
        for address in addresses[:2]:
            try:
                return await self.net.connect_tcp(address, self.address.port, timeout_s=_CONNECT_S)
            except NetFailure as exc:
                failure = exc
        raise failure

    async def _resolved(self, host: str) -> tuple[str, ...]:
        found: list[str] = []
        failure: NetFailure | None = None
        for family in (4, 6):
            try:
                resolved = await self.net.system_resolve(host, family, timeout_s=_CONNECT_S)
            except NetFailure as exc:
                failure = failure or exc
                continue
            found.extend(address for address in resolved.addresses if is_public(address))
        if not found and failure is not None:
            raise failure
        if not found:
            raise InputError("its name leads to no public address")
        return tuple(found)

    def _vetted(self, handshake: Handshake) -> Stream:
        """Return the stream inside TLS, before anything is sent over it, if it leads to the server.

        That is one whose certificate is for a trusted signing key, or valid for its name to
        the packaged roots. What this machine's own store trusts does not count.

        Raises:
            InputError: it is somebody else.
            NetFailure: the handshake failed.

        """
        if handshake.failure is not None or handshake.stream is None:
            raise NetFailure(handshake.failure or "ssl_failed_handshake")
        leaf = handshake.chain[0] if handshake.chain else b""
        key = key_of_certificate(leaf)
        if key is not None and key in self.keys:
            return handshake.stream
        if not self._named(handshake.chain):
            raise InputError(
                "its certificate is neither for a trusted key nor valid for its name",
                mend="was its key trusted (probe control trust KEY)? Else somebody stands between",
            )
        return handshake.stream

    def _named(self, chain: Sequence[bytes]) -> bool:
        """Return whether the packaged roots vouch for the server's name."""
        if not chain:
            return False
        now = self.clock.now()
        check = verify_chain(chain, self.address.host, self.roots, now, Trust.PUBLIC)
        return check.packaged is None

    async def observe(self, endpoint: Endpoint) -> ControlObservation | None:
        """Return what it saw of ``endpoint``, once it answered or was given up."""
        settled = self._settled.get(endpoint.id)
        if settled is not None:
            await settled.wait()
        return self._seen.get(endpoint.id)

    def seen(self, endpoint: Endpoint) -> ControlObservation | None:
        """Return what it saw of ``endpoint`` as far as it answered."""
        return self._seen.get(endpoint.id)

    def crossed(self) -> tuple[int, int]:
        """Return the bytes sent and received since this was last asked."""
        crossed = (self._sent, self._received)
        self._sent = self._received = 0
        return crossed
