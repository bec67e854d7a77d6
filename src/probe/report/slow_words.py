"""What is said of slowness: rates, beside what, how much, and what else it could be.

One slow transfer is never called anything; these words are of an event of many rounds.
"""

from probe.model.event import Event
from probe.model.goodput import Direction, Pairing, Transport
from probe.model.target import Role
from probe.model.throttle import Shape, Throttle, ThrottleScope
from probe.report.data import Goodput
from probe.report.phrases import subject_name
from probe.report.tongue import N_, Said, _, digits, language, num
from probe.report.words import ROLES

__all__ = [
    "axis_rate",
    "beside_words",
    "caution",
    "level_words",
    "rate_words",
    "size_words",
    "slowed_name",
    "timed_name",
]

_BESIDE: Said[Pairing] = Said(
    {
        Pairing.SAME_SERVER: N_("the same server under another name"),
        Pairing.NEUTRAL: N_("neutral hosts"),
        Pairing.BORDER: N_("hosts in the country"),
    }
)
_OTHERWISE: Said[ThrottleScope] = Said(
    {
        ThrottleScope.TARGETED: N_(
            "This is consistent with a limit by the network; a server that serves this network "
            "less looks the same."
        ),
        ThrottleScope.GENERAL: N_(
            "A spent data allowance, another tariff, another router or radio, or somebody else on "
            "the line looks the same."
        ),
        ThrottleScope.BORDER: N_("A broken or crowded link to other countries can look the same."),
    }
)
_SAME_SERVER = N_(
    "This is consistent with a limit by the network; a server that treats that name otherwise "
    "looks the same."
)
_CALL = N_(
    "This is consistent with a limit by the network; a line that was busy with something else in "
    "these seconds can look the same."
)
_DISGUISED = N_("the same packets in disguise")
_KIB = 1024
_MBIT = 1_000


def rate_words(kbps: float, figures: int = 2) -> str:
    """Return a rate as people read it: kbit/s, from a thousand on Mbit/s."""
    if float(f"{kbps:.{figures}g}") >= _MBIT:
        return _("{rate} Mbit/s", rate=_figures(kbps / _MBIT, figures))
    return _("{rate} kbit/s", rate=_figures(kbps, figures))


def axis_rate(kbps: float) -> str:
    """Return a rate for an axis: the symbols of the units, which are the same everywhere."""
    if kbps >= _MBIT:
        return f"{_figures(kbps / _MBIT)} Mbit/s"
    return f"{_figures(kbps)} kbit/s"


def _figures(value: float, figures: int = 2) -> str:
    return digits(f"{float(f'{value:.{figures}g}'):g}")


def timed_name(one: Goodput) -> str:
    """Return the subject of a chart, with the way that was timed where it is not the usual one."""
    ways = [
        _("uploads") if one.direction is Direction.UPLOAD else "",
        "QUIC" if one.transport is Transport.QUIC else "",
        "" if one.family == 4 else f"IPv{one.family}",
        "" if one.general or one.pairing is Pairing.NEUTRAL else _beside(one),
    ]
    shown = language().comma.join(way for way in ways if way)
    name = ROLES[Role.CALL] if one.transport is Transport.UDP else subject_name(one.name)
    return f"{name} ({shown})" if shown else name


def _beside(one: Goodput) -> str:
    return beside_words(one.pairing, one.transport)


def beside_words(pairing: Pairing, transport: Transport = Transport.TCP) -> str:
    """Return what it is compared with; a call has no name, and goes in disguise."""
    return _(_DISGUISED) if transport is Transport.UDP else _BESIDE[pairing]


def size_words(event: Event) -> str:
    """Return how much slower; nothing for an event that is no throttling."""
    said = event.throttle
    if said is None:
        return ""
    if said.shape is Shape.FROZEN and said.frozen_at is not None:
        low, high = (num(size / _KIB, ".0f") for size in said.frozen_at)
        if low == high:
            return _("Transfers stopped each time after about {size} KiB.", size=low)
        return _("Transfers stopped each time after {low} to {high} KiB.", low=low, high=high)
    return _slower(said)


def _slower(said: Throttle) -> str:
    low = num(said.at_least, ".1f")
    general = said.scope is ThrottleScope.GENERAL
    controls = beside_words(said.pairing, said.transport)
    if said.ratio is None or said.at_most is None:
        if general:
            return _("At least {low} times slower than before.", low=low)
        return _(
            "At least {low} times slower than before, beside {controls}.",
            low=low,
            controls=controls,
        )
    values = {"ratio": num(said.ratio, ".1f"), "low": low, "high": num(said.at_most, ".1f")}
    if general:
        return _("About {ratio} times slower than before ({low} to {high}).", **values)
    return _(
        "About {ratio} times slower than before ({low} to {high}), beside {controls}.",
        controls=controls,
        **values,
    )


def level_words(event: Event) -> str:
    """Return the rate while it was slow with its interval, and before; nothing if unknown.

    Two figures, and three where the ends of the interval are alike in two.
    """
    said = event.throttle
    if said is None or said.level_kbps is None or said.level_interval is None:
        return ""
    ends = said.level_interval
    figures = 2 if rate_words(ends[0]) != rate_words(ends[1]) else 3
    low, high = (rate_words(end, figures) for end in ends)
    level = rate_words(said.level_kbps, figures)
    rates = {"level": level, "low": low, "high": high}
    held = said.shape is Shape.POLICED
    if said.before_kbps is None:
        return (
            _("It was held to about {level} ({low} to {high}).", **rates)
            if held
            else _("It came at about {level} ({low} to {high}).", **rates)
        )
    rates["before"] = rate_words(said.before_kbps)
    return (
        _("It was held to about {level} ({low} to {high}); before, it came at {before}.", **rates)
        if held
        else _("It came at about {level} ({low} to {high}); before, at about {before}.", **rates)
    )


def caution(event: Event) -> str:
    """Return what else would look the same; nothing for an event that is no throttling."""
    said = event.throttle
    if said is None:
        return ""
    if said.scope is ThrottleScope.TARGETED and said.pairing is Pairing.SAME_SERVER:
        return _(_CALL if said.transport is Transport.UDP else _SAME_SERVER)
    return _OTHERWISE[said.scope]


def slowed_name(event: Event, name: str) -> str:
    """Return what was slow: a service, the line, what lies abroad, or calls."""
    said = event.throttle
    if said is not None and said.scope is ThrottleScope.BORDER:
        return _("what lies abroad")
    if said is not None and said.transport is Transport.UDP:
        return ROLES[Role.CALL]
    return subject_name(name)
