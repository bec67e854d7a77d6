"""The transfers of one round in a table: a number each, and no word on what it means."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from probe.model.goodput import Pairing, Speed

if TYPE_CHECKING:
    from probe.model.target import Catalog
    from probe.schedule.runner import RoundResult

__all__ = ["NOTHING_TIMED", "TIMED_COLUMNS", "timed_rows"]

NOTHING_TIMED = (
    "No transfer is timed: the catalog has no file of these services that may be downloaded in part"
    " (of app stores it has). A server of your own can carry any name: docs/goodput.md."
)

TIMED_COLUMNS = ("timed", "way", "beside", "kbit/s", "controls, kbit/s")

_BESIDE = {
    Pairing.SAME_SERVER: "the same server under a neutral name",
    Pairing.NEUTRAL: "files of neutral hosts",
    Pairing.BORDER: "a file in the country",
}


def timed_rows(result: "RoundResult", catalog: "Catalog") -> Iterator[dict[str, str]]:
    """Yield a row for each pair of the round; only a series of rounds says that one is slow."""
    from probe.analysis.speeds import keyed_pairs

    names = {service.id: service.name for service in catalog.services}
    for key, pair in keyed_pairs(result.records, vantage="", network="", tz=""):
        yield {
            "timed": names.get(key.subject, key.subject) or "this line",
            "way": f"{key.direction}, {key.transport}",
            "beside": _BESIDE[key.pairing],
            "kbit/s": _kbit(pair.target),
            "controls, kbit/s": "; ".join(map(_kbit, pair.controls)),
        }


def _kbit(speed: Speed) -> str:
    """Return a speed in words that fit a cell."""
    lost = f", {speed.lost_share:.0%} lost" if speed.lost_share else ""
    if speed.rate is None:
        return f"nothing came{lost}"
    stop = "" if speed.stalled_at is None else f", stopped after {speed.stalled_at} bytes"
    return f"{'at most ' if speed.censored else ''}{speed.rate * 8 / 1000:,.0f}{stop}{lost}"
