"""The command line's tests share the small rounds of the schedule's."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "schedule"))
