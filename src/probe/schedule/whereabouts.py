"""Whose the hops of a trace are, from files on this machine; what is near oneself is scrubbed.

The first routers say where a line ends in which street or rack. Their addresses are not kept:
those of the first three hops, those up to the first one that is public, and every one that is not
public. AS number and country are kept, for they are the vantage's anyway.
"""

from collections import Counter
from collections.abc import Sequence

import msgspec

from probe.model.address import is_public
from probe.model.trace import Arm, HopRow, Shot
from probe.schedule.network import NetworkLookup, Seen

__all__ = ["NEAR", "hop_rows", "near_hops", "scrubbed"]

NEAR = 3
"""So many hops are scrubbed at least."""

_UNKNOWN_COUNTRY = "ZZ"


def near_hops(shots: Sequence[Shot]) -> int:
    """Return the last hop whose address tells where oneself is."""
    public = [s.ttl for s in shots if s.router is not None and is_public(s.router)]
    return max(NEAR, min(public, default=NEAR))


def scrubbed(shots: Sequence[Shot], own: Sequence[str] = ()) -> tuple[Shot, ...]:
    """Return the shots without the addresses of what is near, or ``own``."""
    near = near_hops(shots)
    return tuple(_scrubbed(shot, near, frozenset(own)) for shot in shots)


def _scrubbed(shot: Shot, near: int, own: frozenset[str]) -> Shot:
    answers = tuple(
        msgspec.structs.replace(a, says="scrubbed") if _tells(a.says, shot.ttl, near, own) else a
        for a in shot.answers
    )
    shot = msgspec.structs.replace(shot, answers=answers)
    if shot.router is None or not _hidden(shot.router, shot.ttl, near, own):
        return shot
    return msgspec.structs.replace(shot, router=None, scrubbed=True)


def _hidden(address: str, ttl: int, near: int, own: frozenset[str]) -> bool:
    return ttl <= near or address in own or not is_public(address)


def _tells(says: str, ttl: int, near: int, own: frozenset[str]) -> bool:
    """Return whether words of an answer hold an address of ours, or of a router that is near."""
    words = says.split()
    router = len(words) == 3 and words[1] == "code"
    return any(word in own for word in words) or (router and _hidden(words[0], ttl, near, own))


def hop_rows(
    shots: Sequence[Shot],
    lookup: NetworkLookup,
    *,
    country: str,
    own: Sequence[str] = (),
) -> tuple[HopRow, ...]:
    """Return a row a hop; ``country`` is the vantage's (``ZZ``: not known)."""
    near = near_hops(shots)
    last = max((shot.ttl for shot in shots), default=0)
    end = _spoken_end(shots)
    rows = (
        _row(ttl, [s for s in shots if s.ttl == ttl], lookup, country, near, frozenset(own))
        for ttl in range(1, min(last, end + 1) + 1)
    )
    return tuple(rows)


def _spoken_end(shots: Sequence[Shot]) -> int:
    return max((s.ttl for s in shots if s.heard or s.answers or s.taken is not None), default=0)


def _row(
    ttl: int,
    shots: Sequence[Shot],
    lookup: NetworkLookup,
    country: str,
    near: int,
    own: frozenset[str],
) -> HopRow:
    routers = Counter(shot.router for shot in shots if shot.router is not None)
    router = routers.most_common(1)[0][0] if routers else None
    seen = Seen() if router is None else lookup.seen(router)
    hidden = router is not None and _hidden(router, ttl, near, own)
    sent = [shot for shot in shots if shot.failure is None]
    target = [shot for shot in sent if shot.arm is Arm.TARGET]
    neutral = [shot for shot in sent if shot.arm is not Arm.TARGET]
    return HopRow(
        ttl=ttl,
        address=None if hidden else router,
        scrubbed=hidden,
        asn=seen.asn,
        as_name=seen.name,
        country=seen.country,
        inside=_inside(seen.country, country),
        neutral_sent=len(neutral),
        neutral_heard=sum(shot.heard for shot in neutral),
        neutral_answered=sum(shot.answered for shot in neutral),
        target_sent=len(target),
        target_heard=sum(shot.heard for shot in target),
        target_answered=sum(shot.answered for shot in target),
    )


def _inside(seen: str | None, country: str) -> bool | None:
    return None if seen is None or country == _UNKNOWN_COUNTRY else seen == country
