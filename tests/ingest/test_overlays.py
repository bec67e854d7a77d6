"""Numbers of others: any two columns, and OONI's aggregation; what is wrong is named."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from probe.errors import InputError
from probe.ingest.overlays import read_aggregation, read_two_columns
from probe.model.timeline import Overlay

TEHRAN = ZoneInfo("Asia/Tehran")


def two(path: Path, text: str) -> Overlay:
    path.write_text(text, encoding="utf-8")
    return read_two_columns(path, name="bgp", unit="prefixes", zone=TEHRAN, country="IR")


@pytest.mark.parametrize(
    "text",
    [
        "time,value\n2022-09-21T12:30:00Z,5\n2022-09-21T13:30:00Z,7.5\n",
        "2022-09-21T18:00,7.5\n2022-09-21T17:00,5\n",
        "datetime,visible,other\n1663763400,5,x\n1663767000,7.5,y\n",
        "t,v\r\n1663763400000,5\r\n1663767000000,7.5\r\n1663768000000,\r\n",
    ],
)
def test_a_time_and_a_number(tmp_path: Path, text: str) -> None:
    """With a header or without, ISO or seconds or milliseconds, in any order."""
    found = two(tmp_path / "ioda.csv", text)
    assert found == Overlay(
        name="bgp",
        unit="prefixes",
        source="ioda.csv",
        country="IR",
        points=(
            (datetime(2022, 9, 21, 12, 30, tzinfo=UTC), 5.0, 1.0),
            (datetime(2022, 9, 21, 13, 30, tzinfo=UTC), 7.5, 1.0),
        ),
    )


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("time,value\nyesterday,5\n", "x.csv:2: time", "not a time"),
        ("time,value\n2022-09-21T12:30:00Z,many\n", "x.csv:2: value", "not a number"),
        ("time,value\n2022-09-21T12:30:00Z,inf\n", "x.csv:2: value", "not a number"),
        ("time\n", "x.csv:1", "one column"),
        ("time,value\n99999999999999999999,5\n", "x.csv:2: time", "not a time"),
        ("time,value\n0001-01-01T00:00:00Z,5\n", "x.csv:2: time", "out of range"),
        ('time,value\n"2022,5\n', "x.csv", "not CSV"),
        ("2022-09-21T23:30,5\n2022-09-21T23:30,6\n", "x.csv:2: time", "says something else"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, place: str, words: str) -> None:
    """File, line, column; nothing of the file is used."""
    with pytest.raises(InputError, match=words) as caught:
        two(tmp_path / "x.csv", text)
    assert place in str(caught.value)


HEADER = (
    "anomaly_count,confirmed_count,failure_count,measurement_count,measurement_start_day,"
    "ok_count,probe_asn,probe_cc,test_name\n"
)


def test_shares_of_anomalies_by_subject(tmp_path: Path) -> None:
    """Anomalies and confirmed blocks among all, weighted; a series a country, network and test."""
    path = tmp_path / "a.csv"
    path.write_text(
        HEADER
        + "3,1,0,8,2022-09-22,4,AS197207,IR,signal\n"
        + "0,0,0,10,2022-09-21,10,AS197207,IR,signal\n"
        + "5,0,0,5,2022-09-21,0,197207,ir,whatsapp\n"
        + "0,0,0,0,2022-09-23,0,AS197207,IR,signal\n"
    )
    signal, whatsapp = read_aggregation(path)
    assert (signal.name, signal.country, signal.network) == ("signal", "IR", "AS197207")
    assert signal.unit == "anomaly share"
    assert signal.points == (
        (datetime(2022, 9, 21, tzinfo=UTC), 0.0, 10.0),
        (datetime(2022, 9, 22, tzinfo=UTC), 0.5, 8.0),
    )
    assert (whatsapp.name, whatsapp.points[0][1:]) == ("whatsapp", (1.0, 5.0))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty file"),
        ("a,b\n1,2\n", "anomaly_count: column missing"),
        (HEADER + "1,2\n", "2 values where the header has 9"),
        (HEADER + "9,0,0,5,2022-09-21,0,AS1,IR,x\n", "more anomalies than measurements"),
        (HEADER + "-1,0,0,5,2022-09-21,0,AS1,IR,x\n", "not a count"),
        (HEADER + "1,0,0,5,someday,0,AS1,IR,x\n", "not a time"),
        (
            HEADER + "1,0,0,5,2022-09-21,0,AS1,IR,x\n1,0,0,6,2022-09-21,0,AS1,IR,x\n",
            "says something else",
        ),
    ],
)
def test_an_aggregation_that_is_none(tmp_path: Path, text: str, words: str) -> None:
    """Each with its reason."""
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=words):
        read_aggregation(path)


def test_a_hostile_domain_is_printable_and_no_country_is_made_up(tmp_path: Path) -> None:
    """A name of control characters becomes a plain one; a country of three letters is unknown."""
    path = tmp_path / "a.csv"
    header = "anomaly_count,confirmed_count,measurement_count,measurement_start_day,domain,probe_cc"
    path.write_text(f"{header}\n1,0,2,2022-09-21,evil\x1b[31m.example,XXX\n")
    (found,) = read_aggregation(path)
    assert (found.name, found.country) == ("evil[31m.example", "ZZ")
