"""A lab that runs, shared by the tests of one module; each test puts its own censor into it."""

from collections.abc import AsyncIterator

import pytest_asyncio

from probe.lab.process import Lab
from probe.lab.scenario import load_scenario


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def lab() -> AsyncIterator[Lab]:
    """Return a lab in the small world; it is stopped after the module's last test."""
    async with Lab(load_scenario("none")) as running:
        yield running
