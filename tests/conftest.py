"""What every test runs under, and the folder of public data when there is one.

Loopback only, or, where ``probe lab up`` has started the tests, the lab's own namespace.
"""

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("quick", max_examples=40, deadline=None)
settings.load_profile("quick")
"""Other examples are drawn in each run; a test that needs more of them says so.

How long one takes is no reason to fail: machines differ, and share their processors.
"""

if not os.environ.get("PROBE_NET", "").startswith("lab:"):
    os.environ["PROBE_NET"] = "loopback"


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Return the folder of public data that ``PROBE_TEST_DATA`` names; skip, saying so, without."""
    folder = os.environ.get("PROBE_TEST_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("PROBE_TEST_DATA names no folder of public data")
    return Path(folder)
