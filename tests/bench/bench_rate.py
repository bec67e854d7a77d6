"""How many endpoints a second can be measured, beside bare asyncio TLS handshakes.

1,000 reachable endpoints in the lab, each measured by DNS (one UDP query), TCP and TLS with the
chain verified, no rate limits, 32 at a time. Then as many TLS handshakes with asyncio alone to
the same servers: no DNS, no verification, no record of steps.
"""

import asyncio
import gc
import random
import ssl
import statistics
import time
from datetime import date

from figures import Figure

from probe.lab.process import Lab
from probe.lab.scenario import load_scenario
from probe.model.measurement import DnsEngine, Measurement
from probe.model.target import Catalog, Category, Endpoint, Kind, Role, Service
from probe.probes.env import ProbeEnv
from probe.probes.measure import measure
from probe.probes.options import ProbeOptions

COUNT = 1_000
AT_ONCE = 32
WARM_UPS = 4
PASSES = 3
OPTIONS = ProbeOptions(engines=(DnsEngine.UDP,), keep_listening=False)


def catalog() -> Catalog:
    """Return a catalog of many plain TLS endpoints on names of their own."""
    endpoints = tuple(
        Endpoint(
            service="many",
            kind=Kind.TLS,
            host=f"host{n}.bench.example",
            port=443,
            tls=True,
            sni=f"host{n}.bench.example",
            role=Role.WEB,
            source="bench",
            checked_on=date(2026, 1, 1),
        )
        for n in range(COUNT)
    )
    service = Service(id="many", name="Many", category=Category.CONTROL, endpoints=endpoints)
    return Catalog(services=(service,), digest="bench")


async def _all(endpoints: tuple[Endpoint, ...], env: ProbeEnv) -> list[Measurement]:
    gate = asyncio.Semaphore(AT_ONCE)
    done: list[Measurement] = []

    async def one(endpoint: Endpoint) -> None:
        async with gate:
            done.append(await measure(endpoint, env, OPTIONS))

    async with asyncio.TaskGroup() as group:
        for endpoint in endpoints:
            group.create_task(one(endpoint))
    return done


async def _bare(places: list[tuple[str, int, str]]) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(host: str, port: int, name: str) -> None:
        async with gate:
            _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=name)
            writer.transport.abort()

    async with asyncio.TaskGroup() as group:
        for host, port, name in places:
            group.create_task(one(host, port, name))


async def _rate(endpoints: tuple[Endpoint, ...], env: ProbeEnv) -> tuple[float, float, int]:
    """Return measurements a second, processor seconds for each, and how many were good."""
    cpu, start = time.process_time(), time.perf_counter()
    done = await _all(endpoints, env)
    took, cpu = time.perf_counter() - start, time.process_time() - cpu
    return COUNT / took, cpu / COUNT, sum(m.failure is None for m in done)


async def main() -> list[Figure]:
    """Measure both, ours over chains already seen and over new ones; medians of three passes."""
    many = catalog()
    endpoints = many.endpoints()
    async with Lab(load_scenario("none"), many) as lab:

        def environment() -> ProbeEnv:  # with roots that remember no chain
            roots = lab.roots
            return ProbeEnv(net=lab.net(), clock=lab.clock, rng=random.Random(1), roots=roots)

        env = environment()
        for _ in range(WARM_UPS):  # the lab opens its listeners and makes its certificates
            await _all(endpoints, env)
        gc.collect()
        gc.freeze()  # what stands now is the benchmark's, not a round's, to look through
        passes = [await _rate(endpoints, env) for _ in range(PASSES)]
        fresh = [await _rate(endpoints, environment()) for _ in range(PASSES)]
        view = lab._views[False]
        places = []
        for endpoint in endpoints:
            address = lab.world.sites[endpoint.host].addresses[0]
            places.append((*await view.locate("tcp", address, 443), endpoint.host))
        bare = []
        for _ in range(PASSES):
            start = time.perf_counter()
            await _bare(places)
            bare.append(COUNT / (time.perf_counter() - start))
    good = min(each[2] for each in (*passes, *fresh))
    rate, cpu = (statistics.median(each[n] for each in passes) for n in (0, 1))
    first, bare_rate = statistics.median(each[0] for each in fresh), statistics.median(bare)
    return [
        Figure(
            "1,000 reachable endpoints (DNS + TCP + TLS, verified)",
            f"{rate:.0f} measurements/s, {cpu * 1e3:.1f} ms of processor each, {good} good",
            ">= 500/s",
            rate >= 500 and good == COUNT,
        ),
        Figure("the same, no certificate chain seen before", f"{first:.0f}/s"),
        Figure("bare asyncio TLS handshakes, same servers", f"{bare_rate:.0f}/s"),
        Figure("ratio of the first to the bare handshakes", f"{rate / bare_rate:.2f}"),
    ]


if __name__ == "__main__":
    for figure in asyncio.run(main()):
        print(figure.row())
