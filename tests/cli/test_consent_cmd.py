"""``probe consent``: read, answered, recorded, withdrawn."""

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


def test_show_prints_text_and_questions(probe: Machine) -> None:
    """The risks, the warnings of what was asked for, and the questions are on stdout."""
    done = probe("consent", "show", "--include", "tor,vpn")
    assert done.code == 0
    for words in ("It can be seen", "VPN services:", "Tor: contacting", "1. Who can", "Version 1"):
        assert words in done.out
    assert "News sites" not in done.out


def test_a_person_answers(probe: Machine, tmp_path: Path) -> None:
    """Somebody at a terminal reads, answers, mends a wrong answer, and agrees."""
    done = probe("consent", "give", stdin="a\nb\na\ny\n", terminal=True)
    assert done.code == 0
    assert "No: probe hides nothing" in done.err
    assert "It is not a privacy tool" in done.err
    assert done.out.strip() == ""
    assert (tmp_path / "config" / "probe" / "consent.json").exists()
    status = probe("consent", "status", "-o", "json")
    assert status.code == 0
    (row,) = json.loads(status.out)
    assert (row["version"], row["categories"], row["valid"]) == ("1", "", True)


def test_a_person_reads_and_answers_in_their_language(
    probe: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system's language is taken, another may be asked for; every word between is in it."""
    monkeypatch.setenv("LANG", "fa_IR.UTF-8")
    done = probe("consent", "give", stdin="a\nb\na\ny\n", terminal=True)
    assert done.code == 0
    for words in ("پیش از اندازه‌گیری", "این متن ترجمه است", "نه: probe", "پاسخ", "رضایت شما در"):
        assert words in done.err
    assert "Also in: ar, en, es" in done.err
    assert probe("consent", "status").code == 0
    assert "Before you measure" in probe("consent", "show", "--language", "en").out


@pytest.mark.parametrize("typed", ["a\na\na\n", "b\na\nn\n", "b\nb\nc\nc\n"])
def test_no_means_no(probe: Machine, typed: str) -> None:
    """Three wrong answers, or a no at the end, and there is no consent: exit code 4."""
    done = probe("consent", "give", stdin=typed, terminal=True)
    assert done.code == 4
    assert "consent was not given" in done.err
    assert probe("consent", "status").code == 4


def test_nobody_at_the_terminal(probe: Machine) -> None:
    """Without a terminal the version read and the answers must be given, and be right."""
    assert "nobody is there to answer" in probe("consent", "give").err
    for wrong in (
        ("--i-have-read", "0", "--answers", "b,a"),
        ("--i-have-read", "1", "--answers", "a,a"),
        ("--i-have-read", "1"),
        ("--answers", "b,a"),
    ):
        assert probe("consent", "give", *wrong).code == 4
    assert probe("consent", "status").code == 4
    assert probe("consent", "give", "--i-have-read", "1", "--answers", "b,a").code == 0
    assert probe("consent", "status").code == 0


def test_categories_are_checked(probe: Machine) -> None:
    """A category that does not exist is an error of usage with a proposal."""
    done = probe("consent", "show", "--include", "torr")
    assert done.code == 2
    assert "did you mean tor?" in done.err
    assert probe("consent", "show", "--language", "xx").code == 2


def test_the_settings_categories_are_asked_for(
    probe: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without ``--include`` the categories of the settings are what consent is given to."""
    monkeypatch.setenv("PROBE_INCLUDE", "news")
    probe("consent", "give", "--i-have-read", "1", "--answers", "b,a")
    assert json.loads(probe("consent", "status", "-o", "json").out)[0]["categories"] == "news"


def test_high_risk_writes_little(probe: Machine, tmp_path: Path) -> None:
    """``--high-risk`` records version, hash and day only."""
    probe("consent", "give", "--i-have-read", "1", "--answers", "b,a", "--high-risk")
    record = json.loads((tmp_path / "config" / "probe" / "consent.json").read_text())
    assert set(record) == {"version", "text_sha256", "given"}
    assert len(record["given"]) == len("2026-03-01")


def test_withdraw(probe: Machine) -> None:
    """Withdrawing says what stays, and leaves no consent."""
    probe("consent", "give", "--i-have-read", "1", "--answers", "b,a")
    assert "purge" in probe("consent", "withdraw").err
    assert probe("consent", "status").code == 4
    assert "no consent to withdraw" in probe("consent", "withdraw").err


def test_an_old_record_is_shown_and_does_not_hold(probe: Machine, tmp_path: Path) -> None:
    """A record of other words is listed as not valid: exit code 4."""
    path = tmp_path / "config" / "probe" / "consent.json"
    probe("consent", "give", "--i-have-read", "1", "--answers", "b,a")
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"version": "0"}))
    done = probe("consent", "status", "-o", "json")
    assert done.code == 4
    assert json.loads(done.out)[0]["valid"] is False
