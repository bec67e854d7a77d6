"""The contract suite shares the servers of the tests of ``net``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "net"))
