"""What a second play forgives, and what it does not."""

import pytest
from checked import BUSY, check
from outcome import Finding, Outcome

WRONG = Finding(about="chat", expected="ok", found="blocked", right=False)


def outcome(*, right: bool) -> Outcome:
    """Return what came of a scenario."""
    return Outcome(
        scenario="one",
        stage="loopback",
        description="",
        right=right,
        trap=False,
        findings=() if right else (WRONG,),
    )


@pytest.mark.parametrize(
    ("rights", "plays"), [((True, False), [1.0]), ((False, True), [1.0, BUSY])]
)
@pytest.mark.filterwarnings("ignore:played again")
async def test_only_what_was_wrong_is_played_again(
    rights: tuple[bool, ...], plays: list[float]
) -> None:
    """Once, with longer deadlines; what is right then is right."""
    played: list[float] = []

    async def play(slower: float) -> Outcome:
        played.append(slower)
        return outcome(right=rights[len(played) - 1])

    await check(play)
    assert played == plays


async def test_what_is_wrong_twice_fails_and_the_first_time_is_told() -> None:
    """A warning for the first play, and an error for the second."""

    async def play(_slower: float) -> Outcome:
        return outcome(right=False)

    with pytest.warns(UserWarning, match="played again"), pytest.raises(AssertionError):
        await check(play)
