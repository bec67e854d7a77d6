"""Gates close on what was seen, in order, and never on too little."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from verdict_bundles import FINE, anchors

from probe.analysis.gates import Quorum, control_bad, evaluate, quorum
from probe.model.context import Anchor, AnchorGroup, GateId, RoundInputs

INVALIDATING = {
    GateId.VPN_ON,
    GateId.CLOCK,
    GateId.OFFLINE_LOCAL,
    GateId.CAPTIVE_PORTAL,
    GateId.OFFLINE_UPSTREAM,
    GateId.DOMESTIC_ONLY,
}


def closed(**changes: Any) -> tuple[GateId, ...]:
    """Return the gates of a healthy line with these changes."""
    return tuple(g.id for g in evaluate(msgspec.structs.replace(FINE, **changes)))


def refused(failure: str) -> tuple[Anchor, ...]:
    """Return anchors of both sides that all ended in one way."""
    return tuple(msgspec.structs.replace(a, failure=failure) for a in anchors("----", "---"))


def connected() -> tuple[Anchor, ...]:
    """Return anchors that all failed, one of them after it had been connected to."""
    first, *others = anchors("----", "---")
    return (msgspec.structs.replace(first, tcp_ok=True), *others)


CASES: tuple[tuple[str, dict[str, Any], tuple[GateId, ...]], ...] = (
    (
        "a line that is so slow that little comes through it",
        {"anchors": connected(), "connect_s": 5.0},
        (),
    ),
    (
        "a line on which connecting is quick, and nothing follows",
        {"anchors": connected(), "connect_s": 4.9},
        (GateId.OFFLINE_UPSTREAM,),
    ),
    (
        "a line that was slow when it still answered",
        {"anchors": anchors("----", "---"), "connect_s": 9.0},
        (GateId.OFFLINE_UPSTREAM,),
    ),
    ("a healthy line", {}, ()),
    ("a tunnel", {"tunnel": True}, (GateId.VPN_ON,)),
    (
        "in a tunnel nothing else is asked",
        {"tunnel": True, "anchors": anchors("----", "---"), "suspended": True},
        (GateId.VPN_ON,),
    ),
    (
        "another country",
        {"declared_country": "IR", "seen_country": "DE"},
        (GateId.PATH_CHANGED,),
    ),
    ("no country declared", {"declared_country": "ZZ", "seen_country": "DE"}, ()),
    ("no country seen", {"declared_country": "IR", "seen_country": "ZZ"}, ()),
    ("another network", {"network_changed": True}, (GateId.PATH_CHANGED,)),
    ("five minutes off", {"clock_skews_s": (299.0, 300.0)}, ()),
    ("more than five minutes off", {"clock_skews_s": (301.0, 310.0)}, (GateId.CLOCK,)),
    ("behind", {"clock_skews_s": (-4000.0, -4100.0, 1.0)}, (GateId.CLOCK,)),
    ("one source is not enough", {"clock_skews_s": (90_000.0,)}, ()),
    ("sources that contradict", {"clock_skews_s": (4000.0, -4000.0)}, ()),
    ("two wrong servers of five", {"clock_skews_s": (9000.0, 9001.0, 0.0, 0.1, 0.2)}, ()),
    ("the machine slept", {"suspended": True}, (GateId.CLOCK,)),
    (
        "no default route",
        {"default_route": False, "anchors": anchors("----", "---")},
        (GateId.OFFLINE_LOCAL,),
    ),
    (
        "a firewall of this machine lets nothing out",
        {"anchors": refused("permission_denied")},
        (GateId.OFFLINE_LOCAL,),
    ),
    (
        "no way out, and no system that says whether there is a route",
        {"default_route": None, "anchors": refused("network_unreachable")},
        (GateId.OFFLINE_LOCAL,),
    ),
    (
        "no way out behind a router: its uplink is cut",
        {"anchors": refused("network_unreachable")},
        (GateId.OFFLINE_UPSTREAM,),
    ),
    (
        "a line that has only IPv6, which works",
        {"anchors": anchors("----", "---"), "ipv4_ok": False, "ipv6_ok": True},
        (),
    ),
    (
        "IPv4 abroad fails and IPv6 abroad works: that is no domestic-only line",
        {"anchors": anchors("----", "+++"), "ipv6_ok": True},
        (),
    ),
    (
        "a silent gateway and nothing beyond",
        {"gateway_reachable": False, "anchors": anchors("----", "---")},
        (GateId.OFFLINE_LOCAL,),
    ),
    ("a gateway that drops pings", {"gateway_reachable": False}, ()),
    (
        "a login page",
        {
            "captive_status": 302,
            "captive_redirect": "login.example",
            "anchors": anchors("----", "---"),
        },
        (GateId.CAPTIVE_PORTAL,),
    ),
    (
        "a page in place of 204",
        {"captive_status": 200, "anchors": anchors("----", "---")},
        (GateId.CAPTIVE_PORTAL,),
    ),
    (
        "authentication required (RFC 6585)",
        {"captive_status": 511, "anchors": anchors("----", "---")},
        (GateId.CAPTIVE_PORTAL,),
    ),
    (
        "one certificate everywhere",
        {"captive_same_everywhere": True, "anchors": anchors("----", "---")},
        (GateId.CAPTIVE_PORTAL,),
    ),
    (
        "a portal whose page passes for that of domestic sites",
        {
            "captive_status": 302,
            "captive_redirect": "login.example",
            "captive_same_everywhere": True,
            "anchors": anchors("----", "+++"),
        },
        (GateId.CAPTIVE_PORTAL,),
    ),
    (
        "domestic sites that look alike are no portal by that alone",
        {"captive_same_everywhere": True, "anchors": anchors("----", "+++")},
        (GateId.DOMESTIC_ONLY,),
    ),
    (
        "hosts abroad answer with a foreign certificate: a proxy, and no domestic-only line",
        {
            "anchors": tuple(
                msgspec.structs.replace(a, failure="ssl_unknown_authority") if not a.ok else a
                for a in anchors("----", "+++")
            )
        },
        (),
    ),
    ("a 204 that is tampered with while anchors pass", {"captive_status": 200}, ()),
    (
        "a domestic-only network that blocks the 204 page with a page",
        {"captive_status": 200, "anchors": anchors("----", "+++")},
        (GateId.DOMESTIC_ONLY,),
    ),
    (
        "a 204 that is not answered is no login page",
        {"captive_status": None, "anchors": anchors("----", "---")},
        (GateId.OFFLINE_UPSTREAM,),
    ),
    ("everything fails", {"anchors": anchors("----", "---")}, (GateId.OFFLINE_UPSTREAM,)),
    (
        "everything fails and no domestic anchor is known",
        {"anchors": anchors("----")},
        (GateId.OFFLINE_UPSTREAM,),
    ),
    ("two anchors say nothing", {"anchors": anchors("--")}, ()),
    ("only domestic", {"anchors": anchors("-----", "+++")}, (GateId.DOMESTIC_ONLY,)),
    (
        "one in five abroad passes",
        {"anchors": anchors("+----", "++-")},
        (GateId.DOMESTIC_ONLY,),
    ),
    ("one in four abroad passes: mixed", {"anchors": anchors("+---", "+++")}, ()),
    ("domestic fails, abroad works: no shutdown", {"anchors": anchors("++++", "---")}, ()),
    ("too few domestic anchors", {"anchors": anchors("----", "++")}, ()),
    ("a resolver that fails", {"system_resolver_ok": (False, False)}, (GateId.RESOLVER_DOWN,)),
    ("one control name is not enough", {"system_resolver_ok": (False,)}, ()),
    (
        "no resolver works and no anchor: not the resolver's fault",
        {
            "system_resolver_ok": (False, False),
            "other_resolver_ok": (False,),
            "anchors": (),
        },
        (),
    ),
    ("no IPv6", {"ipv6_ok": False}, (GateId.IPV6_BROKEN,)),
    ("neither family looked at", {"ipv6_ok": False, "ipv4_ok": None}, ()),
    (
        "clock and network together",
        {"network_changed": True, "suspended": True, "ipv6_ok": False},
        (GateId.PATH_CHANGED, GateId.CLOCK, GateId.IPV6_BROKEN),
    ),
)


@pytest.mark.parametrize(("name", "changes", "expected"), CASES, ids=[c[0] for c in CASES])
def test_gates(name: str, changes: dict[str, Any], expected: tuple[GateId, ...]) -> None:
    """Each line closes the gates that an expert would close, in their order."""
    assert closed(**changes) == expected


def test_which_gates_spoil_targets() -> None:
    """G0 to G4 and a tunnel spoil targets; another network, resolver and IPv6 do not."""
    for _, changes, _ in CASES:
        for gate in evaluate(msgspec.structs.replace(FINE, **changes)):
            assert gate.invalidates is (gate.id in INVALIDATING)


def test_one_line_never_speaks_for_a_country() -> None:
    """A domestic-only line is called what it is, and no more."""
    (gate,) = evaluate(msgspec.structs.replace(FINE, anchors=anchors("----", "+++")))
    assert gate.detail == "this line reaches only domestic sites"
    for _, changes, _ in CASES:
        for gate in evaluate(msgspec.structs.replace(FINE, **changes)):
            assert "national" not in gate.detail
            assert "shutdown" not in gate.detail


def test_a_clock_too_wrong_for_certificates_says_so() -> None:
    """Beyond twelve hours no certificate can be judged either."""
    (gate,) = evaluate(msgspec.structs.replace(FINE, clock_skews_s=(50_000.0, 50_001.0)))
    assert "no certificate" in gate.detail
    (gate,) = evaluate(msgspec.structs.replace(FINE, clock_skews_s=(500.0, 501.0)))
    assert "no certificate" not in gate.detail


def test_nothing_looked_at_closes_nothing() -> None:
    """Without inputs no gate closes."""
    assert evaluate(RoundInputs()) == ()


def test_tcp_alone_is_not_success() -> None:
    """Anchors that only connect are failures: cut networks complete connections."""
    hollow = tuple(msgspec.structs.replace(a, tcp_ok=True) for a in anchors("----", "+++"))
    assert closed(anchors=hollow) == (GateId.DOMESTIC_ONLY,)


@given(st.text("+-", max_size=8), st.text("+-", max_size=8))
def test_any_anchors(abroad: str, home: str) -> None:
    """At most one gate of the line closes, none with a good group abroad or too few networks."""
    inputs = msgspec.structs.replace(FINE, anchors=anchors(abroad, home))
    gates = [g.id for g in evaluate(inputs) if g.invalidates]
    assert len(gates) <= 1
    if len(abroad) < 3 or quorum(inputs.anchors, AnchorGroup.INTERNATIONAL) is Quorum.GOOD:
        assert gates == []


def test_share_of_bad_controls() -> None:
    """The share of failed anchors; none is not zero."""
    assert control_bad(anchors("+++-")) == 0.25
    assert control_bad(()) is None


def test_networks_are_counted_once() -> None:
    """Three hosts of one network are one voice."""
    same = tuple(msgspec.structs.replace(a, network="one") for a in anchors("----"))
    assert quorum(same, AnchorGroup.INTERNATIONAL) is Quorum.UNKNOWN
