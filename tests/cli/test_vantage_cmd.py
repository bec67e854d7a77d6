"""``probe vantage``: the line described, never its address."""

import json
from pathlib import Path

import pytest
from own_machine import Machine, machine


@pytest.fixture
def probe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Machine:
    """Return the command line on a machine of its own."""
    return machine(tmp_path, monkeypatch, capsys)


def test_set_then_show(probe: Machine) -> None:
    """What is set is shown; what is not given stays; the random id never changes."""
    done = probe("vantage", "set", "--country", "ir", "--label", "home", "--access", "mobile")
    assert done.code == 0
    (first,) = json.loads(probe("vantage", "show", "-o", "json").out)
    assert (first["country"], first["tz"], first["label"]) == ("IR", "Asia/Tehran", "home")
    assert first["network"] is None
    probe("vantage", "set", "--tz", "Asia/Kabul")
    (second,) = json.loads(probe("vantage", "show", "-o", "json").out)
    assert second == first | {"tz": "Asia/Kabul"}
    assert len(first["id"]) == 16


def test_not_described_yet(probe: Machine) -> None:
    """Before it is described, ``show`` says how to."""
    assert probe("vantage", "show").code == 5
    probe("note", "add", "slow")  # makes a store
    done = probe("vantage", "show")
    assert done.code == 0
    assert "probe vantage set" in done.err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--country", "UK"), "did you mean GB?"),
        (("--tz", "Tehran"), "did you mean Asia/Tehran?"),
        (("--label", "a\x1b[31m"), "--label"),
        (("--label", "x" * 61), "60"),
        (("--access", "satellite"), "satellite"),
    ],
)
def test_wrong_descriptions_are_refused(
    probe: Machine, tmp_path: Path, args: tuple[str, ...], said: str
) -> None:
    """A country, zone, label or access that cannot be is refused, and no store is made."""
    done = probe("vantage", "set", *args)
    assert done.code == 2
    assert said in done.err
    assert not (tmp_path / "data").exists()
