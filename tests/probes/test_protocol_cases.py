"""Six cases a protocol, in the lab on loopback, with the real engine and a live control."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio
from protocol_cases import Case, CaseName
from stream_cases import STREAM_CASES
from theatre import Theatre

from probe.lab.rules import Scenario
from probe.lab.scenario import load_scenario
from probe.model.measurement import ExchangeStep, HttpStep, Measurement, TcpStep
from probe.model.record import Record

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]

ALWAYS = {"anchors", "consenting", "domestic", "signal"}
"""Services of the world that every case has beside its own: the line, and Signal itself."""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def theatre(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Theatre]:
    """Return a theatre; its labs end with the module."""
    async with AsyncExitStack() as stack:
        yield Theatre(stack, tmp_path_factory.mktemp("theatre"))


def scenario_of(case: Case, folder: Path) -> Scenario:
    """Return the case as a scenario, in a world with little more than its service."""
    rules = f"rules:\n  - {case.setup}\n" if case.setup else ""
    file = folder / "case.yaml"
    file.write_text(
        "name: case\ndescription: a case\nstarts: 2026-03-02\ncountry: XX\nworld: protocols\n"
        f"{rules}expect:\n  - {{service: {case.service}, not: invalid}}\n"
    )
    scenario = load_scenario(file)
    kept = tuple(s for s in scenario.services or () if s.id in ALWAYS | {case.service})
    return msgspec.structs.replace(scenario, services=kept)


def seen(look: Measurement) -> str:
    """Return what the last step says: its reply, or else its failure."""
    last = look.steps[-1]
    if isinstance(last, ExchangeStep) and last.reply is not None:
        return last.reply
    if last.failure is not None:
        return last.failure
    if isinstance(last, HttpStep):
        return f"status {last.status}"
    assert isinstance(last, TcpStep)
    return "connected"


async def record_of(case: Case, theatre: Theatre, folder: Path) -> Record:
    """Play the case and return what came of its endpoint."""
    (played,) = await theatre.rounds(scenario_of(case, folder))
    records = played.at_host(case.service, case.host)
    return next(r for r in records if r.bundle[0].kind is case.protocol)


@pytest.mark.parametrize("case", STREAM_CASES, ids=lambda case: case.name)
async def test_a_case_is_seen_and_judged_as_it_should(
    case: Case, theatre: Theatre, tmp_path: Path
) -> None:
    """The step names what came; the verdict follows, and nothing is blocked without a cut."""
    record = await record_of(case, theatre, tmp_path)
    assert seen(record.bundle[0]) == case.seen
    verdict = record.verdict
    assert f"{verdict.state} {verdict.mechanism}" == case.verdict, verdict.sentence


async def test_every_protocol_has_every_case() -> None:
    """Six each, none twice."""
    found = {(case.protocol, case.case) for case in STREAM_CASES}
    protocols = {case.protocol for case in STREAM_CASES}
    assert len(found) == len(STREAM_CASES) == len(CaseName) * len(protocols) == 36
