"""A plan: core first, shuffled, within its budget, and nothing dropped in silence."""

import random
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from schedule_rounds import ANCHORS, CAPTIVE, PLENTY, endpoint, targets

from probe.analysis.udp_facts import UDP_KINDS
from probe.model.target import Kind, Plan, Purpose, Role
from probe.schedule.budget import Allowance
from probe.schedule.choose import Wanted, plan_round
from probe.schedule.cost import MEASURED_KINDS, cost_of, follow_up_bytes, total_bytes
from probe.schedule.dryrun import describe
from probe.schedule.pace import DAYS_A_MONTH, pace_of
from probe.schedule.plan import make_plan, round_anchors
from probe.schedule.reasons import RUN_BYTES
from probe.settings import Settings
from probe.targets.load import load_catalog


def rng(seed: int = 1) -> random.Random:
    """Return a generator that repeats itself."""
    return random.Random(seed)


def test_the_core_comes_first_and_each_round_is_in_another_order() -> None:
    """A budget that runs out cuts the least important; nobody sees one fixed sequence."""
    wanted = (*targets(20), *(endpoint("z", f"z{n}.example.com", plan=Plan.ALL) for n in range(20)))
    plans = [make_plan(wanted, (), name="all", rng=rng(n), allowed=PLENTY) for n in range(2)]
    for plan in plans:
        assert [t.plan for t in plan.targets] == [Plan.CORE] * 20 + [Plan.ALL] * 20
    assert [t.id for t in plans[0].targets] != [t.id for t in plans[1].targets]


@given(st.integers(0, 3_000_000), st.integers(0, 50))
def test_every_endpoint_runs_or_is_listed_with_its_reason_and_the_bytes_fit(
    size: int, count: int
) -> None:
    """Property: targets and not_run are the whole of what was asked; the sum keeps the budget."""
    wanted = targets(count)
    plan = make_plan(wanted, (), name="x", rng=rng(), allowed=Allowance(bytes=size, seconds=1.0))
    assert sorted([t.id for t in plan.targets] + [n.endpoint.id for n in plan.not_run]) == sorted(
        w.id for w in wanted
    )
    assert plan.bytes <= size or not plan.targets
    assert {n.reason for n in plan.not_run} <= {RUN_BYTES}


def test_anchors_are_not_measured_again_as_targets_and_off_ones_never() -> None:
    """An anchor stands at both ends already; ``off`` means never."""
    off = endpoint("app", "off.example.com", off="its operator asks to be asked")
    plan = make_plan(
        (*ANCHORS, CAPTIVE, off), ANCHORS, name="x", rng=rng(), allowed=PLENTY, captive=CAPTIVE
    )
    assert plan.targets == ()
    assert {a.host for a in plan.anchors} == {a.host for a in ANCHORS}
    assert len({e.id for e in plan.endpoints}) == len(plan.endpoints) == 8


def test_anchors_of_distinct_networks_are_preferred_on_both_sides() -> None:
    """Three networks that agree are a quorum; five hosts of one are not."""
    many = [
        endpoint("a", f"a{n}.example.org", purpose=Purpose.CONTROL, anchor=True, operator="Same")
        for n in range(20)
    ]
    others = [
        endpoint("b", f"b{n}.example.org", purpose=Purpose.CONTROL, anchor=True, operator=f"O{n}")
        for n in range(4)
    ]
    for seed in range(5):
        chosen = round_anchors([*many, *others], rng(seed))
        assert len(chosen) == 5
        assert len({a.operator for a in chosen}) == 5


def test_an_anchor_without_a_text_to_compare_is_asked_for_its_head_only() -> None:
    """A good guest reads no body that nobody needs."""
    assert {a.method for a in round_anchors(ANCHORS, rng())} == {"HEAD"}


def test_what_was_done_already_is_left_out_and_is_no_failure() -> None:
    """A continued round neither repeats nor reports what its first half measured."""
    wanted = targets(4)
    plan = make_plan(wanted, (), name="x", rng=rng(), allowed=PLENTY, done={wanted[0].id})
    assert wanted[0].id not in {t.id for t in plan.targets}
    assert plan.not_run == ()


def test_costs_grow_with_what_is_asked_and_are_nothing_without_a_probe() -> None:
    """A name costs less than a connection, that less than a handshake, that less than a page."""
    dns = cost_of(endpoint("a", "a.example", kind=Kind.DNS, tls=False)).bytes
    tcp = cost_of(endpoint("a", "a.example", kind=Kind.TCP, tls=False)).bytes
    tls = cost_of(endpoint("a", "a.example", kind=Kind.TLS)).bytes
    page = cost_of(endpoint("a", "a.example")).bytes
    file = cost_of(endpoint("a", "a.example", range_bytes=65_536)).bytes
    assert file - cost_of(endpoint("a", "a.example", method="HEAD")).bytes > 65_536
    app = endpoint("a", "a.example", role=Role.LISTING, read_bytes=262_144)
    assert cost_of(app).bytes > page
    assert follow_up_bytes(app) > cost_of(app).bytes
    head = cost_of(endpoint("a", "a.example", method="HEAD")).bytes
    assert 100 < dns < tcp < tls < head < page < 100_000
    for kind in set(Kind) - MEASURED_KINDS:
        unknown = endpoint("a", "a.example", kind=kind, tls=False)
        assert cost_of(unknown).bytes == follow_up_bytes(unknown) == 0
    assert total_bytes([endpoint("a", "a.example")]) > page


@pytest.mark.parametrize("kind", sorted(UDP_KINDS))
def test_a_silent_datagram_costs_three_and_its_follow_ups_more(kind: Kind) -> None:
    """Three datagrams at most are sent for an answer; what looks further is bounded as well."""
    one = endpoint("a", "8.8.8.8", kind=kind, tls=kind is Kind.QUIC)
    cost = cost_of(one)
    assert 100 < cost.bytes < 10_000
    assert cost.seconds <= cost.silent_seconds
    assert cost.bytes < follow_up_bytes(one) < 40_000


def test_openvpn_over_tcp_costs_a_connection_more() -> None:
    """The same reset, and a connection around it."""
    udp = endpoint("a", "8.8.8.8", kind=Kind.OPENVPN, tls=False)
    tcp = endpoint("a", "8.8.8.8", kind=Kind.OPENVPN, tls=False, transport="tcp")
    assert cost_of(tcp).bytes > cost_of(udp).bytes


def test_the_cost_table_knows_exactly_the_kinds_that_have_a_probe() -> None:
    """A kind that is built later must get its cost with it."""
    from probe.probes.measure import MEASURED_KINDS as BUILT

    assert MEASURED_KINDS == BUILT


def test_a_pace_keeps_the_budgets_of_the_day_and_of_the_longest_month() -> None:
    """The interval is stretched rather than the budget spent early."""
    pace = pace_of(
        core_bytes=200_000,
        daily_bytes=2_000_000,
        every_s=900.0,
        day_bytes=20_000_000,
        month_bytes=300_000_000,
    )
    assert pace.per_month_bytes == DAYS_A_MONTH * (96 * 200_000 + 2_000_000)
    assert pace.fits_every_s > 900
    spent = 86_400 / pace.fits_every_s * 200_000 + 2_000_000
    assert spent * DAYS_A_MONTH <= 300_000_000 * 1.001
    rich = pace_of(core_bytes=1, daily_bytes=1, every_s=900.0, day_bytes=10**9, month_bytes=10**11)
    assert rich.fits_every_s == 900.0
    poor = pace_of(core_bytes=10**6, daily_bytes=10**6, every_s=900.0, day_bytes=0, month_bytes=0)
    assert poor.fits_every_s >= 86_400
    assert not poor.daily_fits


def test_a_dry_run_of_the_whole_catalog_names_everything_and_sends_nothing() -> None:
    """Every name, port, resolver and address literal; what has no probe is said, not hidden."""
    catalog = load_catalog()
    settings = Settings(store=Path("x"), country="IR", sni_host="198.51.100.7:443")
    wanted = Wanted(everything=True, country="IR")
    plan = plan_round(catalog, wanted, rng=rng(), allowed=PLENTY)
    found = describe(catalog, wanted, plan, settings, nameservers=("192.168.1.1",))
    rows = {row.endpoint: row for row in found.endpoints}
    assert set(rows) == {e.id for e in plan.endpoints}
    for target in plan.targets:
        row = rows[target.id]
        assert row.runs == (target.kind in MEASURED_KINDS)
        assert row.runs or "no probe" in row.reason
        if row.runs:
            assert target.host in (*found.contacts.names, *found.contacts.literals)
            assert row.port in found.contacts.ports
    assert "192.168.1.1:53" in found.contacts.resolvers
    assert "198.51.100.7:443" in found.contacts.literals
    assert found.bytes_if_all_fail > found.bytes > 0
    assert found.pace.fits_every_s >= 900
    assert len(plan.targets) + found.left_out + len(plan.anchors) <= len(catalog.endpoints())
    assert msgspec.json.decode(msgspec.json.encode(found))["plan"] == "all"


def test_the_shipped_core_fits_a_day_of_quarter_hours_or_is_stretched_below_two_hours() -> None:
    """The default budgets allow a useful timeline with the default core."""
    catalog = load_catalog()
    settings = Settings(store=Path("x"), country="IR")
    wanted = Wanted(plan=Plan.CORE, country="IR")
    plan = plan_round(catalog, wanted, rng=rng(), allowed=PLENTY)
    found = describe(catalog, wanted, plan, settings)
    assert len(plan.targets) + len(plan.anchors) <= 22
    assert found.pace.fits_every_s <= 2 * 3_600
    assert found.pace.daily_fits
