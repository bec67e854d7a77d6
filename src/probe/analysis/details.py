"""What a sentence adds to its rule: how the attempts ended, and what the looks beside them say."""

from probe.analysis.endings import Layer
from probe.analysis.families import Side
from probe.analysis.features import Features
from probe.analysis.rule import Rule
from probe.model.verdict import Locus, State

__all__ = ["details", "other_family"]

_PATH = (Layer.TCP, Layer.TLS, Layer.HTTP, Layer.UDP, Layer.EXCHANGE)
_MEMORY = (
    "After an attempt even a neutral name is cut at that address for a while, and later it "
    "passes again: what cuts keeps a memory."
)
_NO_MORE = (
    "Right after it not even a connection opens there any more: what cuts keeps a memory, or the "
    "service shuts out who asked."
)
_NETWORK_UP = "Another endpoint on the same network answers, so the network there is in reach."
_NETWORK_OUT = (
    "Another endpoint on the same network fails as well: that network may be out of reach as a "
    "whole, by a fault or on purpose."
)


def details(rule: Rule, features: Features) -> tuple[str, ...]:
    """Return sentences that hold beside the rule's own, for what was cut on the way."""
    if rule.state is not State.BLOCKED or rule.locus is Locus.SERVER:
        return ()
    said: list[str] = []
    if len(features.attempts.ways) > 1:
        said.append(f"The attempts ended in different ways: {', '.join(features.attempts.ways)}.")
    if features.tls.stateful is True:
        said.append(_MEMORY)
    if features.exchange.reconnects is False:
        said.append(_NO_MORE)
    if features.ending.layer in _PATH and features.tcp.neighbour is not None:
        said.append(_NETWORK_UP if features.tcp.neighbour else _NETWORK_OUT)
    return tuple(said)


def other_family(side: Side) -> str:
    """Return what is said of the family that works."""
    cut = 4 if side.family == 6 else 6
    return f"This is so over IPv{cut} only; over IPv{side.family} it works."
