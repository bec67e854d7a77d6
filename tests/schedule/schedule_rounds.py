"""A small catalog, measurements as probes would return them, and rounds over both."""

import asyncio
import random
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from probe.clock import Clock, VirtualClock
from probe.model.measurement import (
    Answer,
    CertificateCheck,
    DnsEngine,
    DnsStep,
    HttpStep,
    Measurement,
    Outcome,
    Step,
    TcpStep,
    TlsStep,
    Variant,
)
from probe.model.target import (
    Catalog,
    Category,
    Endpoint,
    Expect,
    Kind,
    Plan,
    Purpose,
    Risk,
    Role,
    Service,
)
from probe.model.vantage import Vantage
from probe.net.fake import FakeNet
from probe.net.trust import Roots
from probe.probes.env import ProbeEnv
from probe.probes.options import ProbeOptions
from probe.schedule.budget import Allowance
from probe.schedule.plan import RoundPlan, make_plan
from probe.schedule.runner import RunDeps
from probe.schedule.work import Partial, blank
from probe.settings import Settings

START = datetime(2024, 3, 10, 12, tzinfo=UTC)
VANTAGE = Vantage(id="v1", country="IR", tz="Asia/Tehran")
SECRET = b"s" * 32
PLENTY = Allowance(bytes=10**9, seconds=3_600.0)


def settings(tmp: Path | None = None, **changes: Any) -> Settings:
    """Return settings with a store under ``tmp``."""
    return Settings(store=(tmp or Path("unused")) / "probe.db", **changes)


def endpoint(service: str, host: str, **changes: Any) -> Endpoint:
    """Return an HTTPS endpoint of the core, changed as asked."""
    fields: dict[str, Any] = {
        "kind": Kind.HTTP,
        "port": 443,
        "tls": True,
        "path": "/",
        "plan": Plan.CORE,
        "role": Role.WEB,
        "risk": Risk.BASELINE,
        "source": "test",
        "checked_on": date(2024, 1, 1),
    }
    return Endpoint(service=service, host=host, **{**fields, **changes})


def service(name: str, *endpoints: Endpoint, category: Category = Category.MESSAGING) -> Service:
    """Return a service of these endpoints."""
    return Service(id=name, name=name.title(), category=category, endpoints=endpoints)


ANCHORS = tuple(
    endpoint("abroad", f"anchor{n}.example.org", purpose=Purpose.CONTROL, anchor=True, operator=o)
    for n, o in enumerate(("Fastly", "Akamai", "Google", "Yahoo"))
) + tuple(
    endpoint(
        "home",
        f"bank{n}.example.net",
        purpose=Purpose.DOMESTIC,
        anchor=True,
        operator=f"Bank {n}",
        country="IR",
    )
    for n in range(3)
)
CAPTIVE = endpoint(
    "abroad",
    "portal.example.org",
    port=80,
    tls=False,
    path="/generate_204",
    purpose=Purpose.CONTROL,
    expect=Expect(status=(204,)),
)


def catalog(*targets: Endpoint) -> Catalog:
    """Return a catalog of the anchors and ``targets``, each host's own service."""
    names = dict.fromkeys(t.service for t in targets)
    return Catalog(
        services=(
            service("abroad", *ANCHORS[:4], CAPTIVE, category=Category.CONTROL),
            service("home", *ANCHORS[4:], category=Category.DOMESTIC),
            *(service(name, *(t for t in targets if t.service == name)) for name in names),
        ),
        digest="digest",
    )


def targets(count: int, **changes: Any) -> tuple[Endpoint, ...]:
    """Return ``count`` endpoints of ``count`` services on hosts of their own."""
    return tuple(endpoint(f"app{n}", f"app{n}.example.com", **changes) for n in range(count))


def address_of(host: str) -> str:
    """Return the one public address of a host in this small world."""
    number = zlib.crc32(host.encode())
    return f"93.184.{number % 250}.{number // 250 % 250}"


def steps_of(
    target: Endpoint,
    *,
    fails: str | None = None,
    failure: str = "generic_timeout_error",
    engine: DnsEngine = DnsEngine.SYSTEM,
    address: str | None = None,
    date_header: str | None = None,
    leaf: str | None = None,
) -> tuple[Step, ...]:
    """Return the steps of one look; ``fails`` names the operation that ends it."""
    steps: list[Step] = []
    address = address or address_of(target.host)
    dns = DnsStep(
        t0_s=0.0,
        t_s=0.01,
        failure=failure if fails == "dns" else None,
        hostname=target.host,
        qtype="A",
        engine=engine,
        resolver="system" if engine is DnsEngine.SYSTEM else "https://1.1.1.1/dns-query",
        rcode=0,
        answers=() if fails == "dns" else (Answer(address=address),),
    )
    steps.append(dns)
    if fails == "dns" or target.kind is Kind.DNS:
        return tuple(steps)
    port = target.port or 443
    steps.append(
        TcpStep(
            t0_s=0.01,
            t_s=0.02,
            address=address,
            port=port,
            failure=failure if fails == "tcp" else None,
        )
    )
    if fails == "tcp" or target.kind is Kind.TCP:
        return tuple(steps)
    if target.tls or target.kind is Kind.TLS:
        valid = CertificateCheck(
            packaged=None, system=None, issuer="CN=Good", leaf_sha256=leaf or target.host
        )
        steps.append(
            TlsStep(
                t0_s=0.02,
                t_s=0.03,
                address=address,
                port=port,
                sni=target.sni or target.host,
                failure=failure if fails == "tls" else None,
                certificate=None if fails == "tls" else valid,
                chain=() if fails == "tls" else (b"der",),
                bytes_sent=300,
                bytes_received=0 if fails == "tls" else 3000,
            )
        )
        if fails == "tls" or target.kind is Kind.TLS:
            return tuple(steps)
    status = target.expect.status[0] if target.expect and target.expect.status else 200
    steps.append(
        HttpStep(
            t0_s=0.03,
            t_s=0.05,
            method=target.method,
            host=target.host,
            path=target.path or "/",
            address=address,
            port=port,
            tls=target.tls,
            status=None if fails == "http" else status,
            failure=failure if fails == "http" else None,
            headers=(("date", date_header),) if date_header else (),
            expected=None if target.expect is None else fails != "http",
        )
    )
    return tuple(steps)


Behaviour = Callable[[Endpoint, ProbeOptions, int], tuple[Step, ...]]


@dataclass
class FakeProbe:
    """Stands in for ``measure``: looks up what each host does, and writes down who was asked.

    A behaviour gets the endpoint, the options and how often the endpoint was asked before.
    """

    clock: Clock
    behaviours: dict[str, Behaviour] = field(default_factory=dict)
    default: Behaviour = lambda target, options, _: steps_of(target, engine=options.engines[0])
    asked: list[tuple[str, Variant, float]] = field(default_factory=list)
    takes_s: float = 0.0
    payload: int = 1_000
    on_measure: Callable[[Endpoint], None] = lambda _: None

    async def __call__(
        self,
        endpoint: Endpoint,
        env: ProbeEnv,
        options: ProbeOptions,
        *,
        on_interrupt: Partial | None = None,
    ) -> Measurement:
        """Return what the host's behaviour gives."""
        before = sum(host == endpoint.host for host, _, _ in self.asked)
        self.asked.append((endpoint.host, options.variant, self.clock.monotonic_s()))
        started, started_s = self.clock.now(), self.clock.monotonic_s()
        self.on_measure(endpoint)
        try:
            steps = self.behaviours.get(endpoint.host, self.default)(endpoint, options, before)
            if self.takes_s:
                await self.clock.sleep(self.takes_s)
        except asyncio.CancelledError:
            if on_interrupt is not None:
                on_interrupt(blank(endpoint, self.clock, Outcome.INTERRUPTED, "cancelled"))
            raise
        return Measurement(
            endpoint=endpoint.id,
            service=endpoint.service,
            kind=endpoint.kind,
            variant=options.variant,
            started=started,
            monotonic_s=started_s,
            duration_s=self.takes_s,
            steps=steps,
            bytes_sent=self.payload // 2,
            bytes_received=self.payload - self.payload // 2,
        )

    def hosts(self, variant: Variant | None = None) -> list[str]:
        """Return who was asked, in order."""
        return [host for host, seen, _ in self.asked if variant in (None, seen)]


def failing(where: str, failure: str = "connection_reset", times: int = 10**6) -> Behaviour:
    """Return a host that fails at ``where`` for the first ``times`` looks."""

    def behave(target: Endpoint, options: ProbeOptions, before: int) -> tuple[Step, ...]:
        engine = options.engines[0]
        if before >= times or options.variant is Variant.NEUTRAL_SNI:
            return steps_of(target, engine=engine)
        if where == "dns" and engine is DnsEngine.DOH:
            return steps_of(target, engine=engine)
        return steps_of(target, fails=where, failure=failure, engine=engine)

    return behave


def all_fail(hosts: Sequence[str], where: str = "tcp") -> dict[str, Behaviour]:
    """Return behaviours of hosts that never answer."""
    return {host: failing(where, "generic_timeout_error") for host in hosts}


def environment(clock: Clock) -> ProbeEnv:
    """Return surroundings without any network behind them."""
    return ProbeEnv(
        net=FakeNet(),
        clock=clock,
        rng=random.Random(1),
        roots=Roots(packaged_pem=b"", system_pem=None),
    )


def plan_of(cat: Catalog, allowed: Allowance = PLENTY, **changes: Any) -> RoundPlan:
    """Return the plan over all targets of ``cat``."""
    wanted = [e for e in cat.endpoints() if e.purpose is Purpose.TARGET]
    options: dict[str, Any] = {"name": "core", "captive": CAPTIVE, **changes}
    return make_plan(wanted, ANCHORS, rng=random.Random(2), allowed=allowed, **options)


def deps(cat: Catalog, probe: FakeProbe | None = None, **changes: Any) -> RunDeps:
    """Return what a round over ``cat`` needs, on a virtual clock unless told otherwise."""
    clock = probe.clock if probe is not None else VirtualClock(START)
    allowed = changes.pop("allowed", PLENTY)
    fields: dict[str, Any] = {
        "env": environment(clock),
        "catalog": cat,
        "plan": changes.pop("plan", None) or plan_of(cat, allowed),
        "vantage": VANTAGE,
        "allowed": allowed,
        "secret": SECRET,
        "rng": random.Random(3),
        "measure": probe or FakeProbe(clock),
        "authentic": lambda *_: True,
    }
    fields.update(changes)
    if fields["authentic"] is None:
        del fields["authentic"]
    return RunDeps(**fields)
