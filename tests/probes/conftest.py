"""The tests of the probes share the servers and certificates of the tests of ``net``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "net"))
