"""What was kept of the last run of all protocols (docs/protocols.json, ``make protocols``)."""

import pytest
from protocols import CASES, FILE, PROTOCOLS, Row, read_page

pytestmark = pytest.mark.skipif(not FILE.exists(), reason="docs/protocols.json is not here")

OVER_UDP = 6
"""Situations: reachable, closed, dropped, filtered, another service, garbage."""


def rows() -> tuple[Row, ...]:
    return read_page().rows


def test_each_protocol_was_played_in_each_situation_and_stage() -> None:
    """Nothing is left out, and nothing is kept of cases that are gone."""
    played = {(row.protocol, row.situation, row.stage) for row in rows()}
    wanted = {
        (case.protocol, str(case.situation), stage)
        for case in CASES
        for stage in ("loopback", "netns")
    }
    assert played == wanted


def test_what_was_expected_is_what_is_expected() -> None:
    """A case whose expectation was changed has to be played again."""
    now = {(case.protocol, str(case.situation)): case.verdict for case in CASES}
    assert {(r.protocol, r.situation): r.expected for r in rows()} == now


def test_everything_was_as_expected() -> None:
    """The reply or the failure of the probe, and the verdict, in both stages."""
    assert [(r.protocol, r.situation, r.stage) for r in rows() if not r.right] == []


def test_a_protocol_over_udp_has_all_six_situations() -> None:
    """What a filter of connections can do to OpenVPN over TCP is not played here."""
    for protocol in PROTOCOLS:
        situations = {case.situation for case in CASES if case.protocol == protocol}
        assert len(situations) == OVER_UDP or protocol == "OpenVPN over TCP"


def test_real_programs_answered_in_namespaces() -> None:
    """Each protocol was shown against a program that others wrote, but for one of ours."""
    real = {r.protocol for r in rows() if r.stage == "netns" and r.server != "the lab's own"}
    assert set(PROTOCOLS) - real == {"WireGuard, a test responder"}
