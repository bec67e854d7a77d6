"""Further looks for somebody who asks about one name: all that can be compared, at once.

A round looks further only where something fails. A diagnosis also wants to know how the other
resolver, the other addresses and the other family fare while all is well: what fails tomorrow is
then known to have worked.
"""

from collections.abc import Sequence

from probe.analysis.endings import ending_of, name_steps
from probe.analysis.followup import FollowUp
from probe.model.address import family_of, is_public, parse_ip
from probe.model.context import RoundContext
from probe.model.measurement import DnsEngine, Measurement, Outcome, TcpStep, Variant
from probe.model.target import Endpoint, Kind

__all__ = ["MORE_ADDRESSES", "thorough"]

MORE_ADDRESSES = 3
"""Addresses tried beside the first: enough to tell one dead machine from all of them."""

_NAMED_ONLY = (Kind.RESOLVER, Kind.DOH, Kind.DOT)


def thorough(
    endpoint: Endpoint,
    main: Measurement,
    context: RoundContext | None,
    planned: Sequence[FollowUp] = (),
) -> tuple[FollowUp, ...]:
    """Return ``planned`` and, after it, the comparisons that are not in it yet.

    None of them has to wait. A destination that was set off by a failing look is not touched
    again before its time: then only other addresses are added. Nothing is added where the line
    itself is at fault, or the host is an address, and of what is private nobody else is told.
    """
    if endpoint.private is not None:
        return tuple(planned)
    invalid = context is not None and context.invalid is not None
    if main.outcome is not Outcome.MEASURED or invalid or parse_ip(endpoint.host) is not None:
        return tuple(planned)
    more = _addresses(main, planned)
    if not ending_of(main).passed:
        return (*planned, *more)
    there = {f.variant for f in planned}
    if Variant.DOH not in there and endpoint.kind not in _NAMED_ONLY:
        more.append(FollowUp(variant=Variant.DOH, delay_s=0.0, engine=DnsEngine.DOH))
    works = context is not None and context.inputs.ipv6_ok is True
    if works and Variant.OTHER_FAMILY not in there and endpoint.kind is not Kind.RESOLVER:
        more.append(FollowUp(variant=Variant.OTHER_FAMILY, delay_s=0.0, families=(6,)))
    return (*planned, *more)


def _addresses(main: Measurement, planned: Sequence[FollowUp]) -> list[FollowUp]:
    """Return looks at answered addresses of the dialled family that nobody is to try yet."""
    dialled = {s.address for s in main.steps if isinstance(s, TcpStep)}
    families = {family_of(address) for address in dialled}
    tried = dialled | {
        a for f in planned if f.variant is Variant.OTHER_ADDRESS for a in f.addresses
    }
    answered = (a.address for s in name_steps(main.kind, main.steps) for a in s.answers)
    rest = [
        address
        for address in dict.fromkeys(answered)
        if address not in tried and family_of(address) in families and is_public(address)
    ]
    room = max(0, MORE_ADDRESSES - (len(tried) - len(dialled)))
    return [
        FollowUp(variant=Variant.OTHER_ADDRESS, delay_s=0.0, addresses=(address,))
        for address in rest[:room]
    ]
