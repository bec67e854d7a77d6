"""The page on traces counts right what was right, and calls a wrong hop wrong."""

from pathlib import Path

import msgspec
import pytest
from bench_trace import CASES, Run, judged, page

from probe.model.trace import Arm, Finding, Located, Placement, Shot

HIT = Located(finding=Finding.NETWORK, first=4, last=4, placement=Placement.ON_PATH)


@pytest.mark.parametrize(
    ("case", "found", "told"),
    [
        ("on-path-4", HIT, ["found", "within", "exact", "placed"]),
        ("in-path-4", HIT, ["found", "within", "exact"]),
        ("on-path-4", msgspec.structs.replace(HIT, first=3), ["found", "within", "placed"]),
        ("on-path-4", msgspec.structs.replace(HIT, first=5, last=5), ["found", "wrong"]),
        ("on-path-4", Located(finding=Finding.NONE), []),
        ("server", HIT, ["wrong"]),
        ("server", Located(finding=Finding.SERVER, first=7, last=7), ["found"]),
        ("none", Located(finding=Finding.NONE), ["found"]),
    ],
)
def test_one_run(case: str, found: Located, told: list[str]) -> None:
    """Exact is in the range; a range without the hop, or a hop where there is none, is wrong."""
    assert judged(CASES[case], found) == told


def test_the_page_judges_what_was_kept(tmp_path: Path) -> None:
    """Rates of loss apart, a row a case, from the shots themselves."""
    shots = (Shot(round=1, arm=Arm.TARGET, ttl=1),)
    file = tmp_path / "runs.jsonl"
    rows = [Run("server", run, loss, shots) for run, loss in ((0, 0.1), (0, 0.02), (1, 0.02))]
    file.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    text = page([file])
    assert "## 2% loss each way" in text
    assert "| the server itself resets | 2 | 0 | - | - | 0 | - |" in text
    assert text.index("2% loss") < text.index("10% loss")
