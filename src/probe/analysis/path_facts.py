"""What was seen of connections and TLS handshakes, and of the same elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass

from probe.analysis.attempts import looks
from probe.analysis.controls import Controls
from probe.analysis.endings import Ending, FailureClass, class_of, ending_of
from probe.analysis.line_facts import LineFacts
from probe.analysis.marks import JudgeFacts
from probe.model.address import family_of, parse_ip
from probe.model.control import ControlObservation
from probe.model.measurement import CertificateCheck, Measurement, TcpStep, TlsStep, Variant
from probe.model.target import Endpoint, Trust

__all__ = ["TcpFacts", "TlsFacts", "tcp_facts", "tls_facts"]

_MINE = (Variant.MAIN, Variant.RETEST, Variant.OTHER_ADDRESS)


@dataclass(frozen=True, slots=True)
class TcpFacts:
    """Facts about addresses; ``None`` is not looked at."""

    failing: frozenset[str] = frozenset()
    authentic: bool | None = None  # what was dialled (and failed) is the service's own
    other_address: bool | None = None  # another address of the name passed
    other_family: bool | None = None
    neighbour: bool | None = None  # another host of the same network passed
    only_ipv6: bool = False

    @property
    def spread(self) -> bool:
        """Whether more than one dead machine must be assumed to explain the failure away."""
        return len(self.failing) >= 2 or self.neighbour is True


@dataclass(frozen=True, slots=True)
class TlsFacts:
    """Facts about handshakes for the endpoint's own name; ``None`` is not looked at."""

    valid: bool | None = None  # name-valid to the packaged (or pinned) roots
    shaken: bool = False  # a handshake was completed, whatever the certificate
    silent: bool | None = None  # not one byte came back
    neutral: bool | None = None  # a neutral name got through to the same address
    other_host: bool | None = None  # this name failed alike at a consenting host
    certificate: CertificateCheck | None = None  # the one that does not verify
    expired: bool = False
    interceptor: str | None = None
    system_trusts: bool | None = None
    issuer_on_neutral: bool | None = None
    issuer_matches: bool | None = None  # the control saw the same issuer


def tcp_facts(
    endpoint: Endpoint,
    bundle: Sequence[Measurement],
    authentic: frozenset[str],
    answers: frozenset[str],
) -> TcpFacts:
    """Return the facts about the endpoint's addresses; ``answers`` are what its name gave here.

    Another address counts when the name gave it, too: one that only others know does not help
    whoever asks this line's resolver. ``authentic`` are addresses known to be the service's:
    from a control, from an encrypted resolver, or because they showed a valid certificate.
    """
    connects = [s for _, m in looks(bundle, *_MINE) for s in m.steps if isinstance(s, TcpStep)]
    dialled = frozenset(s.address for s in connects)
    failing = frozenset(s.address for s in connects if s.failure is not None)
    failing -= {s.address for s in connects if s.failure is None}
    stated = frozenset(endpoint.expected) | ({endpoint.host} if parse_ip(endpoint.host) else set())
    known = authentic | stated
    main = [s for _, m in looks(bundle, Variant.MAIN) for s in m.steps if isinstance(s, TcpStep)]
    return TcpFacts(
        failing=failing,
        authentic=(failing or dialled) <= known if known and dialled else None,
        other_address=_other_address(bundle, answers),
        other_family=_passed(bundle, Variant.OTHER_FAMILY),
        neighbour=_passed(bundle, Variant.NEIGHBOUR),
        only_ipv6=bool(main) and all(family_of(s.address) == 6 for s in main),
    )


def _other_address(bundle: Sequence[Measurement], answers: frozenset[str]) -> bool | None:
    mine = [
        m
        for _, m in looks(bundle, Variant.OTHER_ADDRESS)
        if not answers or any(isinstance(s, TcpStep) and s.address in answers for s in m.steps)
    ]
    return any(ending_of(m).passed for m in mine) if mine else None


def _passed(bundle: Sequence[Measurement], variant: Variant) -> bool | None:
    endings = [ending_of(m) for _, m in looks(bundle, variant)]
    return any(e.passed for e in endings) if endings else None


def tls_facts(
    endpoint: Endpoint,
    bundle: Sequence[Measurement],
    ending: Ending,
    controls: Controls,
    line: LineFacts,
    facts: JudgeFacts,
) -> TlsFacts:
    """Return the facts about the endpoint's handshakes."""
    main = [s for _, m in looks(bundle, Variant.MAIN) for s in m.steps if isinstance(s, TlsStep)]
    if not main:
        return TlsFacts()
    last = main[-1]
    wrong = last.certificate if class_of(last.failure) is FailureClass.CERTIFICATE else None
    started = next(m.started for _, m in looks(bundle, Variant.MAIN))
    expired = wrong is not None and wrong.not_after is not None and wrong.not_after < started
    public = endpoint.trust is not Trust.NONE
    return TlsFacts(
        valid=_valid(last) if public else None,
        shaken=last.failure is None or last.certificate is not None,
        silent=last.bytes_received == 0 if last.failure is not None else None,
        neutral=_neutral(bundle),
        other_host=_other_host(bundle, ending),
        certificate=wrong,
        expired=expired and wrong is not None and wrong.packaged == "ssl_invalid_certificate",
        interceptor=_interceptor(wrong, endpoint, line, facts),
        system_trusts=wrong.system is None if wrong is not None else None,
        issuer_on_neutral=_on_neutral(wrong, line),
        issuer_matches=_same_issuer(wrong, controls.best),
    )


def _interceptor(
    wrong: CertificateCheck | None, endpoint: Endpoint, line: LineFacts, facts: JudgeFacts
) -> str | None:
    if wrong is None:
        return None
    return facts.interceptor(wrong, endpoint.sni or endpoint.host, line.country)


def _valid(step: TlsStep) -> bool | None:
    """Return whether the certificate holds; ``None`` when nobody looked at it."""
    if step.failure is not None:
        return False
    return None if step.certificate is None else step.certificate.packaged is None


def _handshakes(bundle: Sequence[Measurement], variant: Variant) -> list[TlsStep]:
    return [s for _, m in looks(bundle, variant) for s in m.steps if isinstance(s, TlsStep)]


def _neutral(bundle: Sequence[Measurement]) -> bool | None:
    """Return whether a neutral name was answered: a ServerHello or an alert is an answer.

    When not even TCP connects, the comparison is spoilt (residual blocking), not answered.
    """
    steps = _handshakes(bundle, Variant.NEUTRAL_SNI)
    if not steps:
        return None
    return any(_answered(s) for s in steps)


def _answered(step: TlsStep) -> bool:
    return (
        step.failure is None
        or step.alert is not None
        or step.certificate is not None
        or step.bytes_received > 0
    )


def _other_host(bundle: Sequence[Measurement], ending: Ending) -> bool | None:
    """Return whether the target's name failed in the same way at a host that agreed to it."""
    measured = looks(bundle, Variant.OTHER_HOST)
    if not any(isinstance(s, TlsStep) for _, m in measured for s in m.steps):
        return None
    return any(ending_of(m).alike(ending) for _, m in measured)


def _on_neutral(wrong: CertificateCheck | None, line: LineFacts) -> bool | None:
    if wrong is None or line.strange_issuers is None:
        return None
    return wrong.issuer in line.strange_issuers


def _same_issuer(wrong: CertificateCheck | None, control: ControlObservation | None) -> bool | None:
    if wrong is None or control is None:
        return None
    if control.leaf_sha256 is not None and control.leaf_sha256 == wrong.leaf_sha256:
        return True
    return None if control.issuer is None else control.issuer == wrong.issuer
