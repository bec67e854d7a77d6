"""The tests of the probes share what those of ``net`` and of the scenarios stand on."""

import sys
from pathlib import Path

for name in ("net", "scenarios", "wire"):
    sys.path.insert(0, str(Path(__file__).parents[1] / name))
