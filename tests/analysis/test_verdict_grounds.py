"""One sign of interference on every ground: comparison, live control, expected answer, nothing."""

from dataclasses import dataclass, replace
from typing import Any

import msgspec
import pytest
from exchange_scenes import ALL_CUT, CLEAR, RELAY, STRANGE_BYTES, exchange
from test_verdict_scenes import PLAIN, SCENES
from udp_scenes import BY_TCP, NOBODY_OVER_UDP, QUIC, QUIC_NEUTRAL, STUN, quic
from verdict_bundles import (
    BOGON,
    GOOD,
    ISSUER,
    MARKS,
    NEUTRAL_WORKS,
    NOW,
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
    look,
    neutral,
    past,
    plain,
    race,
    said,
    snapshot,
    tcp,
    tls,
    udp,
    via_doh,
)

from probe.analysis.features import Features, features_of
from probe.analysis.marks import JudgeFacts
from probe.analysis.rules import RULES
from probe.model.control import ControlObservation
from probe.model.measurement import DnsEngine, Measurement, Proof, Step, Variant
from probe.model.target import Endpoint, Kind
from probe.model.verdict import State

TIMEOUT, RESET = "generic_timeout_error", "connection_reset"
RESOLVED_ONLY = via_doh(doh(GOOD), tcp(GOOD, TIMEOUT))
OWN = (GOOD, OTHER)
HERE: tuple[tuple[str, Any], ...] = (("addresses", OWN), ("address", GOOD))
"""A control that got through at the address that fails here."""

ISSUED: tuple[tuple[str, Any], ...] = (("addresses", OWN), ("issuer", ISSUER))
NEUTRAL_HOST = look(
    dns(STRANGE), dns(STRANGE, engine=DnsEngine.UDP), tcp(STRANGE), tls(STRANGE),
    variant=Variant.ANCHOR,
)  # fmt: skip


@dataclass(frozen=True)
class Sign:
    """A way of failing; what comes with it on each ground, and what likely must rest on.

    ``outage``: an outage of the service looks the same, so that an expected answer is not
    enough; ``path``: what shows that it is done on the way.
    """

    name: str
    mechanism: str
    locus: str
    steps: tuple[Step, ...]
    ab: tuple[Measurement, ...] = ()
    elsewhere: bool = False
    extra: tuple[Measurement, ...] = ()  # needed for the sign itself, or for full confidence
    outage: bool = True
    endpoint: Endpoint | None = None
    alone: bool = True
    control: tuple[tuple[str, Any], ...] = HERE
    live: str = "likely"
    path: tuple[Measurement, ...] = ()
    path_control: tuple[tuple[str, Any], ...] = ()


def second(*steps: Step) -> Measurement:
    """Return the look through another plain resolver."""
    return look(*steps, variant=Variant.OTHER_RESOLVER)


def _name(failure: str, name: str, **more: Any) -> Sign:
    return Sign(
        name=name,
        mechanism=name,
        locus="unknown",
        steps=(dns(failure=failure, **more),),
        ab=(VETTED,),
        elsewhere=True,
        path=(VETTED, second(dns(failure=failure, engine=DnsEngine.UDP)), NEUTRAL_HOST),
    )


def _connect(failure: str, name: str) -> Sign:
    more = look(tcp(OTHER, failure), variant=Variant.OTHER_ADDRESS)
    return Sign(name, name, "unknown", (dns(GOOD), tcp(GOOD, failure)), extra=(more,))


def _handshake(failure: str, how: str) -> tuple[Sign, ...]:
    steps = (dns(GOOD), tcp(), tls(failure=failure))
    late = (dns(GOOD), tcp(), tls(failure=failure, bytes_received=1400))
    mute = neutral(tcp(), tls(failure=failure))
    other = look(tcp(OTHER), tls(OTHER, failure=failure), variant=Variant.OTHER_ADDRESS)
    return (
        Sign(
            f"tls.{how}.sni",
            f"tls.{how}.sni",
            "unknown",
            steps,
            extra=(NEUTRAL_WORKS,),
        ),
        Sign(f"tls.{how}.all", f"tls.{how}.all", "unknown", steps, extra=(mute, other)),
        Sign(f"tls.{how}.late", f"tls.{how}.late", "unknown", late, extra=(other,)),
        Sign(f"tls.{how}", f"tls.{how}", "unknown", steps, extra=(other,)),
    )


def _private(address: str, name: str, failure: str) -> Sign:
    return Sign(
        name,
        "dns.injection.bogon",
        "unknown",
        (dns(address), tcp(address, failure)),
        ab=(VETTED,),
        outage=False,
        path=(VETTED, second(dns(address, engine=DnsEngine.UDP))),
    )


def _request(failure: str, name: str) -> Sign:
    other = look(
        tcp(OTHER), plain(None, address=OTHER, failure=failure), variant=Variant.OTHER_ADDRESS
    )
    steps = (dns(GOOD), tcp(), plain(None, failure=failure))
    return Sign(name, name, "unknown", steps, endpoint=PLAIN, extra=(other,))


def _exchange(failure: str, how: str) -> tuple[Sign, ...]:
    steps = (tcp(), exchange(failure))
    other = look(tcp(OTHER), exchange(failure, address=OTHER), variant=Variant.OTHER_ADDRESS)
    name = f"exchange.{how}"
    return (
        Sign(
            f"{name}.all", f"{name}.all", "unknown", steps, endpoint=CLEAR, extra=(ALL_CUT, other)
        ),
        Sign(name, name, "unknown", steps, endpoint=CLEAR, extra=(other,)),
    )


_FOREIGN_KEY = (tcp(), exchange("ssl_unknown_authority", Proof.OTHER_IDENTITY))
_STRANGER = (tcp(), exchange(STRANGE_BYTES, Proof.OTHER))


def _datagram(failure: str, name: str) -> Sign:
    other = look(udp(failure=failure, address=OTHER), variant=Variant.OTHER_ADDRESS)
    return Sign(name, name, "unknown", (udp(failure=failure),), endpoint=STUN, extra=(other,))


def _quic(
    name: str, steps: tuple[Step, ...], *extra: Measurement, ab: tuple[Measurement, ...] = ()
) -> Sign:
    return Sign(name, name, "unknown", steps, ab=ab, endpoint=QUIC, extra=extra)


_MADE_OF = (Variant.NEUTRAL_SNI, Variant.COMPARISON, Variant.OTHER_UDP, Variant.BY_TCP)
"""Looks that are part of a sign, and no second attempt at it."""

SIGNS = (
    _name("dns_nxdomain_error", "dns.nxdomain"),
    _name("dns_refused_error", "dns.refused"),
    _name("dns_servfail_error", "dns.servfail"),
    _name("dns_no_answer", "dns.no_answer"),
    _name(TIMEOUT, "dns.timeout"),
    _name("connection_refused", "dns.unreachable"),
    _private(BOGON, "dns.bogon", TIMEOUT),
    _private(NULL, "dns.null", "connection_refused"),
    Sign(
        "dns.race",
        "dns.injection.race",
        "network",
        (race(STRANGE, GOOD), tcp(STRANGE, TIMEOUT)),
        ab=(VETTED,),
    ),
    Sign(
        "dns.other.control",
        "dns.injection.other",
        "unknown",
        (dns(STRANGE), tcp(STRANGE), tls(STRANGE, certificate=cert("ssl_invalid_hostname"))),
        alone=False,
        live="weak",
    ),
    _connect(TIMEOUT, "tcp.timeout"),
    _connect(RESET, "tcp.reset"),
    _connect("connection_refused", "tcp.refused"),
    _connect("host_unreachable", "tcp.unreachable"),
    *_handshake(RESET, "reset"),
    *_handshake(TIMEOUT, "timeout"),
    Sign(
        "tls.mitm",
        "tls.mitm",
        "unknown",
        (dns(GOOD), tcp(), tls(certificate=cert("ssl_unknown_authority", issuer="CN=x"))),
        control=ISSUED,
        live="weak",
        path_control=(*ISSUED, ("address", GOOD)),
    ),
    _request(RESET, "http.reset"),
    _request(TIMEOUT, "http.timeout"),
    Sign(
        "udp.silence",
        "udp.silence",
        "unknown",
        (udp(failure=TIMEOUT),),
        endpoint=endpoint(Kind.STUN),
        extra=(look(udp(failure=TIMEOUT, address=OTHER), variant=Variant.OTHER_ADDRESS),),
    ),
    *_exchange(RESET, "reset"),
    *_exchange(TIMEOUT, "timeout"),
    Sign("exchange.identity", "exchange.identity", "unknown", _FOREIGN_KEY, endpoint=RELAY),
    Sign("exchange.foreign", "exchange.foreign", "unknown", _STRANGER, endpoint=CLEAR, live="weak"),
    *(
        _datagram(failure, name)
        for failure, name in (
            ("connection_refused", "udp.refused"),
            ("host_unreachable", "udp.unreachable"),
        )
    ),
    Sign(
        "udp.all",
        "udp.all",
        "unknown",
        (udp(failure=TIMEOUT),),
        endpoint=STUN,
        extra=NOBODY_OVER_UDP,
        live="weak",
    ),
    _quic("quic.timeout.after", quic(ping=TIMEOUT)),
    _quic("quic.timeout.sni", quic(handshake=TIMEOUT), QUIC_NEUTRAL, ab=(BY_TCP,)),
    _quic("quic.timeout.handshake", quic(handshake=TIMEOUT)),
    _quic(
        "quic.timeout.port",
        quic(TIMEOUT, TIMEOUT),
        BY_TCP,
        look(*quic(TIMEOUT, TIMEOUT, address=OTHER), variant=Variant.OTHER_ADDRESS),
    ),
)


def _scene(sign: Sign, ground: str, looks: int = 3) -> Scene:
    """Return the scene of a sign on a ground, with so many looks that failed alike."""
    retests = tuple(again(*sign.steps, nth=nth) for nth in range(1, looks))
    bundle = (look(*sign.steps), *retests, *sign.extra)
    controls: tuple[dict[str, Any], ...] = ()
    if ground == "ab":
        bundle += sign.ab
    elif ground == "path":
        bundle += sign.path
        controls = (control(**dict(sign.path_control)),) if sign.path_control else ()
    elif ground == "elsewhere":
        bundle += (RESOLVED_ONLY,)
    elif ground == "live":
        controls = (control(**dict(sign.control)),)
    elif ground == "expected":
        controls = (snapshot(**dict(sign.control)),)
    return Scene(
        name=f"{sign.name} {ground} {looks}",
        rule=f"{sign.name}.{ground}",
        verdict="",
        bundle=bundle,
        endpoint=sign.endpoint or endpoint(),
        controls=controls,
    )


def _grounds(sign: Sign) -> tuple[str, ...]:
    path = ("path",) if sign.path or sign.path_control else ()
    more = (("ab",) if sign.ab else ()) + (("elsewhere",) if sign.elsewhere else ())
    return (*path, *more, "live", "expected", *(("alone",) if sign.alone else ()))


CASES = [(sign, ground) for sign in SIGNS for ground in _grounds(sign)]
IDS = [f"{sign.name}.{ground}" for sign, ground in CASES]


@pytest.mark.parametrize(("sign", "ground"), CASES, ids=IDS)
def test_ground(sign: Sign, ground: str) -> None:
    """Only what is shown on the way names the network; what an outage explains is no block."""
    confidence = {"ab": "likely", "path": "likely", "live": sign.live}.get(ground, "weak")
    verdict = _scene(sign, ground).judge()
    state, locus = "blocked", "network" if ground == "path" else sign.locus
    if ground == "alone" or (ground == "expected" and sign.outage):
        state, locus = "inconclusive", "unknown"
    assert verdict.rule_id == f"{sign.name}.{ground}"
    assert said(verdict) == f"{state} {sign.mechanism} {locus} {confidence}"


@pytest.mark.parametrize(("sign", "ground"), CASES, ids=IDS)
def test_without_a_retest_only_the_confidence_falls(sign: Sign, ground: str) -> None:
    """One look alone changes no state and no mechanism, and is never more than weak."""
    once = replace(sign, extra=tuple(m for m in sign.extra if m.variant in _MADE_OF))
    full, single = _scene(sign, ground).judge(), _scene(once, ground, looks=1).judge()
    assert (single.state, single.mechanism) == (full.state, full.mechanism)
    assert single.confidence == "weak"


@pytest.mark.parametrize("sign", SIGNS, ids=lambda s: s.name)
def test_own_past_is_like_a_snapshot(sign: Sign) -> None:
    """The vantage's own good past is an expected answer, no proof that the service is up."""
    scene = _scene(sign, "expected")
    other = replace(scene, controls=(past(**dict(sign.control)),))
    assert said(scene.judge()) == said(other.judge())


@pytest.mark.parametrize("sign", SIGNS, ids=lambda s: s.name)
def test_every_sign_is_explained_by_controls_that_fail_alike(sign: Sign) -> None:
    """Whatever failed, two live controls that failed alike make it down, none of it blocked."""
    scene = _scene(sign, "alone")
    layer = judge_ending(scene).ending.layer
    assert layer is not None
    failing = tuple(control(TIMEOUT, str(layer), source=s) for s in ("far", "farther"))
    assert replace(scene, controls=failing).judge().mechanism == "down"


def judge_ending(scene: Scene) -> Features:
    """Return the facts of a scene."""
    ep = scene.endpoint
    bundle = [msgspec.structs.replace(m, endpoint=ep.id, kind=ep.kind) for m in scene.bundle]
    controls = [ControlObservation(**{"endpoint": ep.id, **c}) for c in scene.controls]
    return features_of(
        ep,
        scene.service,
        bundle,
        context=scene.context,
        controls=controls,
        facts=JudgeFacts(MARKS),
    )


ALL = (*SCENES, *(_scene(sign, ground) for sign, ground in CASES))


def test_every_rule_fires() -> None:
    """No row of the table is dead: each makes the verdict of at least one scene."""
    fired = {s.judge().rule_id for s in ALL}
    assert {r.id for r in RULES} - fired == set()


_WHOLE_LAYERS = (
    "tls.failed",
    "http.failed",
    "control.failed",
    "udp.unexpected",
    "exchange.failed",
)
"""The last row of a layer holds for whatever ended there."""


def test_every_rule_has_a_near_miss() -> None:
    """For each row some scene that ended at the same layer does not meet it."""
    seen = [judge_ending(s) for s in ALL]
    ends = [(f.outcome, f.ending.layer) for f in seen]
    for rule in RULES[:-1]:
        met = [rule.when(f) for f in seen]
        where = {end for end, yes in zip(ends, met, strict=True) if yes}
        missed = [end for end, yes in zip(ends, met, strict=True) if not yes]
        same = [end for end in missed if end in where]
        catch_all = rule.id.startswith("round.") or rule.id in _WHOLE_LAYERS
        assert same or (catch_all and missed), rule.id


def test_a_lie_for_this_name_only_is_not_the_ad_blocker() -> None:
    """Neutral names that are answered properly leave the lie about this one standing."""
    bundle = _scene(SIGNS[6], "ab").bundle
    quiet = Scene("x", "", "", bundle, context=around(neutral_bogons=()))
    assert quiet.judge().rule_id == "dns.bogon.ab"


def test_controls_of_other_endpoints_are_not_used() -> None:
    """A control speaks for its own endpoint only."""
    scene = _scene(SIGNS[0], "live")
    foreign = {**scene.controls[0], "endpoint": "other/http/x:443/"}
    assert replace(scene, controls=(foreign,)).judge().state is State.INCONCLUSIVE
    assert scene.controls[0]["observed"] > NOW
