"""Scenarios played in namespaces: run inside ``probe lab up``, over real packets and sockets.

``probe lab up none --world small --at "2026-03-02 00:00" -- python .../namespaces.py NAME``

One JSON line a scenario (``Outcome``) on standard output. ``--loss 0.03 --times 20`` adds random
loss to every line and plays each scenario so often.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

import msgspec
from outcome import Outcome, outcome_of
from stage import LONG_S, Stage, timeouts_of

from probe.cli.measuring import line_facts
from probe.clock import Clock
from probe.lab.actions import Stage as Where
from probe.lab.netns.attached import AttachedLab
from probe.lab.rules import Scenario
from probe.lab.scenario import load_scenario, scenario_names
from probe.lab.world import World
from probe.model.measurement import Measurement
from probe.model.target import Endpoint, Service
from probe.net.base import Net
from probe.net.trust import Roots
from probe.probes.env import Timeouts
from probe.schedule.line import LineFacts
from probe.steady import loop_factory

__all__ = ["Namespaces", "main", "play", "played", "repeated"]

SLOWER = 3.0
"""How much longer than on loopback what stays silent is waited for: each packet passes the box."""

PATIENT = Timeouts(late_s=0.3)
"""On lines that lose or delay packets: as in the field."""


BRIEF = Timeouts(dns_s=LONG_S, tcp_s=LONG_S, tls_s=1.0, http_s=1.0, exchange_s=1.0, late_s=0.3)
"""On a line on which everything large is silent, and nothing is late."""


class Namespaces:
    """The lab that this process is in."""

    where = Where.NETNS

    def __init__(self, lab: AttachedLab) -> None:
        """Stand on an attached lab."""
        self._lab = lab

    @property
    def services(self) -> Sequence[Service]:
        """Return what there is in the world."""
        return self._lab.services

    @property
    def world(self) -> World:
        """Return where everything is."""
        return self._lab.world

    @property
    def clock(self) -> Clock:
        """Return the lab's time."""
        return self._lab.clock

    @property
    def roots(self) -> Roots:
        """Return whom the line's machine believes."""
        return self._lab.roots

    async def play(self, scenario: Scenario) -> None:
        """Put a scenario into the lab, with its own world."""
        await self._lab.play(scenario, scenario.services)

    async def until(self, instant: datetime) -> None:
        """Move the lab's clock forward."""
        await self._lab.clock.until(instant)

    def net(self) -> Net:
        """Return this process's own network."""
        return self._lab.net()

    def line(self) -> LineFacts:
        """Return what this system says of its line."""
        return line_facts()

    async def abroad(self, endpoint: Endpoint, timeouts: Timeouts) -> Measurement:
        """Measure from the lab's place abroad."""
        return await self._lab.observe(endpoint, timeouts)

    def consenting(self) -> str | None:
        """Return the consenting host of the world."""
        return self._lab.world.consenting

    def timeouts(self, scenario: Scenario) -> Timeouts:
        """Return deadlines that leave the box its time; on a bad line those of the field."""
        line = scenario.line
        if line.mtu is not None:
            return BRIEF
        if line.loss or line.latency_ms or line.down_kbit or line.up_kbit:
            return PATIENT
        short = timeouts_of(scenario)
        return Timeouts(
            dns_s=_longer(short.dns_s),
            tcp_s=_longer(short.tcp_s),
            tls_s=_longer(short.tls_s),
            http_s=_longer(short.http_s),
            exchange_s=_longer(short.exchange_s),
            late_s=0.3,
            udp_s=_longer(short.udp_s),
        )


def _longer(seconds: float) -> float:
    return seconds if seconds >= LONG_S else min(LONG_S, SLOWER * seconds)


async def play(
    lab: AttachedLab, scenario: Scenario, folder: Path, *, slower: float = 1.0
) -> Outcome:
    """Play one scenario in ``lab``; ``folder`` takes the database of its networks.

    All deadlines are ``slower`` times as long.
    """
    await lab.play(scenario, scenario.services)
    await lab.clock.sleep(0)  # the servers' time stands still with ours, however long we wait
    stage = Stage(Namespaces(lab), folder, scenario.country)
    try:
        rounds = await stage.play(scenario, slower=slower)
    finally:
        stage.close()
    return outcome_of(scenario, "netns", rounds)


async def played(scenarios: Iterable[Scenario]) -> bool:
    """Play scenarios in the lab that this process is in, and write each outcome at once.

    Returns whether all were right.
    """
    right = True
    with tempfile.TemporaryDirectory(prefix="probe-scenarios-") as folder:
        async with await AttachedLab.attach() as lab:
            for number, scenario in enumerate(scenarios):
                place = Path(folder) / str(number)
                place.mkdir()
                outcome = await play(lab, scenario, place)
                right = right and outcome.right
                sys.stdout.write(msgspec.json.encode(outcome).decode() + "\n")
                sys.stdout.flush()
    return right


def repeated(scenarios: Sequence[Scenario], loss: float, times: int) -> Iterator[Scenario]:
    """Yield each scenario so often, on a line that loses packets besides."""
    for scenario in scenarios:
        line = msgspec.structs.replace(scenario.line, loss=max(loss, scenario.line.loss))
        for _ in range(times):
            yield msgspec.structs.replace(scenario, line=line)


def main() -> int:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="scenarios (default: all but the demo)")
    parser.add_argument("--loss", type=float, default=0.0)
    parser.add_argument("--times", type=int, default=1)
    args = parser.parse_args()
    names = args.names or [name for name in scenario_names() if name != "demo"]
    scenarios = [load_scenario(name) for name in names]
    here = [scenario for scenario in scenarios if Where.NETNS in scenario.stages]
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        right = runner.run(played(repeated(here, args.loss, args.times)))
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
