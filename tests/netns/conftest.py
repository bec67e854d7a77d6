"""Tests on real packets: most are run by ``probe lab up``, in the vantage (``make test-netns``)."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from probe.lab.netns.attached import AttachedLab
from probe.lab.scenario import load_scenario
from probe.net import guard


@pytest_asyncio.fixture
async def lab() -> AsyncIterator[AttachedLab]:
    """Return the lab that this process is in, with a healthy line and no censor."""
    if not guard.in_lab():
        pytest.skip("not in a lab: run make test-netns")
    none = load_scenario("none")
    async with await AttachedLab.attach() as attached:
        await attached.play(none, none.services)
        yield attached
        await attached.play(none, none.services)
