"""Zones come from the packaged data, and only by name."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.analysis.zones import offsets, tzdata_version, zone, zone_names
from probe.errors import InputError

YEAR_S = 366 * 86_400.0


def _at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("name", "summer", "winter"),
    [
        ("Asia/Tehran", 16_200, 12_600),  # DST until 21 Sep 2022
        ("Asia/Kabul", 16_200, 16_200),
        ("Asia/Kolkata", 19_800, 19_800),
        ("Asia/Yangon", 23_400, 23_400),
        ("Asia/Kathmandu", 20_700, 20_700),
        ("America/St_Johns", -9_000, -12_600),
        ("Australia/Lord_Howe", 37_800, 39_600),  # half an hour of DST, in the other summer
        ("America/Havana", -14_400, -18_000),
        ("Asia/Damascus", 10_800, 10_800),  # on summer time for good since October 2022
    ],
)
def test_offsets_of_odd_zones(name: str, summer: int, winter: int) -> None:
    """Half hours, quarter hours and half-hour DST are kept to the second."""
    found = offsets(name, _at("2022-07-01T00:00:00"), _at("2022-12-31T00:00:00"))
    assert found.at(_at("2022-07-15T12:00:00")) == summer
    assert found.at(_at("2022-12-15T12:00:00")) == winter
    assert found.changes is (summer != winter)


def test_iran_left_summer_time_in_the_night_of_21_september_2022() -> None:
    """The change is found to the second."""
    found = offsets("Asia/Tehran", _at("2022-09-01T00:00:00"), _at("2022-10-31T00:00:00"))
    assert found.starts_s[1] == _at("2022-09-21T19:30:00")
    assert found.seconds == (16_200, 12_600)


@given(st.sampled_from(sorted(zone_names())), st.floats(0, 1), st.integers(1990, 2030))
@settings(max_examples=60)
def test_offsets_agree_with_the_zone_everywhere(name: str, part: float, year: int) -> None:
    """The table of a year says what the zone says at any instant of it."""
    first = datetime(year, 1, 1, tzinfo=UTC).timestamp()
    at_s = float(int(first + part * YEAR_S))
    expected = datetime.fromtimestamp(at_s, UTC).astimezone(zone(name)).utcoffset()
    assert expected is not None
    assert offsets(name, first, first + YEAR_S).at(at_s) == expected.total_seconds()


@pytest.mark.parametrize(
    ("name", "hint"),
    [("asia/tehran", "Asia/Tehran"), ("Tehran", "Asia/Tehran"), ("Europe/Kyev", "Europe/Kyiv")],
)
def test_a_misspelt_zone_names_the_nearest(name: str, hint: str) -> None:
    """A wrong name is refused with the right one."""
    with pytest.raises(InputError, match="did you mean") as caught:
        zone(name)
    assert hint in str(caught.value)


@pytest.mark.parametrize(
    "name", ["", "../../etc/passwd", "/etc/localtime", "Asia", "UTC\0", "x" * 999]
)
def test_only_names_of_the_list_are_read(name: str) -> None:
    """No path can be smuggled in as a zone."""
    with pytest.raises(InputError, match="unknown time zone"):
        zone(name)


def test_the_release_of_the_data_is_known() -> None:
    """A report can say which rules it used."""
    assert tzdata_version()[:2] == "20"
