"""Each shipped scenario, played on loopback: what is expected is found, and nothing else blocked.

The engine is the real one (``run_round``: gates, follow-ups, judge, store); only waiting is
virtual, and deadlines are short where the censor is silent.
"""

import pytest
from checked import REPLAYS, check
from shipped import loaded, played_on
from theatre import Theatre

from probe.lab.actions import Stage
from probe.lab.rules import Scenario
from probe.lab.scenario import scenario_names
from probe.model.target import Purpose
from probe.model.verdict import State

pytestmark = REPLAYS
played_on_one_loop = pytest.mark.asyncio(loop_scope="session")

FAST = (
    "dns-nxdomain",
    "http-reset",
    "line-domestic-only",
    "server-403",
    "tcp-refused",
    "tls-sni-reset",
    "trap-snapshot-down",
)
"""One of each layer, within the fast tests."""

SLOW = tuple(name for name in played_on(Stage.LOOPBACK) if name not in FAST)
TRAPS = tuple(name for name in scenario_names() if name.startswith("trap-"))

SAME_TRAP = ("none", "server-alert", "server-challenge", "server-down", "server-expired",
             "server-503", "server-wrong-name", "dns-resolver-down", "http-injected-script",
             "slow-throttle")  # fmt: skip
"""Scenarios of other names in which nothing is blocked either."""


async def check_on(theatre: Theatre, name: str) -> None:
    """Play a scenario in the theatre; what is found is what it expects."""
    await check(lambda slower: theatre.play(loaded(name), slower=slower))


@played_on_one_loop
@pytest.mark.parametrize("name", FAST)
async def test_the_verdicts_are_those_expected(theatre: Theatre, name: str) -> None:
    """State, mechanism, locus, confidence and reason; nothing that was not touched is blocked."""
    await check_on(theatre, name)


@played_on_one_loop
@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
async def test_the_verdicts_of_the_rest_are_those_expected(theatre: Theatre, name: str) -> None:
    """As above, for all other scenarios."""
    await check_on(theatre, name)


def plays(scenario: Scenario) -> bool:
    """Return whether every expectation names a target of the scenario's world."""
    services = {service.id: service for service in scenario.services or ()}
    return all(
        expected.gate is not None
        or (
            expected.service in services
            and (
                expected.host is None
                or any(
                    e.host == expected.host and e.purpose is Purpose.TARGET
                    for e in services[expected.service].endpoints
                )
            )
        )
        for expected in scenario.expect
    )


@pytest.mark.parametrize("name", scenario_names())
def test_every_scenario_says_what_is_right(name: str) -> None:
    """No scenario is without its truth, and none expects something of a stranger."""
    scenario = loaded(name)
    assert scenario.expect
    assert plays(scenario)


@pytest.mark.parametrize("name", [*TRAPS, *SAME_TRAP])
def test_traps_expect_no_block(name: str) -> None:
    """What a naive tool takes for blocking and is not."""
    assert all(e.state is not State.BLOCKED for e in loaded(name).expect)


def test_there_are_traps_enough() -> None:
    """At least forty, beside those that are named after what the server does."""
    assert len(TRAPS) >= 40
