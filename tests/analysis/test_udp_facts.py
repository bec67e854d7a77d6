"""What follows silence over UDP, who owes an answer, and what the looks beside it say."""

from typing import Any

import msgspec
import pytest
from udp_scenes import (
    BY_TCP,
    NOBODY_OVER_UDP,
    QUIC,
    QUIC_NEUTRAL,
    RANDOM_IS_REFUSED,
    RANDOM_IS_SILENT,
    RANDOM_PASSES,
    RELAY,
    RESPONDER,
    SECRET_VPN,
    STUN,
    hello,
    quic,
)
from verdict_bundles import (
    GOOD,
    NOW,
    OTHER,
    STRANGE,
    around,
    dns,
    endpoint,
    look,
    tcp,
    tls,
    udp,
)

from probe.analysis.attempts import attempts_of, triggers_of
from probe.analysis.endings import Layer, ending_of
from probe.analysis.followup import FollowUp, followups
from probe.analysis.udp_facts import must_answer, speaks_udp, udp_facts
from probe.model.measurement import Measurement, Step, Variant
from probe.model.target import Endpoint, Kind, Wrap

TIMEOUT = "generic_timeout_error"
KEY = "ab" * 256


def named(at: Endpoint, *looks: Measurement) -> list[Measurement]:
    """Return looks as those of an endpoint."""
    return [msgspec.structs.replace(m, endpoint=at.id, kind=at.kind) for m in looks]


def asked(at: Endpoint, *steps: Step) -> tuple[FollowUp, ...]:
    """Return what is asked for after these steps."""
    (main,) = named(at, look(*steps))
    return followups(at, main, around())


def variants(found: tuple[FollowUp, ...]) -> list[Variant]:
    return [f.variant for f in found]


@pytest.mark.parametrize(
    ("at", "owes"),
    [
        (STUN, True),
        (QUIC, True),
        (endpoint(Kind.IKEV2, port=500), True),
        (endpoint(Kind.OPENVPN, wrap=Wrap.NONE), True),
        (endpoint(Kind.OPENVPN, wrap=Wrap.TLS_AUTH), False),
        (endpoint(Kind.OPENVPN, wrap=Wrap.TLS_CRYPT, key=KEY), True),
        (endpoint(Kind.OPENVPN), False),
        (RESPONDER, True),
        (RELAY, False),
        (endpoint(Kind.WIREGUARD, key="A" * 43 + "="), False),
    ],
)
def test_who_owes_an_answer(at: Endpoint, owes: bool) -> None:
    """A stranger is owed none by WireGuard, nor by an OpenVPN server whose key is not known."""
    assert must_answer(at) is owes


def test_openvpn_over_tcp_is_no_datagram() -> None:
    """It shares the kind, not the carrier."""
    assert speaks_udp(endpoint(Kind.OPENVPN))
    assert not speaks_udp(endpoint(Kind.OPENVPN, transport="tcp"))
    assert not speaks_udp(endpoint(Kind.TCP))


def test_silence_is_compared_and_asked_again_soon() -> None:
    """Random bytes at once, two retests, another address, another service over UDP at the end."""
    found = asked(STUN, dns(GOOD, OTHER), udp(None, TIMEOUT))
    assert set(variants(found)) == {
        Variant.COMPARISON,
        Variant.OTHER_ADDRESS,
        Variant.RETEST,
        Variant.ANCHOR,
        Variant.NEIGHBOUR,
        Variant.OTHER_UDP,
    }
    by = {f.variant: f for f in found}
    assert by[Variant.COMPARISON].addresses == by[Variant.RETEST].addresses == (GOOD,)
    assert by[Variant.COMPARISON].delay_s == 0.0
    last = max(f.delay_s for f in found if f.variant is Variant.RETEST)
    assert 5 <= last <= 20
    assert by[Variant.OTHER_UDP].delay_s > last


def test_a_strangers_silence_asks_for_random_bytes_only() -> None:
    """It is as it should be: one comparison tells whether the shape of the packet matters."""
    for at in (RELAY, SECRET_VPN):
        assert variants(asked(at, udp(None, TIMEOUT))) == [Variant.COMPARISON]


def test_a_name_in_quic_keeps_its_distance() -> None:
    """TLS over TCP and random bytes at once; the neutral name and the retests after 200 s."""
    found = asked(QUIC, dns(GOOD), *quic(handshake=TIMEOUT))
    later = {Variant.NEUTRAL_SNI, Variant.RETEST}
    assert {Variant.BY_TCP, Variant.COMPARISON} | later <= set(variants(found))
    assert all(f.delay_s > 200 for f in found if f.variant in later)
    assert all(f.delay_s == 0 for f in found if f.variant in (Variant.BY_TCP, Variant.COMPARISON))
    neutral = next(f for f in found if f.variant is Variant.NEUTRAL_SNI)
    assert (neutral.sni, neutral.keep_sni, neutral.addresses) == ("example.com", False, (GOOD,))


@pytest.mark.parametrize("steps", [quic(), (udp("version_negotiation", protocol="quic-versions"),)])
def test_what_answers_asks_for_nothing(steps: tuple[Step, ...]) -> None:
    """Neither a handshake nor a machine without aioquic has anything to look into."""
    assert asked(QUIC, *steps) == ()


def test_versions_alone_are_unfinished() -> None:
    """The first question was answered, and what the kind asks for was not done."""
    (only,) = named(QUIC, look(udp("version_negotiation", protocol="quic-versions")))
    assert ending_of(only).unfinished
    (silent,) = named(QUIC, look(udp(None, TIMEOUT, protocol="quic-versions")))
    assert ending_of(silent).layer is Layer.UDP


def test_a_cut_handshake_of_quic_leaves_a_residue() -> None:
    """A retest soon after it confirms nothing but itself; a later one counts."""
    at = [0, 100, 500]
    again = look(*quic(handshake=TIMEOUT), variant=Variant.RETEST)
    looks = [
        msgspec.structs.replace(m, started=NOW.replace(minute=s // 60, second=s % 60))
        for m, s in zip(
            named(QUIC, look(*quic(handshake=TIMEOUT)), again, again),
            at,
            strict=True,
        )
    ]
    assert len(triggers_of(looks)) == 3
    assert attempts_of(looks, ending_of(looks[0])).total == 2
    datagrams = named(STUN, look(udp(None, TIMEOUT)))
    assert triggers_of(datagrams) == ()


FACTS: list[tuple[tuple[Measurement, ...], dict[str, Any]]] = [
    ((), {"other": None, "neutral": None, "by_tcp": None, "elsewhere": None}),
    ((RANDOM_PASSES,), {"other": True}),
    ((RANDOM_IS_REFUSED,), {"other": True}),
    ((RANDOM_IS_SILENT,), {"other": False}),
    ((QUIC_NEUTRAL,), {"neutral": True}),
    ((look(*quic(handshake=TIMEOUT), variant=Variant.NEUTRAL_SNI),), {"neutral": False}),
    (
        (look(hello("ssl_failed_handshake", reply="alert x"), variant=Variant.NEUTRAL_SNI),),
        {"neutral": True},
    ),
    ((BY_TCP,), {"by_tcp": True}),
    ((look(tcp(failure=TIMEOUT), variant=Variant.BY_TCP),), {"by_tcp": False}),
    ((look(tcp(), tls(failure=TIMEOUT), variant=Variant.BY_TCP),), {"by_tcp": False}),
    (NOBODY_OVER_UDP, {"elsewhere": False}),
    (NOBODY_OVER_UDP[:1], {"elsewhere": None}),
    (
        (*NOBODY_OVER_UDP, look(udp("ok", address=STRANGE), variant=Variant.OTHER_UDP)),
        {"elsewhere": True},
    ),
]


@pytest.mark.parametrize(("more", "facts"), FACTS)
def test_what_the_looks_beside_it_say(more: tuple[Measurement, ...], facts: dict[str, Any]) -> None:
    """``None`` where nobody looked; a refusal of random bytes is a way that works."""
    bundle = named(QUIC, look(*quic(handshake=TIMEOUT)), *more)
    bundle = [
        msgspec.structs.replace(m, kind=Kind.STUN) if m.variant is Variant.OTHER_UDP else m
        for m in bundle
    ]
    found = udp_facts(QUIC, bundle)
    assert {name: getattr(found, name) for name in facts} == facts
    assert (found.versions, found.shaken, found.after) == (True, False, None)
