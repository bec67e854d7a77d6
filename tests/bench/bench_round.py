"""A round over 300 endpoints of which 40 % are silently dropped, with a deadline of 5 s.

The longest chain of one endpoint is its DNS answer and the deadline of the dropped SYN (with the
follow-ups that need not wait); with places enough at once the whole round should take little
longer than that.
"""

import asyncio
import random
import tempfile
import time
from datetime import date
from pathlib import Path

from figures import Figure, peak_rss_mib

from probe.clock import SystemClock
from probe.lab.process import Lab
from probe.lab.scenario import load_scenario
from probe.model.record import Record
from probe.model.target import Catalog, Category, Endpoint, Kind, Plan, Role, Service
from probe.model.vantage import Vantage
from probe.probes.env import ProbeEnv, Timeouts
from probe.schedule.budget import Allowance
from probe.schedule.plan import RoundPlan
from probe.schedule.runner import RunDeps, run_round
from probe.store.database import Store

COUNT = 300
DROPPED = 120
DEADLINE_S = 5.0
CENSOR = """
name: drops
description: 40 % of the names lead to addresses where nothing answers a SYN.
stages: [loopback]
starts: 2026-01-01
rules:
  - id: drops
    who: {service: dropped}
    what: {action: drop}
"""


def _service(name: str, count: int) -> Service:
    endpoints = tuple(
        Endpoint(
            service=name,
            kind=Kind.TLS,
            host=f"{name}{n}.bench.example",
            port=443,
            tls=True,
            sni=f"{name}{n}.bench.example",
            role=Role.WEB,
            plan=Plan.DEFAULT,
            source="bench",
            checked_on=date(2026, 1, 1),
        )
        for n in range(count)
    )
    return Service(id=name, name=name, category=Category.MESSAGING, endpoints=endpoints)


def _chain_s(record: Record) -> float:
    return sum(m.duration_s for m in record.bundle)


async def main() -> list[Figure]:
    """Run one round in real time and compare it with its longest chain."""
    catalog = Catalog(
        services=(_service("dropped", DROPPED), _service("open", COUNT - DROPPED)), digest="bench"
    )
    with tempfile.TemporaryDirectory() as folder:
        censor = Path(folder) / "drops.yaml"
        censor.write_text(CENSOR, encoding="utf-8")
        scenario = load_scenario(str(censor))
        async with Lab(scenario, catalog) as lab:
            with Store.open(Path(folder) / "bench.sqlite") as store:
                store.save_vantage(Vantage(id="bench"))
                timeouts = Timeouts(DEADLINE_S, DEADLINE_S, DEADLINE_S, DEADLINE_S, 1.0)
                env = ProbeEnv(
                    net=lab.net(),
                    clock=SystemClock(),
                    rng=random.Random(1),
                    roots=lab.roots,
                    timeouts=timeouts,
                )
                plan = RoundPlan(
                    name="bench",
                    anchors=(),
                    captive=None,
                    stun=None,
                    targets=catalog.endpoints(),
                )
                deps = RunDeps(
                    env=env,
                    catalog=catalog,
                    plan=plan,
                    vantage=Vantage(id="bench"),
                    allowed=Allowance(bytes=10**9, seconds=600.0),
                    secret=b"0" * 32,
                    rng=random.Random(1),
                    store=store,
                    quick=True,
                )
                start = time.perf_counter()
                result = await run_round(deps)
                took = time.perf_counter() - start
    longest = max(_chain_s(r) for r in result.records)
    dropped = sum(r.main.failure == "generic_timeout_error" for r in result.records)
    good = sum(r.main.failure is None for r in result.records)
    rss = peak_rss_mib()
    return [
        Figure(
            f"300 endpoints, {dropped} dropped ({DEADLINE_S:.0f} s), {good} good: round / chain",
            f"{took:.1f} s / {longest:.1f} s = {took / longest:.2f}",
            "<= 1.5",
            took <= 1.5 * longest and dropped == DROPPED and good == COUNT - DROPPED,
        ),
        Figure("peak memory of that round", f"{rss:.0f} MiB", "< 120 MiB", rss < 120),
    ]


if __name__ == "__main__":
    for figure in asyncio.run(main()):
        print(figure.row())
