"""The pages: each reads the state of the view from its address and writes it into every link."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from probe.errors import InputError
from probe.model.verdict import State
from probe.report.charts.engine import draw
from probe.report.charts.spans import lanes_chart, onset_chart
from probe.report.compare import MOST_OF_FILES
from probe.report.data import ReportData, WindowRow
from probe.report.html import Picture
from probe.report.tongue import speaking
from probe.store.database import Query
from probe.web.asked import Asked, asked_of
from probe.web.desk import Desk
from probe.web.downloads import download
from probe.web.lists import PAGE, listed
from probe.web.page import draw_page, event_key, rounds_table
from probe.web.steps import details_of, step_rows

__all__ = ["overview_page", "page_routes"]

_ROUNDS = 200


def page_routes(desk: Desk) -> APIRouter:
    """Return the routes of every page."""
    pages = _Pages(desk)
    router = APIRouter(include_in_schema=False)
    for path, page in (
        ("/", pages.overview),
        ("/service/{service:path}", pages.service),
        ("/network/{network:path}", pages.network),
        ("/event/{key}", pages.event),
        ("/measurements", pages.measurements),
        ("/measurement/{round_id}/{no}", pages.measurement),
        ("/rounds", pages.rounds),
        ("/compare", pages.compare),
        ("/download/{name}", pages.download),
    ):
        router.add_api_route(path, page, methods=["GET"], response_class=HTMLResponse)
    return router


def overview_page(desk: Desk, asked: Asked) -> Response:
    """Return what is cut now, since when, by whom."""
    return _Pages(desk).overview_of(asked)


class _Pages:
    """One method a page."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def _draw(self, template: str, asked: Asked, path: str, **values: Any) -> HTMLResponse:
        state = self._desk.state()
        vantages = list(self._desk.store().vantages().values())
        text = draw_page(
            template,
            asked,
            path=path,
            version=state.version,
            state=state,
            of=self._desk.vantage(asked) if len(vantages) > 1 else "",
            vantages=vantages,
            **values,
        )
        return HTMLResponse(text)

    def overview(self, request: Request) -> Response:
        """Show what is cut now, since when, by whom."""
        return self.overview_of(asked_of(dict(request.query_params)))

    def overview_of(self, asked: Asked) -> Response:
        """Show it for a period, a vantage and a language."""
        return self._draw("overview.html.j2", asked, "/", data=self._desk.report(asked))

    def service(self, request: Request, service: str) -> Response:
        """Show everything about one service."""
        asked = _of(request, service=service)
        data = self._desk.report(asked)
        window = self._desk.window(asked)
        newest = self._desk.store().entries(
            Query(
                since=window.since,
                until=window.until,
                services=self._desk.services_of(service),
                vantage=self._desk.vantage(asked) or None,
                network=asked.network or None,
                limit=2 * PAGE,
            )
        )
        entries = list({one.endpoint: one for one in reversed(newest)}.values())
        known = self._desk.names.get(service)
        if known is None and not newest and not any(s.looks.total for s in data.services):
            return self._missing(asked)
        return self._draw(
            "service.html.j2",
            _of(request),
            f"/service/{service}",
            data=data,
            entries=sorted(entries, key=lambda one: one.endpoint),
            name=known or service,
        )

    def network(self, request: Request, network: str) -> Response:
        """Show everything about one network."""
        asked = _of(request, network=network)
        data = self._desk.report(asked)
        if not data.coverage.rounds and network not in data.place.networks:
            return self._missing(asked)
        return self._draw(
            "network.html.j2", _of(request), f"/network/{network}", data=data, name=network
        )

    def event(self, request: Request, key: str) -> Response:
        """Show one window or outage."""
        asked = asked_of(dict(request.query_params))
        data = self._desk.report(asked)
        row = next((one for one in data.windows if event_key(one) == key), None)
        if row is None:
            return self._missing(asked)
        with speaking(asked.lang):
            drawn = _event_picture(data, row)
        return self._draw("event.html.j2", asked, f"/event/{key}", data=data, row=row, drawn=drawn)

    def measurements(self, request: Request) -> Response:
        """List the rows behind a number, newest first."""
        asked = asked_of(dict(request.query_params))
        before = _before(request.query_params.get("before", ""))
        entries = listed(self._desk, asked, before=before)
        more = ""
        if len(entries) == PAGE:
            last = entries[-1]
            address = asked.address("/measurements")
            mark = "&" if "?" in address else "?"
            more = f"{address}{mark}before={last.round}.{last.no}"
        return self._draw(
            "measurements.html.j2",
            asked,
            "/measurements",
            entries=entries,
            more=more,
            states=list(State),
        )

    def measurement(self, request: Request, round_id: int, no: int) -> Response:
        """Show one measurement with all that was seen, and the rule that judged it."""
        asked = asked_of(dict(request.query_params))
        store = self._desk.store()
        record, round_ = store.record(round_id, no), store.round(round_id)
        if record is None or round_ is None:
            return self._missing(asked)
        from probe.analysis.rules import RULES

        rule = next((one for one in RULES if one.id == record.verdict.rule_id), None)
        return self._draw(
            "measurement.html.j2",
            asked,
            f"/measurement/{round_id}/{no}",
            record=record,
            round=round_,
            no=no,
            rule=rule,
            steps=step_rows,
            details=details_of,
        )

    def rounds(self, request: Request) -> Response:
        """List the rounds, and what was the matter with the line."""
        asked = asked_of(dict(request.query_params))
        rounds = self._desk.rounds(asked)
        return self._draw(
            "rounds.html.j2",
            asked,
            "/rounds",
            data=self._desk.report(asked),
            rounds=rounds_table(rounds, _ROUNDS),
        )

    def compare(self, request: Request) -> Response:
        """Show vantages and networks side by side."""
        asked = asked_of(dict(request.query_params))
        comparison = self._desk.comparison(asked)
        drawn = None
        if len(comparison.lanes) > 1:
            lanes, period, tz = comparison.lanes, comparison.period, comparison.tz
            with speaking(asked.lang):
                drawn = Picture(
                    draw(onset_chart(lanes, period, tz)),
                    draw(onset_chart(lanes, period, tz, narrow=True)),
                )
        return self._draw(
            "compare.html.j2",
            asked,
            "/compare",
            comparison=comparison,
            drawn=drawn,
            most_of_files=MOST_OF_FILES,
        )

    def download(self, request: Request, name: str) -> Response:
        """Send what is on the screen, as a file."""
        asked = asked_of(dict(request.query_params))
        what, _dot, ending = name.rpartition(".")
        file = download(self._desk, asked, what, ending)
        if file is None:
            return self._missing(asked)
        headers = {"Content-Disposition": f'attachment; filename="{file.name}"'}
        return Response(file.body, media_type=file.media_type, headers=headers)

    def _missing(self, asked: Asked) -> Response:
        from probe.report.tongue import _

        with speaking(asked.lang):
            title = _("There is no such page")
            problem = _("Nothing of that name is in the store in this period.")
        text = draw_page("error.html.j2", asked, path="/", title=title, problem=problem, mend="")
        return HTMLResponse(text, status_code=404)


def _of(request: Request, **fixed: str) -> Asked:
    return asked_of({**dict(request.query_params), **fixed})


def _before(text: str) -> tuple[int, int] | None:
    if not text:
        return None
    round_id, _dot, no = text.partition(".")
    if not (_is_number(round_id) and _is_number(no)):
        raise InputError("not a place in the list", field="before", mend="follow a link to it")
    return int(round_id), int(no)


def _is_number(text: str) -> bool:
    """Say whether a text is a number that a database holds."""
    return text.isascii() and text.isdecimal() and len(text) < 19


def _event_picture(data: ReportData, row: WindowRow) -> Picture | None:
    """Return the lane that an event lies in, over the whole period."""
    lanes = [one for one in data.lanes if one.subject == row.subject]
    if not lanes:
        return None
    wide = lanes_chart(lanes, data.period, data.place.tz)
    narrow = lanes_chart(lanes, data.period, data.place.tz, narrow=True)
    return Picture(draw(wide), draw(narrow))
