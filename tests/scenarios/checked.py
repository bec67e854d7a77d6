"""Whether a scenario came out as expected, on a machine that may have been too busy to play it."""

import warnings
from collections.abc import Awaitable, Callable

import pytest
from outcome import Outcome

__all__ = ["REPLAYS", "check"]

BUSY = 5.0
"""How many times longer a machine is waited for that may have been too busy to answer in time."""

REPLAYS = pytest.mark.filterwarnings("always:played again with more time")
"""The mark of tests that check: their warning is told, and is no error."""


async def check(play: Callable[[float], Awaitable[Outcome]]) -> None:
    """Play a scenario; all that it expects is found, and what is not expected is not blocked.

    ``play`` is told how many times as long its deadlines are. They are short, and on a machine that
    does ten things at once servers may miss them. What was wrong is played once more with long
    ones: who judges wrongly is wrong then as well.
    """
    outcome = await play(1.0)
    if not outcome.right:
        warnings.warn(f"played again with more time: {outcome}", stacklevel=1)
        outcome = await play(BUSY)
    wrong = [finding for finding in outcome.findings if not finding.right]
    assert not wrong
    assert not outcome.blocked
    assert not outcome.problems
