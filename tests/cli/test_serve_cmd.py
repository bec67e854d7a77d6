"""``probe serve`` and ``probe metrics``: defaults that are safe, and plain words where not."""

import sys
from pathlib import Path
from typing import Any

import pytest
from store_records import START, good, whole_round
from typer.testing import CliRunner

from probe.cli import metrics as metrics_cmd
from probe.cli import serve as serve_cmd
from probe.cli.shown_catalog import shown_catalog
from probe.store.database import Store


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a store of one round."""
    with Store.open(tmp_path / "probe.sqlite") as store:
        whole_round(store, [good(at=START)], START)
    return tmp_path / "probe.sqlite"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Keep uvicorn from listening, and remember how it was called."""
    import uvicorn

    from probe.net import guard

    seen: dict[str, Any] = {}
    monkeypatch.setattr(uvicorn, "run", lambda app, **how: seen.update(how, app=app))
    monkeypatch.setattr(guard, "confine", lambda: seen.update(confined=True))
    return seen


def test_it_listens_on_this_machine_only(place: Path, started: dict[str, Any]) -> None:
    """By default 127.0.0.1, no token, no access log, and a process that cannot dial."""
    done = CliRunner().invoke(serve_cmd.app, ["--store", str(place)])
    assert done.exit_code == 0, done.output
    assert started["host"] == "127.0.0.1"
    assert started["access_log"] is False
    assert started["proxy_headers"] is False
    assert started["confined"]
    assert "token" not in done.output


def test_elsewhere_it_makes_a_token_and_warns(place: Path, started: dict[str, Any]) -> None:
    """The address that is printed holds it; each start makes another."""
    said = [
        CliRunner().invoke(serve_cmd.app, ["--store", str(place), "--host", "0.0.0.0"]).output
        for _ in range(2)
    ]
    assert all("/?token=" in one and "no TLS" in one for one in said)
    assert said[0] != said[1]
    assert started["host"] == "0.0.0.0"


def test_without_the_extra_it_says_what_to_install(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plain error with the mend, for both commands."""
    from probe.errors import InputError
    from probe.net import guard

    monkeypatch.setattr(guard, "confine", lambda: None)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    done = CliRunner().invoke(serve_cmd.app, ["--store", str(place)])
    assert isinstance(done.exception, InputError)
    assert "probe[web]" in str(done.exception)
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    monkeypatch.delitem(sys.modules, "probe.web.metrics", raising=False)
    done = CliRunner().invoke(metrics_cmd.app, ["--store", str(place)])
    assert isinstance(done.exception, InputError)
    assert "probe[web]" in str(done.exception)


def test_metrics_go_to_a_file_whole(place: Path, tmp_path: Path) -> None:
    """The file holds what standard output would; a folder that is not there is said."""
    out = tmp_path / "probe.prom"
    assert CliRunner().invoke(metrics_cmd.app, ["--store", str(place)]).exit_code == 0
    done = CliRunner().invoke(metrics_cmd.app, ["--store", str(place), "--out", str(out)])
    assert done.exit_code == 0
    assert "probe_service_state{" in out.read_text(encoding="utf-8")
    assert [one.name for one in tmp_path.glob("probe.prom*")] == ["probe.prom"]
    gone = str(tmp_path / "nowhere" / "x.prom")
    done = CliRunner().invoke(metrics_cmd.app, ["--store", str(place), "--out", gone])
    assert "cannot be written" in str(done.exception)


def test_a_store_of_the_lab_has_its_own_names(tmp_path: Path) -> None:
    """What the demo measured is named by the demo's catalog, anything else by the packaged one."""
    from store_records import LINE, context

    with Store.open(tmp_path / "demo.sqlite") as store:
        store.save_vantage(LINE)
        assert shown_catalog(None, store).digest != "scenario demo"
        for digest in ("scenario nobody-ships", "scenario demo"):
            number = store.begin_round(
                vantage=LINE.id,
                plan="core",
                started=START,
                catalog_digest=digest,
                network=context().network,
            )
            store.end_round(number, context(), START)
            made_up = shown_catalog(None, store).digest == "scenario demo"
            assert made_up is (digest == "scenario demo")
