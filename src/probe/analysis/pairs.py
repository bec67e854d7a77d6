"""Which pairs of transfers are meant: the filters of a question, as for series."""

from collections.abc import Collection, Mapping
from typing import TypeVar

from msgspec.structs import replace

from probe.model.goodput import Pair, PairKey

__all__ = ["chosen_pairs", "zoned_pairs"]

T = TypeVar("T")


def chosen_pairs(
    pairs: Mapping[PairKey, T],
    *,
    services: Collection[str] | None = None,
    vantages: Collection[str] | None = None,
    networks: Collection[str] | None = None,
) -> dict[PairKey, T]:
    """Return the pairs of these services, vantages and networks; ``None`` is all of them.

    What is of the line itself is shown beside any service, as other series of the line are.
    ``networks`` are keys (``AS64500/fixed``) or AS numbers (``AS64500``).
    """
    return {
        key: rounds
        for key, rounds in pairs.items()
        if (services is None or not key.subject or key.subject in services)
        and (vantages is None or key.vantage in vantages)
        and (
            networks is None
            or not {key.network, key.network.partition("/")[0]}.isdisjoint(networks)
        )
    }


def zoned_pairs(
    pairs: Mapping[PairKey, tuple[Pair, ...]], tz: str | None
) -> dict[PairKey, tuple[Pair, ...]]:
    """Return the pairs as if they had been taken in another zone; ``None`` leaves them."""
    if tz is None:
        return dict(pairs)
    return {key: tuple(replace(one, tz=tz) for one in rounds) for key, rounds in pairs.items()}
