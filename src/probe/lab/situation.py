"""What the lab's servers share: the world, the censor at the present time, certificates, counts."""

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from probe.lab.actions import Layer
from probe.lab.censor import Censor, Request
from probe.lab.certificates import Certificates
from probe.lab.recognised import Said
from probe.lab.rules import Rule, Scenario
from probe.lab.world import Host, Site, World

__all__ = ["Scene", "Situation", "View"]

View = bool
"""Who looks: ``False`` the measured line, ``True`` the uncensored control abroad."""


class Scene:
    """One moment of the lab: whoever plays a part in it asks here and decides nothing himself."""

    def __init__(
        self, world: World, scenario: Scenario, *, now: datetime, rng: random.Random
    ) -> None:
        """Set the scene at ``now``."""
        self.world = world
        self.counts: Counter[str] = Counter()
        self._seed = rng.getrandbits(64)
        self._plays = 0
        self._censor = Censor(scenario, now, rng)

    @property
    def now(self) -> datetime:
        """Return the lab's time."""
        return self._censor.now

    @property
    def epoch(self) -> str:
        """Name the rules that decide where connections lead; a change outdates the map."""
        return f"{self._plays}:{self._censor.epoch}"

    @property
    def standing(self) -> tuple[Rule, ...]:
        """Return the rules that stand now, whomever they hit."""
        return self._censor.standing

    def set_time(self, now: datetime) -> None:
        """Move the lab's clock."""
        self._censor.set_time(now)

    def play(self, scenario: Scenario, world: World | None = None) -> None:
        """Put another censor into the same world, or into ``world``.

        The dice depend on the scenario's name, not on what was played before.
        """
        self._plays += 1
        self.world = self.world if world is None else world
        rng = random.Random(f"{self._seed}/{scenario.name}")  # noqa: S311 - a censor's dice
        self._censor = Censor(scenario, self._censor.now, rng)

    def uncertain(self, request: Request) -> bool:
        """Return whether the next ``request`` of this kind may fare otherwise."""
        return not all(rule.steady for rule in self._censor.hitting(request))

    def hitting(self, request: Request) -> tuple[Rule, ...]:
        """Return the standing rules that hit ``request``, before any dice."""
        return self._censor.hitting(request)

    def fires(self, rule: Rule, request: Request) -> bool:
        """Return whether ``rule``, which could hit ``request``, hits it this time."""
        return self._censor.fires(rule, request)

    def decide(self, request: Request) -> Rule | None:
        """Return the rule that hits ``request`` now, and count it."""
        rule = self._censor.decide(request)
        if rule is not None:
            self.counts[f"rule:{rule.id}"] += 1
        return rule

    def strangers(self, address: str) -> Host:
        """Return the nobody at an address that the world does not know."""
        return Host(address, foreign=True, ports=set())

    def about_address(self, layer: Layer, host: Host, port: int, *, control: View) -> Request:
        """Return what the censor sees of a packet to ``host``: an address, no name."""
        sites = tuple(self.world.sites_at(host))
        return Request(
            layer=layer,
            address=host.address,
            port=port,
            names=frozenset(site.name for site in sites),
            services=_joined(site.services for site in sites),
            categories=_joined(site.categories for site in sites),
            foreign=host.foreign,
            control=control,
        )

    def about_name(
        self,
        layer: Layer,
        host: Host,
        port: int,
        name: str | None,
        *,
        control: View,
        sealed: bool = False,
        target: str | None = None,
        protocol: str | None = None,
    ) -> Request:
        """Return what the censor sees of bytes to ``host`` that carry ``name``.

        ``target`` is a request's; it is left out when nobody looks for keywords. ``protocol`` is
        what a hello is spoken in, where that is not TLS over TCP.
        """
        site: Site | None = self.world.site(name)
        seen = target if self._censor.reads_targets else None
        if name is None:
            nameless = self.about_address(layer, host, port, control=control)
            return replace(nameless, target=seen, protocol=protocol)
        return Request(
            layer=layer,
            address=host.address,
            port=port,
            name=name.lower().rstrip("."),
            services=frozenset(site.services) if site else frozenset(),
            categories=frozenset(site.categories) if site else frozenset(),
            foreign=site.foreign if site else host.foreign,
            sealed=sealed,
            control=control,
            served=layer is Layer.DNS or site is None or site.name in host.names,
            target=seen,
            protocol=protocol,
        )

    def about_datagram(
        self, host: Host, port: int, said: Said, size: int, *, control: View
    ) -> Request:
        """Return what the censor sees of a datagram between somebody and ``host``."""
        nameless = self.about_address(Layer.DATAGRAM, host, port, control=control)
        return replace(nameless, protocol=said.protocol, message=said.message, size=size)


class Situation(Scene):
    """The scene with the servers' certificates in it."""

    def __init__(
        self,
        world: World,
        scenario: Scenario,
        certificates: Certificates,
        *,
        now: datetime,
        rng: random.Random,
    ) -> None:
        """Set the scene at ``now``; servers answer with ``certificates``."""
        super().__init__(world, scenario, now=now, rng=rng)
        self.certificates = certificates


def _joined(parts: Iterable[set[str]]) -> frozenset[str]:
    return frozenset().union(*parts)
