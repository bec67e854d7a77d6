"""Rules of what the service itself said; over a valid certificate no network has written it."""

from probe.analysis.endings import Layer
from probe.analysis.features import Features
from probe.analysis.rule import Predicate, Rule
from probe.model.fingerprint import Mark
from probe.model.verdict import Confidence, Locus, State

__all__ = ["SERVER", "server_row"]

_SAID = frozenset({Mark.GEOBLOCK, Mark.SANCTIONS_STATED, Mark.LEGAL_ORDER_STATED})
_REFUSALS = (403, 451)


def _own_words(f: Features) -> bool:
    return f.http.authentic is True and f.http.expected is not True


def _refused(f: Features) -> bool:
    return _own_words(f) and f.http.status in _REFUSALS


def _accepted_elsewhere(f: Features) -> bool:
    return f.http.control_status is not None and 200 <= f.http.control_status < 400


def _troubled(f: Features) -> bool:
    return _own_words(f) and f.http.status is not None and f.http.status >= 500


def _unlike_elsewhere(f: Features) -> bool:
    """Return whether it answers with an error of the asker's, where a live control gets a page."""
    asker = f.http.status is not None and 400 <= f.http.status < 500
    return _own_words(f) and asker and _accepted_elsewhere(f) and f.control.live


def _challenged(f: Features) -> bool:
    met = f.http.expected is True
    return not met and (Mark.CHALLENGE in f.http.marks or f.http.status == 429)


def server_row(
    name: str,
    when: Predicate,
    state: State,
    mechanism: str,
    confidence: Confidence,
    sentence: str,
    fooled_by: str,
    version: int = 1,
) -> Rule:
    """Return a rule by which the service itself is the cause."""
    return Rule(
        id=f"server.{name}",
        layer=Layer.HTTP,
        when=when,
        state=state,
        mechanism=mechanism,
        locus=Locus.SERVER,
        confidence=confidence,
        sentence=sentence,
        fooled_by=fooled_by,
        cites=("main", "control"),
        version=version,
    )


_REFUSES = "{service} itself refuses whoever asks from here (status {status}; reason {reason})."
_TROUBLE = "{service} answers over its own certificate, with an error of its own ({status})."

SERVER: tuple[Rule, ...] = (
    server_row(
        "challenge",
        _challenged,
        State.INCONCLUSIVE,
        "server.challenge",
        Confidence.LIKELY,
        "{service} answers with a check against robots: reached, but not shown to work.",
        "A refusal that is dressed as a check.",
    ),
    server_row(
        "refusal.stated",
        lambda f: _own_words(f) and bool(f.http.marks & _SAID),
        State.BLOCKED,
        "server.geoblock",
        Confidence.CONFIRMED,
        _REFUSES,
        "A page that quotes the words, or misuses status 451; the mark needs a source.",
    ),
    server_row(
        "refusal.everywhere",
        lambda f: _refused(f) and f.http.control_status == f.http.status,
        State.OK,
        "none",
        Confidence.LIKELY,
        "{service} answers here as it does elsewhere (status {status}): this is how it answers.",
        "A control that stands in a refused country as well.",
    ),
    server_row(
        "refusal.live",
        lambda f: _refused(f) and _accepted_elsewhere(f) and f.control.live,
        State.BLOCKED,
        "server.geoblock",
        Confidence.LIKELY,
        _REFUSES,
        "A firewall of the service that dislikes this one address or this program.",
    ),
    server_row(
        "refusal.expected",
        lambda f: _refused(f) and (_accepted_elsewhere(f) or f.http.expected is False),
        State.INCONCLUSIVE,
        "server.geoblock",
        Confidence.WEAK,
        "{service} answers with {status}, which it did not do before or elsewhere; it may do so "
        "everywhere by now.",
        "A service that changed since the control was taken.",
        version=2,
    ),
    server_row(
        "refusal.alone",
        _refused,
        State.INCONCLUSIVE,
        "server.geoblock",
        Confidence.WEAK,
        "{service} answers with {status}; without a control, perhaps it does so everywhere.",
        "Nothing is claimed.",
    ),
    server_row(
        "error.everywhere.many",
        lambda f: _troubled(f) and f.control.alike >= 2 and f.control.passed == 0,
        State.DOWN,
        "down",
        Confidence.LIKELY,
        _TROUBLE + " Controls elsewhere get errors, too.",
        "Controls that are refused by the service.",
    ),
    server_row(
        "error.everywhere",
        lambda f: _troubled(f) and f.control.alike == 1 and f.control.passed == 0,
        State.DOWN,
        "down",
        Confidence.WEAK,
        _TROUBLE + " A control elsewhere gets an error, too.",
        "A control that is refused by the service.",
    ),
    server_row(
        "error",
        _troubled,
        State.INCONCLUSIVE,
        "server.error",
        Confidence.WEAK,
        _TROUBLE,
        "A refusal that is dressed as an error.",
    ),
    server_row(
        "unlike",
        _unlike_elsewhere,
        State.INCONCLUSIVE,
        "http.unexpected",
        Confidence.WEAK,
        "{service} answers over its own certificate with {status} here, and with a page elsewhere.",
        "A refusal that is dressed as a missing page.",
    ),
    server_row(
        "blockpage",
        lambda f: _own_words(f) and Mark.BLOCKPAGE in f.http.marks,
        State.INCONCLUSIVE,
        "server.blockpage",
        Confidence.WEAK,
        "{service}'s own certificate carries a page with the marks of a block page: "
        "the network cannot have written it.",
        "A mark that is too broad.",
    ),
    server_row(
        "unexpected",
        lambda f: _own_words(f) and f.http.expected is False,
        State.INCONCLUSIVE,
        "http.unexpected",
        Confidence.WEAK,
        "{service} answers over its own certificate, but not with what is expected of it.",
        "A service that changed its pages.",
    ),
)
