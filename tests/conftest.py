"""What every test runs under: loopback only, and the folder of public data when there is one."""

import os
from pathlib import Path

import pytest

os.environ["PROBE_NET"] = "loopback"


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Return the folder of public data that ``PROBE_TEST_DATA`` names; skip, saying so, without."""
    folder = os.environ.get("PROBE_TEST_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("PROBE_TEST_DATA names no folder of public data")
    return Path(folder)
