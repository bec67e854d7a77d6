"""The programming interface: the same values as the pages, as JSON, described by OpenAPI."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, NamedTuple

import msgspec
from fastapi import APIRouter, Depends, Query, Response

from probe.model.codec import encode, to_builtins
from probe.report.data import ReportData
from probe.web import metrics
from probe.web.asked import Asked, asked_of
from probe.web.desk import Desk
from probe.web.lists import listed
from probe.web.page import stamp
from probe.web.tables import (
    Row,
    comparison_rows,
    day_rows,
    entry_rows,
    event_rows,
    goodput_rows,
    interval_rows,
    overlay_rows,
    service_rows,
)

__all__ = ["api_routes"]

_MOST = 10_000
Text = Annotated[str, Query(max_length=200)]


def _asked(
    since: Annotated[str, Query(description="From this date or time on, or 14d back.")] = "",
    until: Annotated[str, Query(description="Up to this date or time.")] = "",
    tz: Annotated[str, Query(description="IANA zone of dates and hours.")] = "",
    vantage: Text = "",
    network: Annotated[str, Query(description="A network's key: AS64500/mobile.")] = "",
    service: Text = "",
    endpoint: Text = "",
    state: Annotated[str, Query(description="ok, blocked, degraded, down, ...")] = "",
) -> Asked:
    return asked_of(
        {
            "since": since,
            "until": until,
            "tz": tz,
            "vantage": vantage,
            "network": network,
            "service": service,
            "endpoint": endpoint,
            "state": state,
        }
    )


AskedOf = Annotated[Asked, Depends(_asked)]
Rows = list[dict[str, Any]]


class _OfReport(NamedTuple):
    """One table of a report: its name in the address, what it is, how its rows are made."""

    name: str
    summary: str
    rows: Callable[[ReportData], Sequence[Row]]


_OF_REPORT = (
    _OfReport("services", "What, how, who, since when, how sure: a row a service", service_rows),
    _OfReport(
        "intervals", "Stretches of each lane with the brackets of their edges", interval_rows
    ),
    _OfReport("events", "Windows and outages", event_rows),
    _OfReport("goodput", "Timed transfers beside their controls, point by point", goodput_rows),
    _OfReport("overlays", "Numbers of others beside the timeline, point by point", overlay_rows),
    _OfReport("days", "Day by day: hours with a round, failures by layer, controls", day_rows),
)


def _add(router: APIRouter, desk: Desk, of_report: _OfReport) -> None:
    """Add the route of one table."""

    @router.get(f"/{of_report.name}", summary=of_report.summary, name=of_report.name)
    def table(asked: AskedOf) -> Rows:
        return _plain(of_report.rows(desk.report(asked)))


def api_routes(desk: Desk) -> APIRouter:
    """Return the routes under ``/api``, and ``/metrics``."""
    router = APIRouter(prefix="/api")

    @router.get("/state", summary="Whether anything changed since a version")
    def state() -> dict[str, Any]:
        found = desk.state()
        return {
            "version": found.version,
            "last_round": found.last_round,
            "open_since": stamp(found.open_since) or None,
        }

    @router.get("/report", summary="All values of a report (see docs/formats.md)")
    def report(asked: AskedOf) -> Response:
        return Response(encode(desk.report(asked)), media_type="application/json")

    for of_report in _OF_REPORT:
        _add(router, desk, of_report)

    @router.get("/compare", summary="Every vantage and network side by side")
    def compare(asked: AskedOf) -> Rows:
        return _plain(comparison_rows(desk.comparison(asked)))

    @router.get("/measurements", summary="Measurements, newest first")
    def measurements(asked: AskedOf, limit: Annotated[int, Query(ge=1, le=_MOST)] = 100) -> Rows:
        return _plain(entry_rows(listed(desk, asked, limit=limit)))

    @router.get("/measurements/{round_id}/{no}", summary="One measurement with all its steps")
    def measurement(round_id: int, no: int) -> Response:
        record = desk.store().record(round_id, no)
        if record is None:
            return Response(
                b'{"error":"there is no such thing"}', 404, media_type="application/json"
            )
        return Response(encode(record), media_type="application/json")

    @router.get("/vantages", summary="The vantages that are stored")
    def vantages() -> Rows:
        return [dict(msgspec.to_builtins(one)) for one in desk.store().vantages().values()]

    outer = APIRouter()
    outer.include_router(router)

    @outer.get("/metrics", summary="Metrics for Prometheus", response_class=Response)
    def prometheus() -> Response:
        from prometheus_client import CONTENT_TYPE_LATEST

        return Response(metrics.exposition(desk.store()), media_type=CONTENT_TYPE_LATEST)

    return outer


def _plain(rows: Any) -> Rows:
    return [{name: to_builtins(value) for name, value in row.items()} for row in rows]
