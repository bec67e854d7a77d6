"""What every test runs under, and the folder of public data when there is one.

Loopback only, or, where ``probe lab up`` has started the tests, the lab's own namespace.
"""

import asyncio
import gc
import os
from asyncio import AbstractEventLoop
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import settings
from together import Together
from xdist.scheduler import LoadScopeScheduling

from probe.steady import loop_factory

settings.register_profile("quick", max_examples=40, deadline=None)
settings.load_profile("quick")
"""Other examples are drawn in each run; a test that needs more of them says so.

How long one takes is no reason to fail: machines differ, and share their processors.
"""

if not os.environ.get("PROBE_NET", "").startswith("lab:"):
    os.environ["PROBE_NET"] = "loopback"


class TogetherScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Each test by itself to whoever is free, but for those of one preparation."""

    def __init__(self, config: pytest.Config, log: object) -> None:
        """Know no test yet."""
        super().__init__(config, log)
        self._together = Together()

    def _split_scope(self, nodeid: str) -> str:
        return self._together.scope_of(nodeid)


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], AbstractEventLoop]]:
    """Return the loop that commands measure on: a busy machine is no reason to fail."""
    return {"steady": loop_factory() or asyncio.new_event_loop}  # Windows' own can start processes


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> TogetherScheduling | None:
    """Return it where ``--dist loadgroup`` asks for it; that one's own marks miss pytest 9.2."""
    return TogetherScheduling(config, log) if config.getoption("dist") == "loadgroup" else None


gc.disable()  # while ten thousand tests are read nearly nothing is garbage


def pytest_collection_finish() -> None:
    """Spare the collector of garbage ten thousand tests each time: a twelfth of all the work."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)  # what a few tests leave behind fits into memory
    gc.enable()


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Return the folder of public data that ``PROBE_TEST_DATA`` names; skip, saying so, without."""
    folder = os.environ.get("PROBE_TEST_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("PROBE_TEST_DATA names no folder of public data")
    return Path(folder)
