"""What goes into the store comes out of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from store_records import (
    BLOCKED,
    LINE,
    NETWORK,
    OK,
    START,
    begin,
    blocked,
    context,
    good,
    measurement,
    whole_round,
)
from strategies import structs

from probe.errors import StoreError
from probe.model.context import GateId
from probe.model.control import ControlKind
from probe.model.measurement import HttpStep, Measurement, Outcome, TlsStep, Variant
from probe.model.record import Note, NoteKind, Record
from probe.model.target import Role
from probe.model.vantage import Network, Vantage
from probe.model.verdict import State, Verdict
from probe.store.database import Store
from probe.store.evidence import MAX_CERTIFICATE, VOLATILE_HEADERS


def _to_microseconds(m: Measurement) -> Measurement:
    """Return a measurement with its times as a full copy keeps them."""

    def us(seconds: float) -> float:
        return round(seconds * 1e6) / 1e6

    steps = tuple(replace(s, t0_s=us(s.t0_s), t_s=us(s.t_s)) for s in m.steps)
    return replace(m, steps=steps, monotonic_s=us(m.monotonic_s), duration_s=us(m.duration_s))


@st.composite
def _records(draw: st.DrawFn) -> list[Record]:
    records: list[Record] = draw(st.lists(structs(Record), min_size=1, max_size=3))
    measurements = st.lists(structs(Measurement), min_size=1, max_size=2)
    return [replace(r, bundle=tuple(draw(measurements))) for r in records]


@given(records=_records())
@settings(max_examples=20, suppress_health_check=list(HealthCheck))
def test_any_record_comes_back(records: list[Record]) -> None:
    """Any record, whatever it holds, comes back as it was, its times to the microsecond."""
    records = [  # a changed rule is never a repetition, so nothing is thinned
        replace(r, verdict=replace(r.verdict, rule_version=n)) for n, r in enumerate(records)
    ]
    with Store.open(":memory:") as store:
        number = begin(store)
        store.save(number, records)
        found = store.records(number)
    expected = tuple(
        replace(r, bundle=tuple(_to_microseconds(m) for m in r.bundle)) for r in records
    )
    assert found == expected


def test_times_beyond_all_measure_are_kept() -> None:
    """An infinite time is stored as it is, not refused and not rounded."""
    odd = replace(measurement(), duration_s=float("inf"), monotonic_s=1e300)
    record = replace(good(), bundle=(odd,))
    with Store.open(":memory:") as store:
        assert store.records(whole_round(store, [record])) == (record,)


def test_first_look_and_failures_are_kept_in_full(memory: Store) -> None:
    """A first look, a failure with its follow-ups, and the first good result after it are full."""
    looks = [
        good(at=START),
        blocked(at=START + timedelta(hours=1)),
        good(at=START + timedelta(hours=2)),
    ]
    rounds = [whole_round(memory, [look], look.main.started) for look in looks]
    assert [memory.records(n)[0] for n in rounds] == looks


def test_repeated_good_results_keep_what_rules_read(memory: Store) -> None:
    """A repeated good result loses volatile headers, the body's hash, order and microseconds."""
    whole_round(memory, [good()])
    again = good(at=START + timedelta(seconds=1801, microseconds=7))
    (found,) = memory.records(whole_round(memory, [again], again.main.started))
    assert found.verdict == again.verdict
    assert found.main.started == again.main.started
    thin, full = found.main.steps, again.main.steps
    for one, other in zip(thin, full, strict=True):
        assert one.t0_s == pytest.approx(other.t0_s, abs=0.00051)
        assert one.t_s == pytest.approx(other.t_s, abs=0.00051)
    assert sorted(thin[0].answers, key=str) == sorted(full[0].answers, key=str)  # type: ignore[union-attr]
    assert isinstance(thin[2], TlsStep)
    assert thin[2] == replace(full[2], t0_s=thin[2].t0_s, t_s=thin[2].t_s)
    assert isinstance(thin[3], HttpStep)
    assert isinstance(full[3], HttpStep)
    assert thin[3].headers == tuple(h for h in full[3].headers if h[0] not in VOLATILE_HEADERS)
    assert thin[3].headers != full[3].headers
    expected = replace(
        full[3], t0_s=thin[3].t0_s, t_s=thin[3].t_s, headers=thin[3].headers, body_sha256=None
    )
    assert thin[3] == expected


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": replace(OK, mechanism="dns.diff")},
        {"verdict": replace(OK, rule_id="ok.handshake")},
        {"verdict": replace(OK, rule_version=2)},
        {"verdict": replace(OK, state=State.INVALID)},
        {"bundle": (replace(measurement(), variant=Variant.RETEST),)},
        {"bundle": (measurement(), measurement(variant=Variant.DOH))},
        {"bundle": (replace(measurement(), outcome=Outcome.NOT_RUN, reason="day_bytes"),)},
    ],
)
def test_anything_new_is_never_thinned(memory: Store, change: dict[str, Any]) -> None:
    """Another mechanism, rule, version, state, variant or outcome is kept in full."""
    whole_round(memory, [good()])
    other = replace(good(), **change)
    assert memory.records(whole_round(memory, [other])) == (other,)


def test_contents_and_certificates_are_stored_once(memory: Store) -> None:
    """A hundred repetitions of one good result store no further content and no certificate."""
    whole_round(memory, [good(at=START)])
    whole_round(memory, [good(at=START + timedelta(seconds=1))])
    before = memory.info()
    for n in range(100):
        whole_round(memory, [good(at=START + timedelta(minutes=n))])
    after = memory.info()
    assert (after.contents, after.certificates) == (before.contents, before.certificates)
    assert after.measurements == before.measurements + 100


def test_a_huge_certificate_is_not_stored(memory: Store) -> None:
    """A certificate of 1 MB leaves its hash in the evidence and nothing else."""
    whole = measurement()
    tls = whole.steps[2]
    assert isinstance(tls, TlsStep)
    huge = replace(tls, chain=(b"x" * 1_000_000, tls.chain[1]))
    record = replace(
        good(), bundle=(replace(whole, steps=(*whole.steps[:2], huge, whole.steps[3])),)
    )
    (found,) = memory.records(whole_round(memory, [record]))
    step = found.main.steps[2]
    assert isinstance(step, TlsStep)
    assert step.chain == (tls.chain[1],)
    assert MAX_CERTIFICATE < 1_000_000
    assert memory.verify() == []


def test_one_endpoint_twice_in_a_round(memory: Store) -> None:
    """A second look at an endpoint in one round is a second record, in order."""
    looks = [good(at=START), blocked(at=START + timedelta(seconds=90))]
    number = begin(memory)
    memory.save(number, looks[:1])
    memory.save(number, looks[1:])
    assert list(memory.records(number)) == looks
    assert [j.state for j in memory.judged()] == [State.OK, State.BLOCKED]


def test_judged_rows_carry_the_round(memory: Store) -> None:
    """A verdict as a series reads it has its own time, the line, controls and gates."""
    number = begin(memory)
    record = good(at=START + timedelta(minutes=2))
    memory.save(number, [record])
    memory.end_round(number, context(bad=3, gate=GateId.CLOCK), START + timedelta(minutes=5))
    (row,) = memory.judged()
    assert (row.time, row.round, row.vantage) == (record.main.started, number, LINE.id)
    assert (row.network, row.tz, row.utc_offset_s) == ("AS64500/fixed", "Asia/Tehran", 12_600)
    assert (row.service, row.endpoint, row.role) == ("chat", record.endpoint, Role.MESSAGES)
    assert (row.state, row.mechanism, row.rule_id) == (State.OK, "ok", OK.rule_id)
    assert row.control_bad == pytest.approx(0.3)
    assert row.gates == ("clock",)


def test_judged_selects_by_service_endpoint_and_time(memory: Store) -> None:
    """Only the asked service, endpoint and half-open span come back."""
    for n in range(4):
        at = START + timedelta(hours=n)
        whole_round(memory, [good("chat.example", at=at), good("shop.example", at=at)], at)
    assert {j.service for j in memory.judged(service="shop")} == {"shop"}
    assert len(list(memory.judged(endpoint=good().endpoint))) == 4
    assert list(memory.judged(service="none")) == []
    span = memory.judged(since=START + timedelta(hours=1), until=START + timedelta(hours=3))
    assert sorted({j.time for j in span}) == [START + timedelta(hours=h) for h in (1, 2)]
    rounds = memory.rounds(since=START + timedelta(hours=3))
    assert [r.started for r in rounds] == [START + timedelta(hours=3)]


def test_more_rounds_than_one_batch(memory: Store) -> None:
    """Iterators go on past the first batch, also while somebody writes."""
    for n in range(70):
        whole_round(memory, [good(at=START + timedelta(minutes=n))], START + timedelta(minutes=n))
    seen = 0
    for _ in memory.judged():
        seen += 1
        if seen == 1:
            memory.add_note(Note(time=START, kind=NoteKind.SLOW))
    assert seen == 70
    assert [r.id for r in memory.rounds()] == list(range(1, 71))


def test_a_clock_set_back_breaks_nothing(memory: Store) -> None:
    """Rounds keep their order of taking, and the times that they were told."""
    late, early = START + timedelta(days=1), START
    first = whole_round(memory, [good(at=late)], late)
    second = whole_round(memory, [good(at=early)], early)
    third = begin(memory, late)
    memory.end_round(third, context(), early)  # set back while it ran
    assert first < second < third
    assert [r.started for r in memory.rounds()] == [late, early, late]
    assert [j.time for j in memory.judged()] == [late, early]
    assert [j.round for j in memory.judged(since=late)] == [first]
    assert memory.verify() == []


def test_verdicts_can_be_made_again(memory: Store) -> None:
    """Replacing verdicts touches no evidence and no digest, and needs one for each record."""
    records = [good("chat.example"), good("shop.example")]
    number = whole_round(memory, records)
    head = memory.info().chain_head
    memory.replace_verdicts(number, [OK, BLOCKED])
    found = memory.records(number)
    assert [r.verdict for r in found] == [OK, BLOCKED]
    assert [r.bundle for r in found] == [r.bundle for r in records]
    assert memory.last_verdicts()[records[1].endpoint] == BLOCKED
    assert memory.info().chain_head == head
    assert memory.verify() == []
    with pytest.raises(ValueError, match="2 records"):
        memory.replace_verdicts(number, [OK])


def test_last_verdicts_are_of_own_rounds(memory: Store) -> None:
    """The last verdict is that of the newest own round; imported rounds do not count."""
    whole_round(memory, [good()])
    whole_round(memory, [blocked()])
    memory.import_round(
        vantage=Vantage(id="elsewhere"),
        network=Network(asn=1),
        plan="ooni",
        started=START,
        ended=START,
        records=[good(), good("other.example")],
        imported_from="ooni:file.jsonl",
    )
    assert memory.last_verdicts() == {good().endpoint: BLOCKED}


def test_own_past_is_the_newest_good_result(memory: Store) -> None:
    """The own past has what was expected, from before the time asked, and never from elsewhere."""
    for hour, record in enumerate((good, good, blocked)):
        at = START + timedelta(hours=hour)
        whole_round(memory, [record(at=at)], at)
    past = memory.own_past(good().endpoint, START + timedelta(hours=3))
    assert past is not None
    assert past.kind is ControlKind.OWN_PAST
    assert past.observed == START + timedelta(hours=1)
    assert set(past.addresses) == {"93.184.216.12", "93.184.216.7"}
    assert (past.issuer, past.status, past.title) == (
        "CN=Example CA",
        200,
        "Welcome to chat.example",
    )
    assert memory.own_past(good().endpoint, START) is None
    assert memory.own_past("nothing", START + timedelta(hours=3)) is None


def test_own_past_gathers_the_addresses_of_a_content_network(memory: Store) -> None:
    """Answers that rotate are all known from the past."""
    for n in range(5):
        record = good(at=START + timedelta(hours=n))
        dns = record.main.steps[0]
        turned = replace(dns, answers=(replace(dns.answers[0], address=f"93.184.216.{20 + n}"),))  # type: ignore[union-attr]
        main = replace(record.main, steps=(turned, *record.main.steps[1:]))
        whole_round(memory, [replace(record, bundle=(main,))], main.started)
    past = memory.own_past(good().endpoint, START + timedelta(days=1))
    assert past is not None
    assert set(past.addresses) == {f"93.184.216.{20 + n}" for n in range(5)}


def test_own_past_is_not_what_failed_first(memory: Store) -> None:
    """A look that failed teaches nothing of the service, also when its follow-ups passed."""
    record = blocked()
    whole_round(memory, [replace(record, verdict=OK)])
    assert memory.own_past(record.endpoint, START + timedelta(days=1)) is None


def test_own_past_is_forgotten(memory: Store) -> None:
    """A good result of more than 30 days ago says nothing of today."""
    whole_round(memory, [good()])
    assert memory.own_past(good().endpoint, START + timedelta(days=29)) is not None
    assert memory.own_past(good().endpoint, START + timedelta(days=31)) is None


def test_imported_rounds_stand_apart(memory: Store) -> None:
    """A foreign round has its provenance, its zone and its link, and spends no budget."""
    number = memory.import_round(
        vantage=Vantage(id="ooni-AS1-IR", country="IR", tz="Asia/Tehran"),
        network=Network(asn=1),
        plan="ooni",
        started=START,
        ended=START + timedelta(hours=1),
        records=[good()],
        imported_from="ooni:file.jsonl",
    )
    (row,) = memory.rounds()
    assert (row.id, row.vantage, row.imported_from) == (number, "ooni-AS1-IR", "ooni:file.jsonl")
    (judged,) = memory.judged()
    assert (judged.tz, judged.utc_offset_s) == ("Asia/Tehran", 12_600)
    assert memory.has_import("ooni:file.jsonl")
    assert not memory.has_import("ooni:other.jsonl")
    assert memory.bytes_used(START - timedelta(days=1), START + timedelta(days=1)) == 0
    assert memory.vantage() is None
    assert memory.info().links == 1
    assert memory.verify() == []


def test_bytes_are_counted_by_the_hour(memory: Store) -> None:
    """Budgets see every byte of the hours that they touch."""
    whole_round(memory, [good(at=START), good("b.example", at=START + timedelta(hours=2))])
    one = measurement().bytes_sent + measurement().bytes_received
    assert memory.bytes_used(START, START + timedelta(hours=1)) == one
    assert memory.bytes_used(START + timedelta(minutes=30), START + timedelta(hours=3)) == 2 * one
    assert memory.bytes_used(START + timedelta(hours=3), START + timedelta(hours=9)) == 0


def test_notes_come_back_by_time(memory: Store) -> None:
    """Notes are kept as told and listed by time within the span."""
    notes = [
        Note(time=START + timedelta(hours=h), kind=kind, service=service, text=text)
        for h, kind, service, text in (
            (2, NoteKind.CALL_FAILED, "chat", "no ring"),
            (1, NoteKind.OTHER, None, "سلام"),
            (3, NoteKind.SLOW, "chat", ""),
        )
    ]
    for note in notes:
        memory.add_note(note)
    assert memory.notes() == (notes[1], notes[0], notes[2])
    assert memory.notes(START + timedelta(hours=2), START + timedelta(hours=3)) == (notes[0],)


def test_the_own_vantage_can_change(memory: Store) -> None:
    """A new vantage is used from now on; rounds keep the one that they were taken from."""
    assert memory.vantage() is None
    first = whole_round(memory, [good()])
    memory.save_vantage(replace(LINE, label="work"))
    assert memory.vantage() == replace(LINE, label="work")
    other = Vantage(id="aa", tz="Asia/Yangon")
    memory.save_vantage(other)
    assert memory.vantage() == other
    assert next(memory.rounds()).vantage == LINE.id
    assert first == 1


def test_a_round_belongs_to_a_known_vantage(memory: Store) -> None:
    """A round of a vantage that was never described is refused."""
    with pytest.raises(StoreError, match="never saved"):
        begin_unknown(memory)


def begin_unknown(store: Store) -> int:
    """Begin a round of nobody."""
    return store.begin_round(
        vantage="nobody", plan="core", started=START, catalog_digest="", network=NETWORK
    )


def test_closed_and_missing_rounds_take_nothing(memory: Store) -> None:
    """Nothing can be added to a round that is closed or not there."""
    number = whole_round(memory, [good()])
    with pytest.raises(StoreError, match="closed"):
        memory.save(number, [good()])
    with pytest.raises(StoreError, match="no round 99"):
        memory.save(99, [good()])
    with pytest.raises(StoreError, match="closed"):
        memory.end_round(number, context(), START)


def test_a_batch_is_kept_whole_or_not_at_all(memory: Store) -> None:
    """A batch that cannot be stored leaves nothing, and the next one is stored as if alone."""
    number = begin(memory)
    with pytest.raises(ValueError, match="without a measurement"):
        memory.save(number, [good("new.example"), replace(good(), bundle=())])
    assert memory.records(number) == ()
    assert memory.info().contents == 0
    memory.save(number, [good("new.example")])
    memory.save(number, [])
    assert memory.records(number) == (good("new.example"),)
    assert memory.verify() == []


def test_a_round_row_has_its_context(memory: Store) -> None:
    """A round comes back with its context, network and times."""
    number = whole_round(memory, [good()])
    (row,) = memory.rounds()
    assert row.id == number
    assert row.context == context()
    assert row.network == NETWORK
    assert (row.started, row.ended) == (START, START + timedelta(minutes=5))
    assert row.imported_from is None


@given(verdict=structs(Verdict))
@settings(max_examples=15)
def test_any_verdict_comes_back(verdict: Verdict) -> None:
    """Any verdict is stored once and comes back as it was."""
    with Store.open(":memory:") as store:
        record = replace(good(), verdict=verdict)
        number = whole_round(store, [record, replace(record, endpoint="twice")])
        assert {r.verdict for r in store.records(number)} == {verdict}


def test_times_are_exact_to_the_microsecond(memory: Store) -> None:
    """A start at the last microsecond of 1969 or of 2099 comes back exactly."""
    for at in (
        datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(2099, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    ):
        number = whole_round(memory, [good(at=at)], at)
        assert memory.records(number)[0].main.started == at
