"""Settings: what beats what, where each value came from, and what is refused."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.errors import InputError
from probe.model.target import Category
from probe.model.vantage import Access
from probe.places import check_country, check_zone, system_zone
from probe.settings import HIGH_RISK_DAYS, Settings, default_consent, default_store, load


@pytest.fixture(autouse=True)
def no_config_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point the platform's folders away from whoever runs the tests."""
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("HOME", str(tmp_path))


def _toml(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "config.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def _refusal(config: Path | None = None, environ: Mapping[str, str] = {}, **flags: object) -> str:
    with pytest.raises(InputError) as caught:
        load(config=config, environ=environ, **flags)
    return str(caught.value)


def test_flags_beat_environment_beats_file_beats_defaults(tmp_path: Path) -> None:
    """Each source overrides the next, field by field, and each value knows its source."""
    config = _toml(tmp_path, 'country = "IR"\nconcurrency = 10\nday_bytes = 1\nlabel = "home"\n')
    environ = {"PROBE_CONCURRENCY": "20", "PROBE_DAY_BYTES": "2"}
    found = load(config=config, environ=environ, day_bytes=3, month_bytes=None)
    assert (found.country, found.concurrency, found.day_bytes) == ("IR", 20, 3)
    assert found.month_bytes == 300_000_000
    assert found.origins["country"] == f"{config}:1"
    assert found.origins["label"] == f"{config}:4"
    assert found.origins["concurrency"] == "environment PROBE_CONCURRENCY"
    assert found.origins["day_bytes"] == "flag --day-bytes"
    assert found.origins["month_bytes"] == "default"
    assert set(found.origins) == set(Settings.__struct_fields__) - {"origins"}


def test_every_kind_of_value_is_understood(tmp_path: Path) -> None:
    """Text of the environment and values of TOML give the same settings."""
    config = _toml(
        tmp_path,
        'access = "mobile"\ninclude = ["tor", "vpn"]\nretention_days = 5\nrun_seconds = 60\n'
        'controls = ["a.json", "b.json"]\nhigh_risk = false\nglobal_per_second = 2.5\n',
    )
    environ = {
        "PROBE_ACCESS": "mobile",
        "PROBE_INCLUDE": "tor, vpn",
        "PROBE_RETENTION_DAYS": "5",
        "PROBE_RUN_SECONDS": "60",
        "PROBE_CONTROLS": "a.json,b.json",
        "PROBE_HIGH_RISK": "no",
        "PROBE_GLOBAL_PER_SECOND": "2.5",
    }
    for found in (load(config=config, environ={}), load(environ=environ)):
        assert found.access is Access.MOBILE
        assert found.include == (Category.TOR, Category.VPN)
        assert found.retention_days == 5
        assert found.run_seconds == 60.0
        assert found.controls == ("a.json", "b.json")
        assert found.high_risk is False
        assert found.global_per_second == 2.5


def test_a_refused_flag_has_the_name_that_was_typed() -> None:
    """``run_seconds`` is ``--seconds`` on the command line."""
    with pytest.raises(InputError, match=r"^--seconds: must be 1 or more"):
        load(environ={}, run_seconds=-5.0)
    with pytest.raises(InputError, match=r"^--bytes: "):
        load(environ={}, run_bytes=-5)


def test_nothing_opts_in_by_default() -> None:
    """Without a word no category beyond the default profile is included."""
    found = load(environ={})
    assert found.include == ()
    assert (found.retention_days, found.high_risk) == (30, False)
    assert found.store == default_store()


def test_paths_of_a_file_start_from_the_file(tmp_path: Path) -> None:
    """A relative path in the file is beside it; one of a flag is where the person stands."""
    config = _toml(tmp_path, 'store = "data/probe.sqlite"\n')
    assert load(config=config, environ={}).store == tmp_path / "data" / "probe.sqlite"
    assert load(environ={}, store=Path("x.sqlite")).store == Path("x.sqlite")
    assert load(environ={"PROBE_STORE": "~/x.sqlite"}).store == tmp_path / "x.sqlite"


def test_the_file_named_by_the_environment(tmp_path: Path) -> None:
    """``PROBE_CONFIG`` names the file, ``--config`` beats it, and a named file must be there."""
    named = _toml(tmp_path, 'label = "named"\n')
    other = tmp_path / "other.toml"
    other.write_text('label = "flag"\n')
    assert load(environ={"PROBE_CONFIG": str(named)}).label == "named"
    assert load(config=other, environ={"PROBE_CONFIG": str(named)}).label == "flag"
    assert "there is no such file" in _refusal(tmp_path / "none.toml")
    assert "there is no such file" in _refusal(environ={"PROBE_CONFIG": str(tmp_path / "none")})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('country = "IR"\nconcurency = 5\n', ":2: concurency: there is no such setting (did you "),
        ('\ncountry = "UK"\n', ":2: country: there is no country 'UK' (did you mean GB?)"),
        ('country = "Iran"\n', ":1: country: there is no country 'Iran' (two letters"),
        ('tz = "Tehran"\n', ":1: tz: there is no time zone 'Tehran' (did you mean Asia/Tehran?)"),
        ('tz = "../../etc/passwd"\n', ":1: tz: there is no time zone"),
        ('include = ["torr"]\n', "is not one of messaging"),
        ('include = ["torr"]\n', "(did you mean tor?)"),
        ("include = 5\n", ":1: include: is not a list"),
        ("concurrency = 1.5\n", ":1: concurrency: is not a whole number"),
        ("concurrency = true\n", ":1: concurrency: is not a number"),
        ("concurrency = 0\n", ":1: concurrency: must be 1 or more"),
        ("retention_days = 0\n", ":1: retention_days: must be 1 or more"),
        ("run_seconds = nan\n", ":1: run_seconds: must be 1 or more"),
        ('high_risk = "maybe"\n', ":1: high_risk: is neither true nor false"),
        ("store = 5\n", ":1: store: is not a path"),
        ('store = "postgresql://h/d"\n', ":1: store: must be a file"),
        ('label = "a\\u001b[31m"\n', ":1: label: is not a line of text"),
        ('access = "satellite"\n', ":1: access: is not one of fixed"),
        ("country = \n", ":1: is not TOML"),
        ("[country]\nx = 1\n", ":1: country: "),
        ('origins = "x"\n', ":1: origins: there is no such setting"),
        (b"# caf\xe9\nlabel = 1\n", ":1: is not UTF-8"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(
    tmp_path: Path, text: str | bytes, said: str
) -> None:
    """The error names the file, the line, the field and the mend."""
    config = _toml(tmp_path, text)
    found = _refusal(config)
    assert found.startswith(str(config))
    assert said in found


def test_wrong_variables_and_flags_are_named_as_written() -> None:
    """The error of a variable or a flag calls it by the name that the person used."""
    assert _refusal(environ={"PROBE_CONCURRENCY": "many"}).startswith("PROBE_CONCURRENCY: is not")
    assert _refusal(country="XX").startswith("--country: there is no country")
    slip = _refusal(environ={"PROBE_RETENTION_DAY": "1"})
    assert "did you mean PROBE_RETENTION_DAYS?" in slip


def test_variables_of_others_are_left_alone() -> None:
    """Variables that are no slip of ours, and empty ones, change nothing."""
    environ = {"PROBE_NET": "loopback", "PROBE_TEST_DATA": "x", "PROBE_ROCKET": "9", "PATH": "/"}
    assert load(environ={**environ, "PROBE_COUNTRY": ""}) == load(environ={})


def test_an_unknown_flag_is_a_bug() -> None:
    """A flag that is no setting is a mistake of the caller, not of the person."""
    with pytest.raises(TypeError, match="colour"):
        load(environ={}, colour="red")


@pytest.mark.parametrize(
    ("said", "kept"), [(None, 7), ("3", 3), ("7", 7), ("30", 7), ("none", 7), ("unlimited", 7)]
)
def test_high_risk_keeps_a_week_at_most(said: str | None, kept: int) -> None:
    """The high-risk profile shortens the retention and never lengthens it."""
    environ = {"PROBE_HIGH_RISK": "yes"} | ({} if said is None else {"PROBE_RETENTION_DAYS": said})
    found = load(environ=environ)
    assert found.retention_days == kept <= HIGH_RISK_DAYS
    shortened = said not in ("3", "7")
    assert (found.origins["retention_days"] == "high_risk") is shortened


def test_retention_can_be_unlimited() -> None:
    """A researcher keeps everything by saying so."""
    assert load(environ={"PROBE_RETENTION_DAYS": "unlimited"}).retention_days is None


def test_countries_and_zones_are_real() -> None:
    """Codes are those of ISO 3166 and IANA; capitals do not matter for a country."""
    assert check_country(" ir ") == "IR"
    assert check_country("zz") == "ZZ"
    assert check_country("XK") == "XK"
    assert check_zone("Asia/Kathmandu") == "Asia/Kathmandu"
    for wrong in ("UK", "I", "", "IRN", "12"):
        with pytest.raises(InputError):
            check_country(wrong)


@given(text=st.text(max_size=80))
def test_no_text_breaks_a_check(text: str) -> None:
    """Whatever is written as a country or zone is accepted or refused, never a crash."""
    for check in (check_country, check_zone):
        try:
            assert check(text)
        except InputError:
            continue


def test_the_machines_zone_is_the_default(tmp_path: Path) -> None:
    """``TZ`` beats the link of localtime, which beats the name in a file; a rule is no place."""
    link, named, none = tmp_path / "localtime", tmp_path / "timezone", tmp_path / "none"
    link.symlink_to("/usr/share/zoneinfo/Asia/Yangon")
    named.write_text("Asia/Kabul\n")

    def zone(environ: Mapping[str, str], localtime: Path, timezone: Path) -> str | None:
        return system_zone(environ, localtime=localtime, named=timezone)

    assert zone({"TZ": "Asia/Tehran"}, link, named) == "Asia/Tehran"
    assert zone({"TZ": ":Asia/Tehran"}, link, named) == "Asia/Tehran"
    assert zone({"TZ": "IRST-3:30"}, link, named) == "Asia/Yangon"
    assert zone({"TZ": "/usr/share/zoneinfo/Asia/Dhaka"}, none, none) == "Asia/Dhaka"
    assert zone({}, none, named) == "Asia/Kabul"
    assert zone({}, none, none) is None
    found = load(environ={"TZ": "Asia/Tehran"})
    assert (found.tz, found.origins["tz"]) == ("Asia/Tehran", "system")
    said = load(environ={"TZ": "Asia/Tehran", "PROBE_TZ": "Asia/Kabul"})
    assert (said.tz, said.origins["tz"]) == ("Asia/Kabul", "environment PROBE_TZ")


def test_consent_lies_beside_the_configuration(tmp_path: Path) -> None:
    """The record is in the configuration's folder unless a variable says otherwise."""
    assert default_consent({}).name == "consent.json"
    assert default_consent({"PROBE_CONSENT": str(tmp_path / "c")}) == tmp_path / "c"
