"""Each shipped scenario, played on loopback: what is expected is found, and nothing else blocked.

The engine is the real one (``run_round``: gates, follow-ups, judge, store); only waiting is
virtual, and deadlines are short where the censor is silent.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import cache
from pathlib import Path

import pytest
import pytest_asyncio
from stage import Played, Stage

from probe.lab.process import Lab
from probe.lab.rules import Expected, Scenario
from probe.lab.scenario import load_scenario, scenario_names
from probe.model.target import Purpose
from probe.model.verdict import State, Verdict

played_on_one_loop = pytest.mark.asyncio(loop_scope="module")

FAST = (
    "dns-nxdomain",
    "http-reset",
    "line-domestic-only",
    "server-403",
    "tcp-refused",
    "tls-sni-reset",
    "trap-dns-geoblocked",
)
"""One of each layer, within the fast tests."""

loaded = cache(load_scenario)  # values are frozen; reading YAML is slow

NAMES = tuple(name for name in scenario_names() if name != "demo")
"""All that plays in one round; the demo's fortnight has tests of its own (tests/lab)."""

SLOW = tuple(name for name in NAMES if name not in FAST)
TRAPS = tuple(name for name in NAMES if name.startswith("trap-"))

SAME_TRAP = ("none", "server-alert", "server-challenge", "server-down", "server-expired",
             "server-503", "server-wrong-name", "dns-resolver-down", "http-injected-script",
             "slow-throttle")  # fmt: skip
"""Scenarios of other names in which nothing is blocked either."""


class Theatre:
    """Labs by the world that they need; they stay up for all scenarios of the module."""

    def __init__(self, stack: AsyncExitStack, folder: Path) -> None:
        """Start labs when they are first needed."""
        self._stack = stack
        self._folder = folder
        self._stages: dict[tuple[str, ...], Stage] = {}

    async def play(self, name: str) -> Played:
        """Play a shipped scenario in a world that fits."""
        scenario = loaded(name)
        world = (scenario.country, *scenario.cdn)
        stage = self._stages.get(world)
        if stage is None:
            lab = await self._stack.enter_async_context(Lab(scenario, http2=False))
            folder = self._folder / str(len(self._stages))
            folder.mkdir()
            stage = self._stages[world] = Stage(lab, folder)
            self._stack.callback(stage.close)
        return await stage.play(scenario)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def theatre(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Theatre]:
    """Return a theatre; its labs end with the module."""
    async with AsyncExitStack() as stack:
        yield Theatre(stack, tmp_path_factory.mktemp("theatre"))


def said(verdict: Verdict) -> str:
    """Return a verdict in one line."""
    return (
        f"{verdict.state} {verdict.mechanism} {verdict.locus} {verdict.confidence} "
        f"{verdict.reason} [{verdict.rule_id}]"
    )


def fits(verdict: Verdict, expected: Expected) -> bool:
    """Return whether a verdict says all that is expected; a mechanism may be deeper."""
    wanted = expected.mechanism
    return (
        verdict.state is expected.state
        and (wanted is None or f"{verdict.mechanism}.".startswith(f"{wanted}."))
        and expected.locus in (None, verdict.locus)
        and expected.confidence in (None, verdict.confidence)
        and expected.reason in (None, verdict.reason)
    )


def verdicts_of(played: Played, expected: Expected) -> list[Verdict]:
    """Return what was said of the endpoints, or of the service, that ``expected`` names."""
    if expected.host is None:
        return [played.service(expected.service).verdict]
    found = [record.verdict for record in played.at(expected.service, expected.host)]
    assert found, f"{expected.host} is no host of {expected.service}"
    return found


def check(played: Played) -> None:
    """Compare with ``expect``; what it does not call blocked must not be called so."""
    for expected in played.scenario.expect:
        for verdict in verdicts_of(played, expected):
            assert fits(verdict, expected), f"{said(verdict)}, expected {expected}"
    cut = {e.host for e in played.scenario.expect if e.state is State.BLOCKED and e.host}
    for endpoint, record in played.targets():
        if endpoint.host not in cut:
            assert record.verdict.state is not State.BLOCKED, (endpoint.id, said(record.verdict))
    assert not played.result.problems
    assert {r.endpoint: r.verdict for r in played.result.records}.items() <= played.stored.items()


@played_on_one_loop
@pytest.mark.parametrize("name", FAST)
async def test_the_verdicts_are_those_expected(theatre: Theatre, name: str) -> None:
    """State, mechanism, locus, confidence and reason; nothing that was not touched is blocked."""
    check(await theatre.play(name))


@played_on_one_loop
@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
async def test_the_verdicts_of_the_rest_are_those_expected(theatre: Theatre, name: str) -> None:
    """As above, for all other scenarios."""
    check(await theatre.play(name))


def plays(scenario: Scenario) -> bool:
    """Return whether every expectation names a target of the scenario's world."""
    services = {service.id: service for service in scenario.services or ()}
    return all(
        expected.service in services
        and (
            expected.host is None
            or any(
                e.host == expected.host and e.purpose is Purpose.TARGET
                for e in services[expected.service].endpoints
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
    """At least ten, beside those that are named after what the server does."""
    assert len(TRAPS) >= 10
