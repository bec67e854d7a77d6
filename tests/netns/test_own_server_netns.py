"""Uploads and calls to a server of one's own over real packets, through a box that slows and loses.

Runs inside ``probe lab up --server`` only (``make test-netns``): ``own_server.py`` stands in the
lab's internet.
"""

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from statistics import median
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from own_server import HOST, NAME, NEUTRAL, PORT, known_as
from test_goodput_netns import NEAR, rule

from probe.analysis.speeds import speed_of, transfer_of
from probe.clock import SystemClock
from probe.lab.actions import Action, Limit, Way
from probe.lab.netns.attached import AttachedLab
from probe.lab.rules import Rule, Who
from probe.model.goodput import Direction, Speed, Transport
from probe.model.target import Endpoint
from probe.net import guard
from probe.net.quic import quic_is_here
from probe.probes.env import ProbeEnv
from probe.probes.measure import measure
from probe.probes.options import ProbeOptions
from probe.probes.transfer import OwnServer, Transfer
from probe.wire.media import PACKET

pytestmark = [
    pytest.mark.netns,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not guard.in_lab(), reason="not inside probe lab up"),
]

RATE, FREE = 40_000, 400_000  # bytes a second: of the limit, and more than that is none
SIZE = 262_144
CALL = 400  # datagrams: eight seconds of a call
LOST = 0.3
SPREAD = 0.1  # of a share of 400: four standard deviations


@dataclass(frozen=True)
class Line:
    """A line, and a server of its owner's own."""

    lab: AttachedLab
    env: ProbeEnv
    server: OwnServer
    endpoint: Endpoint

    async def play(self, *rules: Rule) -> None:
        scenario = msgspec.structs.replace(self.lab.scenario, rules=rules)
        await self.lab.play(scenario, self.lab.services)

    async def speed(self, wanted: int = SIZE, *, sni: str = NAME, **how: Any) -> Speed:
        """Return what one transfer came to; ``how`` is of the transfer."""
        disguised = how.pop("disguised", False)
        transfer = Transfer(wanted=wanted, server=self.server, **how)
        options = ProbeOptions(
            addresses=(self.server.address,),
            transfer=transfer,
            sni=sni,
            random_payload=disguised,
        )
        step = transfer_of(await measure(self.endpoint, self.env, options))
        assert step is not None
        return speed_of(step)

    async def up(self, *, sni: str = NAME) -> float:
        """Return the rate of the middle one of three uploads."""
        seen = [await self.speed(sni=sni, direction=Direction.UPLOAD) for _ in range(3)]
        return median(one.rate or 0.0 for one in seen)

    async def call(self, *, disguised: bool = False) -> Speed:
        return await self.speed(CALL * PACKET, transport=Transport.UDP, disguised=disguised)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def line() -> AsyncIterator[Line]:
    """Return the line; each test plays its own rules."""
    async with await AttachedLab.attach() as lab:
        before = lab.scenario
        clock = SystemClock()  # as the server's: other tests may have moved the lab's
        env = ProbeEnv(net=lab.net(), clock=clock, rng=random.Random(1), roots=lab.roots)
        endpoint = next(e for s in lab.services for e in s.endpoints if e.host == NAME)
        yield Line(lab, env, known_as(lab.world), endpoint)
        await lab.play(before)


@pytest.mark.parametrize("limit", list(Limit))
async def test_uploads_of_one_name_are_held_to_a_rate(line: Line, limit: Limit) -> None:
    """Within 15 %; downloads under it, and uploads under another name, are free."""
    held = rule(Action.THROTTLE, Who(sni=(NAME,), port=(PORT,)), rate=RATE, limit=limit, way=Way.UP)
    await line.play(held)
    assert await line.up() == pytest.approx(RATE, rel=NEAR)
    assert (await line.speed()).rate > FREE  # type: ignore[operator]
    assert await line.up(sni=NEUTRAL) > FREE


async def test_uploads_to_an_address_are_slow_under_each_name(line: Line) -> None:
    """A limit by address has no name that is free of it."""
    here = Who(address=(line.server.address,))
    await line.play(rule(Action.THROTTLE, here, rate=RATE, limit=Limit.SHAPED, way=Way.UP))
    for name in (NAME, NEUTRAL):
        assert await line.up(sni=name) == pytest.approx(RATE, rel=NEAR)


@pytest.mark.skipif(not quic_is_here(), reason="aioquic is not installed (extra quic)")
async def test_a_limit_of_a_protocol_spares_the_other(line: Line) -> None:
    """All of QUIC is held to a rate each way; the same object over TCP is not; and the reverse."""
    for slow, free, protocol in (
        (Transport.QUIC, Transport.TCP, "quic"),
        (Transport.TCP, Transport.QUIC, "tls"),
    ):
        who = Who(protocol=(protocol,))
        held = rule(Action.THROTTLE, who, rate=RATE, limit=Limit.SHAPED, way=Way.BOTH)
        await line.play(held)
        assert (await line.speed(transport=slow)).rate == pytest.approx(RATE, rel=NEAR)
        assert (await line.speed(transport=free)).rate > FREE  # type: ignore[operator]


@pytest.mark.parametrize(
    ("way", "lost"), [(Way.UP, LOST), (Way.DOWN, LOST), (Way.BOTH, 1 - (1 - LOST) ** 2)]
)
async def test_a_calls_loss_is_measured(line: Line, way: Way, lost: float) -> None:
    """A call comes back, so that what is lost on either way is lost; its rate falls as much."""
    here = Who(address=(line.server.address,), protocol=("udp",))
    await line.play(rule(Action.LOSE, here, share=LOST, way=way))
    call = await line.call()
    assert call.lost_share == pytest.approx(lost, abs=SPREAD)
    assert call.rate == pytest.approx((1 - lost) * PACKET * 50, rel=0.2)
    disguised = await line.call(disguised=True)
    assert disguised.lost_share == pytest.approx(lost, abs=SPREAD)


async def test_a_call_on_a_free_line_loses_nothing(line: Line) -> None:
    """And a rule on another address is none of it."""
    elsewhere = Who(address=("33.7.7.7",), protocol=("udp",))
    await line.play(rule(Action.LOSE, elsewhere, share=1.0, way=Way.BOTH))
    assert (await line.call()).lost_share == pytest.approx(0.0, abs=0.01)
    assert line.lab.world.sites[HOST].addresses[0] == line.server.address
