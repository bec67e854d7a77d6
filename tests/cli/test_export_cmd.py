"""``probe export``: what is asked for, what is refused, and what lies there afterwards."""

import csv
import hashlib
import io
import json
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from own_machine import Machine, machine
from store_records import START, blocked, good, whole_round

from probe.model.codec import encode
from probe.store.database import Store
from probe.wire.sealing import sealed

HOUR = timedelta(hours=1)


@pytest.fixture
def probe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Machine:
    """Return the command line on a machine of its own, with a store of four rounds."""
    run = machine(tmp_path, monkeypatch, capsys)
    with Store.open(tmp_path / "data" / "probe" / "probe.sqlite") as store:
        for hour in range(4):
            at = START + hour * HOUR
            records = [blocked("whatsapp.example", at=at), good("signal.example", at=at)]
            whole_round(store, records, at)
    return run


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_rows_on_stdout_words_on_stderr(probe: Machine) -> None:
    """CSV of verdicts unless something else is asked for."""
    done = probe("export")
    assert done.code == 0
    assert len(rows(done.out)) == 8
    assert "8 rows" in done.err
    assert len(json.loads(probe("export", "grid", "--format", "json").out)) > 8
    assert len(probe("export", "measurements", "-f", "ooni").out.splitlines()) == 16


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (("--service", "signal"), 4),
        (("--category", "messaging"), 8),
        (("--category", "messaging", "--service", "whatsapp"), 4),
        (("--state", "blocked"), 4),
        (("--network", "AS64500"), 8),
        (("--network", "AS64500/mobile"), 0),
        (("--vantage", "5f1c", "--since", "2026-03-01T02:00Z"), 4),
        (("--until", "2026-03-01T01:00Z"), 2),
    ],
)
def test_filters(probe: Machine, options: tuple[str, ...], count: int) -> None:
    """Each chooses, and several choose together."""
    assert len(rows(probe("export", *options).out)) == count


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--service", "signall"), "did you mean signal?"),
        (("--category", "messengers"), "did you mean"),
        (("--state", "bloked"), "did you mean blocked?"),
        (("--network", "mobile"), "AS64500 or AS64500/fixed"),
        (("--vantage", "nobody"), "there are 5f1c"),
        (("--since", "someday"), "write 2022-09-21, or 14d"),
        (("--since", "2026-03-02", "--until", "2026-03-01"), "exchange them"),
        (("--step", "7m"), "whole to a day"),
        (("--format", "parquet"), "--out"),
        (("--format", "ooni"), "measurements --format ooni"),
        (("--bundle", "x.zip", "--publish"), "leave out --publish"),
        (("--bundle", "x.zip", "--service", "signal"), "--since and --until alone"),
    ],
)
def test_a_broken_question_is_a_plain_line(
    probe: Machine, options: tuple[str, ...], words: str
) -> None:
    """Exit code 2, nothing on stdout, the mend."""
    done = probe("export", *options)
    assert (done.code, done.out) == (2, "")
    assert words in done.err


def test_an_empty_store_and_none(probe: Machine, tmp_path: Path) -> None:
    """An empty table, and a plain line."""
    empty = tmp_path / "empty.sqlite"
    Store.open(empty).close()
    done = probe("export", "--store", str(empty))
    assert (done.code, len(done.out.splitlines())) == (0, 1)
    none = probe("export", "--store", str(tmp_path / "none.sqlite"))
    assert none.code == 5
    assert "there is no store yet" in none.err


def test_a_folder_with_its_dictionary(probe: Machine, tmp_path: Path) -> None:
    """The question stands in it as it was asked."""
    out = tmp_path / "out"
    options = ("--out", str(out), "--service", "signal", "--publish")
    done = probe("export", "verdicts", *options)
    assert done.code == 0
    assert "Taken out for publishing:" in done.err
    package = json.loads((out / "datapackage.json").read_text())
    assert package["probe"]["query"]["services"] == ["signal"]
    assert package["probe"]["query"]["publish"] is True
    assert len(rows((out / "verdicts.csv").read_text())) == 4
    assert probe("export", "--out", str(out)).code == 2
    streamed = probe("export", "verdicts", "--publish")
    assert "Taken out for publishing:" in streamed.err  # to a pipe, too
    assert "Taken out" not in streamed.out
    assert "Taken out" not in probe("export", "verdicts").err


def test_the_question_says_what_a_series_is(probe: Machine, tmp_path: Path) -> None:
    """Endpoints or services: without it the same rows could not be made again."""
    for by in ("service", "endpoint"):
        out = tmp_path / by
        assert probe("export", "intervals", "--by", by, "--out", str(out)).code == 0
        package = json.loads((out / "datapackage.json").read_text())
        assert package["probe"]["query"]["by"] == by


def test_a_bundle_goes_to_another_store_and_is_known_there(probe: Machine, tmp_path: Path) -> None:
    """Out, in, again: the same timeline, and nothing twice; the key must be named."""
    path, other = str(tmp_path / "b.zip"), str(tmp_path / "other.sqlite")
    done = probe("export", "--bundle", path)
    assert done.code == 0
    key = next(word.strip(".") for word in done.err.split() if len(word.strip(".")) == 64)
    refused = probe("import", "bundle", path, "--store", other)
    assert refused.code == 2
    assert key in refused.err
    taken = probe("import", "bundle", path, "--store", other, "--key", key)
    assert "4 rounds of vantage 5f1c stored, 0 known already" in taken.err
    again = probe("import", "bundle", path, "--store", other, "--key", key)
    assert "0 rounds of vantage 5f1c stored, 4 known already" in again.err
    mine, theirs = probe("timeline", "--samples"), probe("timeline", "--samples", "--store", other)
    assert mine.out == theirs.out
    found = rows(probe("export", "--store", other).out)
    assert {row["source"].rpartition(":")[0] for row in found} == {f"bundle:{key[:16]}"}
    assert len({row["source"] for row in found}) == 4


def test_a_bundle_never_speaks_for_the_own_line_or_anothers(probe: Machine, tmp_path: Path) -> None:
    """Into its own store it does not come; a vantage has one source."""
    path = str(tmp_path / "b.zip")
    key = next(w.strip(".") for w in probe("export", "--bundle", path).err.split() if len(w) == 65)
    home = probe("import", "bundle", path, "--key", key)
    assert home.code == 2
    assert "probe store merge" in home.err
    other = str(tmp_path / "other.sqlite")
    store = str(tmp_path / "data" / "probe" / "probe.sqlite")
    assert probe("store", "merge", store, "--store", other).code == 0
    done = probe("import", "bundle", path, "--key", key, "--store", other)
    assert done.code == 2
    assert "known from another source" in done.err


def test_a_history_written_anew_is_noticed(probe: Machine, tmp_path: Path) -> None:
    """What was handed out before must be in the chain of what comes later."""
    first, second = str(tmp_path / "1.zip"), str(tmp_path / "2.zip")
    other = str(tmp_path / "other.sqlite")
    key = next(w.strip(".") for w in probe("export", "--bundle", first).err.split() if len(w) == 65)
    probe("import", "bundle", first, "--key", key, "--store", other)
    place = tmp_path / "data" / "probe" / "probe.sqlite"
    place.unlink()
    with Store.open(place) as store:
        whole_round(store, [good("signal.example", at=START + 9 * HOUR)], START + 9 * HOUR)
    probe("export", "--bundle", second)
    done = probe("import", "bundle", second, "--key", key, "--store", other)
    assert "1 rounds of vantage 5f1c stored" in done.err
    assert "4 rounds that this vantage handed out before are not in its chain" in done.err


def test_a_number_that_no_database_holds_is_a_plain_line(probe: Machine, tmp_path: Path) -> None:
    """Signed or not: what cannot be stored is said, and the rounds before it are kept."""
    path, other = tmp_path / "b.zip", str(tmp_path / "other.sqlite")
    probe("export", "--bundle", str(path))
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    first, *rest = members["rounds.jsonl"].splitlines(keepends=True)
    huge = b"".join(rest).replace(b'"bytes_sent":900', b'"bytes_sent":%d' % 2**70)
    members["rounds.jsonl"] = first + huge
    manifest = json.loads(members["manifest.json"])
    manifest["rounds_sha256"] = hashlib.sha256(members["rounds.jsonl"]).hexdigest()
    members["manifest.json"] = json.dumps(manifest).encode()
    private = (tmp_path / "data" / "probe" / "probe.sqlite.vantage-key").read_bytes()
    seal = sealed(members["manifest.json"], private, "probe-bundle-1")
    members["seal.json"] = encode(seal)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    done = probe("import", "bundle", str(path), "--store", other, "--key", seal.key)
    assert done.code == 2
    assert "cannot be stored" in done.err
    with Store.open(Path(other), readonly=True) as store:
        assert store.info().rounds == 1
        assert store.verify() == []


def test_a_store_is_merged_once(probe: Machine, tmp_path: Path) -> None:
    """Again it adds nothing; into itself, or from nothing, it is refused."""
    other = str(tmp_path / "other.sqlite")
    store = str(tmp_path / "data" / "probe" / "probe.sqlite")
    assert "4 rounds" in probe("store", "merge", store, "--store", other).err
    assert "4 rounds were there already" in probe("store", "merge", store, "--store", other).err
    assert probe("store", "merge", store).code == 2
    assert probe("store", "merge", str(tmp_path / "none")).code == 5


def test_a_timeline_comes_in_and_stands_beside_the_own(probe: Machine, tmp_path: Path) -> None:
    """Exported, renamed, imported: the series of the friend are in timeline and export."""
    text = probe("export", "samples").out.replace("5f1c", "friend")
    path = tmp_path / "friend.csv"
    path.write_bytes(text.encode())
    done = probe("import", "timeline", str(path))
    assert done.code == 0, done.err
    assert "taken in already" in probe("import", "timeline", str(path)).err
    found = rows(probe("export", "samples").out)
    mine = [row for row in found if row["vantage"] == "5f1c"]
    theirs = [{**row, "vantage": "5f1c"} for row in found if row["vantage"] == "friend"]
    assert sorted(map(str, mine)) == sorted(map(str, theirs))
    seen = rows(probe("timeline", "--output", "csv").out)
    assert {row["vantage"] for row in seen} == {"5f1c", "friend"}


def test_a_timeline_in_the_own_name_is_refused(probe: Machine, tmp_path: Path) -> None:
    """Rows about the line that measures here would be a second opinion of nobody."""
    path = tmp_path / "mine.csv"
    path.write_text(probe("export", "samples").out)
    done = probe("import", "timeline", str(path))
    assert done.code == 2
    assert "rounds of vantage 5f1c are in this store" in done.err


def test_overlays_come_in(probe: Machine, tmp_path: Path) -> None:
    """Two columns, and OONI's aggregation; what is wrong is named."""
    two, counts = tmp_path / "ioda.csv", tmp_path / "agg.csv"
    two.write_text("time,bgp\n2026-03-01T00:00Z,5\n")
    counts.write_text(
        "anomaly_count,confirmed_count,measurement_count,measurement_start_day,test_name\n"
        "1,0,2,2026-03-01,signal\n"
    )
    assert "1 samples" in probe("import", "overlay", str(two), "--name", "BGP").err
    assert "1 samples" in probe("import", "aggregation", str(counts)).err
    with Store.open(tmp_path / "data" / "probe" / "probe.sqlite", readonly=True) as store:
        assert [(one.name, one.unit) for one in store.overlays()] == [
            ("BGP", "value"),
            ("signal", "anomaly share"),
        ]
    wrong = probe("import", "overlay", str(counts), "--name", "x", "--country", "Iran")
    assert wrong.code == 2
    assert "--country" in wrong.err
    assert probe("import", "aggregation", str(two)).code == 2


def test_wiping_takes_the_key_of_the_bundles_too(probe: Machine, tmp_path: Path) -> None:
    """It signs for this line."""
    probe("export", "--bundle", str(tmp_path / "b.zip"))
    folder = tmp_path / "data" / "probe"
    assert (folder / "probe.sqlite.vantage-key").stat().st_mode & 0o077 == 0
    assert probe("store", "wipe", "--yes").code == 0
    assert not folder.exists()
