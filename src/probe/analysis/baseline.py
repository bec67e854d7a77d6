"""A company's refusal told from a cut on the way, by another endpoint of the same company.

What is refused, or fails, is compared with what the same company is known to serve everywhere
(Google's search beside the products that it keeps from some countries, a VPN provider's site
beside its interface). The comparison stands in the sentence and changes no verdict: it says what
the other one did, and what that leaves open.
"""

from collections.abc import Iterable, Mapping, Sequence

from probe.analysis.looked import NOT_MEASURED
from probe.model.target import Endpoint, Purpose
from probe.model.verdict import Compared, Fate, Locus, State, Verdict

__all__ = ["Fate", "baseline_sentence", "beside", "fate_of", "sentence_of"]


_BAD = (Fate.REFUSED, Fate.CUT)


def fate_of(verdict: Verdict) -> Fate:
    """Return how an endpoint of this verdict fared.

    A refusal of which nobody knows whether it is the same everywhere is one all the same: over a
    certificate of its own only the service can have written it.
    """
    if verdict.state is State.OK:
        return Fate.WORKS
    if verdict.mechanism == "server.geoblock" or verdict.mechanism.startswith("server.geoblock."):
        return Fate.REFUSED
    if verdict.state in (State.BLOCKED, State.DEGRADED):
        return Fate.REFUSED if verdict.locus is Locus.SERVER else Fate.CUT
    return Fate.UNCLEAR


_SAYS: Mapping[tuple[Fate, Fate], str] = {
    (Fate.REFUSED, Fate.WORKS): (
        "{names} {verb} refused by the company, whose {baseline} works here: the network lets "
        "its servers through"
    ),
    (Fate.CUT, Fate.WORKS): (
        "{names} {verb} cut, and {baseline} of the same company works here: not the company as "
        "a whole"
    ),
    (Fate.CUT, Fate.CUT): (
        "{names} {verb} cut, and so is {baseline}: the whole company may be meant"
    ),
    (Fate.CUT, Fate.REFUSED): (
        "{names} {verb} cut before the company answers, which itself refuses at {baseline}"
    ),
    (Fate.REFUSED, Fate.REFUSED): (
        "{names} {verb} refused by the company, as {baseline} is: it refuses more than this"
    ),
    (Fate.REFUSED, Fate.CUT): (
        "{names} {verb} refused by the company itself, while {baseline} is cut on the way"
    ),
    (Fate.REFUSED, Fate.UNCLEAR): (
        "{names} {verb} refused by the company itself; of {baseline}, nothing is clear"
    ),
    (Fate.CUT, Fate.UNCLEAR): (
        "{names} {verb} cut; of {baseline} of the same company, nothing is clear"
    ),
}
_NAMED = 4
"""So many hosts are named; of more, the number."""


def beside(
    verdicts: Iterable[tuple[Endpoint, Verdict]],
    known: Mapping[str, tuple[Endpoint, Verdict]],
) -> tuple[Compared, ...]:
    """Return what became of the baselines of what is refused or cut; those not measured last.

    ``known`` is every verdict of the round, by endpoint.
    """
    groups: dict[tuple[str, Fate, Fate], list[str]] = {}
    unseen: dict[str, None] = {}
    for endpoint, verdict in verdicts:
        fate = fate_of(verdict)
        if endpoint.baseline is None or endpoint.purpose is not Purpose.TARGET or fate not in _BAD:
            continue
        other = known.get(endpoint.baseline)
        if other is None or other[1].mechanism in NOT_MEASURED:
            unseen[_host(endpoint.baseline)] = None
            continue
        key = (other[0].host, fate, fate_of(other[1]))
        hosts = groups.setdefault(key, [])
        if endpoint.host not in hosts:
            hosts.append(endpoint.host)
    compared = [
        Compared(baseline=host, other=other_fate, hosts=tuple(hosts), fate=fate)
        for (host, fate, other_fate), hosts in groups.items()
    ]
    return (*compared, *(Compared(baseline=host, other=None) for host in unseen))


def baseline_sentence(
    verdicts: Iterable[tuple[Endpoint, Verdict]],
    known: Mapping[str, tuple[Endpoint, Verdict]],
) -> str:
    """Return what the baselines say beside what is refused or cut; nothing where all works."""
    return sentence_of(beside(verdicts, known))


def sentence_of(compared: Iterable[Compared]) -> str:
    """Return the same in words."""
    told = [_said(one) for one in compared]
    return f"{'; '.join(told)}." if told else ""


def _said(one: Compared) -> str:
    if one.other is None:
        return f"{one.baseline}, to compare with, was not measured"
    return _SAYS[one.fate, one.other].format(
        names=_named(one.hosts), verb=_verb(one.hosts), baseline=one.baseline
    )


def _named(hosts: Sequence[str]) -> str:
    if len(hosts) > _NAMED:
        return f"{hosts[0]} and {len(hosts) - 1} more hosts"
    return ", ".join(hosts)


def _verb(hosts: Sequence[str]) -> str:
    return "is" if len(hosts) == 1 else "are"


def _host(endpoint_id: str) -> str:
    """Return the host in an endpoint's id (``service/kind/host:port/path``)."""
    place = endpoint_id.split("/", 3)[2]
    return place.partition("]")[0].lstrip("[") if place.startswith("[") else place.split(":")[0]
