"""A timeline CSV is read row by row, and whatever is wrong with it is named."""

import io
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import probe.ingest.timeline_csv as timeline_csv
from probe.errors import InputError
from probe.export.timeline_csv import write
from probe.ingest.timeline_csv import read, read_placed
from probe.model.timeline import Absence, Sample, Series, SeriesKey, Signal

HEAD = "time,series,bad\n"
ROW = "2022-09-21T12:30:00Z,whatsapp,1\n"


def given_file(folder: Path, text: str | bytes) -> Path:
    path = folder / "t.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_the_three_required_columns_are_enough(tmp_path: Path) -> None:
    """Time, series and bad; the zone comes from the command line."""
    (series,) = read(given_file(tmp_path, HEAD + ROW), tz="Asia/Tehran")
    assert series.key == SeriesKey(subject="whatsapp")
    assert series.tz == "Asia/Tehran"
    assert series.samples == (Sample(time=datetime(2022, 9, 21, 12, 30, tzinfo=UTC), bad=True),)


def test_every_column_is_understood_in_any_order(tmp_path: Path) -> None:
    """Offsets are turned to UTC, absences typed, a row's own zone beats the command line's."""
    text = (
        "bad,Weight,series,time,tz,signal,control_bad,reason,vantage,network,mechanism,note\n"
        "0,2.5,x,2022-09-21T16:00:00+03:30,Asia/Tehran,intl,0.25,,v,AS1/mobile,,hello\n"
        ",,x,2022-09-21T17:00:00+03:30,Asia/Tehran,intl,,host_off,v,AS1/mobile,,\n"
        "1,,x,2022-09-21T18:00:00+03:30,Asia/Tehran,intl,,,v,AS1/mobile,tcp.timeout,\n"
    )
    (series,) = read(given_file(tmp_path, text), tz="UTC")
    assert series.tz == "Asia/Tehran"
    assert series.key == SeriesKey(
        vantage="v", network="AS1/mobile", subject="x", signal=Signal.INTL
    )
    good, absent, bad = series.samples
    assert good.time == datetime(2022, 9, 21, 12, 30, tzinfo=UTC)
    assert (good.weight, good.control_bad) == (2.5, 0.25)
    assert (absent.bad, absent.absence) == (None, Absence.HOST_OFF)
    assert bad.mechanism == "tcp.timeout"


def test_unsorted_rows_are_sorted_and_repeated_ones_count_once(tmp_path: Path) -> None:
    """Files are often put together by hand."""
    rows = [
        "2022-09-21T14:00:00Z,s,0\n",
        "2022-09-21T12:00:00Z,s,1\n",
        "2022-09-21T14:00:00Z,s,0\n",
        "\n",
        "2022-09-21T16:00:00+02:00,s,0\n",
    ]
    (series,) = read(given_file(tmp_path, HEAD + "".join(rows)), tz="UTC")
    assert [(s.time.hour, s.bad) for s in series.samples] == [(12, True), (14, False)]


WRONG = {
    "empty": ("", "empty file"),
    "no column": ("time,series\n", "bad: column missing"),
    "semicolons": ("time;series;bad\n", "separate columns by commas"),
    "twice": ("time,series,bad,bad\n", "column given twice"),
    "misspelt": ("time,series,bad,weigth\n", "did you mean weight?"),
    "naive": (HEAD + "2022-09-21T16:00:00,s,1\n", "add Z for UTC"),
    "date only": (HEAD + "2022-09-21,s,1\n", "has no offset"),
    "epoch": (HEAD + "1663776000.5,s,1\n", "not a time"),
    "nonsense time": (HEAD + "yesterday,s,1\n", "not a time"),
    "year": (HEAD + "9999-01-01T00:00:00Z,s,1\n", "out of range"),
    "year 1": (HEAD + "0001-01-01T00:00:00+14:00,s,1\n", "out of range"),
    "bad": (HEAD + "2022-09-21T16:00:00Z,s,yes\n", "not 1, 0 or empty"),
    "nan": (HEAD + "2022-09-21T16:00:00Z,s,nan\n", "not 1, 0 or empty"),
    "no name": (HEAD + "2022-09-21T16:00:00Z, ,1\n", "series: empty"),
    "long name": (HEAD + f"2022-09-21T16:00:00Z,{'s' * 300},1\n", "too long"),
    "escape": (HEAD + "2022-09-21T16:00:00Z,\x1b[31mred,1\n", "not printable"),
    "columns": (HEAD + "2022-09-21T16:00:00Z,s,1,1\n", "4 values where the header has 3"),
    "quote": (HEAD + '2022-09-21T16:00:00Z,"s,1\n', "not CSV"),
    "weight": ("time,series,bad,weight\n2022-09-21T16:00:00Z,s,1,nan\n", "weight: not a number"),
    "negative": ("time,series,bad,weight\n2022-09-21T16:00:00Z,s,1,-1\n", "from 0 to 1000"),
    "control": ("time,series,bad,control_bad\n2022-09-21T16:00:00Z,s,1,7\n", "from 0 to 1"),
    "retest": ("time,series,bad,retest\n2022-09-21T16:00:00Z,s,1,yes\n", "not 1, 0 or empty"),
    "reason": ("time,series,bad,reason\n2022-09-21T16:00:00Z,s,,tired\n", "use one of"),
    "signal": ("time,series,bad,signal\n2022-09-21T16:00:00Z,s,1,smoke\n", "use one of"),
    "zone": ("time,series,bad,tz\n2022-09-21T16:00:00Z,s,1,Asia/Teheran\n", "Asia/Tehran"),
    "two zones": (
        (
            "time,series,bad,tz\n2022-09-21T16:00:00Z,s,1,Asia/Tehran\n"
            "2022-09-21T17:00:00Z,s,1,Asia/Kabul\n"
        ),
        "two zones",
    ),
    "country": ("time,series,bad,country\n2022-09-21T16:00:00Z,s,1,Iran\n", "not a country"),
    "two countries": (
        "time,series,bad,country\n2022-09-21T16:00:00Z,s,1,IR\n2022-09-21T17:00:00Z,s,1,AF\n",
        "two countries",
    ),
    "contradiction": (
        HEAD + ROW + "2022-09-21T14:30:00+02:00,whatsapp,0\n",
        "says something else",
    ),
    "utf-8": (HEAD.encode() + b"2022-09-21T16:00:00Z,caf\xe9,1\n", "not UTF-8"),
    "utf-16": ((HEAD + ROW).encode("utf-16"), "not UTF-8"),
    "nul": (HEAD + "2022-09-21T16:00:00Z,a\0b,1\n", "NUL"),
    "long line": (HEAD + "2022-09-21T16:00:00Z," + "s" * 20_000, "more than 10000 bytes"),
}


@pytest.mark.parametrize(("text", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_named_with_its_mend(tmp_path: Path, text: str | bytes, said: str) -> None:
    """File, and line where there is one, are always named."""
    path = given_file(tmp_path, text)
    with pytest.raises(InputError) as caught:
        read(path, tz="UTC")
    assert said in str(caught.value)
    assert str(path) in str(caught.value)
    assert caught.value.mend or caught.value.problem.startswith("not CSV")
    if isinstance(text, str) and text.count("\n") > 1 and "contradiction" not in said:
        assert caught.value.line is not None


def test_the_line_of_the_first_wrong_row_is_given(tmp_path: Path) -> None:
    """Also after quoted line breaks and empty lines."""
    text = HEAD + ROW + "\n" + ROW.replace("12", "13") + "2022-09-21T16:00:00Z,s,2\n"
    with pytest.raises(InputError) as caught:
        read(given_file(tmp_path, text), tz="UTC")
    assert caught.value.line == 5
    assert caught.value.field == "bad"


def test_a_zone_is_needed_and_must_exist(tmp_path: Path) -> None:
    """Without a zone a daily window has no meaning."""
    path = given_file(tmp_path, HEAD + ROW)
    with pytest.raises(InputError, match="--tz Asia/Tehran"):
        read(path, tz=None)
    with pytest.raises(InputError, match="unknown time zone"):
        read(path, tz="Asia/Nowhere")


def test_a_file_that_is_not_there_or_a_folder(tmp_path: Path) -> None:
    """The system's reason is said, without a traceback."""
    with pytest.raises(InputError, match="No such file"):
        read(tmp_path / "none.csv", tz="UTC")
    with pytest.raises(InputError):
        read(tmp_path, tz="UTC")


def test_only_a_header_is_no_series(tmp_path: Path) -> None:
    """Nothing measured is not an error."""
    assert read(given_file(tmp_path, HEAD), tz="UTC") == ()


def test_a_byte_order_mark_is_no_part_of_the_header(tmp_path: Path) -> None:
    """Spreadsheets write one."""
    assert len(read(given_file(tmp_path, b"\xef\xbb\xbf" + (HEAD + ROW).encode()), tz="UTC")) == 1


def test_too_many_rows_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bound, said with its mend."""
    monkeypatch.setattr(timeline_csv, "MAX_ROWS", 3)
    rows = "".join(f"2022-09-21T1{i}:00:00Z,s,1\n" for i in range(5))
    with pytest.raises(InputError, match="split the file"):
        read(given_file(tmp_path, HEAD + rows), tz="UTC")


names = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=20
).filter(lambda name: name.isprintable() and not name.startswith("'"))


@given(
    st.lists(
        st.builds(
            SeriesKey,
            vantage=st.just("v"),
            network=st.sampled_from(["", "AS64500/mobile"]),
            subject=names,
            signal=st.sampled_from(list(Signal)),
            locus=st.sampled_from(["network", "server"]),
        ),
        max_size=3,
        unique=True,
    ),
    st.randoms(use_true_random=False),
)
@settings(max_examples=50)
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, keys: list[SeriesKey], rng: random.Random
) -> None:
    """Export and import are inverse, formula-like names included."""
    start = datetime(2022, 9, 21, tzinfo=UTC)
    series = tuple(
        Series(key=key, tz="Asia/Tehran", samples=tuple(_samples(start, rng)))
        for key in sorted(keys)
    )
    out = io.StringIO()
    rows = write(series, out)
    assert rows == sum(len(one.samples) for one in series)
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    path.write_text(out.getvalue(), encoding="utf-8", newline="")
    assert read(path, tz=None) == series


def _samples(start: datetime, rng: random.Random) -> list[Sample]:
    found = []
    for i in range(5):
        bad = rng.choice([True, False, None])
        found.append(
            Sample(
                time=start + timedelta(hours=i, microseconds=rng.randrange(10**6)),
                bad=bad,
                weight=rng.choice([1.0, 0.5]),
                burst=rng.random() < 0.5,
                absence=rng.choice(list(Absence)) if bad is None else None,
                control_bad=rng.choice([None, 0.0, 1 / 3]),
                mechanism="tls.reset.sni" if bad else None,
            )
        )
    return found


def test_a_country_is_as_it_is_said_else_that_of_the_zone(tmp_path: Path) -> None:
    """A zone of several countries, or of none, says nothing of itself."""
    text = (
        "time,series,bad,tz,country\n"
        "2022-09-21T16:00:00Z,a,1,Asia/Tehran,xx\n"
        "2022-09-21T17:00:00Z,a,1,Asia/Tehran,\n"
        "2022-09-21T16:00:00Z,b,1,Asia/Tehran,\n"
        "2022-09-21T16:00:00Z,c,1,UTC,\n"
    )
    placed = read_placed(given_file(tmp_path, text), tz=None)
    assert [(one.key.subject, country) for one, country in placed] == [
        ("a", "XX"),
        ("b", "IR"),
        ("c", "ZZ"),
    ]
