"""Which rules hit a request now: pure, but for the dice of rules with a chance."""

import ipaddress
import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from probe.lab.actions import ACTIONS, Action, By, Layer, Reach
from probe.lab.rules import Rule, Scenario, Who

__all__ = ["Censor", "Request", "active"]

_PROTOCOLS: dict[Layer, frozenset[str]] = {
    Layer.UDP: frozenset({"udp"}),
    Layer.DATAGRAM: frozenset({"udp"}),
    Layer.TCP: frozenset({"tcp"}),
    Layer.ACCEPTED: frozenset({"tcp"}),
    Layer.DNS: frozenset({"dns"}),
    Layer.HELLO: frozenset({"tls"}),
    Layer.CERTIFICATE: frozenset({"tls"}),
    Layer.HTTP: frozenset({"http"}),
    Layer.LOOKS: frozenset({"tcp"}),
    Layer.SPEAKER: frozenset({"tcp"}),
}


_WITHIN = frozenset({Layer.DATAGRAM, Layer.HTTP})
"""What is recognised there is carried by something that a rule may name as well."""

DNS_PORT = 53

MAX_KNOWN = 65_536
"""Events that are remembered; names come from whoever speaks, so there is no end of them."""

_TLS = (Layer.HELLO, Layer.CERTIFICATE)


@dataclass(frozen=True, slots=True)
class Request:
    """What the censor sees of one event.

    ``name`` is the name that the bytes themselves carry (question, SNI, Host header); ``names``
    are those that the world knows for the address. ``sealed`` is whether the bytes travel inside
    a TLS that the network does not end, where only the server can act.
    """

    layer: Layer
    address: str
    port: int
    name: str | None = None
    names: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    foreign: bool = True
    sealed: bool = False
    control: bool = False  # the uncensored vantage asks
    served: bool = True  # the address serves the name that the bytes carry
    target: str | None = None  # of a request that is readable
    looks: str | None = None  # what the first bytes look like
    protocol: str | None = None  # that a datagram, or a hello, was recognised as
    message: str | None = None
    size: int = 0  # of a datagram, in bytes

    @property
    def protocols(self) -> frozenset[str]:
        """Return the names by which rules call what is spoken; a hello in QUIC is no TLS."""
        if self.protocol is None:
            return _PROTOCOLS[self.layer]
        own = frozenset({self.protocol})
        return own | _PROTOCOLS[self.layer] if self.layer in _WITHIN else own


def _named(patterns: Iterable[str], names: Iterable[str]) -> bool:
    return any(_matches(pattern, name) for pattern in patterns for name in names)


def _matches(pattern: str, name: str) -> bool:
    if pattern.startswith("*."):
        return name == pattern[2:] or name.endswith(pattern[1:])
    return pattern == name


def _contains(target: str | None, keywords: Iterable[str]) -> bool:
    if target is None:
        return False
    folded = target.casefold()
    return any(keyword.casefold() in folded for keyword in keywords)


@lru_cache(maxsize=4096)
def _inside(network: str, address: str) -> bool:
    return ipaddress.ip_address(address) in ipaddress.ip_network(network)


def _hits(who: Who, request: Request) -> bool:
    """Return whether every part of ``who`` that is given matches."""
    names = request.names if request.name is None else frozenset({request.name})
    told = request.layer in _TLS or request.sealed  # of a sealed request its hello is known
    said = () if not told or request.name is None else (request.name,)
    return (
        (who.foreign is None or who.foreign is request.foreign)
        and not (who.excluded and _named(who.excluded, names))
        and (not who.host or _named(who.host, names))
        and (not who.sni or _named(who.sni, said))
        and (not who.address or any(_inside(net, request.address) for net in who.address))
        and (not who.port or request.port in who.port)
        and (not who.protocol or bool(request.protocols & set(who.protocol)))
        and (not who.message or request.message in who.message)
        and (who.size is None or who.size[0] <= request.size <= who.size[1])
        and (not who.service or bool(request.services & set(who.service)))
        and (not who.category or bool(request.categories & set(who.category)))
        and (not who.looks or request.looks in who.looks)
        and (not who.keyword or _contains(request.target, who.keyword))
    )


def _applies(rule: Rule, request: Request) -> bool:
    if request.layer not in rule.layers:
        return False
    if request.control and rule.reach is Reach.HERE:
        return False
    if request.sealed and rule.by is By.NETWORK and not ACTIONS[rule.action].blind:
        return False
    if rule.by is By.SERVER and not request.served:  # a server acts at its own addresses
        return False
    if rule.action is Action.DOMESTIC_ONLY and not request.foreign:
        return False
    if rule.action is Action.DNS_INTERCEPT and request.port != DNS_PORT:
        return False
    return _hits(rule.who, request)


def active(rules: Iterable[Rule], request: Request, now: datetime) -> tuple[Rule, ...]:
    """Return the rules that hit ``request`` at ``now``, in the order of the scenario."""
    return tuple(
        rule
        for rule in rules
        if _applies(rule, request)
        and (not rule.windows or any(window.covers(now) for window in rule.windows))
    )


class Censor:
    """The rules of a scenario at one time; asking again costs a dictionary lookup."""

    def __init__(self, scenario: Scenario, now: datetime, rng: random.Random) -> None:
        """Start at ``now``; ``rng`` gives the dice of rules with a chance their seed.

        Each rule has dice of its own for each thing that it is asked about, so that what other
        connections do meanwhile changes nothing.
        """
        self._rules = scenario.rules
        self._seed = rng.getrandbits(64)
        self._dice: dict[tuple[str, Request], random.Random] = {}
        self._met: Counter[tuple[str, bool]] = Counter()
        self._standing: tuple[Rule, ...] = ()
        self._known: dict[Request, tuple[Rule, ...]] = {}
        self.now = now
        self.set_time(now)

    def set_time(self, now: datetime) -> None:
        """Move to ``now``; what was known is forgotten only when the standing rules change."""
        self.now = now
        standing = tuple(
            rule
            for rule in self._rules
            if not rule.windows or any(window.covers(now) for window in rule.windows)
        )
        if standing != self._standing:
            self._standing = standing
            self._known.clear()

    @property
    def reads_targets(self) -> bool:
        """Return whether a rule looks into the targets of requests."""
        return any(rule.who.keyword for rule in self._rules)

    @property
    def standing(self) -> tuple[Rule, ...]:
        """Return the rules that stand now, whomever they hit."""
        return self._standing

    @property
    def epoch(self) -> str:
        """Name the set of standing rules that decide where a connection leads."""
        wiring = (Layer.TCP, Layer.UDP)
        return ",".join(r.id for r in self._standing if any(layer in r.layers for layer in wiring))

    def hitting(self, request: Request) -> tuple[Rule, ...]:
        """Return the standing rules that hit, before any dice."""
        rules = self._known.get(request)
        if rules is None:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            rules = active(self._standing, request, self.now)
            self._known[request] = rules
        return rules

    def decide(self, request: Request) -> Rule | None:
        """Return the first standing rule that hits, whose turn it is and whose dice fall so."""
        for rule in self.hitting(request):
            if self.fires(rule, request):
                return rule
        return None

    def fires(self, rule: Rule, request: Request) -> bool:
        """Return whether ``rule`` hits this time: it counts what it could hit, and throws dice."""
        if rule.steady:
            return True
        key = (rule.id, request.control)
        met = self._met[key]
        self._met[key] += 1
        if met < rule.after or (rule.times is not None and met >= rule.after + rule.times):
            return False
        return rule.chance >= 1 or self._thrown(rule, request) < rule.chance

    def _thrown(self, rule: Rule, request: Request) -> float:
        key = (rule.id, request)
        dice = self._dice.get(key)
        if dice is None:
            if len(self._dice) >= MAX_KNOWN:
                self._dice.clear()
            seed = f"{self._seed}/{rule.id}/{request.address}/{request.name}/{request.control}"
            dice = self._dice[key] = random.Random(seed)  # noqa: S311 - a censor's dice
        return dice.random()
