"""The stage on which scenarios are played: a lab, the real engine, live controls, a short wait."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from probe.analysis.verdict import JudgeFacts
from probe.control.observe import observation_of
from probe.lab.actions import Action
from probe.lab.controls import FIRST, SECOND, LabControls, live_observation
from probe.lab.process import Lab
from probe.lab.registry import open_registry
from probe.lab.rules import Scenario
from probe.model.context import GateId
from probe.model.control import ControlObservation
from probe.model.measurement import Measurement, Outcome, Variant
from probe.model.record import Record
from probe.model.target import Catalog, Endpoint, Purpose, Service
from probe.model.vantage import Access, Vantage
from probe.model.verdict import ServiceVerdict, Verdict
from probe.probes.env import ProbeEnv, Timeouts
from probe.probes.measure import measure
from probe.probes.options import ProbeOptions
from probe.schedule.budget import Allowance
from probe.schedule.line import LineFacts
from probe.schedule.network import NetworkLookup
from probe.schedule.plan import is_captive_check, make_plan
from probe.schedule.runner import RoundResult, RunDeps, run_round
from probe.schedule.work import Partial
from probe.store.database import Store
from probe.targets.load import load_fingerprints

__all__ = ["Played", "Stage"]

LONG_S = 3.0
"""The deadline of what answers on loopback within milliseconds, unless the machine is busy."""

SHORT: Mapping[Action, Mapping[str, float]] = {
    Action.DROP: {"tcp_s": 0.1},
    Action.DOWN: {"tcp_s": 0.1},
    Action.DOMESTIC_ONLY: {"tcp_s": 0.1},
    Action.EVERYTHING: {"tcp_s": 0.1, "dns_s": 0.1},
    Action.DNS_TIMEOUT: {"dns_s": 0.15},
    Action.SNI_DROP: {"tls_s": 0.3},
    Action.FREEZE: {"http_s": 0.3},
}
"""Deadlines that an act uses up; all others stay long, so that a busy machine spoils nothing."""

COMPARISON = "comparison.example"
ABROAD = "XA"
PLENTY = Allowance(bytes=10**9, seconds=3_000.0)
LINE = LineFacts(default_route=True, gateway_reachable=True, tunnel=False, ipv6_route=False)


@dataclass(frozen=True)
class Played:
    """What one round found under one scenario."""

    scenario: Scenario
    result: RoundResult
    stored: dict[str, Verdict]
    services: dict[str, Service]

    @property
    def gate(self) -> GateId | None:
        """Return the gate that made the round invalid."""
        gate = self.result.context.invalid
        return None if gate is None else gate.id

    def service(self, ident: str) -> ServiceVerdict:
        """Return the verdict on a service."""
        return next(found for found in self.result.services if found.service == ident)

    def targets(self) -> Iterator[tuple[Endpoint, Record]]:
        """Yield what was judged of each endpoint that can be blocked at all."""
        endpoints = {e.id: e for s in self.services.values() for e in s.endpoints}
        for record in self.result.records:
            endpoint = endpoints[record.endpoint]
            if endpoint.purpose is Purpose.TARGET:
                yield endpoint, record

    def at(self, service: str, host: str) -> list[Record]:
        """Return what was judged of a service at one of its hosts."""
        return [r for e, r in self.targets() if e.service == service and e.host == host]


def timeouts_of(scenario: Scenario) -> Timeouts:
    """Return deadlines that are short only where the scenario makes something silent."""
    limits = dict.fromkeys(("dns_s", "tcp_s", "tls_s", "http_s"), LONG_S)
    for rule in scenario.rules:
        limits.update(SHORT.get(rule.action, {}))
        if rule.action is Action.DROP and "udp" in rule.who.protocol:
            limits["dns_s"] = 0.08
    return Timeouts(**limits, late_s=0.02)


class TwoControls(LabControls):
    """Both vantages abroad look at each target when the line does, whatever the line saw."""

    seen: dict[str, tuple[ControlObservation, ...]]

    async def measure(
        self,
        endpoint: Endpoint,
        env: ProbeEnv,
        options: ProbeOptions,
        *,
        on_interrupt: Partial | None = None,
    ) -> Measurement:
        """Measure on the line, then abroad; the second is asked when the first one fails."""
        measurement = await measure(endpoint, env, options, on_interrupt=on_interrupt)
        measured = measurement.outcome is Outcome.MEASURED
        if measured and options.variant is Variant.MAIN and endpoint.purpose is Purpose.TARGET:
            self.seen[endpoint.id] = await self._abroad(endpoint)
        return measurement

    async def _abroad(self, endpoint: Endpoint) -> tuple[ControlObservation, ...]:
        first = await self.observe(endpoint, FIRST)
        good = first is not None and first.failure is None and (first.status or 200) < 400
        second = None if good else await self.observe(endpoint, SECOND)
        return tuple(one for one in (first, second) if one is not None)

    def of(self, endpoint: Endpoint) -> Sequence[ControlObservation]:
        """Return what the controls saw of ``endpoint`` in this round."""
        return self.seen.get(endpoint.id, ())


class Stage:
    """A running lab in which one scenario after the other is played, each in a new store."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        """Play in ``lab``; ``folder`` takes the database of the lab's networks."""
        self.lab = lab
        self._catalog = Catalog(services=lab.services, digest="scenario")
        self._fingerprints = load_fingerprints()
        self._lookup: NetworkLookup = open_registry(
            folder, country=lab.scenario.country, abroad=ABROAD, now=lab.clock.now()
        )

    def close(self) -> None:
        """Close the database of networks."""
        self._lookup.close()

    async def play(self, scenario: Scenario) -> Played:
        """Run one round under ``scenario``, with everything that a round can look into."""
        await self.lab.play(scenario)
        with Store.open(":memory:") as store:
            deps = self._deps(scenario, store)
            store.save_vantage(deps.vantage)
            result = await run_round(deps)
            stored = dict(store.last_verdicts())
        services = {service.id: service for service in self._catalog.services}
        return Played(scenario, result, stored, services)

    def _deps(self, scenario: Scenario, store: Store) -> RunDeps:
        rng = Random(7)
        lab = self.lab
        timeouts = timeouts_of(scenario)
        env = ProbeEnv(
            net=lab.net(),
            clock=lab.clock,
            rng=rng,
            roots=lab.roots,
            fingerprints=self._fingerprints,
            timeouts=timeouts,
        )
        observe = live_observation(observation_of)
        controls = TwoControls(lab, env, measure, observe, patience=timeouts)
        controls.seen = {}
        endpoints = self._catalog.endpoints()
        plan = make_plan(
            [e for e in endpoints if e.purpose is Purpose.TARGET],
            [e for e in endpoints if e.anchor],
            name="scenario",
            rng=rng,
            allowed=PLENTY,
            captive=next((e for e in endpoints if is_captive_check(e)), None),
        )
        return RunDeps(
            env=env,
            catalog=self._catalog,
            plan=plan,
            vantage=Vantage(
                id="v1", country=scenario.country, tz=scenario.zone, access=Access.FIXED
            ),
            allowed=PLENTY,
            secret=b"scenario",
            rng=rng,
            store=store,
            controls=controls.of,
            facts=JudgeFacts(fingerprints=self._fingerprints),
            lookup=self._lookup,
            line=lambda: LINE,
            concurrency=16,
            sni_host=f"{lab.world.sites[COMPARISON].addresses[0]}:443",
            measure=controls.measure,
        )
