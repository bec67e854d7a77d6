"""Whose an event is, from the lines that saw it and those that looked and did not.

One vantage is one line, whatever networks it used; two in one AS make it that AS's; two AS make
it several; a national one needs three access AS, one of them mobile. Networks of hosting and of
universities never count. One vantage speaks for one AS only, so that a telephone with two cards
is not two witnesses; and so does one source, however many vantages its file speaks of. Reasons:
docs/design/005-timelines-and-windows.md.
"""

import re
from collections import defaultdict
from collections.abc import Sequence

from probe.model.event import Agreement, Scope, Witness
from probe.model.vantage import Access

__all__ = ["agreement_of", "counts", "parsed", "scope_of"]

NATIONAL_AS = 3
_KEY = re.compile(r"AS(\d{1,10})(?:/([a-z]+))?")
_ACCESS = (Access.FIXED, Access.MOBILE)
_NEVER = (Access.HOSTING, Access.ACADEMIC)


def parsed(network: str) -> tuple[int, Access]:
    """Return AS number and access kind of a network key; 0 and unknown for any other text."""
    match = _KEY.fullmatch(network)
    if match is None:
        return 0, Access.UNKNOWN
    kind = match[2] or ""
    return int(match[1]), Access(kind) if kind in set(Access) else Access.UNKNOWN


def counts(network: str) -> bool:
    """Return whether a line of that network is a witness: hosting and academic ones are not."""
    return parsed(network)[1] not in _NEVER


def agreement_of(witnesses: Sequence[Witness], country: str) -> Agreement:
    """Count who saw it, of those who could say; ``country`` is that of their zone."""
    said = [w for w in witnesses if w.counts and w.saw is not None]
    votes: dict[str, bool] = {}
    for witness in said:
        votes[witness.vantage] = votes.get(witness.vantage, False) or bool(witness.saw)
    affected = _affected(said)
    return Agreement(
        vantages=(sum(votes.values()), len(votes)),
        networks=_pair(affected, None),
        mobile=_pair(affected, Access.MOBILE),
        fixed=_pair(affected, Access.FIXED),
        country=country,
        witnesses=tuple(witnesses),
    )


def _affected(said: Sequence[Witness]) -> dict[tuple[int, Access], bool]:
    """Return each known network with whether at least half of its vantages saw it."""
    lines: dict[tuple[int, Access], list[bool]] = defaultdict(list)
    for witness in said:
        asn, access = parsed(witness.network)
        if asn:
            lines[asn, access].append(bool(witness.saw))
    return {key: sum(votes) * 2 >= len(votes) and any(votes) for key, votes in lines.items()}


def _pair(affected: dict[tuple[int, Access], bool], access: Access | None) -> tuple[int, int]:
    """Return how many AS (of that access) are affected, and how many could say."""
    mine = {key: hit for key, hit in affected.items() if access is None or key[1] is access}
    return len({asn for (asn, _), hit in mine.items() if hit}), len({asn for asn, _ in mine})


def scope_of(agreement: Agreement) -> Scope:
    """Return the widest scope that the witnesses allow.

    National needs the country to be known, and half of the access AS that could say to be
    affected, beside the three of which one is mobile.
    """
    if agreement.vantages[0] < 2:
        return Scope.THIS_LINE
    said = [w for w in agreement.witnesses if w.counts and w.saw is not None]
    affected = _affected(said)
    hit = {key for key, is_hit in affected.items() if is_hit}
    saw = [(w.source or w.vantage, *parsed(w.network)) for w in said if w.saw]
    if len({voice for voice, _, _ in saw}) < 2:
        return Scope.THIS_LINE
    pairs = [(vantage, asn) for vantage, asn, access in saw if (asn, access) in hit]
    apart = _apart(pairs)
    if apart >= 2:
        access = [(v, asn) for v, asn, kind in saw if (asn, kind) in hit and kind in _ACCESS]
        national = (
            _apart(access) >= NATIONAL_AS
            and agreement.mobile[0] >= 1
            and agreement.country != ""
            and _mostly(affected)
        )
        return Scope.NATIONAL if national else Scope.SEVERAL_AS
    of_one: dict[int, set[str]] = defaultdict(set)
    for vantage, asn in pairs:
        of_one[asn].add(vantage)
    return Scope.ONE_AS if any(len(v) >= 2 for v in of_one.values()) else Scope.THIS_LINE


def _mostly(affected: dict[tuple[int, Access], bool]) -> bool:
    known = {asn for asn, access in affected if access in _ACCESS}
    hit = {asn for (asn, access), is_hit in affected.items() if is_hit and access in _ACCESS}
    return len(hit) * 2 >= len(known)


def _apart(pairs: Sequence[tuple[str, int]]) -> int:
    """Return how many AS have a vantage of their own: the largest matching of the two."""
    networks: dict[str, list[int]] = defaultdict(list)
    for vantage, asn in pairs:
        networks[vantage].append(asn)
    owner: dict[int, str] = {}

    def place(vantage: str, tried: set[int]) -> bool:
        for asn in networks[vantage]:
            if asn in tried:
                continue
            tried.add(asn)
            if asn not in owner or place(owner[asn], tried):
                owner[asn] = vantage
                return True
        return False

    return sum(place(vantage, set()) for vantage in sorted(networks))
