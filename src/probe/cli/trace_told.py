"""How a trace is printed: what was found, the hops, what the packets made on the way look like."""

import sys
from collections.abc import Iterable

from probe.cli.options import Output
from probe.cli.output import emit
from probe.model.trace import Fingerprint, HopRow, Trace

__all__ = ["show_trace"]

_COLUMNS = (
    "hop",
    "address",
    "network",
    "country",
    "neutral_heard",
    "neutral_answered",
    "trigger_heard",
    "trigger_answered",
)


def show_trace(trace: Trace, *, as_json: bool) -> None:
    """Print a trace on stdout; JSON is an array with one value."""
    if as_json:
        emit([trace], Output.JSON)
        return
    about = f"{trace.host}, {trace.trigger}"
    sys.stdout.write(f"{trace.sentence}\n")
    sys.stdout.write(f"Confidence: {trace.located.confidence}.\n\n")
    emit([_row(row) for row in trace.hops], Output.TABLE, _COLUMNS, f"The way to {about}")
    looks = list(_looks("made on the way", trace.located.looks))
    if looks and trace.located.server_looks is not None:
        looks += _looks("the server's", (trace.located.server_looks,))
    emit(looks, Output.TABLE, title="What the packets look like")


def _row(row: HopRow) -> dict[str, str]:
    network = f"AS{row.asn} {row.as_name}".strip() if row.asn is not None else ""
    return {
        "hop": str(row.ttl),
        "address": "(not kept)" if row.scrubbed else row.address or "",
        "network": network,
        "country": _country(row),
        "neutral_heard": _share(row.neutral_heard, row.neutral_sent),
        "neutral_answered": _share(row.neutral_answered, row.neutral_sent),
        "trigger_heard": _share(row.target_heard, row.target_sent),
        "trigger_answered": _share(row.target_answered, row.target_sent),
    }


def _country(row: HopRow) -> str:
    where = {True: " (inside)", False: " (outside)", None: ""}[row.inside]
    return f"{row.country or ''}{where}"


def _share(heard: int, sent: int) -> str:
    return f"{heard}/{sent}" if sent else ""


def _looks(whose: str, looks: Iterable[Fingerprint]) -> Iterable[dict[str, str]]:
    for one in looks:
        yield {
            "whose": whose,
            "ttl": str(one.ttl),
            "ip_id": "" if one.ident is None else str(one.ident),
            "flags": one.flags,
            "window": "" if one.window is None else str(one.window),
            "options": " ".join(one.options),
            "ahead": "" if one.ahead is None else str(one.ahead),
        }
