"""What the paths of TCP and UDP share: whom they ask, which flows they know, what still lingers."""

import random
from typing import Generic, Protocol, TypeVar

from probe.lab.path.choice import Choice
from probe.lab.path.injection import Injector
from probe.lab.path.residual import Residual
from probe.lab.path.table import FlowTable
from probe.lab.rules import Rule

__all__ = ["FlowPath"]


class _Flow(Protocol):
    client: tuple[bytes, int]
    server: tuple[bytes, int]
    seen_s: float


F = TypeVar("F", bound=_Flow)


class FlowPath(Generic[F]):
    """Flows of one protocol through the box; time is what the caller says."""

    def __init__(self, choice: Choice, residual: Residual, rng: random.Random) -> None:
        """Ask ``choice`` what to do; share ``residual`` with the other protocols."""
        self._choice = choice
        self._residual = residual
        self._rng = rng
        self._injector = Injector(rng)
        self._flows: FlowTable[F] = FlowTable()
        self.generation = 0

    def rules_changed(self) -> None:
        """Take note that other rules stand: who is cut now is asked again."""
        self.generation += 1

    def __len__(self) -> int:
        """Return how many flow keys are remembered."""
        return len(self._flows)

    def _held(self, flow: F) -> bool:
        """Return whether a hit on another flow cuts this one, too."""
        return self._residual.holds(flow.client, flow.server, self._choice.scene.now)

    def _remember(self, flow: F, rule: Rule) -> None:
        """Cut the next flows as well, if the rule says so."""
        self._residual.hit(rule.what, flow.client, flow.server, self._choice.scene.now)
