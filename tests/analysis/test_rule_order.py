"""The order of the table is its argument: where two rows hold, the one that knows better speaks.

First as laws over all scenes, then scene by scene, wherever two rows can hold at once.
"""

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from crossed_scenes import LINES, SEEN
from test_verdict_grounds import CASES, SIGNS, Sign, _grounds, _scene
from test_verdict_scenes import SCENES
from udp_scenes import QUIC, RANDOM_PASSES, quic
from udp_scenes import RELAY as WIREGUARD_RELAY
from verdict_bundles import (
    ANTIVIRUS_CA,
    GOOD,
    ISSUER,
    NEUTRAL_WORKS,
    NOW,
    NULL,
    OTHER,
    PROXY_CA,
    SINK,
    STATE_CA,
    STRANGE,
    VETTED,
    Scene,
    again,
    anchors,
    around,
    cert,
    control,
    dns,
    endpoint,
    http,
    look,
    past,
    plain,
    said,
    service,
    snapshot,
    tcp,
    thrice,
    tls,
    udp,
)

from probe.model.context import Gate, GateId, RoundContext
from probe.model.measurement import Answer, Measurement, Variant
from probe.model.target import Purpose
from probe.model.verdict import State, Verdict

TIMEOUT, RESET, REFUSED = "generic_timeout_error", "connection_reset", "connection_refused"
UNKNOWN_CA, WRONG_NAME, EXPIRED = (
    "ssl_unknown_authority",
    "ssl_invalid_hostname",
    "ssl_invalid_certificate",
)
PLAIN = endpoint(tls=False, port=80)
SIX = "2606:4700::1111"

CLOSING = (
    GateId.VPN_ON,
    GateId.PATH_CHANGED,
    GateId.CLOCK,
    GateId.OFFLINE_LOCAL,
    GateId.CAPTIVE_PORTAL,
    GateId.OFFLINE_UPSTREAM,
    GateId.DOMESTIC_ONLY,
)
PORTAL = around(
    anchors=anchors("++---", "+--"), captive_status=302, captive_redirect="login.example"
)
RESOLVER_DOWN = around(
    Gate(id=GateId.RESOLVER_DOWN, invalidates=False), system_resolver_ok=(False, False)
)
LOSSY = around(anchors=anchors("+++--"))
SLOW = around(connect_s=10.0)
OPEN_LINES = tuple(line for line in LINES if line is None or line.invalid is None)


def alike(operation: str, failure: str = TIMEOUT) -> tuple[dict[str, Any], ...]:
    """Return two controls that fail at this operation."""
    return tuple(control(failure, operation, source=source) for source in ("far", "farther"))


def others(*steps: Any) -> Measurement:
    """Return a look at another address."""
    return look(*steps, variant=Variant.OTHER_ADDRESS)


# --- laws


@pytest.mark.parametrize("gate", CLOSING)
def test_a_closed_gate_overrules_whatever_was_seen(gate: GateId) -> None:
    """Nothing that was measured on such a line says anything, good or bad."""
    for scene in SCENES:
        if scene.endpoint.purpose is not Purpose.TARGET:
            continue
        verdict = replace(scene, context=around(Gate(id=gate, invalidates=True))).judge()
        assert (verdict.state, verdict.mechanism) == (State.INVALID, str(gate)), scene.name


def everywhere(scene: Scene) -> list[Verdict]:
    """Judge a scene on every line that closes no gate, and with every set of controls."""
    lines = [replace(scene, context=line) for line in OPEN_LINES if line is not None]
    seen = [replace(scene, controls=controls) for controls in SEEN]
    return [one.judge() for one in (*lines, *seen)]


def test_a_closed_service_is_closed_however_it_fails() -> None:
    """Its operator shut it: neither line nor controls make it anything else."""
    closed = service(retired_on=NOW.date())
    for failed in (dns(failure="dns_nxdomain_error"), tcp(GOOD, TIMEOUT)):
        scene = Scene("", "", "", thrice(failed), service=closed)
        assert {said(v) for v in everywhere(scene)} == {"down service.retired server confirmed"}
        down = replace(scene, context=RESOLVER_DOWN).judge()
        assert down.mechanism == "service.retired"


ARTEFACTS = (
    (
        "sinkhole",
        (look(dns(SINK), tcp(SINK), tls(SINK, TIMEOUT)),),
        "dns.injection.blockpage",
    ),
    (
        "state",
        thrice(dns(GOOD), tcp(), tls(certificate=cert(UNKNOWN_CA, issuer=STATE_CA))),
        "tls.mitm",
    ),
    (
        "antivirus",
        thrice(dns(GOOD), tcp(), tls(certificate=cert(UNKNOWN_CA, issuer=ANTIVIRUS_CA))),
        "tls.mitm",
    ),
)


@pytest.mark.parametrize(("name", "bundle", "mechanism"), ARTEFACTS, ids=[a[0] for a in ARTEFACTS])
def test_a_distinctive_mark_stands_on_any_line_and_beside_any_control(
    name: str, bundle: tuple[Measurement, ...], mechanism: str
) -> None:
    """No state of the service and no trouble of the line explains it."""
    scene = Scene(name, "", "", bundle)
    first = scene.judge()
    assert first.mechanism == mechanism
    for verdict in everywhere(scene):
        assert (said(verdict), verdict.sentence) == (said(first), first.sentence)


def test_a_sinkhole_stands_where_the_resolver_fails_as_well() -> None:
    """An answer that leads to a known block page is no failure of the resolver."""
    scene = Scene("", "", "", (look(dns(SINK)),), context=RESOLVER_DOWN)
    assert said(scene.judge()) == "blocked dns.injection.blockpage network confirmed"


WORDS = {
    "live": "A control reaches it at the same time.",
    "elsewhere": "An encrypted resolver knows the name",
    "expected": "It has worked before or elsewhere",
    "alone": "Without a control it cannot be told",
}


@pytest.mark.parametrize(
    ("sign", "ground"), CASES, ids=[f"{sign.name}.{ground}" for sign, ground in CASES]
)
def test_a_sentence_names_the_ground_it_stands_on(sign: Sign, ground: str) -> None:
    """What was compared is said, and nothing that was not."""
    sentence = _scene(sign, ground).judge().sentence
    assert {g for g, words in WORDS.items() if words in sentence} == {ground} & set(WORDS)


ORDER = ("path", "ab", "live", "elsewhere", "expected", "alone")
PAIRS = [
    (sign, strong, weak)
    for sign in SIGNS
    for strong in _grounds(sign)
    for weak in _grounds(sign)
    if ORDER.index(strong) < ORDER.index(weak)
]


@pytest.mark.parametrize(
    ("sign", "strong", "weak"), PAIRS, ids=[f"{s.name} {one} {two}" for s, one, two in PAIRS]
)
def test_the_stronger_ground_carries_it(sign: Sign, strong: str, weak: str) -> None:
    """With both at hand the verdict is the stronger one's, in its very words."""
    one, two = _scene(sign, strong), _scene(sign, weak)
    more = tuple(m for m in two.bundle if m not in one.bundle)
    both = replace(one, bundle=(*one.bundle, *more), controls=(*one.controls, *two.controls))
    alone, together = one.judge(), both.judge()
    assert (said(together), together.sentence) == (said(alone), alone.sentence)


# --- scene by scene

NX = thrice(dns(failure="dns_nxdomain_error"))
SHUT = thrice(dns(GOOD), tcp(GOOD, TIMEOUT))
CUT = (dns(GOOD), tcp(), tls(failure=RESET))
FINE = (dns(GOOD), tcp(), tls(), http())
HERE = control(addresses=(GOOD, OTHER), address=GOOD)
READ_THERE = look(
    tcp(STRANGE),
    tls(STRANGE, certificate=cert(UNKNOWN_CA, issuer=PROXY_CA)),
    variant=Variant.OTHER_HOST,
)
BY_PROXY = thrice(dns(GOOD), tcp(), tls(certificate=cert(UNKNOWN_CA, issuer=PROXY_CA)))
RUN_OUT = thrice(dns(GOOD), tcp(), tls(certificate=cert(EXPIRED, expired=True)))
LED = thrice(dns(STRANGE), tcp(STRANGE), tls(STRANGE, certificate=cert(WRONG_NAME)))
LED_TO_SILENCE = thrice(dns(STRANGE), tcp(STRANGE, TIMEOUT))
OVER_SIX = look(
    dns(SIX, qtype="AAAA"), tcp(SIX), tls(SIX), http(address=SIX), variant=Variant.OTHER_FAMILY
)
BROKE = (
    look(tcp(STRANGE, TIMEOUT), variant=Variant.ANCHOR),
    look(tcp(OTHER, TIMEOUT), variant=Variant.ANCHOR),
)
AT_HOME = msgspec.structs.replace(
    dns("192.168.1.1"), answers=(Answer(address="192.168.1.1", local=True),)
)
NAMED_AND_NEUTRAL = (
    *thrice(*CUT),
    NEUTRAL_WORKS,
    look(tcp(STRANGE), tls(STRANGE, RESET), variant=Variant.OTHER_HOST),
)


def scene(
    name: str,
    expected: str,
    bundle: tuple[Measurement, ...],
    *controls: dict[str, Any],
    line: RoundContext | None = None,
    words: str = "",
    **more: Any,
) -> tuple[Scene, str]:
    """Return a scene, and words that its sentence must hold."""
    found = Scene(name, "", expected, bundle, context=line or around(), controls=controls, **more)
    return found, words


def page(status: int = 200, **more: Any) -> tuple[Measurement, ...]:
    """Return one look at a plain page."""
    return (look(dns(GOOD), tcp(), plain(status, **more)),)


MEETINGS = (
    scene(
        "a certificate over QUIC proves more than a reply",
        "ok none unknown likely",
        (look(dns(GOOD), *quic()),),
        endpoint=QUIC,
        words="its own certificate",
    ),
    scene(
        "a line that loses packets, and a stranger's packets that vanish",
        "inconclusive line.lossy unknown weak",
        (look(udp(None, TIMEOUT)), RANDOM_PASSES),
        line=LOSSY,
        endpoint=WIREGUARD_RELAY,
    ),
    scene(
        "a page that states its motive, and a control that is let in",
        "blocked server.geoblock server confirmed",
        (look(dns(GOOD), tcp(), tls(), http(403, fingerprints=("sanctions",))),),
        control(status=200),
    ),
    scene(
        "451 here, 200 before",
        "blocked server.geoblock server confirmed",
        (look(dns(GOOD), tcp(), tls(), http(451, fingerprints=("legal",))),),
        snapshot(status=200),
    ),
    scene(
        "403 here, 200 before",
        "inconclusive server.geoblock server weak",
        (look(dns(GOOD), tcp(), tls(), http(403)),),
        snapshot(status=200),
        words="did not do before",
    ),
    scene(
        "an ad-blocker on a line whose controls fail as well",
        "inconclusive dns.injection.bogon local likely",
        thrice(dns(NULL), tcp(NULL, REFUSED)),
        *alike("dns"),
        line=around(neutral_bogons=(NULL,)),
    ),
    scene(
        "a known block page that a snapshot has seen, too",
        "blocked http.blockpage network confirmed",
        page(body_sha256="ab", body_length=900, fingerprints=("page",)),
        snapshot(status=200, body_sha256="ab", body_length=900),
        endpoint=PLAIN,
    ),
    scene(
        "a plain page as expected and as elsewhere",
        "ok none unknown likely",
        page(expected=True, body_length=5_000),
        control(status=200, body_length=5_000),
        endpoint=PLAIN,
    ),
    scene(
        "a plain page as expected, and unlike the control's",
        "ok none unknown weak",
        page(expected=True, title="Chat", body_length=900),
        control(status=200, title="Elsewhere", body_length=50_000),
        endpoint=PLAIN,
    ),
    scene(
        "sent to the encrypted page, where the control was given one at once",
        "ok none unknown weak",
        page(301, headers=(("location", "https://chat.example.org/"),)),
        control(status=200, body_length=50_000),
        endpoint=PLAIN,
    ),
    scene(
        "not as expected, and unlike a snapshot's",
        "inconclusive http.diff unknown weak",
        page(expected=False, title="Chat", body_length=900),
        snapshot(status=200, title="Chat, longer", body_length=50_000),
        endpoint=PLAIN,
    ),
    scene(
        "this machine's own firewall, behind a login page",
        "inconclusive line.local_fault local weak",
        thrice(dns(GOOD), tcp(GOOD, "permission_denied")),
        line=PORTAL,
    ),
    scene(
        "a line that broke, behind a login page",
        "inconclusive line.portal unknown weak",
        (*SHUT, *BROKE),
        line=PORTAL,
    ),
    scene(
        "a line that broke, where hardly anything abroad answers",
        "inconclusive line.abroad unknown weak",
        (*SHUT, *BROKE),
        line=around(anchors=anchors("-----", "+++")),
    ),
    scene(
        "a line that broke, and was lossy before",
        "inconclusive line.broke unknown weak",
        (*SHUT, *BROKE),
        line=LOSSY,
    ),
    scene(
        "a filter at home, where the resolver fails for neutral names",
        "inconclusive dns.injection.bogon local likely",
        (*thrice(AT_HOME), VETTED),
        line=RESOLVER_DOWN,
    ),
    scene(
        "failed, worked, and controls disagree",
        "inconclusive control.disagree unknown weak",
        (look(*CUT), again(*FINE)),
        control(source="near"),
        control(TIMEOUT, "tls", source="far"),
    ),
    scene(
        "silent by name on the way, and a control that reaches it",
        "blocked tls.timeout.sni network likely",
        (
            *thrice(dns(GOOD), tcp(), tls(failure=TIMEOUT)),
            NEUTRAL_WORKS,
            look(tcp(STRANGE), tls(STRANGE, TIMEOUT), variant=Variant.OTHER_HOST),
        ),
        HERE,
    ),
    scene(
        "over IPv6 only, behind a login page",
        "inconclusive ipv6_broken local weak",
        thrice(dns(SIX, qtype="AAAA"), tcp(SIX, TIMEOUT)),
        line=PORTAL,
    ),
    scene(
        "a broken resolver, and controls that find no name either",
        "inconclusive dns.resolver_down local weak",
        NX,
        *alike("dns"),
        line=RESOLVER_DOWN,
    ),
    scene(
        "a login page on a lossy line",
        "inconclusive line.portal unknown weak",
        SHUT,
        line=around(
            anchors=anchors("++---", "+--"), captive_status=302, captive_redirect="login.example"
        ),
    ),
    scene(
        "silence on a slow line, of what is silent for two controls, too",
        "inconclusive line.slow unknown weak",
        SHUT,
        *alike("tcp"),
        line=SLOW,
    ),
    scene(
        "silence and then answers, on a lossy line",
        "inconclusive line.lossy unknown weak",
        (look(dns(GOOD), tcp(GOOD, TIMEOUT)), again(*FINE), again(*FINE)),
        line=LOSSY,
    ),
    scene(
        "a certificate that has run out, and fails for two controls",
        "down server.certificate_expired server weak",
        RUN_OUT,
        *alike("tls", EXPIRED),
    ),
    scene(
        "failed, worked, and failed for two controls",
        "down down server likely",
        (look(*CUT), again(*FINE)),
        *alike("tls"),
    ),
    scene(
        "failed, worked, and failed for a control",
        "down down server weak",
        (look(*CUT), again(*FINE)),
        control(TIMEOUT, "tls"),
    ),
    scene(
        "led to a stranger, of which controls disagree",
        "inconclusive control.disagree unknown weak",
        (*LED, VETTED, look(dns(STRANGE), variant=Variant.OTHER_RESOLVER)),
        control(source="near"),
        control(TIMEOUT, "tls", source="far"),
    ),
    scene(
        "works over IPv6 and worked before",
        "degraded family unknown weak",
        (*SHUT, OVER_SIX),
        snapshot(addresses=(GOOD,)),
    ),
    scene(
        "led to a stranger, which a control is not",
        "blocked dns.injection.other unknown weak",
        (*LED, VETTED),
        control(addresses=(GOOD,), issuer=ISSUER),
        words="own certificate",
    ),
    scene(
        "led to silence, and a control that works elsewhere",
        "inconclusive dns.injection.other unknown weak",
        (*LED_TO_SILENCE, VETTED),
        control(addresses=(GOOD,), address=GOOD),
    ),
    scene(
        "led to a stranger, on a line whose neutral names are read",
        "blocked dns.injection.other unknown weak",
        LED,
        control(addresses=(GOOD,), issuer="CN=Other"),
        line=around(neutral_issuers=(PROXY_CA,)),
    ),
    scene(
        "led to a stranger, other than before, on a line whose neutral names are read",
        "inconclusive dns.injection.other unknown weak",
        LED,
        snapshot(addresses=(GOOD,), issuer="CN=Other"),
        line=around(neutral_issuers=(PROXY_CA,)),
    ),
    scene(
        "run out, by the issuer that others see",
        "inconclusive server.certificate_expired server weak",
        RUN_OUT,
        control(issuer=ISSUER, addresses=(GOOD,), address=GOOD),
        line=around(clock_skews_s=()),
    ),
    scene(
        "the issuer that others see, on a line whose neutral names are read by another",
        "inconclusive server.certificate server weak",
        thrice(dns(GOOD), tcp(), tls(certificate=cert(UNKNOWN_CA))),
        control(issuer=ISSUER, addresses=(GOOD,)),
        line=around(neutral_issuers=(PROXY_CA,)),
    ),
    scene(
        "read on this line as neutral names are, also at a host of another",
        "inconclusive tls.mitm local likely",
        (*BY_PROXY, READ_THERE),
        line=around(neutral_issuers=(PROXY_CA,)),
    ),
    scene(
        "an authority of this machine's own, neutral names not looked at, a control that differs",
        "blocked tls.mitm.trusted_ca unknown weak",
        thrice(dns(GOOD), tcp(), tls(certificate=cert(UNKNOWN_CA, system=None, issuer=PROXY_CA))),
        control(issuer=ISSUER, addresses=(GOOD,)),
        line=around(anchors=()),
    ),
    scene(
        "read for this name everywhere, and not for a control",
        "blocked tls.mitm network likely",
        (*BY_PROXY, READ_THERE),
        control(issuer=ISSUER, addresses=(GOOD, OTHER)),
    ),
    scene(
        "cut by name on the way, and a control that reaches it",
        "blocked tls.reset.sni network likely",
        NAMED_AND_NEUTRAL,
        HERE,
    ),
    scene(
        "one machine set up wrongly, on a line whose neutral names are read by somebody",
        "inconclusive server.certificate unknown weak",
        (
            *thrice(dns(GOOD), tcp(), tls(certificate=cert(WRONG_NAME, issuer="CN=Edge"))),
            others(tcp(OTHER), tls(OTHER), http(address=OTHER)),
        ),
        control(addresses=(GOOD, OTHER), address=OTHER, issuer=ISSUER),
        line=around(neutral_issuers=(PROXY_CA,)),
    ),
    scene(
        "an answer that stops, and worked before",
        "inconclusive http.stall unknown weak",
        thrice(dns(GOOD), tcp(), tls(), http(200, failure=TIMEOUT)),
        past(),
    ),
    scene(
        "an answer that is cut short, and worked before",
        "inconclusive http.truncated unknown weak",
        thrice(dns(GOOD), tcp(), tls(), http(200, failure=RESET)),
        past(),
    ),
)


@pytest.mark.parametrize(("found", "words"), MEETINGS, ids=[m[0].name for m in MEETINGS])
def test_where_two_rows_hold_the_better_one_speaks(found: Scene, words: str) -> None:
    """Scene by scene, what an expert would say where more than one thing could be said."""
    verdict = found.judge()
    assert said(verdict) == found.verdict
    assert words in verdict.sentence
