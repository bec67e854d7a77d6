"""The scenarios of tests/scenarios on real packets, without and with random loss.

The same files, the same engine, the same expectations; what differs is that packets are dropped,
forged and delayed between two kernels. ``make verdicts`` plays all of them, with loss 20 times.
"""

from collections.abc import Sequence
from pathlib import Path

import pytest
from checked import REPLAYS, check
from namespaces import play, repeated
from outcome import Outcome
from shipped import loaded, played_on

from probe.lab.actions import Stage
from probe.lab.netns.attached import AttachedLab
from probe.net import guard

pytestmark = [
    REPLAYS,
    pytest.mark.netns,
    pytest.mark.timeout(900),  # a line with connects of ten seconds takes eight minutes
    pytest.mark.skipif(not guard.in_lab(), reason="not in a lab: run make test-netns"),
]

NAMES = played_on(Stage.NETNS)
FAST = (
    "dns-intercepted",
    "dns-nxdomain-on-path",
    "http-reset-keyword",
    "line-vpn-hours",
    "server-cdn-country",
    "tcp-prohibited",
    "tcp-stall",
    "tls-freeze-packets",
    "tls-residual",
    "tls-sni-reset-on-path",
    "trap-dead-region",
)
"""What only packets can show, and one of each other layer."""

LOSSY = ("none", "tcp-drop", "tls-sni-reset", "trap-cdn-differs", "trap-snapshot-down")
LOSS, TIMES = 0.03, 3
MAY_BE_WRONG = 0.005
"""The share of innocent endpoints that may be called blocked on a line that loses packets."""


async def check_in(lab: AttachedLab, name: str, folder: Path) -> None:
    """Play a scenario in the lab; what is found is what it expects."""

    async def play_it(slower: float) -> Outcome:
        place = folder / f"{slower:g}"
        place.mkdir()
        return await play(lab, loaded(name), place, slower=slower)

    await check(play_it)


@pytest.mark.parametrize("name", FAST)
async def test_the_verdicts_on_packets_are_those_expected(
    lab: AttachedLab, name: str, tmp_path: Path
) -> None:
    """State, mechanism, locus, gates; nothing that was not touched is blocked."""
    await check_in(lab, name, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if name not in FAST])
async def test_the_verdicts_on_packets_of_the_rest_are_those_expected(
    lab: AttachedLab, name: str, tmp_path: Path
) -> None:
    """As above, for all other scenarios that packets can play."""
    await check_in(lab, name, tmp_path)


def shares(outcomes: Sequence[Outcome]) -> float:
    """Return the share of innocent endpoints that were called blocked."""
    return sum(len(o.blocked) for o in outcomes) / sum(o.innocent for o in outcomes)


@pytest.mark.slow
async def test_lost_packets_make_nobody_blocked(lab: AttachedLab, tmp_path: Path) -> None:
    """On a line that loses packets at random, hardly an innocent endpoint is called blocked."""
    outcomes: list[Outcome] = []
    scenarios = [loaded(name) for name in LOSSY]
    for number, scenario in enumerate(repeated(scenarios, LOSS, TIMES)):
        folder = tmp_path / str(number)
        folder.mkdir()
        outcomes.append(await play(lab, scenario, folder))
    wrong = [f"{o.scenario}: {each}" for o in outcomes for each in o.blocked]
    assert shares(outcomes) <= MAY_BE_WRONG, wrong
