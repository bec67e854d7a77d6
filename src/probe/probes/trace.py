"""Trace: shots of limited life at one host, in rounds; measures, judges nothing.

A round is a sweep over the hops with the neutral name, then one with the target's, then a pause.
The neutral one goes first, and the hops are shot at nearest first: whatever the network does after
the trigger was seen (residual blocking of the address pair) can then only touch shots that went
further than the one that it saw first. All connections of a batch stand before its first trigger is
sent, for the same reason.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from probe.clock import Clock, sleep_or_stop
from probe.model.trace import Arm, Shot, Trigger
from probe.net.base import NetFailure
from probe.net.capture import Caught
from probe.net.expiring import Expiring, connected, datagrams, unconnected
from probe.net.first_bytes import FirstBytes, first_bytes
from probe.net.raw import Heard, read_packet
from probe.probes.trace_match import Fired, matched

__all__ = ["BATCH", "Aim", "Capturing", "Pace", "Tracing", "keep_nothing", "say_nothing"]

BATCH = 8
"""Shots under way at the same time: a router says only so many times a second that one died."""

_DATAGRAMS = 3
_UDP = frozenset({Trigger.DNS, Trigger.QUIC, None})
_TRACEROUTE_PORT = 33_434
"""Where traceroute has always sent its datagrams; nobody listens there."""

_BEYOND = 1
"""Hops shot at beyond the server: its distance may differ by one from flow to flow."""

_AT_A_TIME = 100
"""Packets that are read before anybody else has a turn."""

_PATIENCE = 3
"""Pauses in a row that are waited for the neutral name to get through again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What is sent where: ``neutral_address`` is another one only for SYNs.

    ``neutral`` is ``None`` when there is nothing to compare with (a SYN without a neutral host).
    """

    trigger: Trigger
    address: str
    port: int
    target: str = ""
    neutral: str | None = ""
    neutral_address: str | None = None

    def place(self, arm: Arm) -> str | None:
        """Return the address that an arm shoots at, ``None`` where there is nothing to."""
        if arm is not Arm.NEUTRAL:
            return self.address
        if self.trigger is Trigger.SYN:
            return self.neutral_address
        return self.address

    def sent(self, arm: Arm) -> Trigger | None:
        """Return what is sent for an arm: along the path a SYN, or ``None``, an empty datagram."""
        if arm is not Arm.PATH:
            return self.trigger
        return None if self.trigger is Trigger.SYN else Trigger.SYN

    def port_of(self, arm: Arm) -> int:
        """Return the port that an arm shoots at."""
        return _TRACEROUTE_PORT if self.sent(arm) is None else self.port

    @property
    def addresses(self) -> tuple[str, ...]:
        """Return every address that is shot at."""
        both = (self.address, self.neutral_address)
        return tuple(dict.fromkeys(one for one in both if one is not None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often, how far, how fast; ``settle_s`` is how long answers are waited for."""

    rounds: int = 3
    spacing_s: float = 200.0
    settle_s: float = 2.0
    connect_s: float = 5.0
    gap_s: float = 0.03  # between the shots of a batch
    max_hops: int = 30


def say_nothing(text: str) -> None:
    """Tell nobody."""
    del text


def keep_nothing(packets: Sequence[Caught]) -> None:
    """Keep no packet."""
    del packets


class Capturing(Protocol):
    """What the capture gives, and a test's stand-in."""

    def take(self) -> list[Caught]:
        """Return what has been caught since the last time."""
        ...

    def lost(self) -> int:
        """Return how many packets were not caught since the last time this was asked."""
        ...


@dataclass(slots=True)
class Tracing:
    """One trace under way; ``shots`` are there also when it is broken off."""

    aim: Aim
    pace: Pace
    capture: Capturing
    clock: Clock
    rng: random.Random
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    progress: Callable[[str], None] = say_nothing
    kept: Callable[[Sequence[Caught]], None] = keep_nothing
    shots: list[Shot] = field(default_factory=list)
    rounds: int = 0
    lost: int = 0  # packets that came while shots were waited for, and could not be read

    async def run(self) -> tuple[Shot, ...]:
        """Shoot all rounds, or those until ``stop``, and return the shots."""
        for number in range(1, self.pace.rounds + 1):
            if number > 1 and not await self._paused(number):
                break
            await self._round(number)
            if self.stop.is_set():
                break
            self.rounds = number
        return tuple(self.shots)

    async def _round(self, number: int) -> None:
        self.progress(f"round {number} of {self.pace.rounds}")
        if number == 1 and self.aim.trigger not in _UDP:
            await self._sweep(number, Arm.PATH)
        if self.aim.place(Arm.NEUTRAL) is not None and self.aim.neutral is not None:
            await self._sweep(number, Arm.NEUTRAL)
        await self._sweep(number, Arm.TARGET)

    async def _paused(self, number: int) -> bool:
        """Wait between rounds, longer while the neutral name is still held up; else ``False``."""
        for _ in range(_PATIENCE):
            await sleep_or_stop(self.clock, self.pace.spacing_s, self.stop)
            if self.stop.is_set():
                return False
            if await self._clear(number):
                return True
            self.progress("the neutral name does not get through yet: waiting once more")
        return False

    async def _clear(self, number: int) -> bool:
        """Return whether one neutral shot of full life fares as it did in the first round."""
        neutral = [shot for shot in self.shots if shot.arm is Arm.NEUTRAL and shot.round == 1]
        if not neutral:
            return True
        farthest = max(shot.ttl for shot in neutral)
        before = [shot for shot in neutral if shot.ttl == farthest]
        tried = await self._batch(number, Arm.NEUTRAL, [farthest])
        return _contact(tried) or not _contact(before)

    async def _sweep(self, number: int, arm: Arm) -> None:
        """Shoot at each hop, a batch after the other, up to the server or its likely place."""
        last = self._last(arm)
        at = 1
        while at <= last and not self.stop.is_set():
            ttls = range(at, min(at + BATCH, last + 1))
            shots = await self._batch(number, arm, ttls)
            self.shots += shots
            if arm is not Arm.TARGET and _contact(shots):
                return
            if not any(shot.router or shot.answers for shot in shots):
                return  # nobody on the way speaks any more
            at = ttls[-1] + 1

    def _last(self, arm: Arm) -> int:
        """Return the farthest hop that is worth a shot, by what the other arms have found."""
        most = self.pace.max_hops
        elsewhere = arm is Arm.NEUTRAL and self.aim.trigger is Trigger.SYN
        if arm is Arm.PATH or elsewhere:
            return most
        servers = [shot.ttl for shot in self.shots if shot.arm is not Arm.TARGET and shot.answered]
        heard = [shot.ttl for shot in self.shots if shot.router]
        if not servers:
            return most
        return min(most, max(min(servers), max(heard, default=0) + 1) + _BEYOND)

    async def _batch(self, number: int, arm: Arm, ttls: Sequence[int]) -> list[Shot]:
        """Shoot once at each of ``ttls``, wait, and return what became of it."""
        self.capture.take()  # what comes late of an earlier batch is nobody's
        self.capture.lost()
        sockets: list[Expiring] = []
        try:
            carried = await self._carriers(arm, ttls, sockets)
            fired = await self._fire(number, arm, carried)
            await asyncio.sleep(self.pace.settle_s / _DATAGRAMS)
        finally:
            for each in sockets:
                each.close()
        caught = self.capture.take()
        self.lost += self.capture.lost()
        self.kept(caught)
        return list(matched(fired, await _read(caught)))

    async def _carriers(
        self, arm: Arm, ttls: Sequence[int], opened: list[Expiring]
    ) -> dict[int, Expiring | str]:
        """Return for each TTL what carries the shot, or why there is none; fills ``opened``."""
        place, port = self.aim.place(arm) or self.aim.address, self.aim.port_of(arm)
        trigger = self.aim.sent(arm)

        async def one() -> Expiring | str:
            try:
                if trigger in _UDP:
                    made = datagrams(place, port)
                elif trigger is Trigger.SYN:
                    made = unconnected(place, port)
                else:
                    made = await connected(place, port, timeout_s=self.pace.connect_s)
            except NetFailure as exc:
                return str(exc.failure)
            opened.append(made)
            return made

        async with asyncio.TaskGroup() as group:
            tasks = {ttl: group.create_task(one()) for ttl in ttls}
        return {ttl: task.result() for ttl, task in tasks.items()}

    async def _fire(self, number: int, arm: Arm, carried: dict[int, Expiring | str]) -> list[Fired]:
        """Send every shot, nearest first; datagrams again, since nobody else does that."""
        fired: list[Fired] = []
        again: list[tuple[Expiring, FirstBytes]] = []
        for ttl, carrier in carried.items():
            said = self._said(arm)
            fired.append(self._shot(number, arm, ttl, carrier, said))
            if isinstance(carrier, Expiring) and self.aim.sent(arm) in _UDP:
                again.append((carrier, said))
            await asyncio.sleep(self.pace.gap_s)
        for _ in range(_DATAGRAMS - 1):
            await asyncio.sleep(self.pace.settle_s / _DATAGRAMS)
            for carrier, said in again:
                carrier.send(said.data)
        return fired

    def _said(self, arm: Arm) -> FirstBytes:
        if arm is Arm.PATH:
            return FirstBytes()
        name = self.aim.target if arm is Arm.TARGET else self.aim.neutral or ""
        six = ":" in self.aim.address
        return first_bytes(self.aim.trigger, name, self.rng, six=six)

    def _shot(
        self, number: int, arm: Arm, ttl: int, carrier: Expiring | str, said: FirstBytes
    ) -> Fired:
        trigger = self.aim.sent(arm)
        place = self.aim.place(arm) or self.aim.address
        failure = carrier if isinstance(carrier, str) else None
        sent_s = asyncio.get_running_loop().time()
        own, own_port = "", 0
        if isinstance(carrier, Expiring):
            carrier.live(ttl)
            failure = _sent(carrier, said, trigger)
            own, own_port = carrier.own, carrier.port
        return Fired(
            round=number,
            arm=arm,
            ttl=ttl,
            trigger=trigger,
            address=place,
            port=self.aim.port_of(arm),
            own=own,
            own_port=own_port,
            sent_s=sent_s,
            failure=failure,
            asked=said.asked,
        )


def _sent(carrier: Expiring, said: FirstBytes, trigger: Trigger | None) -> str | None:
    """Send one shot; return why it could not be sent."""
    if trigger is not Trigger.SYN:
        carrier.send(said.data)
        return None
    try:
        carrier.knock()
    except NetFailure as exc:
        return str(exc.failure)
    return None


async def _read(caught: Sequence[Caught]) -> list[tuple[float, Heard]]:
    """Read packets; of thousands it takes seconds, in which somebody may want to stop it."""
    heard: list[tuple[float, Heard]] = []
    for number, one in enumerate(caught, 1):
        packet = read_packet(one.data)
        if packet is not None:
            heard.append((one.at_s, packet))
        if number % _AT_A_TIME == 0:
            await asyncio.sleep(0)
    return heard


def _contact(shots: Sequence[Shot]) -> bool:
    return any(shot.answered for shot in shots)
