"""The stage on which scenarios are played: a lab, the real engine, controls, a short wait.

A stage plays one round for each instant that a scenario expects something of. ``Ground`` is what
differs between loopback and namespaces.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Protocol

import msgspec
from msgspec.structs import replace as replace_fields
from stage_controls import StageControls, snapshot_of
from stage_line import SECRET, usual_network

from probe.analysis.verdict import JudgeFacts
from probe.clock import Clock
from probe.lab.actions import Action
from probe.lab.actions import Stage as Where
from probe.lab.lined import LinedView, OffClock, facts_of
from probe.lab.owner import stopping_at, turned_away
from probe.lab.process import Lab
from probe.lab.registry import networks_of, open_registry
from probe.lab.rules import Controls, Expected, Rule, Scenario
from probe.lab.world import NAMESERVER, World
from probe.model.context import GateId
from probe.model.control import ControlObservation
from probe.model.measurement import Measurement
from probe.model.record import Record
from probe.model.target import Catalog, Endpoint, Kind, Purpose, Service
from probe.model.vantage import Access, Vantage
from probe.model.verdict import ServiceVerdict, Verdict
from probe.net.base import Net
from probe.net.mapped import MappedNet
from probe.net.quic import quic_is_here
from probe.net.trust import Roots
from probe.probes.env import ProbeEnv, Timeouts
from probe.probes.measure import measure
from probe.probes.options import ProbeOptions
from probe.schedule.budget import Allowance
from probe.schedule.line import LineFacts
from probe.schedule.network import NetworkLookup
from probe.schedule.plan import is_captive_check, make_plan
from probe.schedule.runner import RoundResult, RunDeps, run_round
from probe.schedule.work import MeasureOne
from probe.store.database import Store
from probe.targets.load import load_fingerprints

__all__ = ["Ground", "Loopback", "Played", "Stage", "instants_of", "timeouts_of"]

LONG_S = 3.0
"""The deadline of what answers on loopback within milliseconds, unless the machine is busy."""

QUIC_S = 1.5
"""A handshake of QUIC is all Python: on a busy machine it takes most of a second."""

UDP_S = 0.25
"""A datagram on loopback is answered at once; what is silent by nature is waited for thrice."""

NAMES_S = 0.4
"""A question for a name on loopback, where the scenario silences a resolver or all abroad."""

SHORT: Mapping[Action, Mapping[str, float]] = {
    Action.DROP: {"tcp_s": 0.5},
    Action.DOWN: {"tcp_s": 0.5},
    Action.DOMESTIC_ONLY: {"tcp_s": 0.5},
    Action.EVERYTHING: {"tcp_s": 0.5, "dns_s": 0.25},
    Action.DNS_TIMEOUT: {"dns_s": NAMES_S},
    Action.DATAGRAM_DROP: {"tls_s": QUIC_S},
    Action.SNI_DROP: {"tls_s": 1.0},
    Action.STALL: {"tls_s": 1.0, "http_s": 1.0, "exchange_s": 1.0},
    Action.FREEZE: {"http_s": 1.0, "exchange_s": 1.0},
    Action.PROTOCOL_DROP: {"tls_s": 1.0, "exchange_s": 1.0},
    Action.MUTE: {"exchange_s": 1.0},
}
"""Deadlines that an act uses up; all others stay long, so that a busy machine spoils nothing."""

WEEK = timedelta(days=7)
ABROAD = "XA"
PLENTY = Allowance(bytes=10**9, seconds=3_000.0)


@dataclass(frozen=True)
class Played:
    """What one round found under one scenario, ``at`` one of its instants."""

    scenario: Scenario
    at: datetime
    result: RoundResult
    stored: dict[str, Verdict]
    services: dict[str, Service]

    @property
    def gates(self) -> frozenset[GateId]:
        """Return the gates that closed."""
        return frozenset(gate.id for gate in self.result.context.gates)

    @property
    def expected(self) -> tuple[Expected, ...]:
        """Return what is expected at this instant."""
        return tuple(e for e in self.scenario.expect if e.at in (None, self.at))

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

    def at_host(self, service: str, host: str) -> list[Record]:
        """Return what was judged of a service at one of its hosts."""
        return [r for e, r in self.targets() if e.service == service and e.host == host]


def timeouts_of(scenario: Scenario) -> Timeouts:
    """Return deadlines that are short only where the scenario makes something silent."""
    limits = dict.fromkeys(("dns_s", "tcp_s", "tls_s", "http_s", "exchange_s"), LONG_S)
    for rule in scenario.rules:
        limits.update(SHORT.get(rule.action, {}))
        if rule.action is Action.DROP and "udp" in rule.who.protocol:
            limits["tls_s"] = QUIC_S
            if not (rule.who.host or rule.who.port or rule.who.foreign):
                limits["dns_s"] = 0.25
    if any(e.kind is Kind.QUIC for s in scenario.services or () for e in s.endpoints):
        limits["tls_s"] = max(limits["tls_s"], QUIC_S)
    return Timeouts(**limits, late_s=0.02, udp_s=UDP_S)


def silences_names(rule: Rule) -> bool:
    """Return whether the line's resolver, or every one abroad, answers nothing."""
    dropped = rule.action is Action.DROP and "udp" in rule.who.protocol
    return dropped and (rule.who.foreign or NAMESERVER in rule.who.host)


def instants_of(scenario: Scenario) -> tuple[datetime, ...]:
    """Return when a round is played: at each instant that something is expected of.

    Raises:
        ValueError: it plays between certain dates, which a lab may be past.

    """
    windows = [window for rule in scenario.rules for window in rule.windows]
    if any(window.since or window.until for window in windows):
        raise ValueError(f"{scenario.name} plays on certain dates")
    said = {expected.at for expected in scenario.expect if expected.at is not None}
    return tuple(sorted(said)) or (scenario.starts,)


def next_such(at: datetime, now: datetime) -> datetime:
    """Return ``at``, or the next instant of the same weekday and hour: clocks do not go back."""
    weeks = max(0, -((at - now) // WEEK))
    return at + weeks * WEEK


class Ground(Protocol):
    """What a stage stands on."""

    @property
    def where(self) -> Where:
        """Return which stage it is."""
        ...

    @property
    def services(self) -> Sequence[Service]:
        """Return what there is in the world."""
        ...

    @property
    def world(self) -> World:
        """Return where everything is."""
        ...

    @property
    def clock(self) -> Clock:
        """Return the true time."""
        ...

    @property
    def roots(self) -> Roots:
        """Return whom the line's machine believes."""
        ...

    async def play(self, scenario: Scenario) -> None:
        """Put the censor, and the line, of a scenario into the world."""
        ...

    async def until(self, instant: datetime) -> None:
        """Make it ``instant``, or later."""
        ...

    def net(self) -> Net:
        """Return the measured line's network as it is now."""
        ...

    def line(self) -> LineFacts:
        """Return what the system says of the line now."""
        ...

    async def abroad(self, endpoint: Endpoint, timeouts: Timeouts) -> Measurement:
        """Measure from where no censor stands, with a clock that is right."""
        ...

    def consenting(self) -> str | None:
        """Return ``address:port`` of the host that consents to the SNI comparison."""
        ...

    def timeouts(self, scenario: Scenario) -> Timeouts:
        """Return deadlines that suit the ground."""
        ...


class Loopback:
    """A lab on 127.0.0.1 and ::1; the line is played at the door of the mapped network."""

    where = Where.LOOPBACK

    def __init__(self, lab: Lab) -> None:
        """Stand on a running lab."""
        self._lab = lab
        self.services = lab.services
        self.world = lab.world
        self.clock = lab.clock
        self.roots = lab.roots

    async def play(self, scenario: Scenario) -> None:
        """Put the scenario's censor into the lab."""
        await self._lab.play(scenario)

    async def until(self, instant: datetime) -> None:
        """Move the lab's clock forward."""
        await self._lab.clock.until(instant)

    def net(self) -> Net:
        """Return the line's network: through the tunnel, if it is on."""
        here, abroad = self._lab.view(), self._lab.view(control=True)
        line = self._lab.scenario.line
        walled = turned_away(line, self.world)
        return MappedNet(LinedView(line, here, abroad, self.clock, walled=walled))

    def line(self) -> LineFacts:
        """Return what a system on this line would say."""
        world = self._lab.world
        own = (world.own_address, world.own_address_v6)
        return facts_of(self._lab.scenario.line, self.clock.now(), *own)

    async def abroad(self, endpoint: Endpoint, timeouts: Timeouts) -> Measurement:
        """Measure through the lab's uncensored view."""
        env = ProbeEnv(
            net=self._lab.net(control=True),
            clock=self.clock,
            rng=Random(3),
            roots=self._lab.control_roots,
            timeouts=timeouts,
            country=ABROAD,
        )
        return await measure(endpoint, env, ProbeOptions(keep_listening=False))

    def consenting(self) -> str | None:
        """Return the consenting host of the small world."""
        return self._lab.world.consenting

    def timeouts(self, scenario: Scenario) -> Timeouts:
        """Return short deadlines: loopback answers within milliseconds."""
        limits = timeouts_of(scenario)
        if any(silences_names(rule) for rule in scenario.rules):
            limits = replace(limits, dns_s=min(limits.dns_s, NAMES_S))
        return limits


class Stage:
    """A ground on which one scenario after the other is played, each round in a new store."""

    def __init__(self, ground: Ground, folder: Path, country: str) -> None:
        """Play on ``ground``; ``folder`` takes the database of the lab's networks."""
        self.ground = ground
        self._catalog = Catalog(services=tuple(ground.services), digest="scenario")
        self._fingerprints = load_fingerprints()
        self._lookup: NetworkLookup = open_registry(
            folder,
            country=country,
            abroad=ABROAD,
            now=ground.clock.now(),
            networks=networks_of(ground.world),
        )

    def close(self) -> None:
        """Close the database of networks."""
        self._lookup.close()

    async def play(self, scenario: Scenario, *, slower: float = 1.0) -> tuple[Played, ...]:
        """Run one round for each instant, with everything that a round can look into.

        All deadlines are ``slower`` times as long as the ground finds right.
        """
        limits = self.ground.timeouts(scenario)
        limits = replace(limits.times(slower), late_s=slower * limits.late_s)
        return tuple([await self._round(scenario, at, limits) for at in instants_of(scenario)])

    async def _round(self, scenario: Scenario, at: datetime, timeouts: Timeouts) -> Played:
        ground = self.ground
        if any(expected.at == at for expected in scenario.expect):
            await ground.until(next_such(at, ground.clock.now()))
        controls = await self._controls(scenario, timeouts)
        with Store.open(":memory:") as store:
            deps = self._deps(scenario, store, controls, timeouts)
            store.save_vantage(deps.vantage)
            result = await run_round(deps)
            stored = dict(store.last_verdicts())
        services = {service.id: service for service in self._catalog.services}
        return Played(scenario, at, result, stored, services)

    async def _controls(self, scenario: Scenario, timeouts: Timeouts) -> StageControls:
        """Take a snapshot while nothing is wrong, then let the censor in."""
        ground = self.ground

        async def abroad(endpoint: Endpoint) -> Measurement:
            return await ground.abroad(endpoint, timeouts)

        async def line(endpoint: Endpoint) -> Measurement:
            env = self._env(scenario, timeouts)
            return await measure(endpoint, env, ProbeOptions(keep_listening=False))

        known: tuple[ControlObservation, ...] = ()
        if scenario.controls in (Controls.SNAPSHOT, Controls.STALE):
            await ground.play(msgspec.structs.replace(scenario, rules=()))
            now = ground.clock.now()
            known = await snapshot_of(scenario.controls, self._targets(), abroad, now)
        await ground.play(scenario)
        return StageControls(scenario.controls, abroad=abroad, line=line, known=known)

    def _targets(self) -> list[Endpoint]:
        return [e for e in self._catalog.endpoints() if e.purpose is Purpose.TARGET]

    def _env(self, scenario: Scenario, timeouts: Timeouts) -> ProbeEnv:
        ground = self.ground
        return ProbeEnv(
            net=ground.net(),
            clock=OffClock(ground.clock, scenario.line.clock_offset_s),
            rng=Random(7),
            roots=ground.roots,
            fingerprints=self._fingerprints,
            timeouts=timeouts,
            quic=scenario.line.aioquic and quic_is_here(),
        )

    def _deps(
        self, scenario: Scenario, store: Store, controls: StageControls, timeouts: Timeouts
    ) -> RunDeps:
        rng, stop, spec = Random(7), asyncio.Event(), scenario.round
        allowed = PLENTY if spec.seconds is None else replace_fields(PLENTY, seconds=spec.seconds)
        look: MeasureOne = controls.measure
        if spec.interrupted_at is not None:
            look = stopping_at(spec.interrupted_at, look, stop)
        endpoints = self._catalog.endpoints()
        plan = make_plan(
            self._targets(),
            [e for e in endpoints if e.anchor],
            name="scenario",
            rng=rng,
            allowed=allowed,
            captive=next((e for e in endpoints if is_captive_check(e)), None),
        )
        return RunDeps(
            env=self._env(scenario, timeouts),
            catalog=self._catalog,
            plan=plan,
            vantage=Vantage(
                id="v1", country=scenario.country, tz=scenario.zone, access=Access.FIXED
            ),
            allowed=allowed,
            secret=SECRET,
            rng=rng,
            store=store,
            controls=controls.of,
            facts=JudgeFacts(fingerprints=self._fingerprints),
            lookup=self._lookup if spec.database else None,
            line=self.ground.line,
            previous=usual_network(),
            concurrency=16,
            sni_host=self.ground.consenting(),
            stop=stop,
            measure=look,
        )
