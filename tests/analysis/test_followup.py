"""Follow-ups ask only after failures, and never so soon that they confirm themselves."""

from typing import Any

import msgspec
import pytest
from exchange_scenes import CHAT, CLEAR, RELAY, STRANGE_BYTES, exchange, unsigned
from verdict_bundles import (
    BOGON,
    GOOD,
    OTHER,
    STRANGE,
    around,
    cert,
    dns,
    endpoint,
    http,
    look,
    plain,
    race,
    tcp,
    tls,
    udp,
)

from probe.analysis.followup import NEUTRAL_NAME, FollowUp, followups
from probe.model.context import Gate, GateId
from probe.model.measurement import DnsEngine, Outcome, Proof, Step, Variant
from probe.model.target import Absence, Endpoint, Expect, Kind, Purpose, Role

TIMEOUT, RESET = "generic_timeout_error", "connection_reset"
RESIDUAL_S = 200.0
PLAIN = endpoint(tls=False, port=80)


def asked(*steps: Step, ep: Endpoint | None = None, **more: Any) -> tuple[FollowUp, ...]:
    """Return what is asked for after these steps."""
    ep = ep or endpoint()
    main = msgspec.structs.replace(look(*steps), endpoint=ep.id, kind=ep.kind)
    return followups(ep, main, more.pop("context", around()), **more)


def variants(found: tuple[FollowUp, ...]) -> list[Variant]:
    """Return the variants, in order."""
    return [f.variant for f in found]


@pytest.mark.parametrize(
    ("steps", "ep"),
    [
        ((dns(GOOD), tcp(), tls(), http()), endpoint()),
        ((dns(GOOD), tcp(), tls(), http(403)), endpoint()),
        ((dns(GOOD), tcp(), tls(), http(451)), endpoint()),
        ((dns(GOOD), tcp(), tls()), endpoint(Kind.TLS)),
        ((dns(GOOD), tcp()), endpoint(Kind.TCP)),
        ((dns(GOOD),), endpoint(Kind.DNS, port=None)),
        ((udp("ok"),), endpoint(Kind.STUN)),
        ((dns(GOOD), tcp(), plain()), PLAIN),
        ((dns(GOOD), tcp(), exchange(proof=Proof.ECHO)), CLEAR),
        ((dns(GOOD), tcp(), exchange(proof=Proof.FORM)), CLEAR),
    ],
)
def test_success_asks_nothing(steps: tuple[Step, ...], ep: Endpoint) -> None:
    """An ordinary answer, and a refusal in the service's own words, ask for nothing."""
    assert asked(*steps, ep=ep) == ()


def test_names_are_asked_again_soon() -> None:
    """A failed name: two retests after 5 to 20 s, an encrypted and another resolver at once."""
    found = asked(dns(failure="dns_nxdomain_error"))
    assert variants(found) == [
        Variant.DOH,
        Variant.OTHER_RESOLVER,
        Variant.ANCHOR,
        Variant.RETEST,
        Variant.RETEST,
        Variant.ANCHOR,
    ]
    assert all(5 <= f.delay_s <= 20 for f in found if f.variant is Variant.RETEST)
    assert found[0].engine is DnsEngine.DOH
    assert all(f.addresses == () for f in found)


def test_a_failing_resolver_is_asked_again_when_it_has_forgotten() -> None:
    """SERVFAIL: once more after the five minutes for which it may be remembered (RFC 9520)."""
    found = asked(dns(failure="dns_servfail_error"))
    delays = [f.delay_s for f in found if f.variant is Variant.RETEST]
    assert len(delays) == 3
    assert delays[-1] > 300
    assert found[-1].variant is Variant.ANCHOR


@pytest.mark.parametrize("first", [dns(BOGON), race(GOOD, STRANGE)])
def test_odd_answers_are_followed(first: Step) -> None:
    """A private answer, or two answers, ask for an encrypted resolver although nothing failed."""
    assert Variant.DOH in variants(asked(first, tcp(), tls(), http()))


def test_connections_are_tried_elsewhere() -> None:
    """A silent address: retests there, another address, the other family, another resolver."""
    found = asked(dns(GOOD, OTHER), tcp(GOOD, TIMEOUT), context=around(ipv6_ok=True))
    assert set(variants(found)) == {
        Variant.DOH,
        Variant.OTHER_ADDRESS,
        Variant.OTHER_FAMILY,
        Variant.RETEST,
        Variant.ANCHOR,
        Variant.NEIGHBOUR,
    }
    by = {f.variant: f for f in found}
    assert by[Variant.OTHER_ADDRESS].addresses == (OTHER,)
    assert by[Variant.OTHER_FAMILY].families == (6,)
    assert by[Variant.RETEST].addresses == (GOOD,)


def test_no_other_family_without_it() -> None:
    """A line without working IPv6 is not asked for it."""
    found = asked(dns(GOOD), tcp(GOOD, TIMEOUT), context=around(ipv6_ok=False))
    assert Variant.OTHER_FAMILY not in variants(found)


@pytest.mark.parametrize("failure", [RESET, TIMEOUT, "eof_error"])
def test_handshakes_wait_for_residual_blocking(failure: str) -> None:
    """After a cut handshake, whatever goes to the same address waits more than 200 s."""
    found = asked(dns(GOOD, OTHER), tcp(), tls(failure=failure), authentic=(GOOD, OTHER))
    others = (Variant.OTHER_ADDRESS, Variant.ANCHOR, Variant.NEIGHBOUR)
    same = [f for f in found if f.variant not in others]
    assert all(f.delay_s > RESIDUAL_S for f in same)
    assert [f.delay_s for f in found if f.variant is Variant.OTHER_ADDRESS] == [0.0]


def test_neutral_name_goes_before_the_retest() -> None:
    """Neutral, then target: the retest's own residue must not spoil the comparison."""
    found = asked(dns(GOOD), tcp(), tls(failure=RESET))
    order = variants(found)
    assert order.index(Variant.NEUTRAL_SNI) < order.index(Variant.RETEST)
    neutral = found[order.index(Variant.NEUTRAL_SNI)]
    assert (neutral.sni, neutral.keep_sni, neutral.addresses) == (NEUTRAL_NAME, False, (GOOD,))


def test_the_order_is_neutral_target_neutral() -> None:
    """Neutral, target, neutral while a residue would last, neutral when it would be gone."""
    found = asked(dns(GOOD), tcp(), tls(failure=RESET), authentic=(GOOD,))
    own = (Variant.NEUTRAL_SNI, Variant.RETEST)
    order = [f for f in found if f.variant in own]
    assert [f.variant for f in order] == [
        Variant.NEUTRAL_SNI,
        Variant.RETEST,
        Variant.NEUTRAL_SNI,
        Variant.NEUTRAL_SNI,
        Variant.RETEST,
    ]
    _, first, soon, late, last = order
    assert soon.delay_s - first.delay_s < 60
    assert late.delay_s - first.delay_s > RESIDUAL_S
    assert last.delay_s - first.delay_s > RESIDUAL_S


def test_neutral_hosts_stand_before_and_after() -> None:
    """A line that breaks meanwhile is seen: a neutral host at once, and one after the retests."""
    for steps in ((dns(failure=TIMEOUT),), (dns(GOOD), tcp(GOOD, TIMEOUT))):
        found = asked(*steps)
        anchors = [f.delay_s for f in found if f.variant is Variant.ANCHOR]
        assert anchors[0] == 0.0
        assert anchors[-1] > max(f.delay_s for f in found if f.variant is Variant.RETEST)


def test_a_neighbour_is_asked_for_addresses_only() -> None:
    """A name that is not answered has no network; a control is no target."""
    assert Variant.NEIGHBOUR in variants(asked(dns(GOOD), tcp(GOOD, TIMEOUT)))
    assert Variant.NEIGHBOUR not in variants(asked(dns(failure=TIMEOUT)))
    control = endpoint(purpose=Purpose.CONTROL)
    found = asked(dns(GOOD), tcp(GOOD, TIMEOUT), ep=control)
    assert not {Variant.NEIGHBOUR, Variant.ANCHOR} & set(variants(found))


def test_both_families_are_looked_at_also_when_one_works() -> None:
    """Programs take what works, so that a cut of IPv6 alone would never be seen."""
    works = (dns(GOOD), tcp(), tls(), http())
    found = asked(*works, context=around(ipv6_ok=True))
    assert [(f.variant, f.families) for f in found] == [(Variant.OTHER_FAMILY, (6,))]
    assert asked(*works, context=around(ipv6_ok=None)) == ()


def test_the_other_family_is_followed_over_itself() -> None:
    """What failed over IPv6 is asked again over IPv6; a name without it asks for nothing."""
    six = "2606:4700::1"
    ep = endpoint()
    look_six = look(
        dns(six, qtype="AAAA"), tcp(six, TIMEOUT), variant=Variant.OTHER_FAMILY, endpoint=ep.id
    )
    found = followups(ep, look_six, around(ipv6_ok=True))
    assert Variant.OTHER_FAMILY not in variants(found)
    own = (Variant.RETEST, Variant.DOH)
    assert {f.families for f in found if f.variant in own} == {(6,)}
    absent = look(dns(failure="dns_no_answer", qtype="AAAA"), variant=Variant.OTHER_FAMILY)
    assert followups(ep, absent, around(ipv6_ok=True)) == ()


def test_consenting_host_gets_the_name() -> None:
    """Only a host that is configured for it, on the endpoint's port, receives the name."""
    steps = (dns(GOOD), tcp(), tls(failure=RESET))
    found = asked(*steps, sni_host=f"{STRANGE}:443")
    (other,) = [f for f in found if f.variant is Variant.OTHER_HOST]
    assert (other.addresses, other.keep_sni) == ((STRANGE,), True)
    for refused in (None, f"{STRANGE}:8443", "name.example:443", "garbage"):
        assert Variant.OTHER_HOST not in variants(asked(*steps, sni_host=refused))


def test_wrong_certificates_are_asked_again_soon() -> None:
    """A certificate came in full: no residue, so soon, and through an encrypted resolver."""
    found = asked(dns(GOOD), tcp(), tls(certificate=cert("ssl_invalid_hostname")))
    own = set(variants(found)) - {Variant.ANCHOR, Variant.NEIGHBOUR}
    assert own == {Variant.DOH, Variant.RETEST, Variant.OTHER_RESOLVER}
    assert max(f.delay_s for f in found) <= 20


def test_requests_wait_too() -> None:
    """A request that was cut is repeated after residual blocking; plain text asks a resolver."""
    found = asked(dns(GOOD), tcp(), tls(), http(None, failure=RESET))
    retests = [f for f in found if f.variant is Variant.RETEST]
    assert min(f.delay_s for f in retests) > RESIDUAL_S
    beside = {Variant.ANCHOR, Variant.NEIGHBOUR}
    assert set(variants(found)) == {Variant.RETEST, *beside}
    assert Variant.DOH in variants(asked(dns(GOOD), tcp(), plain(expected=False), ep=PLAIN))


def test_addresses_have_no_names() -> None:
    """An endpoint that is an address asks no resolver and no consenting host."""
    found = asked(tcp(GOOD), tls(failure=RESET), ep=endpoint(host=GOOD), sni_host=f"{STRANGE}:443")
    assert {Variant.DOH, Variant.OTHER_HOST} & set(variants(found)) == set()


def test_nothing_under_an_invalid_round() -> None:
    """Offline, in a tunnel, behind a login page: nothing is sent again."""
    spoilt = around(Gate(id=GateId.OFFLINE_UPSTREAM, invalidates=True))
    assert asked(dns(failure=TIMEOUT), context=spoilt) == ()


def test_nothing_after_what_was_not_measured() -> None:
    """What was interrupted or not run asks for nothing."""
    ep = endpoint()
    for outcome in (Outcome.INTERRUPTED, Outcome.NOT_RUN, Outcome.NOT_MEASURED_YET):
        assert followups(ep, look(dns(failure=TIMEOUT), outcome=outcome), None) == ()


def test_private_addresses_are_never_asked_for() -> None:
    """A lie is recorded, never dialled."""
    found = asked(dns(GOOD, BOGON), tcp(GOOD, TIMEOUT), authentic=(BOGON,))
    assert all(BOGON not in f.addresses for f in found)


def test_without_a_context() -> None:
    """Follow-ups need no round context."""
    assert asked(dns(failure=TIMEOUT), context=None)


@pytest.mark.parametrize("failure", [TIMEOUT, RESET, "eof_error"])
def test_a_protocol_that_was_cut_is_asked_in_another_form_before_the_retest(failure: str) -> None:
    """At the address that was cut, when the residue is gone; a silent connection comes at once."""
    found = asked(dns(GOOD, OTHER), tcp(), exchange(failure), ep=CLEAR)
    by = {f.variant: f for f in found}
    assert by[Variant.COMPARISON].addresses == by[Variant.CONNECT].addresses == (GOOD,)
    assert by[Variant.CONNECT].delay_s < 30
    retests = [f.delay_s for f in found if f.variant is Variant.RETEST]
    assert RESIDUAL_S < by[Variant.COMPARISON].delay_s < min(retests)
    assert by[Variant.OTHER_ADDRESS].addresses == (OTHER,)
    assert Variant.NEIGHBOUR in by


@pytest.mark.parametrize("ep", [RELAY, CHAT], ids=["tor", "whatsapp"])
def test_what_has_one_form_only_has_no_comparison(ep: Endpoint) -> None:
    """Random bytes would tell nothing: such servers are silent to them, too."""
    found = asked(tcp(), exchange(TIMEOUT), ep=ep)
    assert Variant.COMPARISON not in variants(found)
    assert Variant.CONNECT in variants(found)


@pytest.mark.parametrize(
    ("failure", "proof"),
    [(STRANGE_BYTES, Proof.OTHER), ("ssl_unknown_authority", Proof.OTHER_IDENTITY)],
)
def test_an_answer_that_came_in_full_is_asked_for_again_soon(failure: str, proof: Proof) -> None:
    """It was not cut, so that it leaves no residue."""
    found = asked(dns(GOOD), tcp(), exchange(failure, proof), ep=CLEAR)
    retests = [f.delay_s for f in found if f.variant is Variant.RETEST]
    assert retests
    assert max(retests) < 30
    assert Variant.CONNECT not in variants(found)


def test_tors_hello_is_compared_and_shown_to_nobody_else() -> None:
    """The neutral name asks for another kind of hello; a made-up name means nothing elsewhere."""
    named = msgspec.structs.replace(RELAY, host="relay.example.org")
    found = asked(dns(GOOD), tcp(), unsigned(failure=RESET), ep=named, sni_host="192.0.2.1:443")
    assert variants(found).count(Variant.NEUTRAL_SNI) == 3
    assert Variant.OTHER_HOST not in variants(found)


APP = endpoint(
    role=Role.LISTING,
    path="/app?gl={country}",
    expect=Expect(status=(200,), body_contains="x", absent=Absence(status=(404,)), storefront="US"),
)
WITHOUT = msgspec.structs.replace(
    APP, path="/app", expect=Expect(status=(200,), body_contains="x", absent=Absence(status=(404,)))
)


def test_an_app_that_is_missing_is_looked_for_in_another_storefront() -> None:
    """At once, in the storefront to compare with; nothing has to rest, nobody else is asked."""
    missing = http(404, path="/app?gl=ir", expected=False, absent=True)
    (look_there,) = asked(dns(GOOD), tcp(), tls(), missing, ep=APP)
    assert (look_there.variant, look_there.storefront) == (Variant.OTHER_STOREFRONT, "US")
    assert look_there.delay_s == 0.0


@pytest.mark.parametrize(
    ("ep", "path", "expected"),
    [
        (APP, "/app?gl=ir", True),  # it is there
        (APP, "/app?gl=us", False),  # this is the storefront to compare with
        (WITHOUT, "/app", False),  # a store without storefronts
    ],
)
def test_no_other_storefront_is_asked(ep: Endpoint, path: str, expected: bool) -> None:
    """Where it would say nothing."""
    seen = http(200 if expected else 404, path=path, expected=expected, absent=not expected)
    assert asked(dns(GOOD), tcp(), tls(), seen, ep=ep) == ()


def test_a_store_out_of_reach_is_looked_at_like_any_other() -> None:
    """Its failure is no word on the app."""
    found = variants(asked(dns(GOOD), tcp(), tls(failure=RESET), ep=APP))
    assert Variant.NEUTRAL_SNI in found
    assert Variant.OTHER_STOREFRONT not in found
