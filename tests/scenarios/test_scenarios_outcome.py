"""What counts as right: gates that must close, may close, and must stay open."""

import pytest
from outcome import about_gates

from probe.lab.rules import Expected
from probe.model.context import GateId

UPSTREAM = Expected(gate=GateId.OFFLINE_UPSTREAM)
PERHAPS = Expected(gate=GateId.OFFLINE_UPSTREAM, may=True)
PORTAL = Expected(gate=GateId.CAPTIVE_PORTAL)
BOTH = frozenset({GateId.OFFLINE_UPSTREAM, GateId.CAPTIVE_PORTAL})


@pytest.mark.parametrize(
    ("expected", "closed", "right"),
    [
        ((), frozenset(), True),
        ((), {GateId.OFFLINE_UPSTREAM}, False),
        ((UPSTREAM,), {GateId.OFFLINE_UPSTREAM}, True),
        ((UPSTREAM,), frozenset(), False),
        ((PERHAPS,), frozenset(), True),
        ((PERHAPS,), {GateId.OFFLINE_UPSTREAM}, True),
        ((PERHAPS,), BOTH, False),
        ((PERHAPS, PORTAL), BOTH, True),
        ((PERHAPS, PORTAL), {GateId.OFFLINE_UPSTREAM}, False),
    ],
)
def test_gates_close_when_they_must_and_stay_open_unless_they_may_close(
    expected: tuple[Expected, ...], closed: frozenset[GateId], right: bool
) -> None:
    """A gate that is expected closes; one that chance may close does either; no other closes."""
    assert about_gates(expected, frozenset(closed)).right is right
