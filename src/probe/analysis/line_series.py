"""The line's own series: cut off entirely (``upstream``), or left with domestic sites (``intl``).

Each round gives one sample to both, by its gates. A round made while the line was off sees no
AS number; it belongs to the network that the vantage was last seen on, unless its gateway was
another one, so that a shutdown does not vanish into a network of its own.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from msgspec import structs

from probe.model.context import AnchorGroup, GateId, RoundContext
from probe.model.record import RoundRow
from probe.model.timeline import Absence, Sample, Series, SeriesKey, Signal
from probe.model.vantage import Network

__all__ = ["LINE", "line_series", "networks_of"]

LINE = "line"
"""The subject of a series that is about the line itself."""


def networks_of(rounds: Iterable[RoundRow]) -> dict[int, str]:
    """Return the network key of each round, carried over rounds that could not see an AS."""
    keys: dict[int, str] = {}
    last: dict[str, Network] = {}
    for row in sorted(rounds, key=lambda r: r.started):
        network = row.network
        known = last.get(row.vantage)
        if network.asn == 0 and known is not None and _may_be(network, known):
            network = known
        elif network.asn != 0:
            last[row.vantage] = network
        keys[row.id] = network.key
    return keys


def _may_be(unseen: Network, known: Network) -> bool:
    return unseen.gateway is None or known.gateway is None or unseen.gateway == known.gateway


def line_series(rounds: Sequence[RoundRow], networks: dict[int, str]) -> tuple[Series, ...]:
    """Return ``upstream`` and ``intl`` of every line whose rounds looked at anchors."""
    lines: dict[tuple[str, str], list[tuple[RoundContext, bool]]] = defaultdict(list)
    for row in sorted(rounds, key=lambda r: r.started):
        if row.context is not None and row.context.inputs.anchors:
            lines[row.vantage, networks[row.id]].append((row.context, row.retests))
    return tuple(
        Series(
            key=SeriesKey(vantage=vantage, network=network, subject=LINE, signal=signal),
            tz=looks[-1][0].tz,
            samples=tuple(
                structs.replace(_sample(context, signal), burst=again) for context, again in looks
            ),
        )
        for (vantage, network), looks in sorted(lines.items())
        for signal in (Signal.UPSTREAM, Signal.INTL)
    )


_OWN = {Signal.UPSTREAM: GateId.OFFLINE_UPSTREAM, Signal.INTL: GateId.DOMESTIC_ONLY}


def _sample(context: RoundContext, signal: Signal) -> Sample:
    """Return one round's word on ``signal``; other invalidating gates hide it."""
    if context.gate(_OWN[signal]) is not None:
        return Sample(time=context.started, bad=True, mechanism=str(_OWN[signal]))
    closed = context.invalid
    if closed is not None and not (signal is Signal.UPSTREAM and closed.id is GateId.DOMESTIC_ONLY):
        local = closed.id is GateId.OFFLINE_LOCAL
        absence = Absence.OFFLINE_LOCAL if local else Absence.INVALID
        return Sample(time=context.started, bad=None, absence=absence)
    if any(a.ok and _speaks(a.group, signal) for a in context.inputs.anchors):
        return Sample(time=context.started, bad=False)
    return Sample(time=context.started, bad=None, absence=Absence.INCONCLUSIVE)


def _speaks(group: AnchorGroup, signal: Signal) -> bool:
    return signal is Signal.UPSTREAM or group is AnchorGroup.INTERNATIONAL
