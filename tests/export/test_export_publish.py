"""What is made for others: nothing by which a person, a line or a small network can be found."""

import csv
import io
import json
import os
import stat
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from msgspec.structs import replace
from store_records import (
    LINE,
    START,
    blocked,
    context,
    good,
    good_steps,
    measurement,
    whole_round,
)

from probe.export.job import Job, to_folder, to_stream
from probe.export.kinds import Form, What
from probe.export.publish import Publisher, published
from probe.model.measurement import HttpStep, TlsStep
from probe.model.selection import Selection
from probe.model.vantage import Access, Network, Vantage
from probe.store.database import MEMORY, Store

HOUR = timedelta(hours=1)
NOW = START + timedelta(days=9)
CROWDED = Network(asn=64500, name="Example Net", access=Access.FIXED)
LONELY = Network(asn=64999, name="Village Net", access=Access.MOBILE)
PRIVATE = ("home", "secret-line", "village", "Village Net", "64999", "ab" * 16)


def crowd() -> Store:
    """Return a store of three lines in one network, and one line alone in another."""
    store = Store.open(MEMORY)
    lines = [
        (LINE, CROWDED),
        (Vantage(id="secret-line-2", label="home", country="IR", tz="Asia/Tehran"), CROWDED),
        (Vantage(id="secret-line-3", label="home", country="IR", tz="Asia/Tehran"), CROWDED),
        (Vantage(id="village", label="home", country="IR", tz="Asia/Tehran"), LONELY),
    ]
    for hour in range(3):
        at = START + hour * HOUR + timedelta(minutes=17, seconds=5)
        for place, (vantage, network) in enumerate(lines):
            store.import_round(
                vantage=vantage,
                network=replace(network, gateway="ab" * 16),
                plan="core",
                started=at,
                ended=at + timedelta(minutes=5),
                records=[blocked("news.example", at=at), good("chat.example", at=at)],
                imported_from=f"bundle:{place}:{hour}",
                context=replace(context(at), network=network),
            )
    return store


def rows(store: Store, what: What, **rest: object) -> list[dict[str, str]]:
    out = io.BytesIO()
    wanted = Job(
        what=what,
        form=Form.CSV,
        chosen=Selection(),
        query={},
        publish=True,
        **rest,  # type: ignore[arg-type]
    )
    to_stream(wanted, store, out, now=NOW, dice=Random(1))
    text = out.getvalue().decode()
    assert not [word for word in PRIVATE if word in text]
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("what", [What.VERDICTS, What.MEASUREMENTS])
def test_hours_new_names_and_no_network_of_one(what: What) -> None:
    """Local hours (UTC+03:30), lines numbered anew, a network only where three lines are."""
    found = rows(crowd(), what)
    assert {row["time"][14:] for row in found} == {"30:00.000000Z"}
    assert {row["vantage"] for row in found} == {"line1", "line2", "line3", "line4"}
    networks = {row["vantage"]: row["network"] for row in found}
    assert sorted(networks.values()) == ["AS0/mobile", *["AS64500/fixed"] * 3]
    assert not {"round", "record", "source", "digest", "sentence"} & set(found[0])


def test_the_number_of_a_line_does_not_say_whose_store_it_was() -> None:
    """The own line is the first that a store knows; each export deals the numbers out anew."""
    rounds = list(crowd().scan.rounds(Selection()))
    numbers = {Publisher(rounds, dice=Random(seed)).line(LINE.id) for seed in range(20)}
    assert numbers == {"line1", "line2", "line3", "line4"}


def test_a_question_does_not_name_what_the_rows_do_not(tmp_path: Path) -> None:
    """Lines and networks that were chosen by name; and the day of the export is enough."""
    query = {"vantages": ["village"], "networks": ["AS64999/mobile"], "services": ["chat.example"]}
    chosen = Selection(vantages=frozenset({"village"}), networks=frozenset({"AS64999/mobile"}))
    wanted = Job(what=What.VERDICTS, form=Form.CSV, chosen=chosen, query=query, publish=True)
    late = NOW + timedelta(hours=7, minutes=12)
    to_folder(wanted, crowd(), tmp_path / "p", now=late, dice=Random(1))
    text = (tmp_path / "p" / "datapackage.json").read_text()
    assert not [word for word in ("village", "64999") if word in text]
    assert json.loads(text)["probe"]["query"] == {"services": ["chat.example"]}
    assert json.loads(text)["created"].endswith("T00:00:00Z")


def test_the_head_of_an_answer_tells_neither_the_second_nor_the_machine() -> None:
    """``Date`` would undo the whole hours, and a cache's name the place."""
    step = good_steps("chat.example")[3]
    assert isinstance(step, HttpStep)
    headers = (
        ("date", "Sun, 01 Mar 2026 00:17:05 GMT"),
        ("server", "nginx"),
        ("Via", "1.1 cache-thr4711 (Varnish)"),
        ("x-cache", "HIT from edge.teheran.example"),
        ("retry-after", "Sun, 01 Mar 2026 00:18:00 GMT"),
    )
    told = published(replace(measurement(), steps=(replace(step, headers=headers),)))
    assert isinstance(told.steps[0], HttpStep)
    assert told.steps[0].headers == (("server", "nginx"),)


@pytest.mark.parametrize("what", [Form.CSV, Form.OONI])
def test_a_certificate_that_one_machine_trusts_is_not_told(what: Form) -> None:
    """An antivirus makes its key on the machine; what the world distrusts alike stays evidence."""
    steps = good_steps("chat.example")
    tls = steps[2]
    assert isinstance(tls, TlsStep)
    assert tls.certificate is not None
    unknown = "ssl_unknown_authority"
    store = Store.open(MEMORY)
    for system, name in ((None, "Acme Desk 7"), (unknown, "Great Firewall CA")):
        check = replace(
            tls.certificate, packaged=unknown, system=system, issuer=f"CN={name}",
            leaf_sha256=name.encode().hex(),
        )  # fmt: skip
        record = good("chat.example")
        looked = replace(
            measurement(), steps=(*steps[:2], replace(tls, certificate=check, chain=()))
        )
        whole_round(store, [replace(record, bundle=(looked,))])
    out = io.BytesIO()
    wanted = Job(what=What.MEASUREMENTS, form=what, chosen=Selection(), query={}, publish=True)
    to_stream(wanted, store, out, now=NOW, dice=Random(1))
    assert b"Acme" not in out.getvalue()
    assert b"Acme".hex().encode() not in out.getvalue()
    if what is Form.CSV:
        assert b"Great Firewall CA" in out.getvalue()


def test_with_a_larger_k_nobody_is_named() -> None:
    """Four lines are asked for, three are there."""
    assert {row["network"] for row in rows(crowd(), What.VERDICTS, k=4)} == {
        "AS0/fixed",
        "AS0/mobile",
    }


def test_k_of_one_protects_nobody() -> None:
    """It is refused."""
    with pytest.raises(ValueError, match="at least 2"):
        Publisher([], dice=Random(1), k=1)


def test_edges_of_intervals_move_out_to_whole_hours() -> None:
    """Never inwards: an edge is not known better than it is told."""
    found = rows(crowd(), What.INTERVALS)
    names = ("start", "start_earliest", "start_latest", "end", "end_earliest", "end_latest")
    assert {row[name][14:] for row in found for name in names} == {"30:00.000000Z"}
    first = min(row["start_earliest"] for row in found)
    last = max(row["end_latest"] for row in found)
    assert first == "2026-02-28T23:30:00.000000Z"
    assert last == "2026-03-01T02:30:00.000000Z"


def test_steps_of_a_grid_name_no_line() -> None:
    """Series are told under the names of this export."""
    assert {row["vantage"] for row in rows(crowd(), What.GRID)} <= {f"line{n}" for n in range(1, 5)}


def test_own_bridges_are_not_published() -> None:
    """In no table; a plain export, for oneself, has them."""
    store = crowd()
    store.import_round(
        vantage=LINE,
        network=CROWDED,
        plan="core",
        started=START,
        ended=START,
        records=[good("private.example")],
        imported_from="bundle:9:9",
    )
    for what in (What.VERDICTS, What.MEASUREMENTS, What.INTERVALS, What.GRID, What.EVENTS):
        out = io.BytesIO()
        wanted = Job(what=what, form=Form.CSV, chosen=Selection(), query={}, publish=True)
        to_stream(wanted, store, out, now=NOW, dice=Random(1))
        assert b"private" not in out.getvalue()
    out = io.BytesIO()
    wanted = Job(what=What.VERDICTS, form=Form.CSV, chosen=Selection(), query={})
    to_stream(wanted, store, out, now=NOW, dice=Random(1))
    assert b"private" in out.getvalue()


def test_the_last_day_is_held_back() -> None:
    """Who measures now is nobody's business: rows of the last 24 hours are not there."""
    out = io.BytesIO()
    wanted = Job(what=What.VERDICTS, form=Form.CSV, chosen=Selection(), query={}, publish=True)
    recent = START + timedelta(hours=25, minutes=30)
    to_stream(wanted, crowd(), out, now=recent, dice=Random(1))
    times = {line.split(",")[0] for line in out.getvalue().decode().splitlines()[1:]}
    assert times == {"2026-02-28T23:30:00.000000Z", "2026-03-01T00:30:00.000000Z"}


@pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX's")
@pytest.mark.parametrize(("publish", "mode"), [(True, 0o755), (False, 0o700)])
def test_only_what_is_published_can_be_read_by_others(
    tmp_path: Path, publish: bool, mode: int
) -> None:
    """An export for oneself holds exact times and the names of lines."""
    wanted = Job(what=What.VERDICTS, form=Form.CSV, chosen=Selection(), query={}, publish=publish)
    to_folder(wanted, crowd(), tmp_path / "p", now=NOW, dice=Random(1))
    assert stat.S_IMODE((tmp_path / "p").stat().st_mode) == mode


def test_what_was_taken_out_is_said(tmp_path: Path) -> None:
    """In the data dictionary, with a count where there is one; the chain's head is not in it."""
    wanted = Job(
        what=What.VERDICTS, form=Form.CSV, chosen=Selection(), query={"publish": True}, publish=True
    )
    _, removed = to_folder(wanted, crowd(), tmp_path / "p", now=NOW, dice=Random(1))
    package = json.loads((tmp_path / "p" / "datapackage.json").read_text())
    assert package["probe"]["chain_head"] is None
    told = package["probe"]["removed"]
    assert [one["what"] for one in told] == [one.what for one in removed]
    assert next(one["count"] for one in told if "network of rounds" in one["what"]) == 3
    assert "digest" not in [f["name"] for f in package["resources"][0]["schema"]["fields"]]


def test_oonis_lines_are_published_alike() -> None:
    """Start times of the hour, no pseudonym of a line, no AS of one; numbers tie nothing."""
    lines = []
    for seed in (1, 2):
        out = io.BytesIO()
        wanted = Job(
            what=What.MEASUREMENTS, form=Form.OONI, chosen=Selection(), query={}, publish=True
        )
        to_stream(wanted, crowd(), out, now=NOW, dice=Random(seed))
        assert not [word for word in PRIVATE if word in out.getvalue().decode()]
        lines.append([json.loads(line) for line in out.getvalue().splitlines()])
    assert {line["measurement_start_time"][14:] for line in lines[0]} == {"30:00"}
    assert {line["probe_asn"] for line in lines[0]} == {"AS64500", "AS0"}
    assert not {a["report_id"] for a in lines[0]} & {b["report_id"] for b in lines[1]}
