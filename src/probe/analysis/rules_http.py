"""Rules of answers in plain text, and of requests that die after the handshake."""

from functools import partial

from probe.analysis.endings import FailureClass, Layer
from probe.analysis.features import Features
from probe.analysis.rule import Need, Predicate, Rule, contrast, row
from probe.model.fingerprint import Mark
from probe.model.target import Kind
from probe.model.verdict import Confidence, Locus, State

__all__ = ["HTTP", "HTTP_ARTEFACTS", "LAST", "PLAIN"]

_row = partial(row, layer=Layer.HTTP, cites=("main", "control"))


def _marked(f: Features) -> bool:
    return f.target and Mark.BLOCKPAGE in f.http.marks


def _same_for_all(f: Features) -> bool:
    """Return whether a live control gets the same page: then the service wrote it."""
    return f.control.live and f.http.consistent is True


HTTP_ARTEFACTS: tuple[Rule, ...] = (
    _row(
        "http.blockpage",
        lambda f: _marked(f) and f.http.authentic is False and not _same_for_all(f),
        State.BLOCKED,
        "http.blockpage",
        Locus.NETWORK,
        Confidence.CONFIRMED,
        "In place of {service} comes a page that is known to be a block page.",
        "A page that quotes a block page; marks hold only where their source names the country.",
        version=2,
    ),
)
"""Asked before controls: known pages, where the network could have written them."""


def _answered(f: Features) -> bool:
    plain = f.endpoint.kind in (Kind.HTTP, Kind.TOR_DIR) and f.http.authentic is not True
    return f.target and plain and f.http.status is not None and f.ending.passed


def _unlike(f: Features) -> bool:
    return _answered(f) and f.http.consistent is False


PLAIN: tuple[Rule, ...] = (
    _row(
        "http.sent_away.live",
        lambda f: _unlike(f) and f.http.sent_away and not f.http.sealed and f.control.live,
        State.BLOCKED,
        "http.redirect",
        Locus.UNKNOWN,
        Confidence.WEAK,
        "A plain request for {host} is sent to another site, and the control's is not. The "
        "service itself could do so.",
        "A service that sends visitors of this country to a partner's site.",
        version=2,
    ),
    _row(
        "http.diff.live",
        lambda f: (
            _unlike(f) and f.http.another_page is True and not f.http.sealed and f.control.live
        ),
        State.BLOCKED,
        "http.blockpage",
        Locus.UNKNOWN,
        Confidence.WEAK,
        "In place of {service} comes another page: another title, and far from its length. The "
        "service itself could send it.",
        "A refusal by the service in plain text; pages that change by place and by program. No "
        "known block page was found.",
        version=2,
    ),
    _row(
        "http.diff",
        _unlike,
        State.INCONCLUSIVE,
        "http.diff",
        Locus.UNKNOWN,
        Confidence.WEAK,
        "The page of {service} differs from the control's, not enough to say more.",
        "Nothing is claimed.",
    ),
    _row(
        "http.unexpected",
        lambda f: _answered(f) and f.http.expected is False,
        State.INCONCLUSIVE,
        "http.unexpected",
        Locus.UNKNOWN,
        Confidence.WEAK,
        "What answers for {service} is not what is expected; anybody may have written it.",
        "Nothing is claimed.",
    ),
    _row(
        "http.unverified",
        _answered,
        State.INCONCLUSIVE,
        "http.unverified",
        Locus.UNKNOWN,
        Confidence.WEAK,
        "Something answers for {service} (status {status}); nothing shows that it is the service.",
        "Nothing is claimed.",
    ),
)
"""Answers that anybody on the way may have written."""


def _http(kind: FailureClass) -> Predicate:
    return lambda f: f.target and f.failed(Layer.HTTP) and f.ending.kind is kind


def _request_rule(name: str, kind: FailureClass, sentence: str, fooled_by: str) -> tuple[Rule, ...]:
    return contrast(
        name,
        _http(kind),
        layer=Layer.HTTP,
        mechanism=name,
        locus=Locus.UNKNOWN,
        sentence=sentence,
        fooled_by=fooled_by,
        needs=(Need.REPRODUCED, Need.SAME_ADDRESS, Need.SPREAD, Need.NETWORK_UP),
        version=2,
    )


def _begun(kind: FailureClass) -> Predicate:
    return lambda f: _http(kind)(f) and f.http.begun


def _begun_rule(name: str, kind: FailureClass, sentence: str, fooled_by: str) -> tuple[Rule, Rule]:
    """Return the rules of an answer that begins and does not end, with and without a control."""
    return (
        Rule(
            id=f"{name}.live",
            layer=Layer.HTTP,
            when=lambda f: _begun(kind)(f) and f.control.live,
            state=State.DEGRADED,
            mechanism=name,
            locus=Locus.UNKNOWN,
            confidence=Confidence.LIKELY,
            needs=(Need.REPRODUCED, Need.SAME_ADDRESS),
            sentence=f"{sentence} A control gets it all.",
            fooled_by=fooled_by,
            cites=("main", "control"),
            version=3,
        ),
        _row(
            name,
            _begun(kind),
            State.INCONCLUSIVE,
            name,
            Locus.UNKNOWN,
            Confidence.WEAK,
            sentence,
            "Congestion; a server that is slow or broken.",
        ),
    )


HTTP: tuple[Rule, ...] = (
    *_begun_rule(
        "http.stall",
        FailureClass.TIMEOUT,
        "{service} begins to answer, and then nothing more comes.",
        "Congestion; a path that loses large packets. Slowness is judged on series.",
    ),
    *_begun_rule(
        "http.truncated",
        FailureClass.RESET,
        "{service} begins to answer, and the connection ends before all has come.",
        "A proxy with a limit; a server that gives up.",
    ),
    *_request_rule(
        "http.reset",
        FailureClass.RESET,
        "The connection to {service} is cut after the request.",
        "A server that dislikes the request.",
    ),
    *_request_rule(
        "http.timeout",
        FailureClass.TIMEOUT,
        "After the request to {service} nothing comes back.",
        "A server that is overloaded; a path that loses large packets.",
    ),
    _row(
        "http.failed",
        lambda f: f.target and f.failed(Layer.HTTP),
        State.INCONCLUSIVE,
        "http.failed",
        Locus.UNKNOWN,
        Confidence.WEAK,
        "The request to {service} failed ({failure}).",
        "Nothing is claimed.",
    ),
)

LAST: tuple[Rule, ...] = (
    _row(
        "unexplained",
        lambda _: True,
        State.INCONCLUSIVE,
        "unexplained",
        Locus.UNKNOWN,
        Confidence.WEAK,
        "What was seen of {service} fits no rule.",
        "Nothing is claimed.",
        layer=Layer.SERVICE,
    ),
)
"""So that there is always a verdict, and a gap in the table is seen."""
