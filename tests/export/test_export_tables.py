"""The tables of stored rows: every column described, every row what the store says of it."""

import csv
import io
import json
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from msgspec.structs import replace
from store_records import BLOCKED, START, good, whole_round

from probe.errors import InputError
from probe.export.job import Job, to_folder, to_stream
from probe.export.kinds import Form, What
from probe.export.package import file_sha256
from probe.model.measurement import HttpStep
from probe.model.selection import Selection
from probe.model.verdict import State
from probe.store.database import MEMORY, Store

NOW = START + timedelta(days=30)


def job(what: What, form: Form = Form.CSV, **rest: object) -> Job:
    chosen = rest.pop("chosen", Selection())
    assert isinstance(chosen, Selection)
    return Job(what=what, form=form, chosen=chosen, query={"table": what.value}, **rest)  # type: ignore[arg-type]


def text(store: Store, wanted: Job) -> str:
    out = io.BytesIO()
    to_stream(wanted, store, out, now=NOW, dice=Random(1))
    return out.getvalue().decode()


def rows(store: Store, wanted: Job) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text(store, wanted), newline=""), strict=True))


def test_a_verdict_a_row(store: Store) -> None:
    """Time, place, rule and words; the label of the line and its gateway are nowhere."""
    found = rows(store, job(What.VERDICTS, categories={"news": "news"}))
    assert len(found) == 10
    first = next(row for row in found if row["service"] == "news")
    assert first["time"] == "2026-03-01T00:00:00.000000Z"
    assert first["category"] == "news"
    assert (first["state"], first["mechanism"]) == ("blocked", "tls.reset.sni")
    assert (first["rule_id"], first["rule_version"]) == (BLOCKED.rule_id, "2")
    assert (first["country"], first["network"], first["asn"]) == ("IR", "AS64500/fixed", "64500")
    assert first["source"] == "own"
    assert len(first["digest"]) == 64
    whole = text(store, job(What.VERDICTS))
    assert "home" not in whole
    assert "ab" * 16 not in whole


def test_a_look_a_row_with_what_its_steps_came_to(store: Store) -> None:
    """First looks and follow-ups: where it failed, what answered, whose certificate."""
    found = rows(store, job(What.MEASUREMENTS))
    assert len(found) == 5 * 4
    looks = [row for row in found if row["round"] == "1" and row["service"] == "news"]
    assert [row["variant"] for row in looks] == ["main", "retest", "neutral_sni"]
    main = looks[0]
    assert (main["failure"], main["failed_operation"]) == ("connection_reset", "tls")
    assert main["answers"].split() == sorted(main["answers"].split(), key=main["answers"].index)
    assert main["address"] == "93.184.216.12"
    assert (main["bytes_sent"], main["bytes_received"]) == ("900", "19000")
    good_one = next(row for row in found if row["service"] == "chat")
    assert good_one["http_title"] == "Welcome to chat.example"
    assert (good_one["tls_certificate"], good_one["http_status"]) == ("valid", "200")


def test_what_is_chosen_is_what_comes(store: Store) -> None:
    """State, service and time choose the rows of every form alike."""
    chosen = Selection(states=frozenset({State.BLOCKED}), since=START + timedelta(hours=3))
    assert len(rows(store, job(What.VERDICTS, chosen=chosen))) == 2
    assert len(rows(store, job(What.MEASUREMENTS, chosen=chosen))) == 6
    lines = text(store, job(What.VERDICTS, Form.JSONL, chosen=chosen)).splitlines()
    assert {json.loads(line)["service"] for line in lines} == {"news"}


@pytest.mark.parametrize("what", list(What))
@pytest.mark.parametrize("form", [Form.CSV, Form.JSON, Form.JSONL])
def test_an_empty_store_gives_an_empty_table(what: What, form: Form) -> None:
    """A header and nothing else, an empty array, no line: never an error."""
    with Store.open(MEMORY) as empty:
        found = text(empty, job(what, form))
    lines = {Form.CSV: 1, Form.JSON: 1, Form.JSONL: 0}
    assert len(found.splitlines()) == lines[form]


@pytest.mark.parametrize("what", list(What))
def test_every_table_has_its_columns_in_every_row(store: Store, what: What) -> None:
    """What the dictionary describes is what the rows hold, in that order."""
    lines = text(store, job(what, Form.JSONL)).splitlines()
    header = text(store, job(what)).splitlines()[0].split(",")
    assert all(list(json.loads(line)) == header for line in lines)
    if what is not What.EVENTS:
        assert lines


def test_the_folder_explains_itself(store: Store, tmp_path: Path) -> None:
    """datapackage.json: columns with words, the query, versions, checksums that are right."""
    folder = tmp_path / "out" / "verdicts"
    count, removed = to_folder(
        job(What.VERDICTS, catalog_digest="c" * 64), store, folder, now=NOW, dice=Random(1)
    )
    assert (count, removed) == (10, ())
    package = json.loads((folder / "datapackage.json").read_text())
    (resource,) = package["resources"]
    assert resource["hash"] == f"sha256:{file_sha256(folder / resource['path'])}"
    assert resource["bytes"] == (folder / resource["path"]).stat().st_size
    header = (folder / "verdicts.csv").read_text().splitlines()[0].split(",")
    assert [field["name"] for field in resource["schema"]["fields"]] == header
    assert all(field["description"].endswith(".") for field in resource["schema"]["fields"])
    assert package["probe"]["query"] == {"table": "verdicts"}
    assert package["probe"]["rows"] == 10
    assert package["probe"]["chain_head"] == store.info().chain_head
    assert package["created"] == "2026-03-31T00:00:00Z"
    assert sorted(path.name for path in folder.parent.iterdir()) == ["verdicts"]


def test_nothing_is_written_over(store: Store, tmp_path: Path) -> None:
    """A folder that is there stays as it is."""
    (tmp_path / "kept").write_text("mine")
    with pytest.raises(InputError, match="nothing is written over"):
        to_folder(job(What.VERDICTS), store, tmp_path, now=NOW, dice=Random(1))
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_a_broken_export_leaves_no_folder(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it, or nothing: not even a part under another name."""

    def broken(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("probe.export.job.write_csv", broken)
    with pytest.raises(KeyboardInterrupt):
        to_folder(job(What.VERDICTS), store, tmp_path / "x", now=NOW, dice=Random(1))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("wanted", "mend"),
    [
        (job(What.VERDICTS, Form.OONI), "measurements --format ooni"),
        (
            job(What.GRID, chosen=Selection(states=frozenset({State.OK}))),
            "export verdicts or measurements",
        ),
        (job(What.SAMPLES, publish=True), "export grid"),
        (job(What.GRID, publish=True, step=timedelta(minutes=15)), "--step 1h"),
        (job(What.VERDICTS, Form.PARQUET), "--out"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_mend(store: Store, wanted: Job, mend: str) -> None:
    """Before anything is written."""
    with pytest.raises(InputError) as caught:
        text(store, wanted)
    assert mend in str(caught.value)


def test_titles_of_strangers_stay_in_their_cell(store: Store) -> None:
    """A hostile title neither ends a row nor begins a formula."""
    at = START + timedelta(hours=9)
    bad = good("chat.example", at=at)
    *before, page = bad.main.steps
    assert isinstance(page, HttpStep)
    hostile = replace(page, title='=cmd|" /C calc"!A0\r\nnext,row')
    whole_round(store, [replace(bad, bundle=(replace(bad.main, steps=(*before, hostile)),))], at)
    found = rows(store, job(What.MEASUREMENTS))
    assert len(found) == 21
    assert found[-1]["http_title"] == '\'=cmd|" /C calc"!A0\r\nnext,row'
