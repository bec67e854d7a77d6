"""Which further looks a failing first look asks for, so that the verdict has something to compare.

Residual blocking lasts 60 to 180 s and ignores the source port: a second look at the same
address within that time confirms nothing but itself. So what follows a cut handshake or request
waits more than 200 s, unless it goes to another address. Names and connections are asked again
after 5 to 20 s.
"""

import msgspec

from probe.analysis.endings import Ending, FailureClass, Layer, ending_of, name_steps
from probe.analysis.families import family_of_look
from probe.analysis.udp_facts import must_answer
from probe.model.address import family_of, is_public, parse_ip
from probe.model.context import RoundContext
from probe.model.measurement import (
    DnsEngine,
    HttpStep,
    Measurement,
    Outcome,
    TcpStep,
    TlsStep,
    UdpStep,
    Variant,
)
from probe.model.target import Endpoint, Kind, Purpose, Role

__all__ = ["NEUTRAL_NAME", "FollowUp", "followups"]

NEUTRAL_NAME = "example.com"
"""Sent as a neutral SNI: reserved for documentation (RFC 2606), of no interest to a censor."""

SOON_S = (6.0, 17.0)
"""Retests of names and connections."""

NEUTRAL_S = 205.0
"""The neutral name goes before the retest, lest the retest's own residue spoils it."""

LATER_S = (215.0, 445.0)
"""Retests of handshakes and requests at the same address."""

RESIDUE_S = 216.0
"""The neutral name again, while the first retest's residue would last: does the cut leave one?"""

AFTERWARDS_S = 440.0
"""And once more when it would be gone: neutral, target, neutral, and neutral again."""

FORGOTTEN_S = 305.0
"""A resolver may repeat a failure of its own from memory for five minutes (RFC 9520)."""

LAST_S = 1.0
"""Neighbours and neutral hosts are asked so long after the last look at the endpoint."""

CONNECT_S = 2.0
"""A connection in which nothing is said, right after one that was cut for what was said in it."""

_TWO_FORMS = (Kind.MTPROTO,)
"""Kinds that can be asked for in bytes that look random, at the same address and port."""

_RESIDUAL = (FailureClass.RESET, FailureClass.TIMEOUT)
"""Ways of being cut that may leave a residue."""

_MADE_UP_NAME = (Kind.TOR_OR,)
"""Kinds whose hello has a name that means nothing."""

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
    storefront: str | None = None  # whose storefront is asked, where the path names a country


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
    if endpoint.private is not None:
        return _of_private(endpoint, ending)
    if ending.layer is Layer.DNS and main.variant is Variant.OTHER_FAMILY:
        plan = []  # no such addresses, or the same name as over IPv4
    elif ending.layer is Layer.DNS or _suspicious_name(main):
        plan = _after_name(endpoint, main, ending)
    elif ending.layer is Layer.TCP:
        plan = _after_connection(endpoint, main, authentic)
    elif ending.layer is Layer.TLS:
        plan = _after_handshake(endpoint, main, ending, authentic, sni_host)
    elif ending.passed and endpoint.role is Role.LISTING:
        return _sorted(_other_storefront(endpoint, main) + _other_family(endpoint, main, context))
    elif ending.layer is Layer.HTTP or _suspicious_answer(main):
        plan = _after_request(endpoint, main, authentic)
    elif ending.layer is Layer.EXCHANGE:
        plan = _after_exchange(endpoint, main, ending, authentic)
    elif ending.layer is Layer.UDP:
        plan = _after_datagrams(endpoint, main, authentic)
    else:
        plan = []
    if plan and must_answer(endpoint):
        plan += _beside(endpoint, ending, plan)
    return _sorted(plan + _other_family(endpoint, main, context))


def _sorted(plan: list[FollowUp]) -> tuple[FollowUp, ...]:
    return tuple(sorted(plan, key=lambda f: f.delay_s))


def _other_storefront(endpoint: Endpoint, main: Measurement) -> list[FollowUp]:
    """Return a look at the same app in another country's storefront, where it is not offered.

    The question is the store's own to answer: nothing has to rest, and no neutral host to hold.
    """
    last = next((s for s in reversed(main.steps) if isinstance(s, HttpStep)), None)
    elsewhere = endpoint.expect.storefront if endpoint.expect is not None else None
    templated = "{country}" in (endpoint.path or "")
    if last is None or last.expected is not False or elsewhere is None or not templated:
        return []
    if last.path == (endpoint.path or "").replace("{country}", elsewhere.lower()):
        return []  # it is this line's own storefront
    return [FollowUp(variant=Variant.OTHER_STOREFRONT, delay_s=0.0, storefront=elsewhere)]


def _of_private(endpoint: Endpoint, ending: Ending) -> tuple[FollowUp, ...]:
    """Return what follows at a person's own bridge or proxy: itself again, and neutral hosts.

    Nobody else is told of it: no other resolver, no other host. Its address is not kept, so that
    it is looked up again.
    """
    if ending.layer is None:
        return ()
    cut = ending.layer in (Layer.TLS, Layer.EXCHANGE) and ending.kind in _RESIDUAL
    plan = [
        FollowUp(variant=Variant.RETEST, delay_s=delay) for delay in (LATER_S if cut else SOON_S)
    ]
    looks = plan + [f for f in _beside(endpoint, ending, plan) if f.variant is Variant.ANCHOR]
    return tuple(sorted(looks, key=lambda f: f.delay_s))


def _beside(endpoint: Endpoint, ending: Ending, plan: list[FollowUp]) -> list[FollowUp]:
    """Return looks at others: neutral hosts before and after the retests, and a neighbour.

    A line that broke meanwhile is no block, and a network that is out of reach as a whole is
    not about this address.
    """
    if endpoint.purpose is not Purpose.TARGET:
        return []
    last = max(f.delay_s for f in plan) + LAST_S
    looks = [FollowUp(variant=Variant.ANCHOR, delay_s=delay) for delay in (0.0, last)]
    if ending.layer is Layer.UDP and ending.kind is FailureClass.TIMEOUT:
        looks.append(FollowUp(variant=Variant.OTHER_UDP, delay_s=last))
    if ending.layer is not None and ending.layer is not Layer.DNS:
        looks.append(FollowUp(variant=Variant.NEIGHBOUR, delay_s=last))
    return looks


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
    """Return the same question again, at the same addresses or for the same family."""
    return FollowUp(
        variant=Variant.RETEST,
        delay_s=delay_s,
        addresses=_dialled(main),
        families=_of_six(main),
    )


def _of_six(main: Measurement) -> tuple[int, ...]:
    return (6,) if family_of_look(main) == 6 else ()


def _encrypted(endpoint: Endpoint, main: Measurement, delay_s: float = 0.0) -> list[FollowUp]:
    """Return the look through an encrypted resolver; an address has no name to lie about."""
    if parse_ip(endpoint.host) is not None or endpoint.kind in _NO_NAME:
        return []
    look = FollowUp(
        variant=Variant.DOH, delay_s=delay_s, engine=DnsEngine.DOH, families=_of_six(main)
    )
    return [look]


def _second(endpoint: Endpoint, main: Measurement) -> list[FollowUp]:
    """Return the look through another plain resolver: to tell one resolver from the way."""
    if parse_ip(endpoint.host) is not None or endpoint.kind in _NO_NAME:
        return []
    look = FollowUp(
        variant=Variant.OTHER_RESOLVER,
        delay_s=0.0,
        engine=DnsEngine.UDP,
        families=_of_six(main),
    )
    return [look]


def _after_name(endpoint: Endpoint, main: Measurement, ending: Ending) -> list[FollowUp]:
    families = _of_six(main)
    remembered = ending.kind is FailureClass.SERVFAIL
    delays = (*SOON_S, FORGOTTEN_S) if remembered else SOON_S
    plan = [FollowUp(variant=Variant.RETEST, delay_s=delay, families=families) for delay in delays]
    return plan + _encrypted(endpoint, main) + _second(endpoint, main)


def _after_connection(
    endpoint: Endpoint, main: Measurement, authentic: tuple[str, ...]
) -> list[FollowUp]:
    plan = [_retest(delay, main) for delay in SOON_S]
    return plan + _encrypted(endpoint, main) + _other_address(main, authentic)


def _other_family(
    endpoint: Endpoint, main: Measurement, context: RoundContext | None
) -> list[FollowUp]:
    """Return a look over IPv6 where the line has it, whatever came over IPv4.

    Applications take whichever family works, so that a cut of one goes unseen; the two are
    judged apart.
    """
    named = parse_ip(endpoint.host) is None and endpoint.kind not in (*_NO_NAME, Kind.DNS)
    first = main.variant is Variant.MAIN and _only_ipv4(main)
    if not (named and first and _has_ipv6(context) and endpoint.purpose is Purpose.TARGET):
        return []
    return [FollowUp(variant=Variant.OTHER_FAMILY, delay_s=0.0, families=(6,))]


def _after_handshake(
    endpoint: Endpoint,
    main: Measurement,
    ending: Ending,
    authentic: tuple[str, ...],
    sni_host: str | None,
) -> list[FollowUp]:
    consenting = _consenting(endpoint, sni_host)
    plan = _other_address(main, authentic)
    if consenting is not None:
        plan.append(FollowUp(variant=Variant.OTHER_HOST, delay_s=0.0, addresses=(consenting,)))
    if ending.kind is FailureClass.CERTIFICATE:
        # Reading a certificate triggers no residual blocking: the answer came in full.
        plan += [_retest(delay, main) for delay in SOON_S]
        return plan + _encrypted(endpoint, main) + _second(endpoint, main)
    failed = tuple(s.address for s in main.steps if isinstance(s, TlsStep))[-1:]
    plan += [_neutral(delay, failed) for delay in (NEUTRAL_S, RESIDUE_S, AFTERWARDS_S)]
    plan += [_retest(LATER_S[0], main)]
    own = frozenset(failed) <= frozenset(authentic)
    return plan + ([_retest(LATER_S[1], main)] if own else _encrypted(endpoint, main, LATER_S[1]))


def _after_datagrams(
    endpoint: Endpoint, main: Measurement, authentic: tuple[str, ...]
) -> list[FollowUp]:
    """Return what follows silence over UDP, or a refusal.

    Random bytes to the same port first. A handshake of QUIC has shown a name, after which some
    networks drop everything between the two hosts for three minutes: what follows waits.
    """
    failed = tuple(s.address for s in main.steps if isinstance(s, UdpStep))[-1:]
    plan = [FollowUp(variant=Variant.COMPARISON, delay_s=0.0, addresses=failed)]
    if not must_answer(endpoint):
        return plan
    plan += _other_address(main, authentic)
    if endpoint.kind is not Kind.QUIC:
        return plan + [_retest(delay, main) for delay in SOON_S]
    plan.append(FollowUp(variant=Variant.BY_TCP, delay_s=0.0, addresses=failed))
    return [*plan, _neutral(NEUTRAL_S, failed), *(_retest(delay, main) for delay in LATER_S)]


def _neutral(delay_s: float, addresses: tuple[str, ...]) -> FollowUp:
    return FollowUp(
        variant=Variant.NEUTRAL_SNI,
        delay_s=delay_s,
        addresses=addresses,
        sni=NEUTRAL_NAME,
        keep_sni=False,
    )


def _after_request(
    endpoint: Endpoint, main: Measurement, authentic: tuple[str, ...]
) -> list[FollowUp]:
    plan = [_retest(delay, main) for delay in LATER_S] + _other_address(main, authentic)
    encrypted = any(isinstance(s, TlsStep) for s in main.steps)
    return plan if encrypted else plan + _encrypted(endpoint, main)


def _after_exchange(
    endpoint: Endpoint, main: Measurement, ending: Ending, authentic: tuple[str, ...]
) -> list[FollowUp]:
    """Return what follows when the protocol was not answered, or not by whom it should be.

    An answer that came in full was not cut, and leaves no residue. After a cut, a connection in
    which nothing is said shows whether the place is still open; and where the protocol has a form
    that looks like nothing known, that is asked for, before the retests.
    """
    plan = _other_address(main, authentic)
    if ending.kind not in _RESIDUAL:
        return plan + [_retest(delay, main) for delay in SOON_S]
    plan += [_retest(delay, main) for delay in LATER_S]
    beside = [(Variant.CONNECT, CONNECT_S)]
    if endpoint.kind in _TWO_FORMS:
        beside.append((Variant.COMPARISON, NEUTRAL_S))
    addresses = _dialled(main)[-1:]
    return plan + [
        FollowUp(variant=variant, delay_s=delay, addresses=addresses) for variant, delay in beside
    ]


def _dialled(main: Measurement) -> tuple[str, ...]:
    found = (s.address for s in main.steps if isinstance(s, TcpStep | UdpStep))
    return tuple(dict.fromkeys(found))


def _other_address(main: Measurement, authentic: tuple[str, ...]) -> list[FollowUp]:
    """Return a look at an address of the same family that was not dialled, if one is known.

    Those that a control knows come first: what works there and fails here is a comparison.
    """
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
    nameless = parse_ip(endpoint.host) is not None or endpoint.kind in _MADE_UP_NAME
    if sni_host is None or nameless:
        return None
    address, _, port = sni_host.rpartition(":")
    wanted = endpoint.port if endpoint.port is not None else 443
    plain = address.strip("[]")
    return plain if port == str(wanted) and parse_ip(plain) is not None else None
