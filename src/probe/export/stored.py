"""What the tables of stored rows share: the columns of a round, an endpoint and a verdict."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from probe.analysis.arrays import IntArray
from probe.export.table import Cell, Column
from probe.model.verdict import Verdict
from probe.store.scan import EndpointFacts, RoundFacts

__all__ = [
    "ENDPOINT",
    "ROUND",
    "VERDICT",
    "View",
    "endpoint_cells",
    "names",
    "round_cells",
    "verdict_cells",
]

OWN: Final = "own"

ROUND: Final = (
    Column("round", "integer", "Number of the round in this store.", private=True),
    Column("vantage", "string", "Random name of the line that measured."),
    Column("country", "string", "Where the line ends, ISO 3166 alpha-2; ZZ is unknown."),
    Column("network", "string", "Network key: AS number and kind of access."),
    Column("asn", "integer", "AS number; 0 is unknown or withheld."),
    Column("network_name", "string", "What the AS is called."),
    Column("tz", "string", "IANA time zone of the line."),
    Column("utc_offset_s", "integer", "Seconds east of UTC when the round began."),
    Column("plan", "string", "Which endpoints the round was to measure."),
    Column("gates", "string", "Faults of the line itself in this round, by their ids."),
    Column("control_bad", "number", "Share of the round's neutral hosts that failed, 0 to 1."),
    Column("source", "string", "own, or where it was imported from.", private=True),
    Column("digest", "string", "The round's link in the hash chain (SHA-256).", private=True),
)
ENDPOINT: Final = (
    Column("service", "string", "What a person names."),
    Column("category", "string", "The service's category in the catalog; empty if unknown."),
    Column("endpoint", "string", "What was measured of it: kind, host, port."),
    Column("kind", "string", "Protocol that was spoken."),
    Column("role", "string", "What the service uses it for."),
)
VERDICT: Final = (
    Column("state", "string", "ok, blocked, degraded, down, inconclusive or invalid."),
    Column("mechanism", "string", "How, as deep as the evidence goes."),
    Column("locus", "string", "Whose doing: network, server, local or unknown."),
    Column("confidence", "string", "confirmed, likely or weak."),
    Column("reason", "string", "Why a service refuses, when it says so."),
    Column("rule_id", "string", "The rule that judged."),
    Column("rule_version", "integer", "Its version."),
)


@dataclass(frozen=True, slots=True)
class View:
    """How stored rows are shown: the services' categories, and what publishing makes of them.

    ``shown`` gives the facts of a round as they may be told, ``None`` when nothing of it may be;
    ``grain_s`` is the length in seconds of the local steps that times are rounded down to, 0 for
    none.
    """

    categories: Mapping[str, str] = field(default_factory=dict)
    shown: Callable[[RoundFacts], RoundFacts | None] | None = None
    grain_s: int = 0

    def rounds(self, rounds: Mapping[int, RoundFacts]) -> Mapping[int, RoundFacts]:
        """Return the rounds that may be told of, as they may be told."""
        shown = self.shown
        if shown is None:
            return rounds
        told = ((number, shown(facts)) for number, facts in rounds.items())
        return {number: facts for number, facts in told if facts is not None}

    def times(self, us: IntArray, keys: IntArray, rounds: Mapping[int, RoundFacts]) -> IntArray:
        """Return times rounded down to the grain, on the clocks of the rounds' zones."""
        if not self.grain_s or not len(us):
            return us
        numbers = np.array(sorted(rounds), dtype=np.int64)
        east = np.array([rounds[n].utc_offset_s * 1_000_000 for n in numbers], dtype=np.int64)
        shift = east[np.searchsorted(numbers, keys)]
        local = us + shift
        return np.asarray(local - local % (self.grain_s * 1_000_000) - shift, dtype=np.int64)


def names(columns: tuple[Column, ...]) -> tuple[str, ...]:
    """Return the names of columns."""
    return tuple(column.name for column in columns)


def round_cells(facts: RoundFacts) -> tuple[Cell, ...]:
    """Return the cells of ``ROUND``; the gateway's fingerprint is none of them."""
    return (
        facts.id,
        facts.vantage,
        facts.country,
        facts.network.key,
        facts.network.asn,
        facts.network.name,
        facts.tz,
        facts.utc_offset_s,
        facts.plan,
        facts.gates,
        facts.control_bad,
        facts.imported_from or OWN,
        facts.digest,
    )


def endpoint_cells(facts: EndpointFacts, categories: Mapping[str, str]) -> tuple[Cell, ...]:
    """Return the cells of ``ENDPOINT``."""
    category = categories.get(facts.service, "")
    return facts.service, category, facts.name, facts.kind.value, facts.role.value


def verdict_cells(verdict: Verdict | None) -> tuple[Cell, ...]:
    """Return the cells of ``VERDICT``; empty ones where nothing was said."""
    if verdict is None:
        return (None,) * len(VERDICT)
    return (
        verdict.state.value,
        verdict.mechanism,
        verdict.locus.value,
        verdict.confidence.value,
        None if verdict.reason is None else verdict.reason.value,
        verdict.rule_id,
        verdict.rule_version,
    )
