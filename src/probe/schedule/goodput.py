"""Which transfers a round times, in which order, and what they cost; pure.

A task is about one endpoint; its looks end up in that endpoint's record. They are taken one after
the other once all other looks of the round are over, so that nothing of ours is in their way.
Only what the catalog names as a download is an object, and only a server of one's own is sent to.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from probe.analysis.followup import NEUTRAL_NAME
from probe.model.address import parse_ip
from probe.model.goodput import Direction, Transport
from probe.model.measurement import Variant
from probe.model.target import Catalog, Endpoint, Plan, Purpose, Trust
from probe.net.quic import quic_is_here
from probe.probes.transfer import OwnServer, Transfer
from probe.schedule.goodput_tasks import GoodputTask, TimedLook
from probe.schedule.reasons import METERED, UNCOUNTED
from probe.settings import Settings
from probe.wire.media import PACKET, RATE_HZ

__all__ = [
    "CALL_S",
    "FILES_A_DAY",
    "NEUTRALS",
    "Timed",
    "files_of",
    "is_object",
    "named_among",
    "plan_goodput",
    "round_bytes",
    "shown_name",
    "spared_files",
    "timed_of",
]

NEUTRALS = 2
"""Objects of neutral hosts beside one; always the same, so that a pair has a baseline."""

CALL_S = 5.0
"""How long a call's datagrams are sent."""

_SHARE = 0.5  # of what the budgets give a day, for the transfers of all its rounds
_MONTH_DAYS = 31

FILES_A_DAY = 24
"""How often a day others' files are asked for, whatever a server of one's own may be."""

TAKEN = "its transfers of today were timed already"
TOO_MUCH = "the round's transfers are enough"


@dataclass(frozen=True, kw_only=True)
class Timed:
    """What is wanted of a round: ``size`` bytes a transfer, ``most`` rounds a day for a service.

    All transfers of a round cost ``room`` bytes at most. ``names`` are those under which the
    ``server`` answers; of these the first matter most, and without them all are tried. ``taken``
    is how often an endpoint had transfers today. ``quic`` is whether it can be spoken.
    """

    size: int
    most: int
    room: int
    server: OwnServer | None = None
    names: tuple[str, ...] = ()
    taken: Mapping[str, int] | None = None
    quic: bool = False


def is_object(endpoint: Endpoint) -> bool:
    """Return whether the catalog names a file here that may be downloaded in part."""
    return endpoint.range_bytes is not None and endpoint.off is None and endpoint.private is None


def files_of(catalog: Catalog) -> tuple[str, ...]:
    """Return the ids of all files that may be downloaded in part."""
    return tuple(endpoint.id for endpoint in catalog.endpoints() if is_object(endpoint))


def spared_files(settings: Settings, catalog: Catalog, *, uncounted: bool) -> dict[str, str]:
    """Return the files that this line is spared, and why: all where bytes are paid for, or none.

    ``uncounted`` is a real network without a store: nobody knows how many there were today.
    """
    if settings.metered:
        return dict.fromkeys(files_of(catalog), METERED)
    return dict.fromkeys(files_of(catalog), UNCOUNTED) if uncounted else {}


def round_bytes(settings: Settings) -> int:
    """Return what the transfers of one round may cost: those of a day half of a day's budget."""
    day = min(settings.day_bytes, settings.month_bytes / _MONTH_DAYS)
    return int(_SHARE * day / max(1, settings.goodput_rounds))


def timed_of(
    settings: Settings, server: OwnServer | None, taken: Mapping[str, int] | None = None
) -> Timed | None:
    """Return what the settings want of transfers, ``None`` where each byte is paid for.

    ``taken`` is how often an endpoint had transfers today.
    """
    if settings.metered or settings.goodput_rounds == 0:
        return None
    return Timed(
        size=settings.goodput_bytes,
        most=settings.goodput_rounds,
        room=round_bytes(settings),
        server=server,
        names=settings.goodput_names,
        taken=taken,
        quic=quic_is_here(),
    )


def plan_goodput(
    targets: Sequence[Endpoint],
    neutral: Iterable[Endpoint],
    wanted: Timed,
    *,
    rng: Random,
    allowed_bytes: int,
) -> tuple[tuple[GoodputTask, ...], tuple[tuple[Endpoint, str], ...]]:
    """Return the tasks of a round over ``targets``, and the endpoints that are left with a reason.

    ``neutral`` may be asked for their objects, too, whether the round measures them or not. What
    does not fit is always the same, for a history is made of many rounds of one pair: first the
    names that somebody listed, then files, then the core.
    """
    taken = wanted.taken or {}
    objects = sorted(filter(is_object, neutral), key=lambda e: e.id)
    files = sorted(filter(is_object, targets), key=lambda e: e.id)
    of_files = [_of_object(e, objects, wanted, rng) for e in files]
    of_server = _of_server(targets, wanted)
    left: list[tuple[Endpoint, str]] = []
    tasks: list[GoodputTask] = []
    room = min(allowed_bytes, wanted.room)
    for task in (*of_server, *of_files) if wanted.names else (*of_files, *of_server):
        most = wanted.most if task.of_server else min(wanted.most, FILES_A_DAY)
        if taken.get(task.endpoint.id, 0) >= most:
            left.append((task.endpoint, TAKEN))
        elif task.most_bytes > room:
            left.append((task.endpoint, TOO_MUCH))
        else:
            room -= task.most_bytes
            tasks.append(task)
    rng.shuffle(tasks)
    return tuple(tasks), tuple(left)


def _of_object(
    endpoint: Endpoint, objects: Sequence[Endpoint], wanted: Timed, rng: Random
) -> GoodputTask:
    """Compare an object with itself under a neutral name, and with objects of other hosts.

    One in the country is what those abroad are compared with.
    """
    whole = Transfer(wanted=wanted.size)
    here = endpoint.purpose is Purpose.DOMESTIC
    own = TimedLook(endpoint=endpoint, variant=Variant.GOODPUT, transfer=whole)
    variant = Variant.GOODPUT_ABROAD if here else Variant.GOODPUT_NEUTRAL
    others = tuple(
        TimedLook(endpoint=other, variant=variant, transfer=whole)
        for other in objects
        if other.service != endpoint.service
        and other.host != endpoint.host
        and other.purpose is not Purpose.DOMESTIC
    )[: 1 if here else NEUTRALS]
    swapped: tuple[TimedLook, ...] = ()
    if endpoint.tls and not here:
        swapped = (
            TimedLook(
                endpoint=endpoint,
                variant=Variant.GOODPUT_SNI,
                transfer=whole,
                sni=NEUTRAL_NAME,
                at_target=True,
            ),
        )
    mine = (own, *swapped)
    first = rng.random() < 0.5  # neither side always has the line when it is fresh
    looks = (*mine, *others) if first else (*others, *mine)
    return GoodputTask(endpoint=endpoint, looks=looks, quic=wanted.quic and bool(swapped))


_RANK = {Plan.CORE: 0, Plan.DEFAULT: 1, Plan.ALL: 2}


def _of_server(targets: Sequence[Endpoint], wanted: Timed) -> list[GoodputTask]:
    """Compare each service's name with a neutral one at the server of one's own."""
    if wanted.server is None:
        return []
    named: dict[str, Endpoint] = {}
    for endpoint in named_among(targets, wanted.names):
        named.setdefault(endpoint.service, endpoint)
    ways = [
        Transfer(wanted=wanted.size, server=wanted.server),
        Transfer(wanted=wanted.size, server=wanted.server, direction=Direction.UPLOAD),
    ]
    if wanted.quic:
        ways.append(Transfer(wanted=wanted.size, server=wanted.server, transport=Transport.QUIC))
    tasks = [
        GoodputTask(endpoint=e, looks=tuple(look for way in ways for look in _both(e, way)))
        for e in named.values()
    ]
    if tasks:  # a call is the line's: once is enough
        call = Transfer(
            wanted=round(CALL_S * RATE_HZ) * PACKET,
            server=wanted.server,
            transport=Transport.UDP,
        )
        first = tasks[0]
        looks = (*first.looks, *_both(first.endpoint, call))
        tasks[0] = GoodputTask(endpoint=first.endpoint, looks=looks)
    return tasks


def _both(endpoint: Endpoint, way: Transfer) -> tuple[TimedLook, TimedLook]:
    """Return a transfer under the endpoint's name (or like a call), and one like nothing."""
    return (
        TimedLook(endpoint=endpoint, variant=Variant.GOODPUT_OWN, transfer=way),
        TimedLook(
            endpoint=endpoint,
            variant=Variant.GOODPUT_OWN_NEUTRAL,
            transfer=way,
            sni=NEUTRAL_NAME,
            disguised=way.transport is Transport.UDP,
        ),
    )


def named_among(endpoints: Iterable[Endpoint], names: Sequence[str]) -> list[Endpoint]:
    """Return those that show one of ``names``, in its order; without any, all that show one."""
    place = {name: number for number, name in reversed([*enumerate(names)])}
    found = [e for e in endpoints if _has_name(e) and (not names or shown_name(e) in place)]
    return sorted(found, key=lambda e: (place.get(shown_name(e), 0), _RANK[e.plan], e.id))


def shown_name(endpoint: Endpoint) -> str:
    """Return the name that an endpoint's hello shows."""
    return (endpoint.sni or endpoint.host).rstrip(".").lower()


def _has_name(endpoint: Endpoint) -> bool:
    """Return whether a target shows a public name in its hello."""
    return (
        endpoint.tls
        and endpoint.purpose is Purpose.TARGET
        and endpoint.off is None
        and endpoint.private is None
        and endpoint.trust is Trust.PUBLIC
        and parse_ip(endpoint.sni or endpoint.host) is None
        and not is_object(endpoint)
    )
