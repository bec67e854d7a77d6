"""Cutting an OONI measurement into our endpoints, each with its bundle and its controls."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from probe.analysis.http_facts import same_site
from probe.ingest.ooni_steps import Page, Trace
from probe.ingest.ooni_values import Where
from probe.model.control import ControlObservation
from probe.model.measurement import (
    DnsEngine,
    DnsStep,
    HttpStep,
    Measurement,
    Step,
    TcpStep,
)
from probe.model.target import Endpoint, Expect, Kind, Role, Trust

__all__ = ["Cutter", "Part"]

MAX_PARTS = 256


@dataclass(frozen=True, slots=True)
class Part:
    """One endpoint of a measurement, ready to be judged."""

    endpoint: Endpoint
    bundle: tuple[Measurement, ...]
    controls: tuple[ControlObservation, ...] = ()


@dataclass(slots=True)
class Cutter:
    """Makes parts of one measurement's evidence; one endpoint is made once."""

    trace: Trace
    service: str
    started: datetime
    parts: dict[str, Part] = field(default_factory=dict)
    sites: set[tuple[str, str, int]] = field(default_factory=set)

    def page(
        self,
        where: Where,
        role: Role = Role.WEB,
        *,
        expect: Expect | None = None,
        trust: Trust = Trust.PUBLIC,
    ) -> Endpoint | None:
        """Cut out everything about a web address: its name, connections, handshakes, answers.

        What a plain answer redirects to on another site belongs to the address that was asked
        for: whoever answered it chose where to send us.
        """
        if where.site in self.sites:
            return None
        self.sites.add(where.site)
        endpoint = self._endpoint(
            Kind.HTTP,
            where.host,
            where.port,
            role,
            tls=where.scheme == "https",
            path=where.path,
            expect=expect,
            trust=trust,
        )
        pages, strays = self._pages(where)
        hosts = (where.host, *dict.fromkeys(p.where.host for p in strays if p.where is not None))
        known = self.trace.addresses(where.host)
        steps: list[Step] = [*self._names(where.host), *self._connects(known, where.port)]
        if endpoint.tls or strays:
            for host in hosts:
                own = self.trace.addresses(host)
                steps += self.trace.handshakes(
                    host, 443 if host != where.host else where.port, trust, own
                )
        steps += self._answers(endpoint, [*pages, *strays], steps, known)
        return self._add(endpoint, steps)

    def _pages(self, where: Where) -> tuple[list[Page], list[Page]]:
        """Return the requests to this address, and those it was redirected to elsewhere."""
        mine: list[Page] = []
        strays: list[Page] = []
        following = False
        for page in self.trace.pages:
            if page.where is None:
                continue
            if page.where.site == where.site:
                mine.append(page)
                following = page.status is not None and 300 <= page.status < 400
            elif following and not same_site(page.where.host, where.host):
                strays.append(page)
            else:
                following = False
        return mine, strays

    def _names(self, host: str) -> tuple[DnsStep, ...]:
        return tuple(s for s in self.trace.queries if s.hostname == host)

    def _connects(self, addresses: frozenset[str], port: int) -> list[TcpStep]:
        return [s for s in self.trace.connects if s.address in addresses and s.port == port]

    def _answers(
        self,
        endpoint: Endpoint,
        pages: Sequence[Page],
        steps: Sequence[Step],
        known: frozenset[str],
    ) -> list[HttpStep]:
        """Return the answers; a request that failed below HTTP is told by the step below it."""
        found = []
        for page in pages:
            if page.failure is not None and _failed_below(steps):
                continue
            if page.status is None and page.failure is None:
                continue
            found.append(self.trace.http_step(page, endpoint.expect, known))
        return found

    def connection(self, host: str, port: int, role: Role, **more: Any) -> Endpoint | None:
        """Cut out a name (or address) and the connections to it on one port."""
        endpoint = self._endpoint(Kind.TCP, host, port, role, **more)
        connects = self._connects(self.trace.addresses(host), port)
        steps: list[Step] = [*self._names(host), *connects]
        return self._add(endpoint, steps)

    def handshake(self, host: str, port: int, role: Role) -> Endpoint | None:
        """Cut out a name, its connections and its handshakes, when nothing was asked for."""
        endpoint = self._endpoint(Kind.TLS, host, port, role, tls=True)
        own = self.trace.addresses(host)
        steps: list[Step] = [*self._names(host), *self._connects(own, port)]
        steps += self.trace.handshakes(host, port, Trust.PUBLIC, own)
        return self._add(endpoint, steps)

    def name(self, host: str, role: Role = Role.OTHER, **more: Any) -> Endpoint | None:
        """Cut out the resolution of a name."""
        return self._add(self._endpoint(Kind.DNS, host, None, role, **more), self._names(host))

    def given(self, endpoint: Endpoint, steps: Sequence[Step]) -> Endpoint | None:
        """Take steps that were put together elsewhere."""
        return self._add(endpoint, steps)

    def control(self, endpoint: Endpoint, observation: ControlObservation) -> None:
        """Add what a control saw of an endpoint that was cut out."""
        part = self.parts[endpoint.id]
        self.parts[endpoint.id] = Part(endpoint, part.bundle, (*part.controls, observation))

    def rest(self, role: Role = Role.OTHER) -> None:
        """Cut out what is left: web addresses, handshakes, connections, names, in this order."""
        for page in self.trace.pages:
            if page.where is not None:
                self.page(page.where, role)
        covered = {p.endpoint.host for p in self.parts.values()}
        for name in self.trace.server_names:
            if name not in covered:
                self.handshake(name, 443, role)
        covered = {p.endpoint.host for p in self.parts.values()}
        dialled = {
            (s.address, s.port)
            for p in self.parts.values()
            for m in p.bundle
            for s in m.steps
            if isinstance(s, TcpStep)
        }
        for step in self.trace.connects:
            if (step.address, step.port) not in dialled:
                self.address(step.address, step.port, role)
        for host in sorted(self.trace.hosts - covered):
            self.name(host, role)

    def address(self, address: str, port: int, role: Role) -> Endpoint | None:
        """Cut out the connections to an address that no name was asked for."""
        endpoint = self._endpoint(Kind.TCP, address, port, role)
        return self._add(endpoint, self._connects(frozenset({address}), port))

    def _endpoint(
        self, kind: Kind, host: str, port: int | None, role: Role, **more: Any
    ) -> Endpoint:
        return Endpoint(
            service=self.service,
            kind=kind,
            host=host,
            port=port,
            role=role,
            source="ooni",
            checked_on=self.started.date(),
            **more,
        )

    def _add(self, endpoint: Endpoint, steps: Sequence[Step]) -> Endpoint | None:
        """Keep a part that has evidence; a second one of the same endpoint is the same."""
        if not steps or endpoint.id in self.parts or len(self.parts) >= MAX_PARTS:
            return None
        measurement = Measurement(
            endpoint=endpoint.id,
            service=self.service,
            kind=endpoint.kind,
            started=self.started,
            duration_s=max((s.t_s for s in steps), default=0.0),
            steps=tuple(steps),
        )
        self.parts[endpoint.id] = Part(endpoint, (measurement,))
        return endpoint


def _failed_below(steps: Sequence[Step]) -> bool:
    """Return whether the last step before HTTP failed, or DNS gave nothing."""
    path = [s for s in steps if not isinstance(s, DnsStep)]
    if path:
        return path[-1].failure is not None
    asked = [s for s in steps if isinstance(s, DnsStep) and s.engine is not DnsEngine.DOH]
    return bool(asked) and not any(s.answers for s in asked)
