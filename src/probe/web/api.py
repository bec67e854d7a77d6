"""The programming interface: the same values as the pages, as JSON, described by OpenAPI."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Query, Response

from probe.model.codec import encode, to_builtins
from probe.web import metrics
from probe.web.asked import Asked, asked_of
from probe.web.desk import Desk
from probe.web.lists import listed
from probe.web.page import stamp
from probe.web.tables import (
    comparison_rows,
    day_rows,
    entry_rows,
    event_rows,
    goodput_rows,
    interval_rows,
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


def api_routes(desk: Desk) -> APIRouter:  # noqa: C901 - a list of short routes
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

    @router.get("/services", summary="What, how, who, since when, how sure: a row a service")
    def services(asked: AskedOf) -> Rows:
        return _plain(service_rows(desk.report(asked)))

    @router.get("/intervals", summary="Stretches of each lane with the brackets of their edges")
    def intervals(asked: AskedOf) -> Rows:
        return _plain(interval_rows(desk.report(asked)))

    @router.get("/events", summary="Windows and outages")
    def events(asked: AskedOf) -> Rows:
        return _plain(event_rows(desk.report(asked)))

    @router.get("/goodput", summary="Timed transfers beside their controls, point by point")
    def goodput(asked: AskedOf) -> Rows:
        return _plain(goodput_rows(desk.report(asked)))

    @router.get("/days", summary="Day by day: hours with a round, failures by layer, controls")
    def days(asked: AskedOf) -> Rows:
        return _plain(day_rows(desk.report(asked)))

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
