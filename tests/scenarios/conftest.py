"""One theatre for all tests of scenarios: a lab for each world, started once in each worker."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from theatre import Theatre


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def theatre(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Theatre]:
    """Return a theatre; its labs end with the last test."""
    async with AsyncExitStack() as stack:
        yield Theatre(stack, tmp_path_factory.mktemp("theatre"))
