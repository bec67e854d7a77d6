"""Which further looks a failing first look asks for, so that the verdict has something to compare.

Residual blocking lasts 60 to 180 s and ignores the source port: a second look at the same
address within that time confirms nothing but itself. So what follows a cut handshake or request
waits more than 200 s, unless it goes to another address. Names and connections are asked again
after 5 to 20 s.
"""

import msgspec

from probe.analysis.endings import Ending, FailureClass, Layer, ending_of, name_steps
from probe.model.address import family_of, is_public, parse_ip
from probe.model.context import RoundContext
from probe.model.measurement import (
    DnsEngine,
    HttpStep,
    Measurement,
    Outcome,
    TcpStep,
    TlsStep,
    Variant,
)
from probe.model.target import Endpoint, Kind

__all__ = ["NEUTRAL_NAME", "FollowUp", "followups"]

NEUTRAL_NAME = "example.com"
"""Sent as a neutral SNI: reserved for documentation (RFC 2606), of no interest to a censor."""

SOON_S = (6.0, 17.0)
"""Retests of names and connections."""

LATER_S = (215.0, 430.0)
"""Retests of handshakes and requests at the same address."""

NEUTRAL_S = 205.0
"""The neutral name goes before the retest, lest the retest's own residue spoils it."""

_REFUSALS = (403, 429, 451)
_NO_NAME = (Kind.RESOLVER,)


class FollowUp(msgspec.Struct, frozen=True, kw_only=True):
    """One further look; ``delay_s`` is the runner's clock's, from the end of the first look.

    ``addresses`` pins what is dialled (empty: resolve again). ``sni`` is sent when ``keep_sni``
    is false; ``None`` then means a handshake without a name.
    """

    variant: Variant
    delay_s: float
    addresses: tuple[str, ...] = ()
    sni: str | None = None
    keep_sni: bool = True
    families: tuple[int, ...] = ()
    engine: DnsEngine | None = None


def followups(
    endpoint: Endpoint,
    main: Measurement,
    context: RoundContext | None,
    *,
    authentic: tuple[str, ...] = (),
    sni_host: str | None = None,
) -> tuple[FollowUp, ...]:
    """Return what to look at next, soonest first; nothing after an ordinary success.

    ``authentic`` are addresses known to be the service's own. ``sni_host`` is ``address:port``
    of a host whose operator consented to receive the target's name; it is asked only when its
    port is the endpoint's.
    """
    if main.outcome is not Outcome.MEASURED or (context is not None and context.invalid):
        return ()
    ending = ending_of(main)
    if ending.layer is Layer.DNS or _suspicious_name(main):
        plan = _after_name(endpoint)
    elif ending.layer is Layer.TCP:
        plan = _after_connection(endpoint, main, context, authentic)
    elif ending.layer is Layer.TLS:
        plan = _after_handshake(endpoint, main, ending, authentic, sni_host)
    elif ending.layer is Layer.HTTP or _suspicious_answer(main):
        plan = _after_request(endpoint, main)
    elif ending.layer is Layer.UDP:
        plan = [_retest(delay, main) for delay in SOON_S]
    else:
        plan = []
    return tuple(sorted(plan, key=lambda f: f.delay_s))


def _suspicious_name(main: Measurement) -> bool:
    """Return whether the name was answered with what cannot be, or with two answers."""
    asked = name_steps(main.kind, main.steps)
    odd = any(not is_public(a.address) for s in asked for a in s.answers)
    return odd or any(s.late for s in asked)


def _suspicious_answer(main: Measurement) -> bool:
    """Return whether something answered in plain text, or not as expected."""
    last = next((s for s in reversed(main.steps) if isinstance(s, HttpStep)), None)
    if last is None or last.status is None or last.status in _REFUSALS:
        return False
    return last.expected is False or (bool(last.fingerprints) and not last.tls)


def _retest(delay_s: float, main: Measurement) -> FollowUp:
    """Return the same question again, at the same addresses."""
    return FollowUp(variant=Variant.RETEST, delay_s=delay_s, addresses=_dialled(main))


def _encrypted(endpoint: Endpoint, delay_s: float = 0.0) -> list[FollowUp]:
    """Return the look through an encrypted resolver; an address has no name to lie about."""
    if parse_ip(endpoint.host) is not None or endpoint.kind in _NO_NAME:
        return []
    return [FollowUp(variant=Variant.DOH, delay_s=delay_s, engine=DnsEngine.DOH)]


def _after_name(endpoint: Endpoint) -> list[FollowUp]:
    plan = [FollowUp(variant=Variant.RETEST, delay_s=delay) for delay in SOON_S]
    plan += _encrypted(endpoint)
    if parse_ip(endpoint.host) is None:
        other = FollowUp(variant=Variant.OTHER_RESOLVER, delay_s=0.0, engine=DnsEngine.UDP)
        plan.append(other)
    return plan


def _after_connection(
    endpoint: Endpoint, main: Measurement, context: RoundContext | None, authentic: tuple[str, ...]
) -> list[FollowUp]:
    plan = [_retest(delay, main) for delay in SOON_S]
    plan += _encrypted(endpoint)
    plan += _other_address(main, authentic)
    if _has_ipv6(context) and parse_ip(endpoint.host) is None and _only_ipv4(main):
        plan.append(FollowUp(variant=Variant.OTHER_FAMILY, delay_s=0.0, families=(6,)))
    return plan


def _after_handshake(
    endpoint: Endpoint,
    main: Measurement,
    ending: Ending,
    authentic: tuple[str, ...],
    sni_host: str | None,
) -> list[FollowUp]:
    if ending.kind is FailureClass.CERTIFICATE:
        # Reading a certificate triggers no residual blocking: the answer came in full.
        plan = [_retest(delay, main) for delay in SOON_S]
        return plan + _encrypted(endpoint) + _other_address(main, authentic)
    failed = tuple(s.address for s in main.steps if isinstance(s, TlsStep))[-1:]
    plan = [
        FollowUp(
            variant=Variant.NEUTRAL_SNI,
            delay_s=NEUTRAL_S,
            addresses=failed,
            sni=NEUTRAL_NAME,
            keep_sni=False,
        ),
        _retest(LATER_S[0], main),
    ]
    own = frozenset(failed) <= frozenset(authentic)
    plan += [_retest(LATER_S[1], main)] if own else _encrypted(endpoint, LATER_S[1])
    plan += _other_address(main, authentic)
    consenting = _consenting(endpoint, sni_host)
    if consenting is not None:
        plan.append(FollowUp(variant=Variant.OTHER_HOST, delay_s=0.0, addresses=(consenting,)))
    return plan


def _after_request(endpoint: Endpoint, main: Measurement) -> list[FollowUp]:
    plan = [_retest(delay, main) for delay in LATER_S]
    encrypted = any(isinstance(s, TlsStep) for s in main.steps)
    return plan if encrypted else plan + _encrypted(endpoint)


def _dialled(main: Measurement) -> tuple[str, ...]:
    return tuple(dict.fromkeys(s.address for s in main.steps if isinstance(s, TcpStep)))


def _other_address(main: Measurement, authentic: tuple[str, ...]) -> list[FollowUp]:
    """Return a look at an address of the same family that was not dialled, if one is known."""
    dialled = _dialled(main)
    answered = (a.address for s in name_steps(main.kind, main.steps) for a in s.answers)
    families = {family_of(a) for a in dialled}
    for address in (*authentic, *answered):
        if address not in dialled and family_of(address) in families and is_public(address):
            return [FollowUp(variant=Variant.OTHER_ADDRESS, delay_s=0.0, addresses=(address,))]
    return []


def _has_ipv6(context: RoundContext | None) -> bool:
    return context is not None and context.inputs.ipv6_ok is True


def _only_ipv4(main: Measurement) -> bool:
    return all(family_of(a) == 4 for a in _dialled(main))


def _consenting(endpoint: Endpoint, sni_host: str | None) -> str | None:
    if sni_host is None or parse_ip(endpoint.host) is not None:
        return None
    address, _, port = sni_host.rpartition(":")
    wanted = endpoint.port if endpoint.port is not None else 443
    plain = address.strip("[]")
    return plain if port == str(wanted) and parse_ip(plain) is not None else None
