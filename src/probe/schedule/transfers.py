"""Taking the transfers of a round: one after the other, with the line to themselves."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from probe.analysis.speeds import transfer_of
from probe.model.address import family_of
from probe.model.goodput import Direction, Transport
from probe.model.measurement import (
    DnsEngine,
    HttpStep,
    Measurement,
    Outcome,
    TlsStep,
    Variant,
    main_look,
)
from probe.model.target import Purpose
from probe.probes.options import ProbeOptions
from probe.probes.transfer import HAS_OBJECT, Transfer
from probe.schedule.beside import reached_at
from probe.schedule.goodput_tasks import GoodputTask, TimedLook
from probe.schedule.reasons import FAR, NEARBY, STOOD_STILL
from probe.schedule.work import Work
from probe.steady import lost_s

__all__ = ["FRESH_S", "Transfers", "answers"]

FRESH_S = 60.0
"""A transfer this young serves as the control of another: within the same minute."""

_STILL_SHARE = 0.05
"""The share of a transfer's time that may be lost. While the process stands still the kernel goes
on receiving, so that what came then seems to have come at once."""

TakeLook = Callable[[Measurement], None]


def answers(bundle: Sequence[Measurement], task: GoodputTask) -> bool:
    """Return whether the first look saw what can be timed; what is cut needs no speed.

    A file has to have begun. To a server of one's own the endpoint itself is of no matter.
    """
    if any(look.transfer.server is not None for look in task.looks):
        return True
    main = main_look(bundle)
    if main is None or main.outcome is not Outcome.MEASURED:
        return False
    broken = any(isinstance(s, TlsStep) and s.failure is not None for s in main.steps)
    begun = any(isinstance(s, HttpStep) and s.status in HAS_OBJECT for s in main.steps)
    return begun and not broken


@dataclass(slots=True)
class Transfers:
    """The transfers of one round, from a line in ``country``."""

    work: Work
    country: str
    _fresh: dict[tuple[str, int], Measurement] = field(default_factory=dict)

    async def take(self, task: GoodputTask, bundle: Sequence[Measurement], taken: TakeLook) -> None:
        """Take the looks of ``task``, and hand each to ``taken``; one that was cut, interrupted.

        A server that says that it speaks HTTP/3 is asked for the same object over it, too.
        """
        family = _family(bundle)
        address: str | None = None
        over_quic = False
        for look in task.looks:
            found = await self._look(look, family, address, taken)
            if found is not None and look.variant is Variant.GOODPUT and transfer_of(found):
                address = reached_at(found)
                over_quic = _offers_http3(found)
        if not over_quic:
            return
        for look in task.repeated:
            await self._look(_by_quic(look), family, address, taken)

    async def _look(
        self, look: TimedLook, family: int, address: str | None, taken: TakeLook
    ) -> Measurement | None:
        """Take one look, or one that was taken a moment ago: nothing is sent for it again."""
        if look.at_target and address is None:
            return None
        key = (look.endpoint.id, family)
        known = self._fresh.get(key) if look.plain else None
        now_s = self.work.env.clock.monotonic_s()
        if known is not None and now_s - known.monotonic_s < FRESH_S:
            found = replace(known, variant=look.variant, bytes_sent=0, bytes_received=0)
        else:
            options = _options(look, family, address)
            before_s = lost_s()
            found = await self.work.measure(look.endpoint, options, taken)
            stood = lost_s() - before_s > _STILL_SHARE * found.duration_s
            if stood and found.outcome is Outcome.MEASURED:
                found = _untimed(found, STOOD_STILL)
                taken(found)
        if found.outcome is not Outcome.MEASURED:
            return None
        if look.plain:
            self._fresh[key] = found
        misplaced = self._misplaced(look, found)
        if misplaced is not None:
            found = _untimed(found, misplaced)
        taken(found)
        return found

    def _misplaced(self, look: TimedLook, found: Measurement) -> str | None:
        """Return why a file says nothing of the border: it came from the wrong side of it.

        Large hosts keep caches in the networks of providers: what comes from one is as fast as
        ever when the border is narrow. Without a database of countries nobody knows.
        """
        address, lookup = reached_at(found), self.work.lookup
        where = None if address is None or lookup is None else lookup.seen(address).country
        if where is None:
            return None
        if look.variant is Variant.GOODPUT_ABROAD:
            return NEARBY if where == self.country else None
        here = look.endpoint.purpose is Purpose.DOMESTIC
        return FAR if here and where != self.country else None


def _untimed(found: Measurement, reason: str) -> Measurement:
    return replace(found, outcome=Outcome.NOT_RUN, reason=reason, steps=())


def _family(bundle: Sequence[Measurement]) -> int:
    """Return the family over which the first look went."""
    main = main_look(bundle)
    address = None if main is None else reached_at(main)
    return (None if address is None else family_of(address)) or 4


def _options(look: TimedLook, family: int, address: str | None) -> ProbeOptions:
    server = look.transfer.server
    places = (server.address,) if server is not None else ()
    if look.at_target and address is not None:
        places = (address,)
    found = family_of(places[0]) if places else family
    return ProbeOptions(
        variant=look.variant,
        addresses=places,
        sni=look.sni,
        families=(found or family,),
        engines=(DnsEngine.SYSTEM,),
        keep_listening=False,
        random_payload=look.disguised,
        transfer=look.transfer,
    )


def _offers_http3(found: Measurement) -> bool:
    """Return whether the answer named HTTP/3 as another way (RFC 7838, RFC 9114 section 3.1.1)."""
    heads = (h for s in found.steps if isinstance(s, HttpStep) for h in s.headers)
    return any(name == "alt-svc" and 'h3=":443"' in value for name, value in heads)


def _by_quic(look: TimedLook) -> TimedLook:
    """Return the same transfer over HTTP/3, at the address where it was had over TCP."""
    return TimedLook(
        endpoint=look.endpoint,
        variant=look.variant,
        transfer=Transfer(
            wanted=look.transfer.wanted,
            direction=Direction.DOWNLOAD,
            transport=Transport.QUIC,
        ),
        sni=look.sni,
        at_target=True,
    )
