"""Labs by the world that they need, and the scenarios played in them one after the other."""

from contextlib import AsyncExitStack
from pathlib import Path

from outcome import Outcome, outcome_of
from shipped import world_of
from stage import Loopback, Played, Stage

from probe.lab.process import Lab
from probe.lab.rules import Scenario

__all__ = ["Theatre"]


class Theatre:
    """Loopback labs; they stay up until the stack ends."""

    def __init__(self, stack: AsyncExitStack, folder: Path) -> None:
        """Start labs when they are first needed; ``folder`` is for their databases."""
        self._stack = stack
        self._folder = folder
        self._stages: dict[bytes, Stage] = {}

    async def play(self, scenario: Scenario, *, slower: float = 1.0) -> Outcome:
        """Play a scenario in a world that fits and compare with what it expects."""
        rounds = await self.rounds(scenario, slower=slower)
        return outcome_of(scenario, "loopback", rounds)

    async def rounds(self, scenario: Scenario, *, slower: float = 1.0) -> tuple[Played, ...]:
        """Play a scenario in a world that fits; all deadlines are ``slower`` times as long."""
        world = world_of(scenario)
        stage = self._stages.get(world)
        if stage is None:
            lab = await self._stack.enter_async_context(Lab(scenario, http2=False))
            folder = self._folder / str(len(self._stages))
            folder.mkdir()
            stage = self._stages[world] = Stage(Loopback(lab), folder, scenario.country)
            self._stack.callback(stage.close)
        return await stage.play(scenario, slower=slower)
