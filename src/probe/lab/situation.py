"""What the lab's servers share: the world, the censor at the present time, certificates, counts."""

import random
from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from probe.lab.actions import Layer
from probe.lab.censor import Censor, Request
from probe.lab.certificates import Certificates
from probe.lab.rules import Rule, Scenario
from probe.lab.world import Host, Site, World

__all__ = ["Situation", "View"]

View = bool
"""Who looks: ``False`` the measured line, ``True`` the uncensored control abroad."""


class Situation:
    """One moment of the lab; the servers ask it and never decide by themselves."""

    def __init__(
        self,
        world: World,
        scenario: Scenario,
        certificates: Certificates,
        *,
        now: datetime,
        rng: random.Random,
    ) -> None:
        """Set the scene at ``now``."""
        self.world = world
        self.certificates = certificates
        self.counts: Counter[str] = Counter()
        self._rng = rng
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

    def set_time(self, now: datetime) -> None:
        """Move the lab's clock."""
        self._censor.set_time(now)

    def play(self, scenario: Scenario) -> None:
        """Put another censor into the same world."""
        self._plays += 1
        self._censor = Censor(scenario, self._censor.now, self._rng)

    def uncertain(self, request: Request) -> bool:
        """Return whether dice are thrown for ``request``."""
        return any(rule.chance < 1 for rule in self._censor.hitting(request))

    def decide(self, request: Request) -> Rule | None:
        """Return the rule that hits ``request`` now, and count it."""
        rule = self._censor.decide(request)
        if rule is not None:
            self.counts[f"rule:{rule.id}"] += 1
        return rule

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
    ) -> Request:
        """Return what the censor sees of bytes to ``host`` that carry ``name``."""
        site: Site | None = self.world.site(name)
        if name is None:
            return self.about_address(layer, host, port, control=control)
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
        )


def _joined(parts: Iterable[set[str]]) -> frozenset[str]:
    return frozenset().union(*parts)
