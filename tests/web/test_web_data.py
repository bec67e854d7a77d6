"""Downloads, the programming interface and metrics: what is on the screen, for programs."""

import asyncio
import csv
import io
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree

import httpx
import pytest
from desk_fixtures import HOSTILE, NOW, START, catalog, filled
from prometheus_client.parser import text_string_to_metric_families

from probe.model.formula import unguarded
from probe.model.timeline import Overlay
from probe.report.charts.engine import _drawn
from probe.store.database import ForeignFile, Store
from probe.web.app import create_app
from probe.web.metrics import write_textfile
from probe.web.tables import csv_text

Ask = Callable[..., httpx.Response]


def rows(answer: httpx.Response) -> list[dict[str, str]]:
    """Return a CSV answer as rows."""
    return list(csv.DictReader(io.StringIO(answer.text)))


@pytest.mark.parametrize(
    "what",
    ["services", "intervals", "events", "hours", "days", "measurements", "rounds", "compare"],
)
def test_csv_and_json_hold_the_same_rows(ask: Ask, what: str) -> None:
    """As many rows, the same columns, both of what the address filters."""
    query = "?since=2026-03-02"
    table, values = ask(f"/download/{what}.csv{query}"), ask(f"/download/{what}.json{query}")
    assert table.headers["content-disposition"] == f'attachment; filename="probe-{what}.csv"'
    found = values.json()
    assert found
    assert [list(row) for row in rows(table)] == [list(row) for row in found]


def test_downloads_follow_the_filters(ask: Ask) -> None:
    """What the list shows is what is downloaded."""
    found = ask("/download/measurements.json?service=chat&state=blocked").json()
    assert {row["service"] for row in found} == {"chat"}
    assert {row["state"] for row in found} == {"blocked"}


@pytest.mark.parametrize("what", ["hours", "lanes", "onsets", "coverage", "mechanisms", "control"])
def test_charts_come_as_svg_and_png(ask: Ask, what: str) -> None:
    """The SVG is well-formed and stands alone; the PNG is a picture of it."""
    svg = ask(f"/download/{what}.svg?service=chat")
    root = ElementTree.fromstring(svg.text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert svg.text.count("http") == 1  # the namespace
    png = ask(f"/download/{what}.png?service=chat")
    assert png.content.startswith(b"\x89PNG")
    assert len(png.content) > 5_000


def test_numbers_of_others_stand_beside_the_lanes(
    ask_of: Callable[..., Ask], tmp_path: Path
) -> None:
    """On every page of a time, as rows, and as a picture each; they come in while it runs."""
    place = filled(tmp_path / "probe.sqlite")
    ask = ask_of(place)
    before = ask("/api/state").json()["version"]
    assert "Numbers of others" not in ask("/service/chat").text
    points = ((START, 5.0, 1.0), (START + timedelta(hours=1), 6.0, 1.0))
    overlays = [
        Overlay(name=name, unit="prefixes", source="ioda.csv", country="IR", points=points)
        for name in ("BGP", HOSTILE)
    ]
    with Store.open(place) as store:
        store.import_overlays(ForeignFile("1" * 64, "ioda.csv", "overlay"), overlays, NOW)
    assert ask("/api/state").json()["version"] != before
    for page in ("/service/chat", "/network/AS64500/fixed", "/?since=2026-03-01"):
        text = ask(page).text
        assert "Numbers of others" in text
        assert "<script>alert" not in text
        assert "/download/overlays-2.svg" in text
    found = ask("/api/overlays").json()
    assert [row["value"] for row in found if row["name"] == "BGP"] == [5.0, 6.0]
    assert len(rows(ask("/download/overlays.csv"))) == len(found) == 4
    assert ask("/download/overlays-2.png").content.startswith(b"\x89PNG")
    assert ask("/download/overlays-3.svg").status_code == 404
    assert ask("/download/overlays-0.svg").status_code == 404


def test_rounds_are_downloaded_as_they_are_listed(ask: Ask) -> None:
    """Those of the own vantage, unless another is asked for."""
    own = ask("/download/rounds.json").json()
    far = ask("/download/rounds.json?vantage=far").json()
    assert {row["vantage"] for row in own} == {"5f1c"}
    assert {row["vantage"] for row in far} == {"far"}


def test_every_heatmap_that_is_shown_is_a_file(ask: Ask) -> None:
    """The second as well as the first; beyond the last there is none."""
    page = ask("/service/chat").text
    shown = page.count('<figure class="heat">')
    assert shown >= 1
    last = "hours" if shown == 1 else f"hours-{shown}"
    assert f"/download/{last}.svg" in page
    assert ask(f"/download/hours-{shown}.svg?service=chat").status_code == 200
    assert ask(f"/download/hours-{shown + 1}.svg?service=chat").status_code == 404


def test_the_matrix_is_of_all_vantages(ask: Ask) -> None:
    """Networks beside each other."""
    assert "AS64511/mobile" in ask("/download/matrix.svg").text


def test_what_is_no_download_is_not_found(ask: Ask) -> None:
    """Unknown names and endings."""
    for name in ("nope.csv", "services.exe", "services", "measurement-1-x.json", "nope.svg"):
        assert ask(f"/download/{name}").status_code == 404, name


def test_a_cell_is_never_a_formula() -> None:
    """What a spreadsheet would run gets an apostrophe; no rows are an empty file."""
    text = csv_text([{"a": "=1+1", "b": "@x", "c": -3, "d": None, "e": 'say "x", y'}])
    assert text == 'a,b,c,d,e\r\n\'=1+1,\'@x,-3,,"say ""x"", y"\r\n'
    wide = csv_text([{"a": "\uff1d1+1", "b": "\n=1", "c": "'=1"}])
    assert wide.splitlines()[1].startswith("'\uff1d1+1,")
    assert unguarded("''=1") == "'=1"
    assert wide.endswith(",''=1\r\n")
    assert csv_text([]) == ""


def test_the_interface_is_described(ask: Ask) -> None:
    """OpenAPI names every route and its parameters; pages are no part of it."""
    described = ask("/api/openapi.json").json()
    assert {"/api/services", "/api/measurements", "/metrics"} <= set(described["paths"])
    assert "/" not in described["paths"]
    names = {p["name"] for p in described["paths"]["/api/services"]["get"]["parameters"]}
    assert {"since", "until", "tz", "network"} <= names


@pytest.mark.parametrize(
    "path",
    [
        *("state", "report", "services", "intervals", "events", "days", "compare"),
        *("measurements", "vantages", "measurements/1/0"),
    ],
)
def test_every_route_answers_json(ask: Ask, path: str) -> None:
    """Valid JSON, and not empty."""
    answer = ask(f"/api/{path}")
    assert answer.status_code == 200
    assert json.loads(answer.text)


@pytest.mark.parametrize("what", ["services", "intervals", "events", "days"])
def test_a_route_has_the_rows_of_its_download(ask: Ask, what: str) -> None:
    """Each table under its own name: the values of the file that is downloaded."""
    query = "?since=2026-03-02"
    assert ask(f"/api/{what}{query}").json() == ask(f"/download/{what}.json{query}").json()


def test_errors_are_json_there(ask: Ask) -> None:
    """A wrong parameter is 400 with its name; what is not there is 404."""
    wrong = ask("/api/services?tz=Mars")
    assert wrong.status_code == 400
    assert "tz" in wrong.json()["error"]
    assert ask("/api/measurements?limit=0").status_code == 400
    assert ask("/api/measurements/999/0").status_code == 404
    assert ask("/api/nope").status_code == 404


def test_metrics_are_prometheus(ask: Ask, place: Path, tmp_path: Path) -> None:
    """The official parser reads them; a service's last state is 1; the text file is the same."""
    text = ask("/metrics").text
    found = {family.name: family for family in text_string_to_metric_families(text)}
    states = {s.labels["service"]: s.labels for s in found["probe_service_state"].samples}
    assert states["chat"]["state"] == "blocked"
    assert states["mail"]["state"] == "ok"
    assert HOSTILE in states  # escaped, and read back as it was
    failed = {s.labels["service"]: s.value for s in found["probe_service_failed"].samples}
    assert (failed["chat"], failed["mail"]) == (1.0, 0.0)
    assert found["probe_rounds_closed"].samples[0].value == 37
    with Store.open(place, readonly=True) as store:
        write_textfile(store, tmp_path / "probe.prom")
    assert (tmp_path / "probe.prom").read_text(encoding="utf-8") == text


def test_a_changed_store_is_shown_from_before_until_it_is_made_again(tmp_path: Path) -> None:
    """The overview never waits: it is the last one made, and ``refresh`` makes the next."""
    from datetime import timedelta

    from desk_fixtures import NOW, START, catalog, fill
    from store_records import LINE, blocked, context

    from probe.web.asked import Asked
    from probe.web.desk import Desk

    place = tmp_path / "live.sqlite"
    with Store.open(place) as store:
        fill(store, days=1)
        desk = Desk(place, catalog(), lambda: NOW)
        assert desk.refresh()
        assert not desk.refresh()
        first, compared = desk.report(Asked()), desk.comparison(Asked())
        at = START + timedelta(days=1, hours=2)
        number = store.begin_round(
            vantage=LINE.id, plan="core", started=at, catalog_digest="", network=context().network
        )
        store.save(number, [blocked(at=at)])
        store.end_round(number, context(at), at)
        assert desk.report(Asked()) is first
        assert desk.comparison(Asked()) is compared
        assert desk.report(Asked(service="chat")).coverage.rounds == first.coverage.rounds + 1
        assert desk.refresh()
        assert desk.report(Asked()).coverage.rounds == first.coverage.rounds + 1
        assert desk.comparison(Asked()) is not compared
        desk.close()


def test_the_first_visitor_waits_for_no_chart(place: Path) -> None:
    """The server makes the overview and draws it before anybody asks."""

    async def first_visit() -> tuple[int, int]:
        ready, forever = asyncio.Event(), asyncio.Event()

        async def sleep(seconds: float) -> None:
            del seconds
            ready.set()
            await forever.wait()

        app = create_app(place, catalog(), lambda: NOW, sleep=sleep)
        async with app.router.lifespan_context(app):
            await ready.wait()
            drawn = _drawn.cache_info().misses
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as one:
                assert (await one.get("/")).status_code == 200
        return drawn, _drawn.cache_info().misses

    _drawn.cache_clear()
    before, after = asyncio.run(first_visit())
    assert before == after > 0
