"""What a trace has found, in sentences for people; pure."""

from collections.abc import Sequence

from probe.model.trace import Effect, Finding, HopRow, Located, Placement, Trigger

__all__ = ["sentence"]

_WHAT = {
    Trigger.TLS: "the handshake with the name {target}",
    Trigger.HTTP: "the request for {target}",
    Trigger.DNS: "the question for {target}",
    Trigger.SYN: "the wish to connect",
    Trigger.QUIC: "the QUIC handshake with the name {target}",
}
_EFFECT = {
    Effect.RESET: "is answered with resets that were made on the way",
    Effect.FIN: "is answered with an end of the connection that was made on the way",
    Effect.ANSWER: "is answered by something on the way",
    Effect.PROHIBITED: "is refused by a router",
    Effect.SILENCE: "goes no further",
}
_PLACEMENT = {
    Placement.IN_PATH: "The machine stands in the path: nothing of it comes out behind.",
    Placement.ON_PATH: "The machine stands beside the path: what is behind is still reached.",
    Placement.UNKNOWN: "",
}


def sentence(located: Located, hops: Sequence[HopRow], trigger: Trigger, target: str) -> str:
    """Return what was found, whose the place is, and how sure that is."""
    what = _WHAT[trigger].format(target=target)
    parts = {
        Finding.NETWORK: _network,
        Finding.SERVER: _server,
        Finding.NONE: _none,
        Finding.INCONCLUSIVE: _unclear,
    }[located.finding](located, hops, what)
    parts += [f"{note[:1].upper()}{note[1:]}." for note in located.notes]
    return " ".join(part for part in parts if part)


def _network(located: Located, hops: Sequence[HopRow], what: str) -> list[str]:
    effect = _EFFECT[located.effect or Effect.SILENCE]
    said = f"From {_place(located)} on, {what} {effect} ({located.rounds} of {located.of} rounds)."
    spared = "The neutral one passes there." if located.specific else ""
    if located.specific is False:
        spared = "The neutral one fares alike, so the name is not what it is about."
    return [said, _whose(located, hops), _PLACEMENT[located.placement], spared]


def _place(located: Located) -> str:
    if located.exact:
        return f"hop {located.first}"
    return f"one of the hops {located.first} to {located.last}"


def _whose(located: Located, hops: Sequence[HopRow]) -> str:
    """Say whose the hop is; a silent one stands between those that are known."""
    by_ttl = {row.ttl: row for row in hops if row.asn is not None or row.country is not None}
    here = by_ttl.get(located.last or 0) if located.exact else None
    before = max((t for t in by_ttl if t < (located.first or 0)), default=None)
    behind = min((t for t in by_ttl if t > (located.last or 0)), default=None)
    if here is not None:
        return f"That hop is {_owner(here)}.{_link(by_ttl.get(here.ttl - 1), here)}"
    known = [
        f"hop {ttl}, {word} it, is {_owner(by_ttl[ttl])}"
        for word, ttl in (("before", before), ("behind", behind))
        if ttl is not None
    ]
    if not known:
        return "Whose it is, no database here says."
    return f"Whose it is, is not known; {'; '.join(known)}."


def _link(before: HopRow | None, here: HopRow) -> str:
    """Say that a link between two networks may be either's: its end has an address of one."""
    if before is None or before.asn is None or before.asn == here.asn:
        return ""
    near = f"hop {before.ttl}, {_owner(before)}"
    return f" The machine may as well stand on the link to it, from {near}."


def _owner(row: HopRow) -> str:
    name = f" {row.as_name}" if row.as_name else ""
    network = f"in AS{row.asn}{name}" if row.asn is not None else "in a network that is not known"
    where = {True: "inside the country", False: "outside the country", None: ""}[row.inside]
    return ", ".join(part for part in (network, where) if part)


def _server(located: Located, hops: Sequence[HopRow], what: str) -> list[str]:
    del hops
    passed = f"{what[:1].upper()}{what[1:]} passes every hop of the network."
    if located.effect is Effect.SILENCE:
        return [passed, f"It ends at hop {located.last}: the server, or what is in front of it."]
    where = f"What comes back comes from hop {located.last}, where the server is"
    return [passed, f"{where}; no hop before it reacts."]


def _none(located: Located, hops: Sequence[HopRow], what: str) -> list[str]:
    del hops
    where = f" at hop {located.server_at}" if located.server_at else ""
    return [f"{what[:1].upper()}{what[1:]} reaches the server{where} and is answered by it."]


def _unclear(located: Located, hops: Sequence[HopRow], what: str) -> list[str]:
    del hops
    last = f" The last hop that it reached is {located.first - 1}." if located.first else ""
    return [f"Where {what} is reacted to, this trace cannot tell.{last}"]
