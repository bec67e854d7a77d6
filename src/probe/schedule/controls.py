"""The controls of each endpoint in one round: those that were given, and the own past.

Three kinds may be given: observations that are there before the round; a function that is asked
about an endpoint once that was measured (plain or ``async``); and a provider, which looks at the
plan's endpoints by itself while the round runs, so that what it is asked tells nobody what failed.
"""

import inspect
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from msgspec.structs import replace

from probe.errors import ProbeError
from probe.model.control import ControlObservation
from probe.model.measurement import (
    DnsStep,
    ExchangeStep,
    HttpStep,
    Measurement,
    Outcome,
    Proof,
    Step,
    TlsStep,
)
from probe.model.target import Endpoint, Kind
from probe.wire.scrub import scrub, scrub_address

__all__ = ["ControlBook", "ControlProvider", "Controls", "proves_itself", "without_own"]

Seen = Sequence[ControlObservation]
Asked = Callable[[Endpoint], Seen] | Callable[[Endpoint], Awaitable[Seen]]


@runtime_checkable
class ControlProvider(Protocol):
    """Somebody elsewhere who looks at the same endpoints at the same time."""

    async def run(self, endpoints: Sequence[Endpoint]) -> None:
        """Look at all of a round's endpoints; a failure is no exception, it gives nothing."""
        ...

    async def observe(self, endpoint: Endpoint) -> Seen:
        """Return what was seen of ``endpoint``, once that is known or has become hopeless."""
        ...

    def seen(self, endpoint: Endpoint) -> Seen:
        """Return what is known of ``endpoint`` by now."""
        ...

    def crossed(self) -> tuple[int, int]:
        """Return the bytes sent and received since this was last asked."""
        ...


Controls = Seen | Asked | ControlProvider
"""What a round is given."""


class _Past(Protocol):
    def own_past(self, endpoint: str, before: datetime) -> ControlObservation | None:
        """Return the newest own good result before a time."""
        ...


_TEXTS = (
    "source",
    "country",
    "failure",
    "failed_operation",
    "issuer",
    "leaf_sha256",
    "title",
    "body_sha256",
)


def without_own(control: ControlObservation, own: Collection[str]) -> ControlObservation:
    """Return what was seen elsewhere without this line's own addresses.

    A live control knows who asks; what it answers is stored, told and dialled.
    """
    if not own:
        return control
    said = {name: getattr(control, name) for name in _TEXTS}
    dialled = control.address
    return replace(
        control,
        addresses=tuple(a for a in control.addresses if scrub_address(a, own) == a),
        address=None if dialled is None or scrub_address(dialled, own) != dialled else dialled,
        **{name: scrub(text, own) for name, text in said.items() if text is not None},
    )


_ENDS: dict[Kind, type[Step]] = {Kind.TLS: TlsStep, Kind.DOH: DnsStep, Kind.DOT: DnsStep}
_NAMES = frozenset({Kind.DNS, Kind.RESOLVER})


def proves_itself(main: Measurement) -> bool:
    """Return whether a look needs no control: valid TLS and an answer, or the expected page."""
    if main.outcome is not Outcome.MEASURED:
        return True
    if main.kind in _NAMES or any(step.failure is not None for step in main.steps):
        return False
    last = main.steps[-1] if main.steps else None
    if isinstance(last, ExchangeStep):
        return last.proof is Proof.IDENTITY
    if isinstance(last, HttpStep):
        return last.expected is True or (last.tls and last.status is not None and last.status < 400)
    return last is not None and isinstance(last, _ENDS.get(main.kind, ()))


class ControlBook:
    """Looks controls up by endpoint; the past is read once for each."""

    def __init__(self, given: Controls, store: _Past | None, before: datetime) -> None:
        """Take what was given, and a store whose results before ``before`` count as the past."""
        self._store = store
        self._before = before
        self._past: dict[str, tuple[ControlObservation, ...]] = {}
        self._provider = given if isinstance(given, ControlProvider) else None
        self._ask: Asked | None = None
        self._known: dict[str, list[ControlObservation]] = {}
        if self._provider is not None:
            return
        if callable(given):
            self._ask = given
            return
        for observation in given if isinstance(given, Sequence) else ():
            self._known.setdefault(observation.endpoint, []).append(observation)

    async def run(self, endpoints: Sequence[Endpoint], problem: Callable[[str], None]) -> None:
        """Let a provider look at a round's endpoints; a bug of it costs its answers only."""
        public = [endpoint for endpoint in endpoints if endpoint.private is None]
        if self._provider is None or not public:
            return
        try:
            await self._provider.run(public)
        except ProbeError:
            raise
        except Exception as exc:  # noqa: BLE001 - a task boundary: the round goes on without it
            problem(f"control: {type(exc).__name__}")

    async def asked(self, endpoint: Endpoint, main: Measurement) -> None:
        """Wait until the control has answered about ``endpoint``, where the look needs one.

        Nobody is asked about what is private.
        """
        if endpoint.private is not None:
            return
        if self._provider is not None:
            if not proves_itself(main):
                await self._provider.observe(endpoint)
        elif self._ask is not None and endpoint.id not in self._known:
            answer = self._ask(endpoint)
            found = await answer if inspect.isawaitable(answer) else answer
            self._known[endpoint.id] = list(found)

    def of(self, endpoint: Endpoint, main: Measurement) -> tuple[ControlObservation, ...]:
        """Return the controls of ``endpoint`` as far as they are known, the past last.

        The past is read only for a look that does not prove itself: reading it takes longer
        than many a measurement.
        """
        given = self._given(endpoint)
        if proves_itself(main):
            return given
        past = self._past.get(endpoint.id)
        if past is None:
            seen = self._store.own_past(endpoint.id, self._before) if self._store else None
            past = self._past[endpoint.id] = () if seen is None else (seen,)
        return (*given, *past)

    def _given(self, endpoint: Endpoint) -> tuple[ControlObservation, ...]:
        if endpoint.private is not None:
            return ()
        if self._provider is not None:
            return tuple(self._provider.seen(endpoint))
        known = self._known.get(endpoint.id)
        if known is None and self._ask is not None and not _is_async(self._ask):
            answer = self._ask(endpoint)
            return () if inspect.isawaitable(answer) else tuple(answer)
        return tuple(known or ())

    def crossed(self) -> tuple[int, int]:
        """Return the bytes that asking has cost since this was last asked."""
        return (0, 0) if self._provider is None else self._provider.crossed()


def _is_async(function: Asked) -> bool:
    call = getattr(function, "__call__", None)  # noqa: B004 - an object may have an async one
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)
