"""``probe trace --trigger quic`` on real packets: the name in an Initial, and who reacts to it.

Runs inside ``probe lab up`` only (``make test-netns``).
"""

from pathlib import Path
from typing import Any

import pytest
from test_trace_hops import rule, trace

from probe.lab.actions import Action
from probe.lab.line_spec import Ipv6, LineSpec
from probe.lab.netns.attached import AttachedLab
from probe.lab.rules import Rule, Who
from probe.lab.scenario import load_scenario
from probe.net.capture import what_is_missing
from probe.net.quic import quic_is_here

pytestmark = [
    pytest.mark.netns,
    pytest.mark.skipif(bool(what_is_missing()), reason="no packets can be read here"),
    pytest.mark.skipif(not quic_is_here(), reason="aioquic is not installed (extra quic)"),
]

FAST = "fast.meet.example"
NAMED = Who(sni=(FAST,), protocol=("quic",))


async def traced(
    lab: AttachedLab, home: Path, *more: str, rule: Rule | None = None, line: LineSpec | None = None
) -> dict[str, Any]:
    """Trace the host that speaks QUIC, in the world of calls."""
    services, before = load_scenario("quic-sni").services, lab.services
    assert services is not None
    rules = () if rule is None else (rule,)
    wish = (FAST, "--trigger", "quic", *more)
    try:
        return await trace(lab, home, *wish, rules=rules, line=line, services=services)
    finally:
        await lab.play(lab.scenario, before)


@pytest.mark.parametrize("family", [4, 6])
async def test_initials_with_the_name_vanish_at_hop_6(
    lab: AttachedLab, tmp_path: Path, family: int
) -> None:
    """Silence in the path, abroad: hop 5 still hears the name, the server the neutral one."""
    six = ("--ipv6",) if family == 6 else ()
    line = LineSpec(ipv6=Ipv6.WORKS) if family == 6 else LineSpec()
    dropper = rule(Action.SNI_DROP, {"hop": 6}, NAMED)
    told = await traced(lab, tmp_path, *six, rule=dropper, line=line)
    located = told["located"]
    assert (located["finding"], located["effect"]) == ("network", "silence")
    assert (located["first"], located["last"], located["placement"]) == (6, 6, "in_path")
    assert (located["server_at"], located["specific"]) == (7, True)
    assert told["hops"][5]["inside"] is False
    arms = {(shot["arm"], bool(shot["answers"])) for shot in told["shots"] if shot["ttl"] == 7}
    assert arms == {("neutral", True), ("target", False)}


async def test_the_server_answers_an_initial_of_long_enough_life(
    lab: AttachedLab, tmp_path: Path
) -> None:
    """Without a censor both names come to the server, and routers that are shown speak."""
    told = await traced(lab, tmp_path)
    assert (told["located"]["finding"], told["located"]["server_at"]) == ("none", 7)
    heard = {shot["ttl"] for shot in told["shots"] if shot["arm"] == "target" and shot["router"]}
    assert heard == {4, 5, 6}


async def test_quic_that_is_dropped_whatever_its_name_is_not_told_by_names(
    lab: AttachedLab, tmp_path: Path
) -> None:
    """All of it vanishes at hop 5: the neutral name fares the same way, so nothing is said."""
    dropper = rule(Action.DATAGRAM_DROP, {"hop": 5}, Who(protocol=("quic",)))
    located = (await traced(lab, tmp_path, rule=dropper))["located"]
    assert located["finding"] == "inconclusive"
