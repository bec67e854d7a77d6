"""Rules of listings: whether a store offers an app, and whose doing it is when it does not.

A store that answers over its own certificate and says that it has no such app has said so
itself: no network can have taken the app out. A store that cannot be reached is judged by the
rules of all other endpoints.
"""

from functools import partial

from probe.analysis.endings import Layer
from probe.analysis.features import Features
from probe.analysis.rule import Rule, row
from probe.model.verdict import Confidence, Locus, State

__all__ = ["LISTING"]

_row = partial(row, layer=Layer.SERVICE, cites=("main", "comparison", "control"))


def _gone(f: Features) -> bool:
    return f.target and f.listing.gone_here


_GONE = "{store} answers that it does not have {service}"
_NO_NETWORK = "The store says so itself; the network cannot have done it."

LISTING: tuple[Rule, ...] = (
    _row(
        "listing.listed",
        lambda f: f.target and f.listing.answered and f.listing.listed is True,
        State.OK,
        "none",
        Locus.UNKNOWN,
        Confidence.CONFIRMED,
        "{store} offers {service} here.",
        "A page that names an app which cannot be installed; installing is not tried.",
    ),
    _row(
        "listing.removed.live",
        lambda f: _gone(f) and f.listing.elsewhere and f.listing.storefront is not False,
        State.BLOCKED,
        "listing.removed",
        Locus.SERVER,
        Confidence.LIKELY,
        f"{_GONE} here, and offers it elsewhere at the same time. {_NO_NETWORK}",
        "A store that offers an app step by step; a control in a country where it is sold.",
    ),
    _row(
        "listing.removed.storefront",
        lambda f: _gone(f) and f.listing.storefront is True and not f.listing.live_absent,
        State.BLOCKED,
        "listing.removed",
        Locus.SERVER,
        Confidence.LIKELY,
        f"{_GONE} in this country's storefront, and offers it in another's. {_NO_NETWORK}",
        "An app that was never offered in this country: its maker may have left it out.",
    ),
    _row(
        "listing.gone.everywhere.many",
        lambda f: _gone(f) and f.listing.live_absent >= 2 and not f.listing.live_listed,
        State.DOWN,
        "listing.gone",
        Locus.SERVER,
        Confidence.LIKELY,
        f"{_GONE}, neither here nor elsewhere: it is not removed for this country.",
        "An identifier that is out of date: then the app is there under another.",
    ),
    _row(
        "listing.gone.everywhere",
        lambda f: (
            _gone(f)
            and not f.listing.live_listed
            and f.listing.storefront is not True
            and (f.listing.live_absent == 1 or f.listing.storefront is False)
        ),
        State.DOWN,
        "listing.gone",
        Locus.SERVER,
        Confidence.WEAK,
        f"{_GONE}, neither here nor in the one other place that was looked at.",
        "An identifier that is out of date; another country that removed it as well.",
    ),
    _row(
        "listing.absent.expected",
        lambda f: (
            _gone(f)
            and f.listing.expected
            and not f.listing.live_listed
            and not f.listing.live_absent
        ),
        State.INCONCLUSIVE,
        "listing.absent",
        Locus.SERVER,
        Confidence.WEAK,
        f"{_GONE}, and it did before or elsewhere; by now it may be gone everywhere.",
        "An app that its maker withdrew from all stores since.",
    ),
    _row(
        "listing.absent.alone",
        _gone,
        State.INCONCLUSIVE,
        "listing.absent",
        Locus.SERVER,
        Confidence.WEAK,
        f"{_GONE}; whether it does elsewhere was not seen.",
        "Nothing is claimed.",
    ),
    _row(
        "listing.unclear",
        lambda f: f.target and f.listing.answered and f.listing.listed is None,
        State.INCONCLUSIVE,
        "listing.unclear",
        Locus.UNKNOWN,
        Confidence.WEAK,
        "{store} answers with neither {service} nor a word that it does not have it.",
        "Nothing is claimed.",
    ),
)
"""Asked before the rules of other answers; a refusal of the whole store is left to those."""
