"""What the command line's tests share: the small rounds of the schedule's, and a home."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "schedule"))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a command a home of its own: no settings, no consent, no store."""
    for name in [name for name in os.environ if name.startswith("PROBE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PROBE_NET", "loopback")
    monkeypatch.setenv("PROBE_CONSENT", str(tmp_path / "consent.json"))
    monkeypatch.setenv("PROBE_STORE", str(tmp_path / "probe.db"))
    (tmp_path / "config.toml").write_text("")
    monkeypatch.setenv("PROBE_CONFIG", str(tmp_path / "config.toml"))
    return tmp_path
