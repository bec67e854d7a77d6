"""What was kept of the last run of all protocols (docs/protocols.json, ``make protocols``)."""

import pytest
from protocols import CASES, FILE, PROTOCOLS, Row, read_page

pytestmark = pytest.mark.skipif(not FILE.exists(), reason="docs/protocols.json is not here")


def rows() -> tuple[Row, ...]:
    return read_page().rows


def test_each_protocol_was_played_in_each_situation_and_stage() -> None:
    """Nothing is left out, and nothing is kept of cases that are gone."""
    played = {(row.protocol, row.situation, row.stage) for row in rows()}
    wanted = {
        (case.shown, str(case.case), stage) for case in CASES for stage in ("loopback", "netns")
    }
    assert played == wanted


def test_what_was_expected_is_what_is_expected() -> None:
    """A case whose expectation was changed has to be played again."""
    now = {(case.shown, str(case.case)): case.verdict for case in CASES}
    assert {(r.protocol, r.situation): r.expected for r in rows()} == now


def test_everything_was_as_expected() -> None:
    """The reply or the failure of the probe, and the verdict, in both stages."""
    assert [(r.protocol, r.situation, r.stage) for r in rows() if not r.right] == []


def test_each_protocol_has_all_six_cases() -> None:
    """Reachable, closed, dropped, filtered, another service, garbage: none twice."""
    for protocol in PROTOCOLS:
        cases = [case.case for case in CASES if case.shown == protocol]
        assert sorted(cases) == sorted(type(cases[0]))


def test_real_programs_answered_in_namespaces() -> None:
    """Each protocol that has a program was shown against it."""
    real = {r.protocol for r in rows() if r.stage == "netns" and r.server != "the lab's own"}
    assert real == {case.shown for case in CASES if case.server is not None}
