"""What a rule's confidence rests on: with all of it likely, and weak as soon as one is missing.

State, mechanism and locus stay; one thing less shown makes the same claim a weaker one.
"""

from dataclasses import dataclass, replace
from typing import Any

import msgspec
import pytest
from exchange_scenes import (
    ALL_CUT,
    ANSWERED_HIDDEN,
    CLEAR,
    RELAY,
    TOR_HELLO_ONLY,
    exchange,
    unsigned,
)
from udp_scenes import BY_TCP, QUIC, QUIC_NEUTRAL, RANDOM_PASSES, STUN, quic
from verdict_bundles import (
    BOGON,
    GOOD,
    ISSUER,
    NEUTRAL_WORKS,
    NULL,
    OTHER,
    STRANGE,
    VETTED,
    Scene,
    again,
    around,
    cert,
    control,
    dns,
    doh,
    endpoint,
    http,
    look,
    neutral,
    plain,
    race,
    said,
    tcp,
    tls,
    udp,
    via_doh,
)

from probe.model.context import RoundContext
from probe.model.measurement import DnsEngine, Measurement, Proof, Step, Variant
from probe.model.target import Endpoint, Kind, Wrap
from probe.model.verdict import Confidence
from probe.wire.published import responder_public_key

TIMEOUT, RESET = "generic_timeout_error", "connection_reset"
NX, SERVFAIL = "dns_nxdomain_error", "dns_servfail_error"
NO_RESOLVER_SEEN = around(system_resolver_ok=(), other_resolver_ok=())
PLAIN = endpoint(tls=False, port=80)

HERE: dict[str, Any] = control(addresses=(GOOD, OTHER), address=GOOD)
"""A control that got through at the address that fails here."""

ONLY_HERE: dict[str, Any] = control(addresses=(GOOD,), address=GOOD)
SOMEWHERE: dict[str, Any] = control()
"""A control that got through, and does not say where."""

NEIGHBOUR = look(tcp(STRANGE), tls(STRANGE), http(address=STRANGE), variant=Variant.NEIGHBOUR)
NEUTRAL_HOST = look(
    dns(STRANGE),
    dns(STRANGE, engine=DnsEngine.UDP),
    tcp(STRANGE),
    tls(STRANGE),
    variant=Variant.ANCHOR,
)
ITS_OWN = look(tcp(GOOD), tls(GOOD), http(), variant=Variant.OTHER_ADDRESS)
"""An address that others know, with the service's certificate."""


@dataclass(frozen=True)
class Claim:
    """A claim that is likely as it stands, and what it looks like with one thing not shown."""

    name: str
    said: str
    whole: Scene
    lacking: tuple[tuple[str, Scene], ...]


def scene(
    *bundle: Measurement,
    controls: tuple[dict[str, Any], ...] = (),
    at: Endpoint | None = None,
    context: RoundContext | None = None,
) -> Scene:
    """Return a scene without an expectation of its own."""
    return Scene(
        name="",
        rule="",
        verdict="",
        bundle=bundle,
        endpoint=at or endpoint(),
        context=context or around(),
        controls=controls,
    )


def elsewhere(*steps: Step) -> Measurement:
    """Return a look at the second address."""
    return look(*steps, variant=Variant.OTHER_ADDRESS)


def three(*steps: Step) -> tuple[Measurement, ...]:
    """Return a first look and two retests."""
    return (look(*steps), again(*steps), again(*steps, nth=2))


def second(failure: str | None = None, *addresses: str) -> Measurement:
    """Return what another plain resolver says."""
    said_there = dns(*addresses, failure=failure, engine=DnsEngine.UDP)
    return look(said_there, variant=Variant.OTHER_RESOLVER)


def neighbour(failure: str) -> Measurement:
    """Return a neighbour that fails as well."""
    return look(tcp(STRANGE, failure), variant=Variant.NEIGHBOUR)


# --- names


def _name_claims(name: str, failure: str) -> tuple[Claim, ...]:
    """Return a name that is denied here, on each ground that makes it likely.

    A second resolver that says another sort of no disputes it, and does not say the same.
    """
    step = dns(failure=failure)
    other_no = SERVFAIL if failure == NX else NX
    disputed = (second(other_no), ITS_OWN)
    same = (second(failure), NEUTRAL_HOST)
    grounds = (
        ("path", "network", (VETTED, *same), (*same, *disputed), ()),
        ("ab", "unknown", (VETTED,), disputed, ()),
        ("live", "unknown", (), (second(other_no),), (HERE,)),
    )
    claims = []
    for ground, locus, more, doubtful, controls in grounds:
        whole = scene(*three(step), *more, controls=controls)
        less = (
            ("reproduced", scene(look(step), *more, controls=controls)),
            ("neutral name", replace(whole, context=NO_RESOLVER_SEEN)),
            ("undisputed", scene(*three(step), *doubtful, controls=(HERE,))),
        )
        claims.append(Claim(f"{name}.{ground}", f"blocked {name} {locus}", whole, less))
    return tuple(claims)


NAMES = (
    *_name_claims("dns.nxdomain", NX),
    *_name_claims("dns.refused", "dns_refused_error"),
    *_name_claims("dns.servfail", SERVFAIL),
    *_name_claims("dns.no_answer", "dns_no_answer"),
    *_name_claims("dns.timeout", TIMEOUT),
    *_name_claims("dns.unreachable", "connection_refused"),
)


def _private_claims(name: str, address: str, failure: str) -> tuple[Claim, ...]:
    first = (dns(address), tcp(address, failure))
    grounds = (
        ("path", "network", (VETTED, second(None, address)), ()),
        ("ab", "unknown", (VETTED,), ()),
        ("live", "unknown", (), (HERE,)),
    )
    return tuple(
        Claim(
            f"{name}.{ground}",
            f"blocked dns.injection.bogon {locus}",
            scene(*three(*first), *more, controls=controls),
            (("reproduced", scene(look(*first), *more, controls=controls)),),
        )
        for ground, locus, more, controls in grounds
    )


_RACED = (race(STRANGE, GOOD), tcp(STRANGE, TIMEOUT))
_LED = (dns(STRANGE), tcp(STRANGE), tls(STRANGE, certificate=cert("ssl_invalid_hostname")))
_LED_BY_TWO = (VETTED, second(None, STRANGE))

LIES = (
    *_private_claims("dns.bogon", BOGON, TIMEOUT),
    *_private_claims("dns.null", NULL, "connection_refused"),
    Claim(
        "dns.race.ab",
        "blocked dns.injection.race network",
        scene(*three(*_RACED), VETTED),
        (("reproduced", scene(look(*_RACED), VETTED)),),
    ),
    Claim(
        "dns.race.live",
        "blocked dns.injection.race network",
        scene(*three(*_RACED), controls=(HERE,)),
        (("reproduced", scene(look(*_RACED), controls=(HERE,))),),
    ),
    Claim(
        "dns.other.certificate.path",
        "blocked dns.injection.other network",
        scene(*three(*_LED), *_LED_BY_TWO),
        (("reproduced", scene(look(*_LED), *_LED_BY_TWO)),),
    ),
)


# --- connections, handshakes, requests: at an address that works elsewhere, and not one machine


def _path_claim(
    name: str,
    first: tuple[Step, ...],
    second_place: tuple[Step, ...],
    *more: Measurement,
    at: Endpoint | None = None,
    once: tuple[Measurement, ...] | None = None,
) -> Claim:
    """Return a claim whose steps ``first`` fail at GOOD, and ``second_place`` at OTHER.

    ``once``: how it looks when it was not seen again; by itself one look, with a neighbour that
    works and no second address known.
    """
    both = (*three(*first), elsewhere(*second_place), *more)
    failing = "connection_refused"
    single = once or (look(*first), NEIGHBOUR, *more)
    known = ONLY_HERE if once is None else HERE
    return Claim(
        name,
        f"blocked {name} unknown",
        scene(*both, controls=(HERE,), at=at),
        (
            ("reproduced", scene(*single, controls=(known,), at=at)),
            ("same address", scene(*both, controls=(SOMEWHERE,), at=at)),
            ("spread", scene(*three(*first), *more, controls=(HERE,), at=at)),
            ("network up", scene(*both, neighbour(failing), controls=(HERE,), at=at)),
        ),
    )


def _connection_claim(name: str, failure: str) -> Claim:
    return _path_claim(name, (dns(GOOD), tcp(GOOD, failure)), (tcp(OTHER, failure),))


def _handshakes(how: str, failure: str) -> tuple[Claim, ...]:
    first = (dns(GOOD), tcp(), tls(failure=failure))
    other = (tcp(OTHER), tls(OTHER, failure=failure))
    late = (dns(GOOD), tcp(), tls(failure=failure, bytes_received=1_400))
    late_other = (tcp(OTHER), tls(OTHER, failure=failure, bytes_received=1_400))
    mute = neutral(tcp(), tls(failure=failure))
    named = three(*first)
    return (
        _path_claim(f"tls.{how}", first, other),
        _path_claim(f"tls.{how}.late", late, late_other),
        _path_claim(f"tls.{how}.all", first, other, mute),
        Claim(
            f"tls.{how}.sni.live",
            f"blocked tls.{how}.sni unknown",
            scene(*named, NEUTRAL_WORKS, controls=(HERE,)),
            (
                ("reproduced", scene(look(*first), NEUTRAL_WORKS, controls=(HERE,))),
                ("same address", scene(*named, NEUTRAL_WORKS, controls=(SOMEWHERE,))),
            ),
        ),
    )


def _request_claim(name: str, failure: str) -> Claim:
    return _path_claim(
        name,
        (dns(GOOD), tcp(), plain(None, failure=failure)),
        (tcp(OTHER), plain(None, address=OTHER, failure=failure)),
        at=PLAIN,
    )


_MUTE = udp(failure=TIMEOUT)
_MUTE_TOO = msgspec.structs.replace(_MUTE, address=OTHER)
_NO_WAY = udp(failure="host_unreachable")


def _datagram_claim(name: str, failure: str) -> Claim:
    return _path_claim(
        name, (udp(failure=failure),), (udp(failure=failure, address=OTHER),), at=STUN
    )


PATHS = (
    _connection_claim("tcp.timeout", TIMEOUT),
    _connection_claim("tcp.reset", RESET),
    _connection_claim("tcp.refused", "connection_refused"),
    _connection_claim("tcp.unreachable", "host_unreachable"),
    *_handshakes("reset", RESET),
    *_handshakes("timeout", TIMEOUT),
    _request_claim("http.reset", RESET),
    _request_claim("http.timeout", TIMEOUT),
    _path_claim(
        "udp.silence",
        (_MUTE,),
        (_MUTE_TOO,),
        at=endpoint(Kind.STUN),
        once=(look(_MUTE), again(_NO_WAY), again(_NO_WAY), elsewhere(_MUTE_TOO)),
    ),
    *(
        _datagram_claim(name, failure)
        for name, failure in (
            ("udp.refused", "connection_refused"),
            ("udp.unreachable", "host_unreachable"),
        )
    ),
    _path_claim(
        "quic.timeout.port",
        quic(TIMEOUT, TIMEOUT),
        quic(TIMEOUT, TIMEOUT, address=OTHER),
        BY_TCP,
        at=QUIC,
    ),
)


def _shaken_claim(name: str, steps: tuple[Step, ...]) -> Claim:
    return Claim(
        name,
        f"blocked {name} unknown",
        scene(*three(*steps), controls=(HERE,), at=QUIC),
        (
            ("reproduced", scene(look(*steps), controls=(HERE,), at=QUIC)),
            ("same address", scene(*three(*steps), controls=(SOMEWHERE,), at=QUIC)),
        ),
    )


def _named_claim(ground: str, *more: Measurement, controls: tuple[dict[str, Any], ...]) -> Claim:
    steps = quic(handshake=TIMEOUT)
    return Claim(
        f"quic.timeout.sni.{ground}",
        "blocked quic.timeout.sni unknown",
        scene(*three(*steps), QUIC_NEUTRAL, *more, controls=controls, at=QUIC),
        (("reproduced", scene(look(*steps), QUIC_NEUTRAL, *more, controls=controls, at=QUIC)),),
    )


def _protocol_claim(at: Endpoint, *steps: Step) -> Claim:
    name = f"udp.protocol.{at.kind}"
    return Claim(
        name,
        f"blocked {name} unknown",
        scene(*three(*steps), RANDOM_PASSES, at=at),
        (("reproduced", scene(look(*steps), RANDOM_PASSES, at=at)),),
    )


DATAGRAMS = (
    _shaken_claim("quic.timeout.after", quic(ping=TIMEOUT)),
    _shaken_claim("quic.timeout.handshake", quic(handshake=TIMEOUT)),
    _named_claim("live", controls=(SOMEWHERE,)),
    _named_claim("ab", BY_TCP, controls=()),
    _protocol_claim(STUN, _MUTE),
    _protocol_claim(endpoint(Kind.IKEV2, port=500), _MUTE),
    _protocol_claim(endpoint(Kind.OPENVPN, port=1194, wrap=Wrap.NONE), _MUTE),
    _protocol_claim(endpoint(Kind.WIREGUARD, port=51_820, key=responder_public_key()), _MUTE),
    _protocol_claim(QUIC, *quic(TIMEOUT, TIMEOUT)),
)


# --- protocols of their own


def _exchange_claims(how: str, failure: str) -> tuple[Claim, ...]:
    steps = (tcp(), exchange(failure))
    hello = (tcp(), unsigned(failure=failure))
    there = (tcp(OTHER), exchange(failure, address=OTHER))
    name, shape = f"exchange.{how}", f"tls.{how}.shape"
    return (
        _path_claim(name, steps, there, at=CLEAR),
        _path_claim(f"{name}.all", steps, there, ALL_CUT, at=CLEAR),
        *_compared(f"{name}.protocol", steps, ANSWERED_HIDDEN, CLEAR),
        *_compared(shape, hello, TOR_HELLO_ONLY, RELAY),
    )


def _compared(
    name: str, steps: tuple[Step, ...], beside: Measurement, at: Endpoint
) -> tuple[Claim, ...]:
    """Return a claim that is itself a comparison, with a control at that address and without."""
    return tuple(
        Claim(
            f"{name}.{ground}",
            f"blocked {name} {locus}",
            scene(*three(*steps), beside, controls=controls, at=at),
            (("reproduced", scene(look(*steps), beside, controls=controls, at=at)),),
        )
        for ground, locus, controls in (("ab", "unknown", ()), ("path", "network", (HERE,)))
    )


_OTHER_KEY = (tcp(), exchange("ssl_unknown_authority", Proof.OTHER_IDENTITY))

EXCHANGES = (
    *_exchange_claims("reset", RESET),
    *_exchange_claims("timeout", TIMEOUT),
    Claim(
        "exchange.identity",
        "blocked exchange.identity unknown",
        scene(*three(*_OTHER_KEY), controls=(HERE,), at=CLEAR),
        (
            ("reproduced", scene(look(*_OTHER_KEY), controls=(HERE,), at=CLEAR)),
            ("same address", scene(*three(*_OTHER_KEY), controls=(SOMEWHERE,), at=CLEAR)),
        ),
    ),
)


# --- comparisons of names, and certificates


def _three_way(name: str, failed: Step, at_other: Step) -> Claim:
    first = (dns(GOOD), tcp(), failed)
    host = look(tcp(STRANGE), at_other, variant=Variant.OTHER_HOST)
    return Claim(
        name,
        f"blocked {name} network",
        scene(*three(*first), NEUTRAL_WORKS, host),
        (("reproduced", scene(look(*first), NEUTRAL_WORKS, host)),),
    )


_ALERTED: dict[str, Any] = {"failure": "ssl_failed_handshake", "alert": "access_denied"}
_BY_STRANGER = cert("ssl_unknown_authority", issuer="CN=x")
_FOREIGN = (dns(GOOD), tcp(), tls(certificate=_BY_STRANGER))
_READ_THERE = look(tcp(STRANGE), tls(STRANGE, certificate=_BY_STRANGER), variant=Variant.OTHER_HOST)
_TRUSTED = cert("ssl_unknown_authority", system=None, issuer="CN=x")
_BY_SYSTEM = (dns(GOOD), tcp(), tls(certificate=_TRUSTED))
_ISSUED: dict[str, Any] = {**HERE, "issuer": ISSUER}

COMPARED = (
    _three_way("tls.reset.sni", tls(failure=RESET), tls(STRANGE, RESET)),
    _three_way("tls.timeout.sni", tls(failure=TIMEOUT), tls(STRANGE, TIMEOUT)),
    _three_way("tls.alert.sni", tls(**_ALERTED), tls(STRANGE, **_ALERTED)),
    Claim(
        "tls.mitm.path",
        "blocked tls.mitm network",
        scene(*three(*_FOREIGN), controls=(_ISSUED,)),
        (
            ("reproduced", scene(look(*_FOREIGN), controls=(_ISSUED,))),
            ("other issuer", scene(*three(*_FOREIGN), controls=(HERE,))),
        ),
    ),
    Claim(
        "tls.mitm.three_way",
        "blocked tls.mitm network",
        scene(*three(*_FOREIGN), _READ_THERE),
        (("reproduced", scene(look(*_FOREIGN), _READ_THERE)),),
    ),
    Claim(
        "tls.mitm.trusted_ca",
        "blocked tls.mitm.trusted_ca network",
        scene(*three(*_BY_SYSTEM)),
        (("reproduced", scene(look(*_BY_SYSTEM))),),
    ),
)


# --- answers that begin and do not end


def _begun_claim(name: str, failure: str) -> Claim:
    steps = (dns(GOOD), tcp(), tls(), http(200, failure=failure))
    return Claim(
        name,
        f"degraded {name} unknown",
        scene(*three(*steps), controls=(HERE,)),
        (
            ("reproduced", scene(look(*steps), controls=(HERE,))),
            ("same address", scene(*three(*steps), controls=(SOMEWHERE,))),
        ),
    )


BEGUN = (_begun_claim("http.stall", TIMEOUT), _begun_claim("http.truncated", RESET))

CLAIMS = (*NAMES, *LIES, *PATHS, *DATAGRAMS, *EXCHANGES, *COMPARED, *BEGUN)
LACKING = [(claim, need, less) for claim in CLAIMS for need, less in claim.lacking]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: c.name)
def test_with_all_that_it_needs_a_claim_is_likely(claim: Claim) -> None:
    """Seen again, at the service's own address, with its comparison: likely."""
    assert said(claim.whole.judge()) == f"{claim.said} likely"


@pytest.mark.parametrize(
    ("claim", "less"),
    [(claim, less) for claim, _, less in LACKING],
    ids=[f"{claim.name} without {need}" for claim, need, _ in LACKING],
)
def test_with_one_thing_not_shown_the_same_claim_is_weak(claim: Claim, less: Scene) -> None:
    """One thing less changes the confidence, and nothing else."""
    verdict = less.judge()
    assert said(verdict) == f"{claim.said} weak"
    assert not verdict.headline or verdict.confidence is not Confidence.WEAK


# --- rows that differ only in what they say


def test_a_private_answer_and_no_answer_are_said_apart() -> None:
    """With nothing to compare with, 10.x and 0.0.0.0 weigh alike, but are not the same."""
    private = scene(*three(dns(BOGON), tcp(BOGON, TIMEOUT))).judge()
    null = scene(*three(dns(NULL), tcp(NULL, "connection_refused"))).judge()
    assert said(private) == said(null) == "inconclusive dns.injection.bogon unknown weak"
    assert "a private address" in private.sentence
    assert "no address at all" in null.sentence


def test_another_network_is_named_only_where_networks_are_known() -> None:
    """That a name leads into another network is said when both networks were looked up."""

    def led(asn: int | None, other: int | None) -> str:
        first = (dns(STRANGE, asn=asn), tcp(STRANGE, TIMEOUT))
        vetted = via_doh(doh(GOOD, asn=other), tcp(), tls(), http())
        verdict = scene(*three(*first), vetted).judge()
        assert said(verdict) == "inconclusive dns.injection.other unknown weak"
        return verdict.sentence

    assert "into another network" in led(64_501, 64_500)
    assert "into another network" not in led(None, 64_500)
