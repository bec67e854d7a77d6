"""What was seen of connections and TLS handshakes, and of the same elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass

from probe.analysis.attempts import in_residue, looks, triggers_of
from probe.analysis.controls import Controls
from probe.analysis.endings import Ending, FailureClass, class_of, ending_of
from probe.analysis.line_facts import LineFacts
from probe.analysis.marks import JudgeFacts
from probe.model.address import family_of, parse_ip
from probe.model.control import ControlObservation
from probe.model.measurement import (
    CertificateCheck,
    Measurement,
    TcpStep,
    TlsStep,
    UdpStep,
    Variant,
)
from probe.model.target import Endpoint, Trust

__all__ = ["TcpFacts", "TlsFacts", "tcp_facts", "tls_facts"]

_DIALS = (TcpStep, UdpStep)
_MINE = (Variant.MAIN, Variant.RETEST, Variant.OTHER_ADDRESS)


@dataclass(frozen=True, slots=True)
class TcpFacts:
    """Facts about addresses; ``None`` is not looked at."""

    failing: frozenset[str] = frozenset()  # addresses at which a look ended like the first
    authentic: bool | None = None  # what was dialled (and failed) is the service's own
    other_address: bool | None = None  # another address of the name passed
    elsewhere: bool | None = None  # another address passed, whoever knows it
    other_family: bool | None = None
    neighbour: bool | None = None  # another host of the same network passed
    only_ipv6: bool = False
    lonely: bool = False  # nobody knows of a second address

    @property
    def spread(self) -> bool:
        """Whether more than one dead machine must be assumed to explain the failure away."""
        return len(self.failing) >= 2 or (self.neighbour is True and self.lonely)


@dataclass(frozen=True, slots=True)
class TlsFacts:
    """Facts about handshakes for the endpoint's own name; ``None`` is not looked at."""

    valid: bool | None = None  # name-valid to the packaged (or pinned) roots
    shaken: bool = False  # a handshake was completed, whatever the certificate
    silent: bool | None = None  # not one byte came back
    neutral: bool | None = None  # a neutral name got through to the same address
    stateful: bool | None = None  # a neutral name is cut for a while after this one, not before
    other_host: bool | None = None  # this name failed alike at a consenting host
    read_elsewhere: bool | None = None  # the same issuer answers for it at a consenting host
    certificate: CertificateCheck | None = None  # the one that does not verify
    expired: bool = False
    interceptor: str | None = None  # a state's authority signed
    local_interceptor: str | None = None  # an antivirus, or a company's or school's proxy signed
    system_trusts: bool | None = None
    issuer_on_neutral: bool | None = None
    issuer_matches: bool | None = None  # the control saw the same issuer


def tcp_facts(
    endpoint: Endpoint,
    bundle: Sequence[Measurement],
    authentic: frozenset[str],
    answers: frozenset[str],
    alike: frozenset[str],
) -> TcpFacts:
    """Return the facts about the endpoint's addresses; ``answers`` are what its name gave here.

    Another address counts when the name gave it, too: one that only others know does not help
    whoever asks this line's resolver. ``authentic`` are addresses known to be the service's:
    from a control, from an encrypted resolver, or because they showed a valid certificate.
    """
    connects = [s for _, m in looks(bundle, *_MINE) for s in m.steps if isinstance(s, _DIALS)]
    dialled = frozenset(s.address for s in connects)
    stated = frozenset(endpoint.expected) | ({endpoint.host} if parse_ip(endpoint.host) else set())
    known = authentic | stated
    main = [s for _, m in looks(bundle, Variant.MAIN) for s in m.steps if isinstance(s, _DIALS)]
    families = {family_of(a) for a in dialled}
    all_known = {a for a in known | answers | dialled if family_of(a) in families}
    return TcpFacts(
        failing=alike,
        authentic=(alike or dialled) <= known if known and dialled else None,
        other_address=_other_address(bundle, answers),
        elsewhere=_passed(bundle, Variant.OTHER_ADDRESS),
        other_family=_passed(bundle, Variant.OTHER_FAMILY),
        neighbour=_in_reach(bundle),
        lonely=len(all_known) == 1,
        only_ipv6=bool(main) and all(family_of(s.address) == 6 for s in main),
    )


def _other_address(bundle: Sequence[Measurement], answers: frozenset[str]) -> bool | None:
    mine = [
        m
        for _, m in looks(bundle, Variant.OTHER_ADDRESS)
        if not answers or any(isinstance(s, _DIALS) and s.address in answers for s in m.steps)
    ]
    return any(ending_of(m).passed for m in mine) if mine else None


def _in_reach(bundle: Sequence[Measurement]) -> bool | None:
    """Return whether a neighbour on the same network could be connected to, for any name."""
    connects = [
        s for _, m in looks(bundle, Variant.NEIGHBOUR) for s in m.steps if isinstance(s, _DIALS)
    ]
    return any(s.failure is None for s in connects) if connects else None


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
        stateful=_stateful(bundle),
        other_host=_other_host(bundle, ending),
        read_elsewhere=_read_elsewhere(bundle, wrong),
        certificate=wrong,
        expired=expired and wrong is not None and wrong.packaged == "ssl_invalid_certificate",
        interceptor=_interceptor(wrong, endpoint, line, facts),
        local_interceptor=None if wrong is None else facts.local_interceptor(wrong),
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

    When not even TCP connects, the comparison is spoilt (residual blocking), not answered; and
    what fails within the residue of a cut says nothing of the neutral name.
    """
    triggers = triggers_of(bundle)
    said = [
        (_answered(s), in_residue(m, triggers))
        for _, m in looks(bundle, Variant.NEUTRAL_SNI)
        for s in m.steps
        if isinstance(s, TlsStep)
    ]
    if any(answered for answered, _ in said):
        return True
    return False if any(not spoilt for _, spoilt in said) else None


def _stateful(bundle: Sequence[Measurement]) -> bool | None:
    """Return whether the censor keeps a memory: neutral, target, neutral, and neutral later.

    The neutral name passes before, fails soon after the target's name was cut at the address,
    and passes again once the memory is gone. ``None`` when nobody looked soon after.
    """
    triggers = triggers_of(bundle)
    seen = sorted(
        (m.started, _got_through(m), in_residue(m, triggers))
        for _, m in looks(bundle, Variant.NEUTRAL_SNI)
    )
    soon = [(at, passed) for at, passed, spoilt in seen if spoilt]
    if not soon:
        return None
    for at, passed in soon:
        before = any(good and when < at for when, good, _ in seen)
        later = any(good and when > at for when, good, _ in seen)
        if not passed and before and later:
            return True
    return False if any(passed for _, passed in soon) else None


def _got_through(measurement: Measurement) -> bool:
    return any(isinstance(s, TlsStep) and _answered(s) for s in measurement.steps)


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


def _read_elsewhere(bundle: Sequence[Measurement], wrong: CertificateCheck | None) -> bool | None:
    """Return whether the issuer of a foreign certificate also made one for a consenting host.

    That host has none for the name: one that names it (else its name would be what is wrong),
    by the same issuer, was made on the way.
    """
    shown = [s.certificate for s in _handshakes(bundle, Variant.OTHER_HOST)]
    if wrong is None or not any(shown):
        return None
    return any(
        check is not None
        and check.packaged == "ssl_unknown_authority"
        and check.issuer == wrong.issuer
        for check in shown
    )


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
