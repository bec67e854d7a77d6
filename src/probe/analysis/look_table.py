"""What rounds said of services, as columns: a row a look, names beside them by their places."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from probe.analysis.arrays import BoolArray, IntArray
from probe.model.record import Judged, SeriesRound, judged_row
from probe.model.times import instant
from probe.model.verdict import Verdict

__all__ = ["LookTable"]


@dataclass(frozen=True, slots=True, eq=False)
class LookTable:
    """Looks by service, time and round; ``service``, ``round`` and ``ruling`` are places.

    ``time_us`` is microseconds since 1970. The rounds are in the order of their numbers.
    """

    services: tuple[str, ...]
    rounds: tuple[SeriesRound, ...]
    rulings: tuple[Verdict, ...]
    service: IntArray
    time_us: IntArray
    round: IntArray
    ruling: IntArray

    def __len__(self) -> int:
        """Return the number of looks."""
        return int(self.time_us.size)

    def where(self, kept: BoolArray | IntArray) -> "LookTable":
        """Return the looks in these places, in their order."""
        return replace(
            self,
            service=self.service[kept],
            time_us=self.time_us[kept],
            round=self.round[kept],
            ruling=self.ruling[kept],
        )

    def in_order(self) -> "LookTable":
        """Return the looks by service, time and round; they mostly are so already."""
        same, steps = np.diff(self.service), np.diff(self.time_us)
        later = (steps > 0) | ((steps == 0) & (np.diff(self.round) >= 0))
        if ((same > 0) | ((same == 0) & later)).all():
            return self
        return self.where(np.lexsort((self.round, self.time_us, self.service)))

    def of_vantage(self, vantage: str) -> "LookTable":
        """Return the looks that one vantage had."""
        return self._of([one.vantage == vantage for one in self.rounds])

    def of_network(self, key: str) -> "LookTable":
        """Return the looks that were had on one network."""
        return self._of([one.network == key for one in self.rounds])

    def _of(self, rounds: list[bool]) -> "LookTable":
        mine = np.array(rounds, dtype=np.bool_)
        return self if mine.all() else self.where(mine[self.round])

    def of_services(self, names: Iterable[str]) -> "LookTable":
        """Return the looks at some services."""
        wanted = set(names)
        chosen = np.array([name in wanted for name in self.services], dtype=np.bool_)
        return self if chosen.all() else self.where(chosen[self.service])

    def without(self, mechanism: str) -> "LookTable":
        """Return the looks of which something else was said."""
        kept = np.array([one.mechanism != mechanism for one in self.rulings], dtype=np.bool_)
        return self if kept.all() else self.where(kept[self.ruling])

    def rules(self) -> set[str]:
        """Return the ids of the rules that spoke."""
        return {self.rulings[place].rule_id for place in np.unique(self.ruling).tolist()}

    def judged(self, places: Iterable[int] | None = None) -> Iterator[Judged]:
        """Yield looks as rows: those in these places, or all."""
        for place in range(len(self)) if places is None else places:
            yield judged_row(
                self.rounds[self.round[place]],
                instant(int(self.time_us[place])),
                self.services[self.service[place]],
                self.rulings[self.ruling[place]],
            )
