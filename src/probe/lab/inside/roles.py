"""Which rules of a scenario are played by whom in this namespace.

Single packets are the censor's machine on the way; it never comes here. A server plays what the
service itself does. What needs the network to end a connection (to answer in the server's place)
arrives on ports of its own, and there both are played.
"""

from datetime import datetime

import msgspec

from probe.lab.actions import Action, By, Layer
from probe.lab.path.diversion import DIVERTED
from probe.lab.rules import Rule, Scenario, Who

__all__ = ["diverted_part", "served_part", "standing_names", "timeless"]

_AT_THE_END = DIVERTED | {Action.HTTP_RESET}
"""Acts of the network that take the end of a connection, not only its packets."""


def served_part(scenario: Scenario) -> Scenario:
    """Return the scenario with the rules that servers play at their own addresses."""
    return _with(scenario, tuple(rule for rule in scenario.rules if rule.by is By.SERVER))


def diverted_part(scenario: Scenario) -> Scenario:
    """Return the scenario as whoever answers in a server's place plays it."""
    return _with(scenario, tuple(rule for rule in scenario.rules if _at_the_end(rule)))


def standing_names(scenario: Scenario, now: datetime) -> tuple[Rule, ...]:
    """Return the rules that the name servers play at ``now``; another answer needs another list."""
    return tuple(
        rule
        for rule in served_part(scenario).rules
        if Layer.DNS in rule.layers
        and (not rule.windows or any(window.covers(now) for window in rule.windows))
    )


def timeless(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """Return the rules as if they stood at every hour and looked into no request or datagram."""
    return tuple(msgspec.structs.replace(rule, windows=(), who=_unread(rule)) for rule in rules)


def _unread(rule: Rule) -> Who:
    """Return whom a rule may hit, whatever will be said there."""
    who = msgspec.structs.replace(rule.who, keyword=())
    if Layer.DATAGRAM not in rule.layers:
        return who
    return msgspec.structs.replace(who, protocol=(), message=(), size=None)


def _at_the_end(rule: Rule) -> bool:
    return rule.by is By.SERVER or rule.action in _AT_THE_END


def _with(scenario: Scenario, rules: tuple[Rule, ...]) -> Scenario:
    return msgspec.structs.replace(scenario, rules=rules)
