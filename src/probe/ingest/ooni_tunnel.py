"""Tests that start a whole tool (Tor, Psiphon, OpenVPN): it came up, or it did not.

That it came up is proof enough that it works here. That it did not has many causes and no
control, so it is never more than inconclusive.
"""

from typing import Any

from probe.ingest.ooni_values import failure_of, integer
from probe.model.verdict import Confidence, Locus, State, Verdict

__all__ = ["TUNNELS", "tunnel_verdict"]

TUNNELS = frozenset({"openvpn", "psiphon", "torsf", "vanilla_tor"})
_VERSION = 1


def tunnel_verdict(keys: dict[str, Any], name: str) -> Verdict | None:
    """Return whether the tool ``name`` came up, ``None`` when the test does not say."""
    success = keys.get("success")
    failure = failure_of(keys.get("failure")) or failure_of(keys.get("error"))
    bootstrap = keys.get("bootstrap_time")
    began = isinstance(bootstrap, int | float) and bootstrap > 0
    came_up = success is True or (success is None and failure is None and began)
    if came_up or integer(keys, "tor_progress") == 100:
        return _verdict(
            State.OK, "none", Confidence.LIKELY, "ooni.tunnel.up", f"{name} came up on this line."
        )
    if failure is None and success is not False:
        return None
    slow = failure is None or "timeout" in failure or "timed_out" in failure
    mechanism = "tunnel.timeout" if slow else "tunnel.failed"
    return _verdict(
        State.INCONCLUSIVE,
        mechanism,
        Confidence.WEAK,
        "ooni.tunnel.failed",
        f"{name} did not come up ({failure or 'no reason given'}); nothing tells whether the "
        "network or the tool's servers were at fault.",
    )


def _verdict(
    state: State, mechanism: str, confidence: Confidence, rule_id: str, sentence: str
) -> Verdict:
    return Verdict(
        state=state,
        mechanism=mechanism,
        locus=Locus.UNKNOWN,
        confidence=confidence,
        rule_id=rule_id,
        rule_version=_VERSION,
        sentence=sentence,
    )
