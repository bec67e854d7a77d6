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
from xdist.scheduler import LoadScopeScheduling

from probe.steady import loop_factory

settings.register_profile("quick", max_examples=40, deadline=None)
settings.load_profile("quick")
"""Other examples are drawn in each run; a test that needs more of them says so.

How long one takes is no reason to fail: machines differ, and share their processors.
"""

if not os.environ.get("PROBE_NET", "").startswith("lab:"):
    os.environ["PROBE_NET"] = "loopback"


TOGETHER = (
    "tests/analysis/test_fuzz_broken_edges.py::TestBlame::",
    "tests/lab/test_lab_demo.py::TestWholeDemo::",
    "tests/web/test_web_browser.py::",
)
"""Tests of one long preparation: worlds that are judged, a fortnight, a server with Chromium."""


class TogetherScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Each test by itself to whoever is free, but for those of one preparation."""

    def _split_scope(self, nodeid: str) -> str:
        return next((kept for kept in TOGETHER if nodeid.startswith(kept)), nodeid)


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], AbstractEventLoop]]:
    """Return the loop that commands measure on: a busy machine is no reason to fail."""
    return {"steady": loop_factory() or asyncio.new_event_loop}  # Windows' own can start processes


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> TogetherScheduling | None:
    """Return it where ``--dist loadgroup`` asks for it; that one's own marks miss pytest 9.2."""
    return TogetherScheduling(config, log) if config.getoption("dist") == "loadgroup" else None


def pytest_collection_finish() -> None:
    """Spare the collector of garbage ten thousand tests each time: a twelfth of all the work."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Return the folder of public data that ``PROBE_TEST_DATA`` names; skip, saying so, without."""
    folder = os.environ.get("PROBE_TEST_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("PROBE_TEST_DATA names no folder of public data")
    return Path(folder)
