"""The small catalog of the schedule's tests and the certificates of net's serve here as well."""

import sys
from pathlib import Path

for folder in ("schedule", "net"):
    sys.path.insert(0, str(Path(__file__).parents[1] / folder))
