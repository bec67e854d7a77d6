"""What an expert would say, scene by scene; first the traps, which must never be blocked."""

from datetime import date, timedelta
from typing import Any

import msgspec
import pytest
from exchange_scenes import EXCHANGE_SCENES
from listing_scenes import LISTINGS
from udp_scenes import UDP_SCENES
from verdict_bundles import (
    ANTIVIRUS_CA,
    BOGON,
    GOOD,
    HOST,
    ISSUER,
    MARKS,
    NEUTRAL_WORKS,
    NOT_RUN,
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
    doh,
    endpoint,
    http,
    look,
    past,
    plain,
    race,
    said,
    service,
    snapshot,
    tcp,
    thrice,
    tls,
    udp,
    via_doh,
)

from probe.analysis.rollup import rollup
from probe.analysis.rules import RULES
from probe.analysis.verdict import JudgeFacts, judge
from probe.model.context import Gate, GateId
from probe.model.measurement import Answer, DnsEngine, Outcome, Variant
from probe.model.target import Kind, Purpose, Role, Trust
from probe.model.verdict import Confidence, Locus, Reason, State

TIMEOUT, RESET, REFUSED = "generic_timeout_error", "connection_reset", "connection_refused"
NX, SERVFAIL = "dns_nxdomain_error", "dns_servfail_error"
UNKNOWN_CA, WRONG_NAME, EXPIRED = (
    "ssl_unknown_authority",
    "ssl_invalid_hostname",
    "ssl_invalid_certificate",
)

TCP_FAILS = (dns(GOOD), tcp(GOOD, TIMEOUT))
GAVE_UP = msgspec.structs.replace(dns(failure="dns_server_misbehaving"), t_s=4.0)
LATE_NAME = (GAVE_UP, msgspec.structs.replace(dns(GOOD, engine=DnsEngine.UDP), t_s=10.0))
TLS_RESET = (dns(GOOD), tcp(), tls(failure=RESET))
PLAIN = endpoint(tls=False, port=80)
LOGIN = (dns(GOOD), tcp(), plain(200, title="Log in", body_length=900))
SIX = "2606:4700::1111"
GARDEN = around(
    anchors=anchors("++---", "+--"), captive_status=302, captive_redirect="login.example"
)
BY_STATE = cert(UNKNOWN_CA, issuer=STATE_CA)
BY_PROXY = cert(UNKNOWN_CA, issuer=PROXY_CA)


def closed(gate: GateId) -> Any:
    """Return a round in which a gate closed that spoils the targets."""
    return around(Gate(id=gate, invalidates=True))


def fronted(certificate: Any) -> tuple[Any, ...]:
    """Return a bundle of three looks that all met this certificate."""
    return thrice(dns(GOOD), tcp(), tls(certificate=certificate))


def second(*steps: Any) -> Any:
    """Return the look through another plain resolver."""
    return look(*steps, variant=Variant.OTHER_RESOLVER)


def neutral_host(*steps: Any) -> Any:
    """Return a look at a neutral host, beside what failed."""
    return look(*steps, variant=Variant.ANCHOR)


def at_other(*steps: Any) -> Any:
    """Return a look at another address."""
    return look(*steps, variant=Variant.OTHER_ADDRESS)


def denied(failure: str, rule: str) -> Scene:
    """Return a filter at home that denies a neutral name in the same way as this one."""
    return Scene(
        f"a filter of this line answers {failure} for a neutral name as well",
        f"{rule}.neutral",
        f"inconclusive {rule} local weak",
        (*thrice(dns(failure=failure)), VETTED),
        context=around(neutral_denials=(failure,)),
    )


WRONG_PLACE = thrice(dns(GOOD), tcp(), tls(certificate=cert(WRONG_NAME, issuer="CN=Edge")))
HOME = dns("192.168.1.1")
HOME = msgspec.structs.replace(HOME, answers=(Answer(address="192.168.1.1", local=True),))

TRAPS = (
    denied(NX, "dns.nxdomain"),
    denied("dns_refused_error", "dns.refused"),
    denied(SERVFAIL, "dns.servfail"),
    denied("dns_no_answer", "dns.no_answer"),
    denied(TIMEOUT, "dns.timeout"),
    denied("connection_reset", "dns.unreachable"),
    Scene(
        "the router at home answers with itself",
        "dns.bogon.local",
        "inconclusive dns.injection.bogon local likely",
        (*thrice(HOME), VETTED),
    ),
    Scene(
        "a neutral host beside it, and another one, are silent as well",
        "line.broke",
        "inconclusive line.broke unknown weak",
        (
            *thrice(dns(GOOD), tcp(GOOD, REFUSED)),
            neutral_host(dns(OTHER), tcp(OTHER, TIMEOUT)),
            neutral_host(dns(STRANGE), tcp(STRANGE, TIMEOUT)),
        ),
        controls=(control(addresses=(GOOD,)),),
    ),
    Scene(
        "silence, while one neutral host beside it was silent, too",
        "line.lossy",
        "inconclusive line.lossy unknown weak",
        (
            *thrice(*TCP_FAILS),
            neutral_host(dns(OTHER), tcp(OTHER, TIMEOUT)),
            neutral_host(dns(STRANGE), tcp(STRANGE), tls(STRANGE)),
        ),
        controls=(control(addresses=(GOOD,)),),
    ),
    Scene(
        "one machine shows a certificate of its network, another one the right one",
        "tls.one_machine",
        "inconclusive server.certificate unknown weak",
        (*WRONG_PLACE, at_other(tcp(OTHER), tls(OTHER), http(address=OTHER))),
        controls=(control(addresses=(GOOD, OTHER), address=OTHER, issuer=ISSUER),),
    ),
    Scene(
        "every machine that this line is told of is dead, one that a control knows works",
        "address.partial",
        "ok address.partial unknown weak",
        (*thrice(*TCP_FAILS), at_other(tcp(OTHER), tls(OTHER), http(address=OTHER))),
        controls=(control(addresses=(GOOD, OTHER), address=OTHER),),
    ),
    Scene(
        "the first look met what an earlier test left behind; the same address works later",
        "transient.recovered",
        "ok transient unknown weak",
        (
            look(*TLS_RESET),
            again(tcp(), tls(), http()),
            again(tcp(), tls(), http()),
            at_other(tcp(OTHER), tls(OTHER), http(address=OTHER)),
        ),
        controls=(control(addresses=(GOOD, OTHER), address=OTHER),),
    ),
    Scene(
        "a page that quotes a block page, and does so for a live control as well",
        "ok.consistent",
        "ok none unknown likely",
        (look(dns(GOOD), tcp(), plain(200, title="News", fingerprints=("page",))),),
        endpoint=PLAIN,
        controls=(control(status=200, title="News", body_length=5_000),),
    ),
    Scene(
        "readers are sent to a page that asks for consent, on another site, over TLS",
        "http.diff",
        "inconclusive http.diff unknown weak",
        (look(dns(GOOD), tcp(), plain(302, headers=(("location", "https://consent.example/"),))),),
        endpoint=PLAIN,
        controls=(control(status=200, title="News", body_length=5_000),),
    ),
    Scene(
        "a name with several answers, of which the control knows one",
        "ok.answer",
        "ok none unknown confirmed",
        (look(dns(STRANGE, GOOD), tcp(STRANGE), tls(STRANGE), http(address=STRANGE)),),
        controls=(control(addresses=(GOOD, OTHER), status=200),),
    ),
    Scene(
        "several answers that nobody else knows, one of which serves its certificate",
        "address.partial",
        "ok address.partial unknown weak",
        (
            *thrice(dns(STRANGE, OTHER), tcp(STRANGE), tls(STRANGE, certificate=cert(WRONG_NAME))),
            at_other(tcp(OTHER), tls(OTHER), http(address=OTHER)),
        ),
        controls=(control(addresses=(GOOD,), issuer=ISSUER),),
    ),
    Scene(
        "answers of IPv6, and a control that asked for IPv4: nothing to compare",
        "ok.answer",
        "ok none unknown confirmed",
        (look(dns(SIX), tcp(SIX), tls(SIX), http(address=SIX)),),
        controls=(control(addresses=(GOOD,), address=SIX, status=200),),
        context=around(ipv6_ok=True),
    ),
    Scene(
        "an answer of IPv6 that nobody else knows, with its own certificate",
        "ok.dns_diff",
        "ok dns.diff unknown confirmed",
        (look(dns(SIX), tcp(SIX), tls(SIX), http(address=SIX)),),
        controls=(control(addresses=("2606:4700::2222",), address="2606:4700::2222", status=200),),
        context=around(ipv6_ok=True),
    ),
    Scene(
        "a plain page that is cut, where a login page takes plain pages",
        "line.portal",
        "inconclusive line.portal unknown weak",
        thrice(dns(GOOD), tcp(), plain(None, failure=RESET)),
        endpoint=PLAIN,
        context=around(captive_status=302, captive_redirect="login.example"),
        controls=(control(addresses=(GOOD,)),),
    ),
    Scene(
        "a page that is missing here, in the service's own words, and not elsewhere",
        "server.unlike",
        "inconclusive http.unexpected server weak",
        (look(dns(GOOD), tcp(), tls(), http(404)),),
        controls=(control(status=200),),
    ),
    Scene(
        "a page that is missing here as it is elsewhere",
        "ok.answer",
        "ok none unknown confirmed",
        (look(dns(GOOD), tcp(), tls(), http(404)),),
        controls=(control(status=404),),
    ),
    Scene(
        "an interface that wants to know who asks, and no control",
        "ok.answer",
        "ok none unknown confirmed",
        (look(dns(GOOD), tcp(), tls(), http(401)),),
    ),
    Scene(
        "an answer that ends early, and no control",
        "http.truncated",
        "inconclusive http.truncated unknown weak",
        thrice(dns(GOOD), tcp(), tls(), http(200, failure="eof_error")),
    ),
    Scene(
        "its owner parks the name on a private address: an encrypted resolver says so, too",
        "dns.everywhere",
        "inconclusive dns.failure.everywhere unknown weak",
        (*thrice(dns(BOGON)), via_doh(doh(BOGON))),
        controls=(past(addresses=(GOOD,)),),
    ),
    Scene(
        "its owner parks the name on no address, and a live control remembers another",
        "dns.everywhere",
        "inconclusive dns.failure.everywhere unknown weak",
        (*thrice(dns(NULL)), via_doh(doh(NULL))),
        controls=(control(addresses=(GOOD,)),),
    ),
    Scene(
        "a proxy of this line makes up an address for every name",
        "dns.bogon.neutral",
        "inconclusive dns.injection.bogon local likely",
        (*thrice(dns("198.18.0.7")), VETTED),
        context=around(neutral_bogons=("198.18.0.2", "198.18.0.3"), anchors=anchors("--")),
    ),
    Scene(
        "two answers, of which the encrypted resolver knows the first",
        "tls.reset.alone",
        "inconclusive tls.reset unknown weak",
        (*(m(dns(GOOD), race(GOOD, OTHER), *TLS_RESET[1:]) for m in (look, again)), VETTED),
    ),
    Scene(
        "the service signs with that authority itself: the control saw it, too",
        "tls.same_issuer",
        "inconclusive server.certificate server weak",
        fronted(BY_STATE),
        controls=(control(addresses=(GOOD,), issuer=STATE_CA),),
    ),
    Scene(
        "a filter of this line leads names to a proxy that reads neutral names as well",
        "tls.mitm.everywhere",
        "inconclusive tls.mitm local likely",
        (*thrice(dns(STRANGE), tcp(STRANGE), tls(STRANGE, certificate=BY_PROXY)), VETTED),
        context=around(neutral_issuers=(PROXY_CA,)),
    ),
    Scene(
        "an address of IPv6 on a line that has none",
        "line.ipv6",
        "inconclusive ipv6_broken local weak",
        thrice(tcp(SIX, "network_unreachable")),
        endpoint(Kind.TLS, host=SIX),
        context=around(ipv6_ok=None),
        controls=(control(),),
    ),
    Scene(
        "a walled garden before its login: its certificate for what is not free",
        "line.portal",
        "inconclusive line.portal unknown weak",
        fronted(cert(WRONG_NAME, issuer=PROXY_CA)),
        context=GARDEN,
        controls=(control(addresses=(GOOD,), issuer=ISSUER),),
    ),
    Scene(
        "a walled garden before its login: refused connections",
        "line.portal",
        "inconclusive line.portal unknown weak",
        (
            *thrice(dns(GOOD), tcp(GOOD, REFUSED)),
            look(tcp(OTHER, REFUSED), variant=Variant.OTHER_ADDRESS),
        ),
        context=GARDEN,
        controls=(control(addresses=(GOOD, OTHER)),),
    ),
    Scene(
        "content network: other addresses, valid certificate",
        "ok.dns_diff",
        "ok dns.diff unknown confirmed",
        (look(dns(STRANGE), tcp(STRANGE), tls(STRANGE), http(address=STRANGE)),),
        controls=(control(addresses=(GOOD,)),),
    ),
    Scene(
        "the service let its own certificate run out",
        "tls.expired",
        "inconclusive server.certificate_expired server weak",
        fronted(cert(EXPIRED, expired=True)),
    ),
    Scene(
        "its own certificate ran out, for a control as well",
        "down.expired",
        "down server.certificate_expired server weak",
        fronted(cert(EXPIRED, expired=True)),
        controls=(control(UNKNOWN_CA, "http"),),
    ),
    Scene(
        "its own certificate ran out, shown by its chain and a right clock",
        "tls.expired.verified",
        "down server.certificate_expired server likely",
        fronted(cert(EXPIRED, expired=True, verified_within=True)),
    ),
    Scene(
        "an alert is an answer of the server",
        "tls.alert",
        "inconclusive tls.alert server weak",
        thrice(dns(GOOD), tcp(), tls(failure="ssl_failed_handshake", alert="handshake_failure")),
        controls=(control(),),
    ),
    Scene(
        "a wrong clock makes every certificate wrong",
        "gate.clock",
        "invalid clock local confirmed",
        fronted(cert(EXPIRED)),
        context=closed(GateId.CLOCK),
    ),
    Scene(
        "NAT64 answers are no private addresses",
        "ok.answer",
        "ok none unknown confirmed",
        (
            look(
                dns("64:ff9b::5db8:d822"),
                tcp("64:ff9b::5db8:d822"),
                tls("64:ff9b::5db8:d822"),
                http(address="64:ff9b::5db8:d822"),
            ),
        ),
    ),
    Scene(
        "an ad-blocker answers neutral names alike",
        "dns.bogon.neutral",
        "inconclusive dns.injection.bogon local likely",
        (*thrice(dns(NULL)), VETTED),
        context=around(neutral_bogons=(NULL,)),
    ),
    Scene(
        "a login page answers everything",
        "gate.captive_portal",
        "invalid captive_portal unknown confirmed",
        (look(*LOGIN),),
        endpoint=PLAIN,
        context=closed(GateId.CAPTIVE_PORTAL),
    ),
    Scene(
        "down, says one live control",
        "down.one",
        "down down server weak",
        thrice(*TCP_FAILS),
        controls=(control(TIMEOUT, "tcp"),),
    ),
    Scene(
        "down, say two live controls",
        "down.many",
        "down down server likely",
        thrice(*TCP_FAILS),
        controls=(control(TIMEOUT, "tcp"), control(REFUSED, "tcp", source="farther")),
    ),
    Scene(
        "one control works, one fails alike",
        "control.disagree",
        "inconclusive control.disagree unknown weak",
        thrice(*TCP_FAILS),
        controls=(control(TIMEOUT, "tcp"), control(source="farther")),
    ),
    Scene(
        "a control that failed in another way supports nothing",
        "tcp.timeout.alone",
        "inconclusive tcp.timeout unknown weak",
        thrice(*TCP_FAILS),
        controls=(control(NX, "dns"), snapshot(addresses=(GOOD,))),
    ),
    Scene(
        "a bot check is no refusal",
        "server.challenge",
        "inconclusive server.challenge server likely",
        (look(dns(GOOD), tcp(), tls(), http(403, fingerprints=("bot",))),),
        controls=(control(status=200),),
    ),
    Scene(
        "too many requests",
        "server.challenge",
        "inconclusive server.challenge server likely",
        (look(dns(GOOD), tcp(), tls(), http(429)),),
        controls=(control(status=200),),
    ),
    Scene(
        "interrupted in the middle",
        "round.interrupted",
        "inconclusive interrupted local confirmed",
        (look(dns(GOOD), tcp(failure="interrupted"), outcome=Outcome.INTERRUPTED),),
        controls=(control(),),
    ),
    Scene(
        "refused, and no control",
        "tcp.refused.alone",
        "inconclusive tcp.refused unknown weak",
        thrice(dns(GOOD), tcp(failure=REFUSED)),
    ),
    Scene(
        "SERVFAIL here and from an encrypted resolver",
        "dns.everywhere",
        "inconclusive dns.failure.everywhere unknown weak",
        (*thrice(dns(failure=SERVFAIL)), via_doh(doh(failure=SERVFAIL))),
        controls=(control(addresses=(GOOD,)),),
    ),
    Scene(
        "a company's proxy that this machine trusts reads neutral names as well",
        "tls.mitm.everywhere.trusted",
        "inconclusive tls.mitm.trusted_ca unknown likely",
        fronted(cert(UNKNOWN_CA, system=None, issuer=PROXY_CA)),
        context=around(neutral_issuers=(PROXY_CA,)),
        controls=(control(issuer=ISSUER),),
    ),
    Scene(
        "an antivirus that nothing trusts reads neutral names as well",
        "tls.mitm.everywhere",
        "inconclusive tls.mitm local likely",
        fronted(cert(UNKNOWN_CA, issuer=PROXY_CA)),
        context=around(neutral_issuers=(PROXY_CA,)),
        controls=(control(issuer=ISSUER),),
    ),
    Scene(
        "IPv6 does not work on this line",
        "line.ipv6",
        "inconclusive ipv6_broken local weak",
        thrice(dns("2606:4700::1"), tcp("2606:4700::1", TIMEOUT)),
        context=around(ipv6_ok=False),
        controls=(control(),),
    ),
    Scene(
        "the line's resolver fails for everything",
        "line.resolver_down",
        "inconclusive dns.resolver_down local weak",
        thrice(dns(failure=TIMEOUT)),
        context=around(Gate(id=GateId.RESOLVER_DOWN, invalidates=False)),
    ),
    Scene(
        "hardly anything abroad answers",
        "line.abroad",
        "inconclusive line.abroad unknown weak",
        thrice(*TCP_FAILS),
        context=around(anchors=anchors("----", "+--")),
        controls=(control(),),
    ),
    Scene(
        "silence on a line on which connecting takes many seconds",
        "line.slow",
        "inconclusive line.slow unknown weak",
        thrice(*TCP_FAILS),
        context=around(connect_s=10.0),
        controls=(control(),),
    ),
    Scene(
        "the system gave up on a name that its resolver answered later",
        "ok.answer",
        "ok none unknown confirmed",
        (look(*LATE_NAME, tcp(), tls(), http()),),
        context=around(connect_s=10.0),
    ),
    Scene(
        "neutral hosts are silent in the same round",
        "line.lossy",
        "inconclusive line.lossy unknown weak",
        thrice(*TCP_FAILS),
        context=around(anchors=anchors("++--", "+++")),
        controls=(control(),),
    ),
    Scene(
        "a local firewall",
        "line.local_fault",
        "inconclusive line.local_fault local weak",
        thrice(dns(GOOD), tcp(failure="unknown_failure: operation not permitted")),
        controls=(control(),),
    ),
    Scene(
        "failed once, worked once",
        "transient",
        "inconclusive transient unknown weak",
        (look(*TCP_FAILS), again(tcp(), tls(), http())),
        controls=(control(),),
    ),
    Scene(
        "failed once, worked twice",
        "transient.recovered",
        "ok transient unknown weak",
        (look(*TCP_FAILS), again(tcp(), tls(), http()), again(tcp(), tls(), http())),
        controls=(control(),),
    ),
    Scene(
        "one address of several is dead",
        "address.partial",
        "ok address.partial unknown weak",
        (
            *thrice(dns(GOOD, OTHER), tcp(GOOD, TIMEOUT)),
            look(tcp(OTHER), tls(OTHER), http(address=OTHER), variant=Variant.OTHER_ADDRESS),
        ),
        controls=(control(),),
    ),
    Scene(
        "one address is dead, which the controls happened to dial: it works from here",
        "address.partial",
        "ok address.partial unknown weak",
        (
            *thrice(dns(GOOD, OTHER), tcp(GOOD, TIMEOUT)),
            look(tcp(OTHER), tls(OTHER), http(address=OTHER), variant=Variant.OTHER_ADDRESS),
        ),
        controls=(
            control(failure=TIMEOUT, failed_operation="tcp"),
            control(failure=TIMEOUT, failed_operation="tcp", source="farther"),
        ),
    ),
    Scene(
        "the line's resolver fails for everything, another one leads to the service",
        "line.resolver_down.works",
        "ok dns.resolver_down local likely",
        (*thrice(dns(failure=TIMEOUT)), VETTED),
        context=around(Gate(id=GateId.RESOLVER_DOWN, invalidates=False)),
    ),
    Scene(
        "a private address that the control has as well",
        "ok.name",
        "ok dns.consistent unknown weak",
        (look(dns("10.1.2.3")),),
        endpoint=endpoint(Kind.DNS, port=None),
        controls=(control(addresses=("10.1.2.3",)),),
    ),
    Scene(
        "a slow answer that ends early, and no control",
        "http.stall",
        "inconclusive http.stall unknown weak",
        thrice(dns(GOOD), tcp(), tls(), http(200, failure=TIMEOUT)),
    ),
    Scene(
        "the near machine of a content network is dead, another of the same network works",
        "address.partial",
        "ok address.partial unknown weak",
        (
            *thrice(dns(STRANGE, asn=13335), tcp(STRANGE, TIMEOUT)),
            via_doh(doh(GOOD, asn=13335), tcp(), tls(), http()),
        ),
    ),
    Scene(
        "nothing to compare a wrong certificate with",
        "tls.mitm.alone",
        "inconclusive tls.mitm unknown weak",
        fronted(cert(WRONG_NAME)),
        context=None,
    ),
    Scene(
        "the control saw the same unverifiable certificate",
        "tls.same_issuer",
        "inconclusive server.certificate server weak",
        fronted(cert(UNKNOWN_CA, issuer="CN=Own CA")),
        controls=(control(issuer="CN=Own CA"),),
    ),
    Scene(
        "a page that differs from the control's by a little",
        "http.diff",
        "inconclusive http.diff unknown weak",
        (look(dns(GOOD), tcp(), plain(body_length=2900)),),
        endpoint=PLAIN,
        controls=(control(status=200, body_length=5000),),
    ),
    Scene(
        "plain text and no control",
        "http.unverified",
        "inconclusive http.unverified unknown weak",
        (look(dns(GOOD), tcp(), plain()),),
        endpoint=PLAIN,
    ),
    Scene(
        "an open connection proves nothing",
        "unproven.tcp_only",
        "inconclusive tcp_only unknown weak",
        (look(dns(GOOD), tcp()),),
        endpoint=endpoint(Kind.TCP),
        controls=(control(),),
    ),
    Scene(
        "another country's block page is no block page here",
        "http.unverified",
        "inconclusive http.unverified unknown weak",
        (look(dns(GOOD), tcp(), plain(fingerprints=("page",))),),
        endpoint=PLAIN,
        context=around(country="FR"),
    ),
    Scene(
        "a known false positive takes the block page back",
        "http.unverified",
        "inconclusive http.unverified unknown weak",
        (look(dns(GOOD), tcp(), plain(fingerprints=("page", "fp"))),),
        endpoint=PLAIN,
    ),
    Scene(
        "a block page over the service's own certificate is the service's",
        "server.blockpage",
        "inconclusive server.blockpage server weak",
        (look(dns(GOOD), tcp(), tls(), http(fingerprints=("page",))),),
    ),
    Scene(
        "403 is how it answers everybody",
        "server.refusal.everywhere",
        "ok none server likely",
        (look(dns(GOOD), tcp(), tls(), http(403)),),
        controls=(control(status=403),),
    ),
    Scene(
        "403 as the catalog expects",
        "ok.answer",
        "ok none unknown confirmed",
        (look(dns(GOOD), tcp(), tls(), http(403, expected=True)),),
        controls=(control(status=200),),
    ),
    Scene(
        "403 and nothing to compare with",
        "server.refusal.alone",
        "inconclusive server.geoblock server weak",
        (look(dns(GOOD), tcp(), tls(), http(403)),),
    ),
    Scene(
        "an error of the service's own",
        "server.error",
        "inconclusive server.error server weak",
        (look(dns(GOOD), tcp(), tls(), http(503)),),
        controls=(control(status=200),),
    ),
    Scene(
        "its own words, but others than expected",
        "server.unexpected",
        "inconclusive http.unexpected server weak",
        (look(dns(GOOD), tcp(), tls(), http(expected=False)),),
    ),
    Scene(
        "a control is never a blocked target",
        "control.failed",
        "inconclusive control.failed unknown weak",
        thrice(*TCP_FAILS),
        endpoint=endpoint(purpose=Purpose.CONTROL),
        controls=(control(),),
    ),
    Scene(
        "two answers to a name that works all the same",
        "ok.race",
        "ok dns.injection.race unknown confirmed",
        (look(dns(GOOD), race(GOOD, STRANGE), tcp(), tls(), http()),),
    ),
    Scene(
        "a handshake that fails for reasons of its own",
        "tls.failed",
        "inconclusive tls.failed unknown weak",
        thrice(dns(GOOD), tcp(), tls(failure="unknown_failure: wrong version number")),
        controls=(control(),),
    ),
    Scene(
        "a stale control that calls itself live proves nothing about now",
        "tcp.timeout.expected",
        "inconclusive tcp.timeout unknown weak",
        thrice(*TCP_FAILS),
        controls=(control(observed=NOW - timedelta(hours=2)),),
    ),
    Scene(
        "a stale failure of a control does not explain a failure now",
        "tcp.timeout.alone",
        "inconclusive tcp.timeout unknown weak",
        thrice(*TCP_FAILS),
        controls=(control(TIMEOUT, "tcp", observed=NOW - timedelta(hours=2)),),
    ),
    Scene(
        "other addresses for a name alone",
        "unproven.name_diff",
        "inconclusive dns.diff unknown weak",
        (look(dns(STRANGE)),),
        endpoint=endpoint(Kind.DNS, port=None),
        controls=(control(addresses=(GOOD,)),),
    ),
)

SEEN = (
    Scene(
        "not run",
        "round.not_run",
        "inconclusive not_run local confirmed",
        (NOT_RUN,),
    ),
    Scene("nothing at all", "round.not_run", "inconclusive not_run local confirmed", ()),
    Scene(
        "no probe for it",
        "round.not_run",
        "inconclusive not_run local confirmed",
        (look(outcome=Outcome.NOT_MEASURED_YET),),
    ),
    Scene(
        "a tunnel was on",
        "gate.vpn_on",
        "invalid vpn_on local confirmed",
        (look(*TCP_FAILS),),
        context=closed(GateId.VPN_ON),
    ),
    Scene(
        "not connected",
        "gate.offline.local",
        "invalid offline.local local confirmed",
        (look(*TCP_FAILS),),
        context=closed(GateId.OFFLINE_LOCAL),
    ),
    Scene(
        "moved to another network meanwhile",
        "gate.path_changed",
        "invalid path_changed local confirmed",
        thrice(*TCP_FAILS),
        context=closed(GateId.PATH_CHANGED),
    ),
    Scene(
        "cut off",
        "gate.offline.upstream",
        "invalid offline.upstream unknown confirmed",
        (look(*TCP_FAILS),),
        context=closed(GateId.OFFLINE_UPSTREAM),
    ),
    Scene(
        "only domestic sites",
        "gate.domestic_only",
        "invalid domestic_only unknown confirmed",
        (look(*TCP_FAILS),),
        context=closed(GateId.DOMESTIC_ONLY),
    ),
    Scene(
        "closed by its operator",
        "service.retired",
        "down service.retired server confirmed",
        (look(dns(failure=NX)),),
        service=service(retired_on=date(2025, 5, 5)),
    ),
    Scene(
        "to be closed next year",
        "ok.answer",
        "ok none unknown confirmed",
        (look(dns(GOOD), tcp(), tls(), http()),),
        service=service(retired_on=date(2027, 5, 5)),
    ),
    Scene(
        "works",
        "ok.answer",
        "ok none unknown confirmed",
        (look(dns(GOOD), tcp(), tls(), http()),),
        context=None,
    ),
    Scene(
        "a handshake",
        "ok.handshake",
        "ok none unknown likely",
        (look(dns(GOOD), tcp(), tls()),),
        endpoint=endpoint(Kind.TLS),
    ),
    Scene(
        "a handshake whose certificate nobody kept",
        "unproven.tls",
        "inconclusive tls.unverified unknown weak",
        (look(dns(GOOD), tcp(), msgspec.structs.replace(tls(), certificate=None)),),
        endpoint=endpoint(Kind.TLS),
    ),
    Scene(
        "certificates that prove nothing by design",
        "ok.unpinned",
        "ok none unknown weak",
        (look(tcp(), tls()),),
        endpoint=endpoint(Kind.TOR_OR, host=GOOD, trust=Trust.NONE),
    ),
    Scene(
        "plain text like the control's",
        "ok.consistent",
        "ok none unknown likely",
        (look(dns(GOOD), tcp(), plain(title="Chat")),),
        endpoint=PLAIN,
        controls=(control(status=200, title="Chat", body_length=5100),),
    ),
    Scene(
        "plain text as expected",
        "ok.expected",
        "ok none unknown weak",
        (look(dns(GOOD), tcp(), plain(expected=True)),),
        endpoint=PLAIN,
    ),
    Scene(
        "plain text, not as expected",
        "http.unexpected",
        "inconclusive http.unexpected unknown weak",
        (look(dns(GOOD), tcp(), plain(expected=False)),),
        endpoint=PLAIN,
    ),
    Scene(
        "plain text that sends to the encrypted page",
        "ok.sent_to_tls",
        "ok none unknown weak",
        (look(dns(GOOD), tcp(), plain(301, headers=(("location", f"https://www.{HOST}/"),))),),
        endpoint=PLAIN,
    ),
    Scene(
        "a datagram's reply",
        "ok.udp",
        "ok none unknown likely",
        (look(udp("binding success")),),
        endpoint=endpoint(Kind.STUN),
    ),
    Scene(
        "a resolver answers",
        "ok.resolver",
        "ok none unknown weak",
        (look(dns(GOOD)),),
        endpoint=endpoint(Kind.RESOLVER, host="9.9.9.9", port=53),
    ),
    Scene(
        "a name with known addresses",
        "ok.name",
        "ok dns.consistent unknown weak",
        (look(dns(GOOD)),),
        endpoint=endpoint(Kind.DNS, port=None),
        controls=(snapshot(addresses=(GOOD, OTHER)),),
    ),
    Scene(
        "a name in the network that the catalog's source states",
        "ok.name",
        "ok dns.consistent unknown weak",
        (look(dns(GOOD)),),
        endpoint=endpoint(Kind.DNS, port=None, expected=("93.184.216.0/24",)),
    ),
    Scene(
        "a name, and nothing to compare with",
        "unproven.name_alone",
        "inconclusive dns.unverified unknown weak",
        (look(dns(GOOD)),),
        endpoint=endpoint(Kind.DNS, port=None),
    ),
    Scene(
        "known block-page address",
        "dns.sinkhole",
        "blocked dns.injection.blockpage network confirmed",
        (look(dns(SINK)),),
    ),
    Scene(
        "an authority known to intercept, trusted by this machine",
        "tls.interceptor.trusted",
        "blocked tls.mitm.trusted_ca network confirmed",
        (look(dns(GOOD), tcp(), tls(certificate=cert(UNKNOWN_CA, system=None, issuer=STATE_CA))),),
    ),
    Scene(
        "an authority known to intercept",
        "tls.interceptor",
        "blocked tls.mitm network confirmed",
        (look(dns(GOOD), tcp(), tls(certificate=cert(UNKNOWN_CA, issuer=STATE_CA))),),
    ),
    Scene(
        "answers that end before they should, unlike the control's",
        "http.truncated.live",
        "degraded http.truncated unknown likely",
        thrice(dns(GOOD), tcp(), tls(), http(200, failure="eof_error")),
        controls=(control(status=200, address=GOOD),),
    ),
    Scene(
        "led to a machine that is not the service, by a second resolver as well",
        "dns.other.certificate.path",
        "blocked dns.injection.other network likely",
        (
            *thrice(dns(STRANGE), tcp(STRANGE), tls(STRANGE, certificate=cert(WRONG_NAME))),
            second(dns(STRANGE, engine=DnsEngine.UDP)),
            VETTED,
        ),
    ),
    Scene(
        "a certificate for the name at a host that has nothing to do with it, by one issuer",
        "tls.mitm.three_way",
        "blocked tls.mitm network likely",
        (
            *fronted(cert(UNKNOWN_CA, issuer="CN=Box")),
            look(
                tcp(STRANGE),
                tls(STRANGE, certificate=cert(UNKNOWN_CA, issuer="CN=Box")),
                variant=Variant.OTHER_HOST,
            ),
        ),
    ),
    Scene(
        "an antivirus that opens some sites only, trusted by this machine",
        "tls.interceptor.local",
        "inconclusive tls.mitm local likely",
        fronted(cert(UNKNOWN_CA, system=None, issuer=ANTIVIRUS_CA)),
    ),
    Scene(
        "trusted by this machine only, neutral names untouched",
        "tls.mitm.trusted_ca",
        "blocked tls.mitm.trusted_ca network likely",
        fronted(cert(UNKNOWN_CA, system=None, issuer=PROXY_CA)),
    ),
    Scene(
        "trusted by this machine only, neutral names not looked at",
        "tls.mitm.trusted_ca.alone",
        "blocked tls.mitm.trusted_ca unknown weak",
        fronted(cert(UNKNOWN_CA, system=None, issuer=PROXY_CA)),
        context=None,
    ),
    Scene(
        "a known block page in plain text",
        "http.blockpage",
        "blocked http.blockpage network confirmed",
        (look(dns(GOOD), tcp(), plain(fingerprints=("page",))),),
        endpoint=PLAIN,
    ),
    Scene(
        "a known block page over a certificate that is not the service's",
        "http.blockpage",
        "blocked http.blockpage network confirmed",
        (look(dns(GOOD), tcp(), tls(certificate=cert(WRONG_NAME)), http(fingerprints=("page",))),),
    ),
    Scene(
        "sent away to another site, unlike the control",
        "http.sent_away.live",
        "blocked http.redirect unknown weak",
        (
            look(
                dns(GOOD),
                tcp(),
                plain(302, headers=(("location", "http://blocked.isp.example/"),)),
                plain(200, host="blocked.isp.example", title="Notice"),
            ),
        ),
        endpoint=PLAIN,
        controls=(control(status=200, title="Chatting", body_length=90_000),),
    ),
    Scene(
        "another page than the control's",
        "http.diff.live",
        "blocked http.blockpage unknown weak",
        (look(dns(GOOD), tcp(), plain(200, title="Notice", body_length=400)),),
        endpoint=PLAIN,
        controls=(control(status=200, title="Chatting", body_length=90_000),),
    ),
    Scene(
        "a refusal in the service's own words",
        "server.refusal.stated",
        "blocked server.geoblock server confirmed",
        (look(dns(GOOD), tcp(), tls(), http(403, fingerprints=("sanctions",))),),
    ),
    Scene(
        "unavailable for legal reasons",
        "server.refusal.stated",
        "blocked server.geoblock server confirmed",
        (look(dns(GOOD), tcp(), tls(), http(451, fingerprints=("legal",))),),
    ),
    Scene(
        "403 here, 200 for a live control",
        "server.refusal.live",
        "blocked server.geoblock server likely",
        (look(dns(GOOD), tcp(), tls(), http(403)),),
        controls=(control(status=200),),
    ),
    Scene(
        "403 here, 200 in a snapshot",
        "server.refusal.expected",
        "inconclusive server.geoblock server weak",
        (look(dns(GOOD), tcp(), tls(), http(403)),),
        controls=(snapshot(status=200),),
    ),
    Scene(
        "errors for a control as well",
        "server.error.everywhere",
        "down down server weak",
        (look(dns(GOOD), tcp(), tls(), http(503)),),
        controls=(control(status=502),),
    ),
    Scene(
        "errors for two controls as well",
        "server.error.everywhere.many",
        "down down server likely",
        (look(dns(GOOD), tcp(), tls(), http(503)),),
        controls=(control(status=502), control(status=503, source="farther")),
    ),
    Scene(
        "an error in plain text, for a control as well",
        "server.error.plain",
        "down down server weak",
        (look(dns(GOOD), tcp(), plain(503)),),
        endpoint=PLAIN,
        controls=(control(status=503),),
    ),
    Scene(
        "an error in plain text, for two controls as well",
        "server.error.plain.many",
        "down down server likely",
        (look(dns(GOOD), tcp(), plain(503)),),
        endpoint=PLAIN,
        controls=(control(status=503), control(status=502, source="farther")),
    ),
    Scene(
        "one family of addresses works",
        "family",
        "degraded family unknown weak",
        (
            *thrice(*TCP_FAILS),
            look(
                tcp("2606:4700::1"),
                tls("2606:4700::1"),
                http(address="2606:4700::1"),
                variant=Variant.OTHER_FAMILY,
            ),
        ),
    ),
    Scene(
        "led to a machine that is not the service",
        "dns.other.certificate",
        "blocked dns.injection.other unknown weak",
        (
            *thrice(dns(STRANGE), tcp(STRANGE), tls(STRANGE, certificate=cert(WRONG_NAME))),
            VETTED,
        ),
    ),
    Scene(
        "led into another network that is silent",
        "dns.other.silent",
        "inconclusive dns.injection.other unknown weak",
        (
            *thrice(dns(STRANGE, asn=64501), tcp(STRANGE, TIMEOUT)),
            via_doh(doh(GOOD, asn=64502), tcp(), tls(), http()),
        ),
    ),
    Scene(
        "led to a silent machine inside the own provider's network, where caches stand",
        "dns.other.silent",
        "inconclusive dns.injection.other unknown weak",
        (
            *thrice(dns(STRANGE, asn=64500), tcp(STRANGE, TIMEOUT)),
            via_doh(doh(GOOD, asn=64502), tcp(), tls(), http()),
        ),
    ),
    Scene(
        "one machine resets every handshake; a control elsewhere reaches another one",
        "tls.reset.all.live",
        "blocked tls.reset.all unknown weak",
        (
            *thrice(*TLS_RESET),
            look(tcp(), tls(failure=RESET), variant=Variant.NEUTRAL_SNI),
            via_doh(doh(GOOD), tcp(), tls(failure=RESET)),
        ),
        controls=(control(addresses=(OTHER,)),),
    ),
    Scene(
        "two machines reset every handshake",
        "tls.reset.all.live",
        "blocked tls.reset.all unknown likely",
        (
            *thrice(*TLS_RESET),
            look(tcp(OTHER), tls(OTHER, failure=RESET), variant=Variant.OTHER_ADDRESS),
            look(tcp(), tls(failure=RESET), variant=Variant.NEUTRAL_SNI),
            via_doh(doh(GOOD, OTHER), tcp(), tls(failure=RESET)),
        ),
        controls=(control(addresses=(OTHER, STRANGE), address=OTHER),),
    ),
    Scene(
        "a wrong certificate at an address that only this line knows",
        "tls.mitm.live",
        "blocked tls.mitm unknown weak",
        fronted(cert(WRONG_NAME, issuer="CN=Other host")),
        controls=(control(issuer=ISSUER),),
    ),
    Scene(
        "led to a silent machine that has served the service before",
        "tcp.timeout.expected",
        "inconclusive tcp.timeout unknown weak",
        (
            *thrice(dns(STRANGE, asn=64501), tcp(STRANGE, TIMEOUT)),
            via_doh(doh(GOOD, asn=64502), tcp(), tls(), http()),
        ),
        controls=(past(addresses=(STRANGE,)),),
    ),
    Scene(
        "led to an address that is silent, networks unknown",
        "dns.other.unplaced",
        "inconclusive dns.injection.other unknown weak",
        (*thrice(dns(STRANGE), tcp(STRANGE, TIMEOUT)), VETTED),
    ),
    Scene(
        "led to an address that is not the service, which others know at another one",
        "dns.other.control.expected",
        "inconclusive dns.injection.other unknown weak",
        (
            *thrice(dns(STRANGE), tcp(STRANGE), tls(STRANGE, certificate=cert(WRONG_NAME))),
            look(tcp(GOOD), tls(GOOD), http(), variant=Variant.OTHER_ADDRESS),
        ),
        controls=(snapshot(addresses=(GOOD,)),),
    ),
    Scene(
        "an answer that begins and does not end, unlike the control's",
        "http.stall.live",
        "degraded http.stall unknown likely",
        thrice(dns(GOOD), tcp(), tls(), http(200, failure=TIMEOUT)),
        controls=(control(status=200, address=GOOD),),
    ),
    Scene(
        "an answer of which the first look lost even the head, and which began twice",
        "http.stall.live",
        "degraded http.stall unknown likely",
        (
            look(dns(GOOD), tcp(), tls(), http(None, failure=TIMEOUT)),
            again(dns(GOOD), tcp(), tls(), http(200, failure=TIMEOUT)),
            again(dns(GOOD), tcp(), tls(), http(200, failure=TIMEOUT), nth=2),
        ),
        controls=(control(status=200, address=GOOD),),
    ),
    Scene(
        "not run because nothing beyond the line answered",
        "gate.offline.upstream",
        "invalid offline.upstream unknown confirmed",
        (NOT_RUN,),
        context=closed(GateId.OFFLINE_UPSTREAM),
    ),
    Scene(
        "three-way comparison: cut by name on the way",
        "tls.reset.sni.three_way",
        "blocked tls.reset.sni network likely",
        (
            *thrice(*TLS_RESET),
            NEUTRAL_WORKS,
            look(tcp(STRANGE), tls(STRANGE, RESET), variant=Variant.OTHER_HOST),
        ),
    ),
    Scene(
        "three-way comparison: silenced by name on the way",
        "tls.timeout.sni.three_way",
        "blocked tls.timeout.sni network likely",
        (
            *thrice(dns(GOOD), tcp(), tls(failure=TIMEOUT)),
            NEUTRAL_WORKS,
            look(tcp(STRANGE), tls(STRANGE, TIMEOUT), variant=Variant.OTHER_HOST),
        ),
    ),
    Scene(
        "three-way comparison: alerts by name on the way",
        "tls.alert.sni",
        "blocked tls.alert.sni network likely",
        (
            *thrice(dns(GOOD), tcp(), tls(failure="ssl_failed_handshake", alert="access_denied")),
            NEUTRAL_WORKS,
            look(
                tcp(STRANGE),
                tls(STRANGE, "ssl_failed_handshake", alert="access_denied"),
                variant=Variant.OTHER_HOST,
            ),
        ),
    ),
    Scene(
        "a request that ends in nonsense",
        "http.failed",
        "inconclusive http.failed unknown weak",
        thrice(dns(GOOD), tcp(), tls(), http(None, failure="http_request_failed")),
    ),
    Scene(
        "a probe that stopped halfway",
        "unexplained",
        "inconclusive unexplained unknown weak",
        (look(dns(GOOD), tcp(), tls()),),
    ),
)

SCENES = (*TRAPS, *SEEN, *EXCHANGE_SCENES, *LISTINGS, *UDP_SCENES)


@pytest.mark.parametrize("scene", SCENES, ids=lambda s: s.name)
def test_scene(scene: Scene) -> None:
    """The verdict is an expert's, and the rule that was meant made it."""
    verdict = scene.judge()
    assert (verdict.rule_id, said(verdict)) == (scene.rule, scene.verdict)


def test_traps_are_not_headlines() -> None:
    """Of 25 traps and more, none is blocked, not even perhaps."""
    assert len(TRAPS) >= 25
    verdicts = [(s.name, s.judge()) for s in TRAPS]
    assert [name for name, v in verdicts if v.headline] == []
    assert [name for name, v in verdicts if v.state is State.BLOCKED] == []


def test_weak_is_never_a_headline() -> None:
    """One sign alone is never called blocked, neither of an endpoint nor of its service."""
    for scene in SCENES:
        verdict = scene.judge()
        if verdict.confidence is not Confidence.WEAK:
            continue
        assert not verdict.headline
        one = msgspec.structs.replace(scene.endpoint, role=Role.MESSAGES)
        two = msgspec.structs.replace(scene.endpoint, role=Role.CALL, path="/other")
        whole = rollup(service(one, two), [(one, verdict), (two, verdict)])
        assert not whole.verdict.headline
        assert "blocked" not in whole.sentence.replace("perhaps blocked", "")


def test_the_network_is_named_by_what_is_shown_on_the_way_only() -> None:
    """A headline names the network on an artefact, or on a comparison that excludes all others."""
    ids = {r.id for r in RULES if r.locus is Locus.NETWORK and r.state is State.BLOCKED}
    plain = {"dns.sinkhole", "http.blockpage", "tls.mitm.trusted_ca", "tls.alert.sni"}
    shown = (".path", ".three_way")
    rest = {i for i in ids - plain if not i.endswith(shown)}
    assert rest == {
        "dns.race.ab",
        "dns.race.live",
        "tls.interceptor",
        "tls.interceptor.trusted",
    }


def test_judging_is_repeatable() -> None:
    """The same values give the same verdict, sentence and evidence."""
    assert [s.judge() for s in SCENES] == [s.judge() for s in SCENES]


@pytest.mark.parametrize("scene", SCENES, ids=lambda s: s.name)
def test_sentences_are_complete(scene: Scene) -> None:
    """A sentence has no gap left in it and no word of blame beyond the locus."""
    verdict = scene.judge()
    assert verdict.sentence
    assert not set("{}") & set(verdict.sentence)
    assert "None" not in verdict.sentence
    assert "censor" not in verdict.sentence.lower()


def test_evidence_points_into_the_bundle() -> None:
    """References name steps, controls and gates that exist."""
    for scene in SCENES:
        for ref in scene.judge().evidence:
            kind, _, place = ref.partition(":")
            if not place:
                index, step = kind[1:].split(".s")
                assert int(step) < len(scene.bundle[int(index)].steps)
            else:
                assert kind in ("control", "gate")


def test_reasons_only_when_stated() -> None:
    """A refusal gets a motive only from the page itself or from status 451."""
    reasons = {s.name: s.judge().reason for s in SCENES if s.rule.startswith("server.refusal")}
    assert reasons["a refusal in the service's own words"] is Reason.SANCTIONS_STATED
    assert reasons["unavailable for legal reasons"] is Reason.LEGAL_ORDER_STATED
    assert reasons["403 here, 200 for a live control"] is Reason.UNSTATED
    assert {s.judge().reason for s in SCENES if not s.rule.startswith("server.refusal")} == {None}


def test_hostile_issuer_cannot_format() -> None:
    """An issuer's name with braces or control characters ends up as plain words."""
    bad = cert(UNKNOWN_CA, system=None, issuer="CN={service}\x1b[2J" + "x" * 300)
    ep = endpoint()
    bundle = [
        msgspec.structs.replace(m, endpoint=ep.id)
        for m in thrice(dns(GOOD), tcp(), tls(certificate=bad))
    ]
    verdict = judge(ep, service(), bundle, context=None, facts=JudgeFacts(MARKS))
    assert "\x1b" not in verdict.sentence
    assert len(verdict.sentence) < 400


def test_rules_have_distinct_ids_and_full_rows() -> None:
    """Ids are unique; each row says its sentence, its traps and its version."""
    ids = [r.id for r in RULES]
    assert len(ids) == len(set(ids))
    assert all(r.sentence and r.fooled_by and r.version >= 1 for r in RULES)
