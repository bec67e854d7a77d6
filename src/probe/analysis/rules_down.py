"""Rules that explain a failure away: the service is down, it passed later, or elsewhere."""

from functools import partial

from probe.analysis.endings import FailureClass, Layer
from probe.analysis.features import Features
from probe.analysis.rule import Rule, row
from probe.model.verdict import Confidence, Locus, State

__all__ = ["EXPLAINED"]


def _failing(f: Features) -> bool:
    return f.target and f.ending.layer is not None


_row = partial(row, layer=Layer.SERVICE, cites=("main", "comparison", "control"))


def _same_network_works(f: Features) -> bool:
    """Return whether an encrypted resolver's answer in the same network works: a dead machine."""
    return f.dns.vetted is True and f.dns.matches_elsewhere is False and f.dns.same_network is True


def _one_of_many(f: Features) -> bool:
    """Return whether an address works that others know, where nobody lies about the name."""
    certificate = f.ending.kind is FailureClass.CERTIFICATE
    return f.dns.honest and f.tcp.elsewhere is True and not certificate


EXPLAINED: tuple[Rule, ...] = (
    _row(
        "transient.recovered",
        lambda f: _failing(f) and f.attempts.recovers is True and f.attempts.total >= 3,
        State.OK,
        "transient",
        Locus.UNKNOWN,
        Confidence.WEAK,
        "{service} failed once and then worked.",
        "Interference that fires now and then.",
    ),
    _row(
        "address.partial",
        lambda f: (
            _failing(f)
            and not f.failed(Layer.DNS)
            and (f.tcp.other_address is True or _same_network_works(f) or _one_of_many(f))
        ),
        State.OK,
        "address.partial",
        Locus.UNKNOWN,
        Confidence.WEAK,
        "One address of {service} fails here, another works.",
        "Blocking address by address, before it is complete.",
        version=2,
    ),
    _row(
        "down.expired",
        lambda f: _failing(f) and f.tls.expired and f.control.alike >= 1 and f.control.passed == 0,
        State.DOWN,
        "server.certificate_expired",
        Locus.SERVER,
        Confidence.WEAK,
        "{service} shows a certificate that has run out, and a control elsewhere fails, too.",
        "One control that the service refuses.",
    ),
    _row(
        "down.many",
        lambda f: _failing(f) and f.control.alike >= 2 and f.control.passed == 0,
        State.DOWN,
        "down",
        Locus.SERVER,
        Confidence.LIKELY,
        "{service} fails here and, at the same time and in the same way, for controls elsewhere.",
        "Controls that the service refuses.",
    ),
    _row(
        "down.one",
        lambda f: _failing(f) and f.control.alike == 1 and f.control.passed == 0,
        State.DOWN,
        "down",
        Locus.SERVER,
        Confidence.WEAK,
        "{service} fails here and, at the same time and in the same way, for a control elsewhere.",
        "One control that the service refuses.",
    ),
    _row(
        "control.disagree",
        lambda f: _failing(f) and f.control.alike > 0 and f.control.passed > 0,
        State.INCONCLUSIVE,
        "control.disagree",
        Locus.UNKNOWN,
        Confidence.WEAK,
        "{service} fails here; controls elsewhere disagree about whether it works.",
        "An outage of a part of the service.",
    ),
    _row(
        "transient",
        lambda f: _failing(f) and (f.attempts.recovers is True or f.attempts.unlike),
        State.INCONCLUSIVE,
        "transient",
        Locus.UNKNOWN,
        Confidence.WEAK,
        "{service} failed here, and it worked here; nothing failed twice in the same way.",
        "Interference that fires now and then; further looks would tell.",
        version=2,
    ),
    _row(
        "family",
        lambda f: (
            _failing(f)
            and f.ending.layer is not Layer.DNS
            and f.tcp.other_family is True
            and not f.dns.bogons
            and not f.control.live
            and not (f.tls.neutral is True and f.tls.other_host is True)
        ),
        State.DEGRADED,
        "family",
        Locus.UNKNOWN,
        Confidence.WEAK,
        "{service} works here over one family of addresses and fails over the other.",
        "A machine of the service that serves one family only. A control tells a cut from it.",
        version=2,
    ),
)
"""Asked after the guards, before interference is considered; first what works from here, which no
control's bad luck with one machine takes back."""
