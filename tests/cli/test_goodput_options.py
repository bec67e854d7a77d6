"""``--goodput``, ``--metered``, the server of one's own: what is said, asked for, and refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from test_run_cmd import run

from probe.cli.goodput import own_server, server_place
from probe.control.keys import public_key, trust_key
from probe.errors import ConsentError, InputError
from probe.model.target import Catalog
from probe.model.vantage import Access, Vantage
from probe.net.quic import quic_is_here
from probe.schedule.reasons import METERED, UNCOUNTED
from probe.settings import Settings

URL = "https://127.0.0.1:9443"
TOKEN = "t" * 43
FILES = {"dl.google.com", "f-droid.org", "mirror.shatel.ir"}
EMPTY = Catalog(services=(), digest="")


def rows(*arguments: str) -> list[dict[str, Any]]:
    """Return the rows of a dry run in Iran."""
    done = run("--dry-run", "--country", "IR", "--output", "json", *arguments)
    found: list[dict[str, Any]] = json.loads(done.stdout)[0]["endpoints"]
    return found


@pytest.mark.usefixtures("home")
def test_a_dry_run_names_every_transfer_and_its_price() -> None:
    """Two files, each with itself under a neutral name and the other, and a border's two sides.

    None without being asked.
    """
    assert not [row for row in rows() if row["reason"].startswith("transfer")]
    timed = [row for row in rows("--goodput") if row["reason"].startswith("transfer")]
    said = [(row["service"], row["host"], *row["reason"].split("; ")) for row in timed]
    assert sorted(row[:3] for row in said) == [
        ("domestic-ir", "f-droid.org", "transfer: a file abroad beside it"),
        ("domestic-ir", "mirror.shatel.ir", "transfer: its file"),
        ("f-droid", "dl.google.com", "transfer: a neutral file beside it"),
        ("f-droid", "f-droid.org", "transfer: its file"),
        ("f-droid", "f-droid.org", "transfer: its file, under a neutral name"),
        ("google-play", "dl.google.com", "transfer: its file"),
        ("google-play", "dl.google.com", "transfer: its file, under a neutral name"),
        ("google-play", "f-droid.org", "transfer: a neutral file beside it"),
    ]
    assert all(65_536 < row["bytes"] < 100_000 for row in timed)
    again = sorted(row[:2] for row in said if len(row) > 3)
    swapped = {row[:2] for row in said if row[2].endswith("under a neutral name")}
    own = sorted([*swapped, *swapped])
    assert again == (own if quic_is_here() else [])


@pytest.mark.usefixtures("home")
def test_a_file_that_is_only_a_control_is_no_endpoint_of_the_round() -> None:
    """A selection of one service is asked for one service; the neutral file is a transfer."""
    found = [row for row in rows("google-play", "--goodput") if row["host"] == "f-droid.org"]
    assert [row["reason"] for row in found] == ["transfer: a neutral file beside it"]


@pytest.mark.usefixtures("home")
def test_what_has_no_file_is_said_to_have_none() -> None:
    """Who asks for transfers of a messenger hears that there are none, and what would help."""
    asked = ("--dry-run", "--country", "IR", "--goodput")
    assert "No transfer is timed" in run(*asked, "whatsapp").stderr
    assert "No transfer is timed" not in run(*asked, "google-play").stderr
    assert "No transfer is timed" not in run(*asked, "whatsapp", "--metered").stderr


@pytest.mark.usefixtures("home")
def test_metered_wins_over_goodput() -> None:
    """No transfer and no file, and each file says why."""
    found = rows("--goodput", "--metered")
    assert not [row for row in found if row["reason"].startswith("transfer")]
    assert {row["host"] for row in found if row["reason"] == METERED} == FILES


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
def test_transfers_that_nobody_counts_are_refused(dry: tuple[str, ...]) -> None:
    """Four a day cannot be kept to without a store: said with what to do, before a packet."""
    with pytest.raises(InputError, match="without a store nobody counts") as refused:
        run("--goodput", "--no-store", "--country", "IR", *dry)
    assert "leave out --goodput" in str(refused.value)


@pytest.mark.usefixtures("home")
def test_without_a_store_files_are_left_out() -> None:
    """A run that keeps nothing downloads nothing, and says so; on a metered line for that."""
    found = [row for row in rows("--no-store") if row["reason"] == UNCOUNTED]
    assert {row["host"] for row in found} == FILES
    assert not any(row["runs"] for row in found)
    metered = rows("--goodput", "--no-store", "--metered")
    assert not [row for row in metered if row["reason"] == UNCOUNTED]
    assert [row for row in metered if row["reason"] == METERED]


@pytest.mark.usefixtures("home")
def test_the_lab_needs_no_store_for_transfers() -> None:
    """Nobody is there to spare."""
    done = run("--lab", "none", "--goodput", "--no-store", "--dry-run")
    assert done.exit_code == 0, done.stderr


def test_the_server_of_ones_own_is_in_the_dry_run(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its place among the addresses, its transfers in the rows, whoever may hold a token."""
    monkeypatch.setenv("PROBE_GOODPUT_SERVER", "https://192.0.2.9:9443")
    done = run("--dry-run", "signal", "--goodput", "--output", "json")
    (found,) = json.loads(done.stdout)
    assert "192.0.2.9:9443" in found["contacts"]["literals"]
    kinds = {row["kind"] for row in found["endpoints"] if row["host"] == "192.0.2.9"}
    assert {"download/tcp", "upload/tcp", "download/udp"} <= kinds


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("server", [None, "https://192.0.2.9:9443"])
def test_what_transfers_cost_leaves_most_of_the_month(
    server: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A default round with them is within the day's bytes; four a day take half a month at most."""
    if server is not None:
        monkeypatch.setenv("PROBE_GOODPUT_SERVER", server)
    asked = ("--dry-run", "--country", "IR", "--output", "json", "--goodput")
    (found,) = json.loads(run(*asked).stdout)
    settings = Settings(store=Path("unused.db"))
    assert found["bytes"] <= min(settings.run_bytes, settings.day_bytes)
    timed = sum(
        row["bytes"]
        for row in found["endpoints"]
        if row["reason"].startswith("transfer") or row["host"] == "192.0.2.9"
    )
    assert timed > 0
    assert 31 * settings.goodput_rounds * timed <= 0.55 * settings.month_bytes


@pytest.mark.parametrize("url", ["http://192.0.2.9", "https://vps.example", "192.0.2.9:443", "x"])
def test_a_server_is_an_address_over_https(tmp_path: Path, url: str) -> None:
    """A name would be asked for in the clear, and a token is said inside TLS only."""
    with pytest.raises(InputError) as refused:
        server_place(Settings(store=tmp_path / "p.db", goodput_server=url))
    assert refused.value.field == "goodput_server"
    assert "https://ADDRESS:PORT" in str(refused.value.mend)


def test_without_key_or_token_there_is_no_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is asked for by what mends it; with both the server is the one that is trusted."""
    store, line = tmp_path / "p.db", Vantage(id="v")
    settings = Settings(store=store, goodput_server=URL)
    assert own_server(replace(settings, goodput_server=None), line, EMPTY) is None
    with pytest.raises(InputError, match="no key of a control is trusted"):
        own_server(settings, line, EMPTY)
    key = public_key(bytes(range(32)))
    trust_key(store, key)
    monkeypatch.delenv("PROBE_CONTROL_TOKEN", raising=False)
    with pytest.raises(InputError, match="no token"):
        own_server(settings, line, EMPTY)
    monkeypatch.setenv("PROBE_CONTROL_TOKEN", TOKEN)
    found = own_server(settings, line, EMPTY)
    assert found is not None
    assert (found.address, found.port) == ("127.0.0.1", 9_443)
    assert found.keys == {key}
    assert TOKEN not in repr(found)


def test_from_a_line_at_home_it_has_to_be_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server is one rare host, and who talks to it can be found by that."""
    settings = Settings(store=tmp_path / "p.db", goodput_server="https://192.0.2.9:9443")
    trust_key(settings.store, public_key(bytes(range(32))))
    monkeypatch.setenv("PROBE_CONTROL_TOKEN", TOKEN)
    with pytest.raises(ConsentError, match="rare host"):
        own_server(settings, Vantage(id="v", access=Access.FIXED), EMPTY)
    assert own_server(settings, Vantage(id="v", access=Access.HOSTING), EMPTY) is not None
    assert own_server(replace(settings, live_control=True), Vantage(id="v"), EMPTY) is not None


@pytest.mark.usefixtures("home")
def test_the_names_of_the_server_are_what_a_dry_run_shows(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the settings, not whatever host of a service comes first; nobody's are refused."""
    file = home / "config.toml"
    file.write_text(f'goodput_server = "{URL}"\ngoodput_names = ["web.whatsapp.com"]\n')
    monkeypatch.setenv("PROBE_CONFIG", str(file))
    found = [row for row in rows("--goodput") if row["host"] == "127.0.0.1"]
    assert {row["endpoint"] for row in found} == {"whatsapp/whatsapp/web.whatsapp.com:443/ws/chat"}
    file.write_text(f'goodput_server = "{URL}"\ngoodput_names = ["web.whatsap.com"]\n')
    with pytest.raises(InputError, match="is the name of no service") as refused:
        rows("--goodput")
    assert refused.value.field == "goodput_names"
    assert "web.whatsap.com" in refused.value.problem
    file.write_text('goodput_names = ["https://web.whatsapp.com/"]\n')
    with pytest.raises(InputError, match="no host name") as refused:
        rows()
    assert (refused.value.field, refused.value.line) == ("goodput_names", 1)
