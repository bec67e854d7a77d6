"""IPv4 and IPv6 of one endpoint are judged apart: a cut of one is seen, and named."""

from typing import Any

import msgspec
from verdict_bundles import (
    GOOD,
    NEUTRAL_WORKS,
    STRANGE,
    Scene,
    again,
    around,
    control,
    dns,
    http,
    look,
    said,
    tcp,
    thrice,
    tls,
)

from probe.analysis.families import family_of_look, sides
from probe.analysis.rollup import rollup
from probe.model.context import RoundContext
from probe.model.measurement import Measurement, Variant
from probe.model.verdict import State, Verdict

TIMEOUT, RESET = "generic_timeout_error", "connection_reset"
SIX = "2606:4700::1111"
BOTH = around(ipv6_ok=True)
WORKS = look(dns(GOOD), tcp(), tls(), http())
SHUT = thrice(dns(GOOD), tcp(GOOD, TIMEOUT))
OVER_FOUR: Any = control(addresses=(GOOD,), address=GOOD)
OVER_SIX: Any = control(addresses=(SIX,), address=SIX, source="far over IPv6")


def six(*more: Any, variant: Variant = Variant.OTHER_FAMILY) -> Measurement:
    """Return a look over IPv6."""
    return look(dns(SIX, qtype="AAAA"), *more, variant=variant)


SIX_WORKS = six(tcp(SIX), tls(SIX), http(address=SIX))
SIX_SHUT = (
    six(tcp(SIX, TIMEOUT)),
    *(look(tcp(SIX, TIMEOUT), variant=Variant.RETEST) for _ in range(2)),
)


def judged(
    *bundle: Measurement,
    controls: tuple[Any, ...] = (OVER_FOUR,),
    context: RoundContext = BOTH,
) -> Verdict:
    """Judge it on a line that has both families."""
    return Scene("", "", "", bundle, controls=controls, context=context).judge()


def test_a_cut_of_ipv6_alone_is_seen() -> None:
    """What programs that try both would hide: it works over IPv4 and fails over IPv6."""
    verdict = judged(WORKS, *SIX_SHUT)
    assert said(verdict) == "degraded family.ipv6 unknown weak"
    assert "over IPv4 it works" in verdict.sentence


def test_a_control_over_the_same_family_makes_it_more() -> None:
    """A control that got through over IPv6 tells a cut from a machine without it."""
    near = look(tcp("2606:4700::2"), tls("2606:4700::2"), variant=Variant.NEIGHBOUR)
    verdict = judged(WORKS, *SIX_SHUT, near, controls=(OVER_FOUR, OVER_SIX))
    assert said(verdict) == "degraded family.ipv6 unknown likely"
    assert verdict.rule_id == "tcp.timeout.live"


def test_a_cut_of_ipv4_alone_is_seen() -> None:
    """The service still works here, and not over IPv4."""
    verdict = judged(*SHUT, SIX_WORKS)
    assert said(verdict) == "degraded family.ipv4 unknown weak"
    assert verdict.rule_id == "tcp.timeout.live"
    assert "over IPv6 it works" in verdict.sentence


def test_without_a_ground_one_family_is_only_told() -> None:
    """With nothing to compare with, a dead machine of one family is as likely."""
    assert said(judged(*SHUT, SIX_WORKS, controls=())) == "degraded family unknown weak"


def test_a_name_that_is_cut_over_one_family() -> None:
    """Each side has its own comparison, with the name's host for both."""
    cut = (
        six(tcp(SIX), tls(SIX, RESET)),
        look(tcp(SIX), tls(SIX, RESET), variant=Variant.RETEST),
        look(tcp(SIX), tls(SIX, "ssl_failed_handshake", alert="x"), variant=Variant.NEUTRAL_SNI),
        look(tcp(STRANGE), tls(STRANGE, RESET), variant=Variant.OTHER_HOST),
    )
    verdict = judged(WORKS, *cut)
    assert said(verdict) == "degraded family.ipv6 network likely"
    assert verdict.rule_id == "tls.reset.sni.three_way"


def test_cut_over_both_is_blocked() -> None:
    """Both sides fail: one verdict, blocked."""
    assert said(judged(*SHUT, *SIX_SHUT)) == "blocked tcp.timeout unknown weak"


def test_a_name_without_ipv6_says_nothing() -> None:
    """Most services have no IPv6; their verdict is that of IPv4."""
    none = look(dns(failure="dns_no_answer", qtype="AAAA"), variant=Variant.OTHER_FAMILY)
    assert judged(WORKS, none).rule_id == "ok.answer"
    assert judged(*SHUT, none).rule_id == "tcp.timeout.live"


def test_broken_ipv6_masks_ipv6() -> None:
    """On a line on which IPv6 fails for neutral hosts, it is the line (gate G6)."""
    assert judged(WORKS, *SIX_SHUT, context=around(ipv6_ok=False)).state is State.OK
    assert judged(WORKS, *SIX_SHUT, context=around(ipv6_ok=None)).state is State.OK


def test_one_failure_over_ipv6_is_no_cut() -> None:
    """It takes two of three there, too."""
    assert judged(WORKS, SIX_SHUT[0]).state is State.OK


def test_evidence_points_into_the_whole_bundle() -> None:
    """Places are those of the bundle, not of a family's part of it."""
    assert judged(WORKS, *SIX_SHUT).evidence == ("m1.s0", "m1.s1", "m2.s0", "m3.s0", "m0.s0",
        "m0.s1", "m0.s2", "m0.s3")  # fmt: skip


def test_one_family_makes_a_role_degraded() -> None:
    """A service whose only endpoint is cut over one family works in part."""
    from verdict_bundles import endpoint, service

    ep = endpoint()
    whole = rollup(service(ep), [(ep, judged(*SHUT, SIX_WORKS))])
    assert whole.verdict.state is State.DEGRADED


def test_families_of_looks() -> None:
    """The address that was dialled last says it, else the question."""
    assert family_of_look(look(dns(SIX), tcp(SIX))) == 6
    assert family_of_look(look(dns(failure=TIMEOUT, qtype="AAAA"))) == 6
    assert family_of_look(look(dns(failure=TIMEOUT))) == 4
    assert family_of_look(look()) is None


def test_one_family_alone_has_one_side() -> None:
    """Without a look over the other family nothing is taken apart."""
    first, other = sides((WORKS, again(tcp())))
    assert (first.places, other) == ((0, 1), None)
    refused = msgspec.structs.replace(SIX_WORKS, steps=())
    assert sides((WORKS, refused))[1] is None


def test_the_name_neutral_works_on_its_own_side_only() -> None:
    """A neutral name over IPv4 says nothing of IPv6."""
    cut = (
        six(tcp(SIX), tls(SIX, RESET)),
        look(tcp(SIX), tls(SIX, RESET), variant=Variant.RETEST),
    )
    verdict = judged(WORKS, *cut, NEUTRAL_WORKS, controls=(OVER_FOUR, OVER_SIX))
    assert verdict.rule_id == "tls.reset.live"
