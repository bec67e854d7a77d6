"""Rows to series: locus, absences, networks and the line's own series."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from probe.analysis.rollup import combine
from probe.analysis.series import series_of
from probe.model.context import Anchor, AnchorGroup, Gate, GateId, RoundContext, RoundInputs
from probe.model.record import RETESTS, Judged, RoundRow
from probe.model.target import Role
from probe.model.timeline import Absence, Series, Signal
from probe.model.vantage import Access, Network
from probe.model.verdict import Confidence, Locus, State

START = datetime(2022, 3, 1, tzinfo=UTC)
HOME = Network(asn=64500, access=Access.FIXED, gateway="g1")
AWAY = Network(asn=64501, access=Access.MOBILE, gateway="g2")


def row(number: int, state: State = State.OK, **more: Any) -> Judged:
    values: dict[str, Any] = {
        "time": START + timedelta(minutes=15 * number),
        "round": number,
        "vantage": "v",
        "network": HOME.key,
        "tz": "Asia/Tehran",
        "utc_offset_s": 12_600,
        "service": "whatsapp",
        "endpoint": "whatsapp/tls/a.example:443",
        "role": Role.MESSAGES,
        "state": state,
        "mechanism": "ok" if state is State.OK else "tls.reset.sni",
        "locus": Locus.UNKNOWN if state is State.OK else Locus.NETWORK,
        "confidence": Confidence.LIKELY,
        "rule_id": "r",
    }
    return Judged(**(values | more))


def anchors(*, home: bool, abroad: bool) -> tuple[Anchor, ...]:
    return (
        Anchor(endpoint="d", group=AnchorGroup.DOMESTIC, network="AS1", ok=home),
        Anchor(endpoint="i", group=AnchorGroup.INTERNATIONAL, network="AS2", ok=abroad),
    )


def round_(
    number: int,
    *gates: Gate,
    network: Network = HOME,
    home: bool = True,
    abroad: bool = True,
) -> RoundRow:
    started = START + timedelta(minutes=15 * number)
    context = RoundContext(
        started=started,
        tz="Asia/Tehran",
        utc_offset_s=12_600,
        network=network,
        inputs=RoundInputs(anchors=anchors(home=home, abroad=abroad)),
        gates=gates,
    )
    return RoundRow(
        id=number, vantage="v", plan="core", started=started, network=network, context=context
    )


def gate(gate_id: GateId) -> Gate:
    return Gate(id=gate_id, invalidates=True)


def bads(series: Series) -> list[bool | None]:
    return [sample.bad for sample in series.samples]


def absences(series: Series) -> list[Absence | None]:
    return [sample.absence for sample in series.samples]


def targeted(found: tuple[Series, ...]) -> list[Series]:
    return [one for one in found if one.key.signal is Signal.TARGETED]


def test_a_series_is_of_one_vantage_network_subject_and_locus() -> None:
    """Two networks and two vantages are never joined."""
    rows = [row(0), row(1, network=AWAY.key), row(2, vantage="w"), row(3)]
    found = series_of(rows, ())
    assert [(s.key.vantage, s.key.network, len(s.samples)) for s in found] == [
        ("v", HOME.key, 2),
        ("v", AWAY.key, 1),
        ("w", HOME.key, 1),
    ]
    assert {s.key.locus for s in found} == {"network"}
    assert {s.tz for s in found} == {"Asia/Tehran"}


def test_bad_is_what_a_verdict_calls_bad() -> None:
    """Blocked, degraded and down are bad; inconclusive and invalid are absences with a type."""
    states = [State.OK, State.BLOCKED, State.DEGRADED, State.DOWN]
    (found,) = series_of([row(i, state) for i, state in enumerate(states)], ())
    assert bads(found) == [False, True, True, True]
    unknown = [
        row(0, State.INCONCLUSIVE),
        row(1, State.INVALID, gates=(str(GateId.OFFLINE_LOCAL),)),
        row(2, State.INVALID, gates=(str(GateId.DOMESTIC_ONLY),)),
        row(3, State.INCONCLUSIVE, mechanism="not_run"),
    ]
    (found,) = series_of(unknown, ())
    assert bads(found) == [None] * 4
    assert absences(found) == [
        Absence.INCONCLUSIVE,
        Absence.OFFLINE_LOCAL,
        Absence.INVALID,
        Absence.NOT_SCHEDULED,
    ]


def test_a_retired_service_has_no_series() -> None:
    """It is never counted, neither good nor bad."""
    assert series_of([row(0, State.DOWN, mechanism="service.retired")], ()) == ()


def test_ok_rows_belong_to_every_locus_and_a_refusal_is_good_for_the_network() -> None:
    """A 403 over valid TLS shows that the network let it through."""
    rows = [
        row(0),
        row(1, State.BLOCKED),
        row(2, State.BLOCKED, locus=Locus.SERVER, mechanism="server.geoblock"),
        row(3, State.DOWN, locus=Locus.SERVER, mechanism="down"),
    ]
    network, server = series_of(rows, ())
    assert (network.key.locus, server.key.locus) == ("network", "server")
    assert bads(network) == [False, True, False, None]
    assert bads(server) == [False, None, True, True]


def test_an_unknown_locus_joins_the_networks_series_at_half_weight() -> None:
    """A change of method, RST to silence, stays one event."""
    rows = [
        row(0, State.BLOCKED),
        row(1, State.BLOCKED, locus=Locus.UNKNOWN, mechanism="tcp.timeout"),
    ]
    (found,) = series_of(rows, ())
    assert found.key.locus == "network"
    assert [(s.bad, s.weight, s.mechanism) for s in found.samples] == [
        (True, 1.0, "tls.reset.sni"),
        (True, 0.5, "tcp.timeout"),
    ]
    (alone,) = series_of([row(0), rows[1]], ())
    assert alone.key.locus == "unknown"
    assert bads(alone) == [False, True]


@pytest.mark.parametrize(
    "states",
    [
        [State.OK, State.OK],
        [State.OK, State.BLOCKED],
        [State.BLOCKED],
        [State.INVALID],
        [State.INCONCLUSIVE, State.BLOCKED, State.OK],
    ],
)
def test_endpoints_of_a_round_are_combined_as_the_roll_up_says(states: list[State]) -> None:
    """The shortcuts for unanimous rounds say what the roll-up says."""
    rows = [row(0, state, endpoint=f"whatsapp/tls/{i}") for i, state in enumerate(states)]
    whole = combine(rows)
    (found,) = series_of(rows, ())
    assert len(found.samples) == 1
    (again,) = series_of([whole], ())
    assert bads(found) == bads(again)
    assert found.key.locus == again.key.locus


def test_what_failed_here_though_it_worked_before_is_a_bad_sample() -> None:
    """One moment proves nothing without a control; evening after evening is a finding."""
    failed = {"mechanism": "tcp.timeout", "locus": Locus.UNKNOWN, "confidence": Confidence.WEAK}
    rows = [
        row(0),
        row(1, State.INCONCLUSIVE, rule_id="tcp.timeout.expected", **failed),
        row(2, State.INCONCLUSIVE, rule_id="tcp.timeout.alone", **failed),
    ]
    (series,) = targeted(series_of(rows, []))
    assert series.key.locus == Locus.UNKNOWN
    assert bads(series) == [False, True, None]
    assert absences(series)[2] is Absence.INCONCLUSIVE


def test_a_refusal_that_is_new_here_stays_the_services_own() -> None:
    """It came over a path that works: good for the network's series, bad for the server's."""
    refused = {"mechanism": "server.geoblock", "locus": Locus.SERVER, "rule_id": "x.expected"}
    rows = [row(0), row(1, State.INCONCLUSIVE, **refused), row(2, State.BLOCKED)]
    network, server = targeted(series_of(rows, []))
    assert (network.key.locus, bads(network)) == (Locus.NETWORK, [False, False, True])
    assert (server.key.locus, bads(server)) == (Locus.SERVER, [False, True, None])


def test_by_endpoint_each_endpoint_is_a_subject() -> None:
    """Nothing is combined."""
    rows = [row(0, endpoint="a"), row(0, State.BLOCKED, endpoint="b")]
    found = series_of(rows, (), by="endpoint")
    assert [(s.key.subject, bads(s)) for s in found] == [("a", [False]), ("b", [True])]


def test_what_a_round_of_retests_saw_is_marked_as_such() -> None:
    """Good or bad, a refusal, the line: many retests of one change are not as many looks."""
    again = [replace(round_(number), plan=RETESTS) for number in (1, 2, 3)]
    refused = row(2, State.BLOCKED, locus=Locus.SERVER, mechanism="server.geoblock")
    rows = [row(0), row(1, State.BLOCKED), refused, row(3), row(4)]
    found = series_of(rows, [round_(0), *again, round_(4)])
    assert {one.key.signal for one in found} == {Signal.TARGETED, Signal.UPSTREAM, Signal.INTL}
    for one in found:
        known = {sample.time: sample.burst for sample in one.samples if sample.bad is not None}
        marked = {at for at, burst in known.items() if burst}
        assert marked
        assert marked == known.keys() & {one_round.started for one_round in again}


def test_a_total_cut_is_a_timeline_of_its_own() -> None:
    """G3 makes ``upstream`` bad, hides ``intl``, and says nothing good of either target."""
    rounds = [
        round_(0),
        round_(1, gate(GateId.OFFLINE_UPSTREAM), home=False, abroad=False),
        round_(2, gate(GateId.DOMESTIC_ONLY), abroad=False),
        round_(3, gate(GateId.OFFLINE_LOCAL), home=False, abroad=False),
        round_(4, gate(GateId.VPN_ON)),
        round_(5),
    ]
    upstream, intl = series_of((), rounds)
    assert (upstream.key.signal, intl.key.signal) == (Signal.UPSTREAM, Signal.INTL)
    assert bads(upstream) == [False, True, False, None, None, False]
    assert bads(intl) == [False, None, True, None, None, False]
    assert absences(upstream)[3:5] == [Absence.OFFLINE_LOCAL, Absence.INVALID]


def test_a_round_that_sees_no_as_stays_with_the_network_it_was_on() -> None:
    """A shutdown does not vanish into a network of its own; another gateway does part them."""
    blind = Network(asn=0, access=Access.UNKNOWN, gateway="g1")
    rounds = [
        round_(0),
        round_(1, gate(GateId.OFFLINE_UPSTREAM), network=blind, home=False, abroad=False),
        round_(2, network=Network(asn=0, gateway="g9")),
    ]
    rows = [row(0), row(1, State.INVALID, network=blind.key), row(2, network="AS0/unknown")]
    found = series_of(rows, rounds)
    assert {(s.key.network, len(s.samples)) for s in targeted(found)} == {
        (HOME.key, 2),
        ("AS0/unknown", 1),
    }
    upstream = next(
        s for s in found if s.key.signal is Signal.UPSTREAM and s.key.network == HOME.key
    )
    assert bads(upstream) == [False, True]


def test_silences_are_typed_by_what_the_host_did_meanwhile() -> None:
    """Rounds went on without the subject, or there were none at all."""
    rounds = [round_(i) for i in (*range(8), *range(60, 80), *range(160, 168))]
    rows = [row(i) for i in (*range(8), *range(160, 168))]
    (found,) = targeted(series_of(rows, rounds))
    assert [a for a in absences(found) if a] == [
        Absence.HOST_OFF,
        Absence.NOT_SCHEDULED,
        Absence.HOST_OFF,
    ]


def test_rows_may_come_in_any_order_and_the_newest_zone_holds() -> None:
    """A corrected time zone corrects the past: times are kept in UTC."""
    (found,) = series_of([row(2, tz="Asia/Kabul"), row(0, tz="UTC"), row(1, tz="UTC")], ())
    assert [s.time for s in found.samples] == sorted(s.time for s in found.samples)
    assert found.tz == "Asia/Kabul"
