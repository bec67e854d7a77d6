"""``probe trace`` on real packets: the hop, the kind of machine, whose the hop is.

Runs inside ``probe lab up`` only (``make test-netns``).
"""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from lab_commands import probe

from probe.lab.actions import ACTIONS, Action, By, Position, Reach
from probe.lab.line_spec import Ipv6, LineSpec
from probe.lab.netns.attached import AttachedLab
from probe.lab.rules import Rule, What, Who
from probe.model.target import Service
from probe.net.capture import what_is_missing

pytestmark = [
    pytest.mark.netns,
    pytest.mark.skipif(bool(what_is_missing()), reason="no packets can be read here"),
]

WEB, PAPER = "web.messenger.example", "www.newspaper.example"
FAST = ("--spacing", "0", "--wait", "0.8", "--repeat", "2", "-o", "json")
BESIDE = {"position": Position.ON_PATH}
FORGED = "33.143.13.28"


def rule(action: Action, what: dict[str, Any], who: Who, by: By = By.NETWORK) -> Rule:
    """Return a rule as the parser would make it."""
    spec = ACTIONS[action]
    return Rule(
        id=str(action),
        who=who,
        what=What(action=action, **what),
        by=by,
        reach=Reach.EVERYWHERE if by is By.SERVER else spec.reach,
        layers=spec.layers,
    )


async def trace(
    lab: AttachedLab,
    home: Path,
    *arguments: str,
    rules: tuple[Rule, ...] = (),
    line: LineSpec | None = None,
    services: tuple[Service, ...] | None = None,
) -> dict[str, Any]:
    """Play ``rules``, trace, and return what was told; exit code 3 is for what cannot be."""
    scenario = msgspec.structs.replace(lab.scenario, rules=rules, line=line or LineSpec())
    await lab.play(scenario, lab.services if services is None else services)
    code, out, err = await probe(home, "trace", *arguments, *FAST)
    (told,) = json.loads(out)
    finding = told["located"]["finding"]
    assert code == (3 if finding == "inconclusive" else 0), err
    assert isinstance(told, dict)
    return told


SNI = Who(sni=(WEB,))


@pytest.mark.parametrize("family", [4, 6])
async def test_resets_beside_the_path_at_hop_4(
    lab: AttachedLab, tmp_path: Path, family: int
) -> None:
    """An injector at the border: its AS, inside the country, its odd packets; both families."""
    six = ("--ipv6",) if family == 6 else ()
    line = LineSpec(ipv6=Ipv6.WORKS) if family == 6 else LineSpec()
    rules = (rule(Action.SNI_RESET, {**BESIDE, "hop": 4}, SNI),)
    told = await trace(lab, tmp_path, WEB, *six, rules=rules, line=line)
    located = told["located"]
    assert (located["finding"], located["effect"]) == ("network", "reset")
    assert (located["first"], located["last"], located["server_at"]) == (4, 4, 7)
    assert (located["placement"], located["specific"]) == ("on_path", True)
    hop = told["hops"][3]
    assert (hop["asn"], hop["country"], hop["inside"]) == (64500, "XX", True)
    assert told["hops"][4]["inside"] is False
    assert {look["ahead"] for look in located["looks"]} == {0, 1460, 4380}
    assert {look["window"] for look in located["looks"]} == {14_600}
    assert "AS64500" in told["sentence"]


async def test_a_dropper_in_the_path_at_hop_6(lab: AttachedLab, tmp_path: Path) -> None:
    """Silence, abroad: the hop before it still hears the trigger."""
    rules = (rule(Action.SNI_DROP, {"hop": 6}, SNI),)
    told = await trace(lab, tmp_path, WEB, rules=rules)
    located = told["located"]
    assert (located["finding"], located["effect"]) == ("network", "silence")
    assert (located["first"], located["last"], located["placement"]) == (6, 6, "in_path")
    assert told["hops"][5]["inside"] is False


async def test_a_server_that_resets_is_no_hop(lab: AttachedLab, tmp_path: Path) -> None:
    """The RST has the TTL of its own SYN/ACK and comes from where it is."""
    rules = (rule(Action.SNI_RESET, {}, SNI, By.SERVER),)
    located = (await trace(lab, tmp_path, WEB, rules=rules))["located"]
    assert (located["finding"], located["last"], located["server_at"]) == ("server", 7, 7)
    assert {look["ttl"] for look in located["looks"]} == {located["server_looks"]["ttl"]}
    assert located["notes"] == []


async def test_forged_answers_at_hop_3(lab: AttachedLab, tmp_path: Path) -> None:
    """Questions to a resolver are answered on the way; what the answer says is there."""
    rules = (rule(Action.FORGED, {**BESIDE, "hop": 3, "answers": (FORGED,)}, Who(host=(WEB,))),)
    asked = (lab.world.nameserver, "--trigger", "dns", "--sni", WEB)
    told = await trace(lab, tmp_path, *asked, rules=rules)
    located = told["located"]
    assert (located["effect"], located["first"], located["last"]) == ("answer", 3, 3)
    assert located["placement"] == "on_path"
    said = {a["says"] for s in told["shots"] if s["ttl"] == 3 for a in s["answers"]}
    assert said == {FORGED}


async def test_a_request_is_reset_in_the_path(lab: AttachedLab, tmp_path: Path) -> None:
    """Plain HTTP, read at hop 5."""
    rules = (rule(Action.HTTP_RESET, {"hop": 5}, Who(host=(PAPER,))),)
    located = (await trace(lab, tmp_path, PAPER, "--trigger", "http", rules=rules))["located"]
    assert (located["first"], located["last"], located["placement"]) == (5, 5, "in_path")


async def test_a_dropped_syn_beside_a_neutral_host(lab: AttachedLab, tmp_path: Path) -> None:
    """An address that is cut; another one is reached by the same routers."""
    rules = (rule(Action.DROP, {"hop": 5}, Who(host=(WEB,))),)
    wish = (WEB, "--trigger", "syn", "--neutral", "one.anchor.example")
    located = (await trace(lab, tmp_path, *wish, rules=rules))["located"]
    assert (located["effect"], located["first"], located["last"]) == ("silence", 5, 5)


async def test_silent_routers_hide_no_injector(lab: AttachedLab, tmp_path: Path) -> None:
    """Routers 3 to 5 say nothing; hop 4 is found by its packets, its owner by its neighbours."""
    rules = (rule(Action.SNI_RESET, {**BESIDE, "hop": 4}, SNI),)
    line = LineSpec(silent_hops=(3, 4, 5))
    told = await trace(lab, tmp_path, WEB, rules=rules, line=line)
    assert (told["located"]["first"], told["located"]["last"]) == (4, 4)
    assert "hop 6, behind it, is in AS64510" in told["sentence"]


async def test_nothing_reacts(lab: AttachedLab, tmp_path: Path) -> None:
    """An open way is told as one; what is near is in no result, and the capture is private."""
    tape = tmp_path / "packets.pcap"
    told = await trace(lab, tmp_path, WEB, "--pcap", str(tape))
    assert told["located"]["finding"] == "none"
    written = json.dumps(told)
    for near in ("192.168.1", lab.world.own_address):
        assert near not in written
    assert [hop["scrubbed"] for hop in told["hops"][:4]] == [True, True, True, False]
    assert tape.stat().st_size > 1_000
    assert tape.stat().st_mode & 0o077 == 0


async def test_residual_blocking_makes_no_nearer_hop(lab: AttachedLab, tmp_path: Path) -> None:
    """After the first trigger the pair of addresses is cut: one round is left, and is weak.

    A single shot says that hop 3 did not answer; loss may have been the reason, and that is said.
    """
    rules = (rule(Action.SNI_RESET, {"hop": 4, "residual": 600.0}, SNI),)
    told = await trace(lab, tmp_path, WEB, rules=rules)
    located = told["located"]
    assert (located["finding"], located["last"]) == ("network", 4)
    assert located["first"] in (3, 4)
    assert (told["rounds"], located["of"]) == (1, 1)
    assert located["confidence"] == "weak"
