"""The ground of a verdict is read off its rule's id."""

import pytest

from probe.analysis.grounds import Ground, ground_of
from probe.analysis.rules import RULES


@pytest.mark.parametrize("ground", list(Ground))
def test_the_last_part_of_an_id_is_its_ground(ground: Ground) -> None:
    """Each ground is named by at least one rule of the table."""
    assert ground_of(f"tcp.timeout.{ground}") is ground
    assert any(ground_of(rule.id) is ground for rule in RULES)


@pytest.mark.parametrize("rule_id", ["", "expected", "http.unexpected", "rollup.ok", "alone."])
def test_other_ids_have_none(rule_id: str) -> None:
    """A word that only ends so, or stands by itself, is no ground."""
    assert ground_of(rule_id) is None


def test_only_what_was_seen_now_tells_how_the_service_is() -> None:
    """A snapshot and the own past do not, nor does nothing."""
    assert {ground for ground in Ground if not ground.of_now} == {Ground.EXPECTED, Ground.ALONE}
