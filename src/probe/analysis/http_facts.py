"""What was seen of an answer: status, marks, and how it compares with the control's."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from probe.analysis.attempts import looks
from probe.analysis.controls import Controls
from probe.analysis.marks import JudgeFacts
from probe.model.control import ControlObservation
from probe.model.fingerprint import Mark
from probe.model.measurement import HttpStep, Measurement, TlsStep, Variant
from probe.model.target import Endpoint
from probe.model.verdict import Reason

__all__ = ["HttpFacts", "http_facts", "same_site"]

_SHORT = 0.3
"""Below this length ratio a page is another page (facts/verdicts.md section 3)."""

_NEAR = 0.7
"""Above this length ratio, with the same status, it is taken for the same page."""

_WORD = re.compile(r"\w{5,}")


@dataclass(frozen=True, slots=True)
class HttpFacts:
    """Facts about the last answer; ``None`` is not looked at.

    ``begun``: of the attempts that failed, one at least brought the head of an answer. On a path
    that loses packets the head may be among the bytes that were held back.
    """

    begun: bool = False
    status: int | None = None
    expected: bool | None = None
    marks: frozenset[Mark] = frozenset()
    authentic: bool | None = None  # came over TLS valid for the name asked for
    consistent: bool | None = None  # like the control's answer
    another_page: bool | None = None  # unlike it in length and in title
    control_status: int | None = None
    sent_away: bool = False  # a plain answer redirected to another site
    sealed: bool = False  # what it led to answers over TLS valid for its own site, or has to
    sent_to_tls: bool = False  # a plain answer redirected to TLS on the same site

    @property
    def reason(self) -> Reason:
        """Return the motive of a refusal, only if the page (or status 451) states it."""
        if Mark.SANCTIONS_STATED in self.marks:
            return Reason.SANCTIONS_STATED
        if Mark.LEGAL_ORDER_STATED in self.marks or self.status == 451:
            return Reason.LEGAL_ORDER_STATED
        return Reason.UNSTATED


def http_facts(
    endpoint: Endpoint,
    bundle: Sequence[Measurement],
    controls: Controls,
    facts: JudgeFacts,
    country: str,
) -> HttpFacts:
    """Return the facts about the answers of the first look."""
    main = next((m for _, m in looks(bundle, Variant.MAIN)), None)
    steps = [s for s in main.steps if isinstance(s, HttpStep)] if main is not None else []
    begun = any(_begun(m) for _, m in looks(bundle, Variant.MAIN, Variant.RETEST))
    if main is None or not steps or steps[-1].status is None:
        return HttpFacts(begun=begun)
    last = steps[-1]
    best = controls.best if controls.best is not None and controls.best.failure is None else None
    ids = [i for s in steps for i in s.fingerprints]
    return HttpFacts(
        begun=begun,
        status=last.status,
        expected=last.expected,
        marks=facts.marks(ids, country),
        authentic=_authentic(endpoint, main, steps),
        consistent=_consistent(last, best),
        another_page=_another_page(last, best),
        control_status=best.status if best is not None else None,
        sent_away=any(not s.tls and _leaves(endpoint, s) for s in steps),
        sealed=_sealed(main, last),
        sent_to_tls=not last.tls and _to_tls(endpoint, last),
    )


def _begun(measurement: Measurement) -> bool:
    last = measurement.steps[-1] if measurement.steps else None
    return isinstance(last, HttpStep) and last.failure is not None and last.status is not None


def _authentic(endpoint: Endpoint, main: Measurement, steps: Sequence[HttpStep]) -> bool | None:
    """Return whether the last answer is the service's own words.

    ``None``: over TLS, but nobody kept the handshake. A chain that began in plain text and
    ended at another site was led there by whoever answered first.
    """
    last = steps[-1]
    strayed = not same_site(last.host, endpoint.sni or endpoint.host)
    if not last.tls or (strayed and any(not s.tls for s in steps)):
        return False
    shaken = [s for s in main.steps if isinstance(s, TlsStep)]
    mine = [s for s in shaken if s.address == last.address or s.sni == last.host] or shaken
    if not mine or mine[-1].certificate is None:
        return None
    return mine[-1].failure is None and mine[-1].certificate.packaged is None


def _sealed(main: Measurement, last: HttpStep) -> bool:
    shaken = [s for s in main.steps if isinstance(s, TlsStep) and s.sni == last.host]
    if not last.tls:
        return (_location(last) or "").startswith("https:")
    return any(
        s.failure is None and s.certificate is not None and s.certificate.packaged is None
        for s in shaken
    )


def _consistent(last: HttpStep, control: ControlObservation | None) -> bool | None:
    if control is None or control.status is None:
        return None
    if last.body_sha256 is not None and last.body_sha256 == control.body_sha256:
        return True
    if last.status != control.status:
        return False
    if last.title and control.title:
        return last.title.strip() == control.title.strip() or _ratio(last, control) >= _NEAR
    if control.body_length is None:
        return True
    return _ratio(last, control) >= _NEAR


def _another_page(last: HttpStep, control: ControlObservation | None) -> bool | None:
    """Return whether length and title both say so; without two titles nobody can say."""
    if control is None or not last.title or not control.title or control.body_length is None:
        return None
    ours, theirs = _words(last.title), _words(control.title)
    return _ratio(last, control) < _SHORT and not ours & theirs


def _ratio(last: HttpStep, control: ControlObservation) -> float:
    one, two = last.body_length, control.body_length or 0
    return min(one, two) / max(one, two) if max(one, two) > 0 else 1.0


def _words(title: str) -> frozenset[str]:
    found = frozenset(w.casefold() for w in _WORD.findall(title))
    return found or frozenset({title.casefold()})


def _location(step: HttpStep) -> str | None:
    if step.status is None or not 300 <= step.status < 400:
        return None
    return next((value for name, value in step.headers if name == "location"), None)


def _leaves(endpoint: Endpoint, step: HttpStep) -> bool:
    """Return whether a redirect leads to another site than the one asked for."""
    host = _host(_location(step))
    return host is not None and not same_site(host, endpoint.sni or endpoint.host)


def _to_tls(endpoint: Endpoint, step: HttpStep) -> bool:
    location = _location(step) or ""
    host = _host(location)
    asked = endpoint.sni or endpoint.host
    return location.startswith("https:") and host is not None and same_site(host, asked)


def _host(location: str | None) -> str | None:
    try:
        return urlsplit(location).hostname if location else None
    except ValueError:
        return None


def same_site(one: str, two: str) -> bool:
    """Return whether two hosts share their last two labels (three below ``co.uk`` and its like).

    Meant for redirects between names of one operator; a public-suffix list would be exact.
    """
    return _site(one) == _site(two)


def _site(host: str) -> tuple[str, ...]:
    labels = host.rstrip(".").casefold().split(".")
    short = len(labels) > 2 and len(labels[-1]) == 2 and len(labels[-2]) <= 3
    return tuple(labels[-3:] if short else labels[-2:])
