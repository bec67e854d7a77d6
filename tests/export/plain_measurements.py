"""Measurements as rows the plain way, one by one: what the fast way must say to the byte.

And a store in which every odd case is: what exports of columns could get wrong.
"""

from datetime import timedelta
from typing import Any

from msgspec.structs import replace
from store_records import NETWORK, START, blocked, cut, good, measurement, whole_round

from probe.export.household import shown_step
from probe.export.measurements import TABLE
from probe.export.publish import published_step
from probe.export.seen import came_to
from probe.export.stored import View, endpoint_cells, round_cells, verdict_cells
from probe.export.table import Cell
from probe.model.measurement import HttpStep, Measurement, Outcome, Variant
from probe.model.record import Record
from probe.model.selection import Selection
from probe.model.times import microseconds
from probe.model.vantage import Network, Vantage
from probe.store.codes import OUTCOME, VARIANT
from probe.store.database import MEMORY, Store
from probe.store.evidence import read_trace
from probe.store.scan import EndpointFacts, RoundFacts

HOUR = timedelta(hours=1)
TITLES = (
    '=cmd|" /C calc"!A0\r\nnext,row',
    "nul\0inside",
    "\u202ertl, \u00e9\u4e2d\U0001f600",
    "-1",
)


def odd_store() -> Store:
    """Return own rounds of two months, others' rounds of two countries, and what is odd."""
    store = Store.open(MEMORY)
    for hour in range(5):
        at = START + hour * HOUR + timedelta(microseconds=123_456 * hour)
        whole_round(store, [blocked("news.example", at=at), good("chat.example", at=at)], at)
    at = START + timedelta(days=31)
    whole_round(store, [_titled(title, number) for number, title in enumerate(TITLES)], at)
    whole_round(store, [_with(one) for one in _odd_looks()], at + HOUR)
    for place, (name, country) in enumerate((("b", "IR"), ("c", "IR"), ("d", "TM"))):
        for later in (timedelta(minutes=7), timedelta(days=31, minutes=59)):
            store.import_round(
                vantage=Vantage(id=name, country=country, tz="Asia/Ashgabat"),
                network=Network(asn=64511) if country == "TM" else replace(NETWORK, gateway=None),
                plan="core",
                started=START + later,
                ended=START + later + HOUR,
                records=[good("mail.example", at=START + later), blocked(at=START + later)],
                imported_from=f"ooni:{name},{place}:{later}",
            )
    with store._database.writing() as connection:  # as a damaged store may be
        connection.exec_driver_sql("DELETE FROM verdict WHERE round_id=2 AND no=0")
    return store


def _with(*looks: Measurement) -> Record:
    return replace(good(), endpoint=looks[0].endpoint, service=looks[0].service, bundle=looks)


def _titled(title: str, number: int) -> Record:
    look = measurement("chat.example", at=START + timedelta(days=31, seconds=number))
    *before, page = look.steps
    assert isinstance(page, HttpStep)
    return _with(replace(look, steps=(*before, replace(page, title=title))))


def _odd_looks() -> list[Measurement]:
    """Return looks without steps, with very many, with numbers that do not fit, not run."""
    whole = measurement(at=START + timedelta(days=31, hours=1))
    many = tuple(
        [
            replace(whole.steps[0], hostname=f"n{n}", t0_s=n / 1e3, t_s=(n + 1) / 1e3)
            for n in range(20)
        ]
    )
    backwards = tuple(reversed(whole.steps))
    return [
        replace(whole, steps=(), duration_s=0.0),
        replace(whole, steps=(), outcome=Outcome.NOT_RUN, reason='budget, "spent"\r\n=1'),
        replace(whole, steps=(), outcome=Outcome.NOT_MEASURED_YET, reason=""),
        replace(whole, steps=whole.steps[:1], outcome=Outcome.INTERRUPTED, reason="stopped"),
        replace(whole, steps=many, duration_s=0.123456),
        replace(whole, steps=many[:9]),
        replace(whole, steps=many[:10]),
        replace(whole, duration_s=float("inf")),
        replace(whole, duration_s=5_000.000001, bytes_sent=2**40, bytes_received=2**33),
        replace(whole, steps=backwards, variant=Variant.OTHER_FAMILY),
        replace(cut(whole), duration_s=0.0),
    ]


def plain_rows(store: Store, chosen: Selection, view: View) -> list[list[Cell]]:
    """Return the rows of ``TABLE``, read and made one by one."""
    rounds = {facts.id: facts for facts in store.scan.rounds(Selection())}
    with store._database.reading() as connection:
        looks = connection.exec_driver_sql(
            "SELECT m.*, v.ruling_id FROM measurement m LEFT JOIN verdict v"
            " ON v.round_id=m.round_id AND v.no=m.no ORDER BY m.round_id, m.no, m.seq"
        ).all()
        store._dictionary.rulings.load(connection, {look.ruling_id for look in looks} - {None})
    rows = [
        _row(store, look, rounds[look.round_id], view)
        for look in looks
        if _is_chosen(store, look, rounds[look.round_id], chosen)
    ]
    assert all(len(row) == len(TABLE.columns) for row in rows)
    return rows


def _is_chosen(store: Store, look: Any, facts: RoundFacts, chosen: Selection) -> bool:
    time = facts.started_us + look.offset_us
    said = None if look.ruling_id is None else store._dictionary.rulings.key_of(look.ruling_id)
    return (
        (chosen.since is None or time >= microseconds(chosen.since))
        and (chosen.until is None or time < microseconds(chosen.until))
        and (chosen.services is None or _endpoint(store, look).service in chosen.services)
        and (chosen.networks is None or facts.network.key in chosen.networks)
        and (chosen.vantages is None or facts.vantage in chosen.vantages)
        and (chosen.states is None or (said is not None and said.state in chosen.states))
    )


def _endpoint(store: Store, look: Any) -> EndpointFacts:
    key = store._dictionary.endpoints.key_of(look.endpoint_id)
    return EndpointFacts(
        key.name, store._dictionary.services.key_of(key.service_id), key.kind, key.role
    )


def _row(store: Store, look: Any, facts: RoundFacts, view: View) -> list[Cell]:
    told = facts if view.shown is None else view.shown(facts)
    assert told is not None
    trace = read_trace(look.trace)
    steps = store.scan.steps([number for number, _ in trace.steps])
    shown = [shown_step(steps[number]) for number, _ in trace.steps]
    time = facts.started_us + look.offset_us
    if view.grain_s:
        east, grain = told.utc_offset_s * 1_000_000, view.grain_s * 1_000_000
        time = (time + east) // grain * grain - east
    said = None if look.ruling_id is None else store._dictionary.rulings.key_of(look.ruling_id)
    return [
        time,
        *round_cells(told),
        *endpoint_cells(_endpoint(store, look), view.categories),
        look.no,
        look.seq,
        VARIANT.member(look.variant).value,
        OUTCOME.member(look.outcome).value,
        round(trace.duration_s * 1e3, 3),
        trace.bytes_sent,
        trace.bytes_received,
        trace.reason,
        *came_to([published_step(one) if view.shown else one for one in shown]),
        *verdict_cells(said),
    ]
