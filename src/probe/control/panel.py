"""Several controls at once: live ones, and those that were there before."""

import asyncio
from collections.abc import Sequence

from probe.control.client import LiveControl
from probe.model.control import ControlObservation
from probe.model.target import Endpoint

__all__ = ["ControlPanel"]


class ControlPanel:
    """Several controls at once, live ones and those that were there before: one provider.

    Two live ones with the same source are one: whoever runs one server twice is one witness.
    """

    def __init__(
        self, live: Sequence[LiveControl], given: Sequence[ControlObservation] = ()
    ) -> None:
        """Take live controls, and observations of snapshots."""
        self._live = tuple(live)
        self._given: dict[str, list[ControlObservation]] = {}
        for observation in given:
            self._given.setdefault(observation.endpoint, []).append(observation)

    async def run(self, endpoints: Sequence[Endpoint]) -> None:
        """Let every live control look, at the same time."""
        for control in self._live:
            control.expect(endpoints)
        ended = await asyncio.gather(*(c.run() for c in self._live), return_exceptions=True)
        for problem in ended:  # one of them ends none of the others
            if problem is not None:
                raise problem

    async def observe(self, endpoint: Endpoint) -> tuple[ControlObservation, ...]:
        """Return what all of them saw, once each has answered or was given up."""
        await asyncio.gather(*(control.observe(endpoint) for control in self._live))
        return self.seen(endpoint)

    def seen(self, endpoint: Endpoint) -> tuple[ControlObservation, ...]:
        """Return what is known by now, the live ones first."""
        live = (control.seen(endpoint) for control in self._live)
        found = {one.source: one for one in live if one is not None}
        return (*found.values(), *self._given.get(endpoint.id, ()))

    def crossed(self) -> tuple[int, int]:
        """Return the bytes sent and received since this was last asked."""
        each = [control.crossed() for control in self._live]
        return sum(sent for sent, _ in each), sum(received for _, received in each)
