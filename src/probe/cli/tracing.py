"""A trace from the wish to the result: what is missing, consent, addresses, the file of packets."""

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING

from probe.cli.output import say
from probe.cli.trace_asking import Wish, agreed, sought_by, understood, vantage_known
from probe.errors import InputError, UnfitLineError
from probe.model.address import family_of, is_public
from probe.model.trace import Trace, Trigger
from probe.model.vantage import Vantage
from probe.settings import Settings

if TYPE_CHECKING:
    from probe.consent import Consent
    from probe.net.base import Net
    from probe.net.capture import Caught
    from probe.probes.trace import Aim

__all__ = ["NEUTRAL", "traced"]

NEUTRAL = "example.com"
"""Set aside for examples (RFC 2606): who names it wants nothing."""

_RESOLVE_S = 5.0


def traced(wish: Wish, *, store: Path | None, config: Path | None, catalog: Path | None) -> Trace:
    """Measure and return what was found; everything is checked before a packet is sent.

    Raises:
        ProbeError: something is missing, consent, an address, or a forbidden network.

    """
    from probe.cli.measuring import settings_of, surrounding, until_stopped
    from probe.net.capture import what_is_missing

    settings = settings_of(config=config, store=store, catalog=catalog, country=None)
    host, port, target = understood(wish)
    missing = what_is_missing()
    if missing:
        raise InputError(f"a trace cannot be made here: {'; '.join(missing)}")
    in_lab = surrounding(None) is not None
    vantage = vantage_known(settings)
    consent = None if in_lab else agreed(wish, settings, vantage, sought_by(wish, target))

    async def work(stop: asyncio.Event) -> Trace:
        return await _traced(wish, settings, vantage, (host, port, target), consent, stop)

    return until_stopped(work, "stopping; what was found is told (once more: stop at once)")


async def _traced(
    wish: Wish,
    settings: Settings,
    vantage: Vantage,
    place: tuple[str, int, str],
    consent: "Consent | None",
    stop: asyncio.Event,
) -> Trace:
    from probe.clock import SystemClock
    from probe.net.lab_net import LabNet
    from probe.net.line import look
    from probe.net.real import RealNet
    from probe.probes.trace import Pace
    from probe.schedule.network import NetworkLookup
    from probe.schedule.trace import TraceRequest, run_trace

    net: Net = LabNet() if consent is None else RealNet(consent)
    aim = await _aim(wish, net, place)
    pace = Pace(
        rounds=wish.rounds,
        spacing_s=wish.spacing_s,
        settle_s=wish.wait_s,
        max_hops=wish.max_hops,
    )
    own = look().addresses
    country = vantage.country if consent is not None else await _lab_country()
    request = TraceRequest(host=place[0], aim=aim, pace=pace, country=country, own=own)
    with NetworkLookup(*_databases(settings)) as lookup, _tape(wish.pcap) as kept:
        if lookup.empty:
            say("No database of networks: hops are told without AS and country (docs/trace.md).")
        return await run_trace(
            request,
            lookup,
            clock=SystemClock(),
            rng=SystemRandom(),
            stop=stop,
            progress=say,
            kept=kept,
        )


async def _lab_country() -> str:
    from probe.lab.netns.attached import AttachedLab

    async with await AttachedLab.attach() as lab:
        say(f"This is the lab, scenario {lab.scenario.name}: nothing of it is a real network.")
        return lab.scenario.country


def _databases(settings: Settings) -> tuple[Path | None, Path | None]:
    from probe.lab.netns.atlas import lab_maps
    from probe.net import guard
    from probe.schedule.database import database_path

    found = lab_maps(os.environ) if guard.in_lab() else None
    return found or (database_path(settings, "asn"), database_path(settings, "country"))


async def _aim(wish: Wish, net: "Net", place: tuple[str, int, str]) -> "Aim":
    from probe.probes.trace import Aim

    host, port, target = place
    family = 6 if wish.ipv6 else 4
    address = await _address(net, host, family)
    syn = wish.trigger is Trigger.SYN
    neutral_address = None
    if syn and wish.neutral is not None:
        neutral_address = await _address(net, wish.neutral, family_of(address) or family)
    return Aim(
        trigger=wish.trigger,
        address=address,
        port=port,
        target=target,
        neutral=None if syn and wish.neutral is None else wish.neutral or NEUTRAL,
        neutral_address=neutral_address,
    )


async def _address(net: "Net", host: str, family: int) -> str:
    """Return a public address of ``host``.

    Raises:
        UnfitLineError: there is none; the system's resolver may be lied to as well.

    """
    from probe.net.base import NetFailure

    if family_of(host) is not None:
        if not is_public(host):
            raise InputError(f"{host} is no public address")
        return host
    try:
        found = await net.system_resolve(host, family, timeout_s=_RESOLVE_S)
    except NetFailure as exc:
        raise UnfitLineError(
            f"the name of the host leads to no address here ({exc.failure}): give an address and"
            " --sni"
        ) from exc
    for address in found.addresses:
        if is_public(address):
            return address
    raise UnfitLineError("the host has no public address here: give an address and --sni")


@contextmanager
def _tape(file: Path | None) -> "Iterator[Callable[[Sequence[Caught]], None]]":
    """Keep packets in ``file``, or nowhere; a disk that fills up costs the file, not the trace.

    Raises:
        InputError: it cannot be opened.

    """
    from probe.probes.trace import keep_nothing

    if file is None:
        yield keep_nothing
        return
    from probe.clock import SystemClock
    from probe.net.pcap import Tape, open_tape

    say("The file of packets holds the addresses of this line and of its first routers.")
    loop = asyncio.get_running_loop()
    clock = SystemClock()
    tape = Tape(open_tape(file), lambda: clock.now().timestamp(), loop.time())
    broken: list[InputError] = []

    def keep(packets: "Sequence[Caught]") -> None:
        tape.turn(loop.time())  # the loop's time stands still while the process does
        try:
            for packet in packets if not broken else ():
                tape.keep(packet.data, packet.at_s)
        except InputError as exc:
            broken.append(exc)

    try:
        yield keep
    finally:
        try:
            tape.close()
        except InputError as exc:
            broken.append(exc)
        for problem in broken[:1]:
            say(f"{file}: {problem}")
