"""The application: routes of pages, downloads and the programming interface; all read-only."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.telemetry import TelemetryConfig

from probe import __version__
from probe.errors import InputError, ProbeError, StoreError
from probe.model.target import Catalog
from probe.report.tongue import _, speaking
from probe.web.api import api_routes
from probe.web.asked import Asked, asked_of
from probe.web.desk import Desk
from probe.web.page import draw_page
from probe.web.pages import overview_page, page_routes
from probe.web.security import Gatekeeper

__all__ = ["create_app"]

_EVERY_S = 5.0
_SILENT: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "auto_configure": False,
}
"""FastAPI would follow the environment's OpenTelemetry settings; what is looked at here stays."""
_STATIC = {
    "style.css": ("probe.report", "templates/style.css", "text/css; charset=utf-8"),
    "page.css": ("probe.web", "static/page.css", "text/css; charset=utf-8"),
    "live.js": ("probe.web", "static/live.js", "text/javascript; charset=utf-8"),
}


def create_app(
    place: Path | str,
    catalog: Catalog,
    now: Callable[[], datetime],
    *,
    hosts: frozenset[str] = frozenset(),
    token: str | None = None,
    sleep: Callable[[float], object] | None = None,
) -> FastAPI:
    """Return the application over one store, which is opened when it is first asked for.

    ``hosts`` are names that it is called by beside those of loopback; with a ``token`` and no
    hosts it answers to any name.

    Raises:
        InputError: the token is too short.

    """
    desk = Desk(place, catalog, now)

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        del app
        task = asyncio.create_task(_keep_fresh(desk, sleep or asyncio.sleep))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            desk.close()

    app = FastAPI(
        title="probe",
        version=__version__,
        description="What a store holds: what is cut, how, by whom, where and since when.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        telemetry=_SILENT,
        lifespan=life,
    )
    app.state.desk = desk
    app.middleware("http")(Gatekeeper(hosts, token))
    app.include_router(page_routes(desk))
    app.include_router(api_routes(desk))
    app.add_exception_handler(ProbeError, _told)
    app.add_exception_handler(RequestValidationError, _not_valid)
    app.add_exception_handler(404, _missing)

    @app.get("/static/{name}", include_in_schema=False)
    def static(name: str) -> Response:
        if name not in _STATIC:
            return _page(Asked(), 404, "", "")
        package, path, media_type = _STATIC[name]
        text = files(package).joinpath(path).read_text(encoding="utf-8")
        return Response(text, media_type=media_type, headers={"Cache-Control": "max-age=300"})

    return app


async def _keep_fresh(desk: Desk, sleep: Callable[[float], object]) -> None:
    """Make the overview again whenever the store has changed, outside of anybody's request."""
    while True:
        with suppress(ProbeError):  # whoever asks is told; there may be a store later
            await asyncio.to_thread(_freshened, desk)
        await sleep(_EVERY_S)  # type: ignore[misc]


def _freshened(desk: Desk) -> None:
    """Make the overview again if it must be; draw it once, so that its charts are ready."""
    if desk.refresh():
        overview_page(desk, Asked())


def _told(request: Request, error: Exception) -> Response:
    """Answer what a user can mend, or a store that cannot be read, in plain words."""
    status = 400 if isinstance(error, InputError) else 503 if isinstance(error, StoreError) else 500
    if isinstance(error, StoreError):
        request.app.state.desk.close()
    if request.url.path.startswith("/api/"):
        return JSONResponse({"error": str(error)}, status_code=status)
    if isinstance(error, InputError) and error.field == "--vantage":
        choice = _choice_of_vantages(request, error.problem)
        if choice is not None:
            return choice
    mend = error.mend if isinstance(error, InputError) else None
    field = f"{error.field}: " if isinstance(error, InputError) and error.field else ""
    problem = f"{field}{error.problem}" if isinstance(error, InputError) else str(error)
    return _page(_language_of(request), status, problem, mend or "")


def _choice_of_vantages(request: Request, problem: str) -> Response | None:
    """Return a page with a link for each vantage: without an own one, none is shown by default."""
    asked = asked_of(dict(request.query_params))
    if asked.vantage:
        return None
    vantages = request.app.state.desk.store().vantages().values()
    with speaking(asked.lang):
        title = _("Vantage")
    text = draw_page(
        "vantages.html.j2",
        asked,
        path=request.url.path,
        title=title,
        problem=problem,
        vantages=sorted(vantages, key=lambda one: one.id),
    )
    return HTMLResponse(text, status_code=300)


def _not_valid(request: Request, error: Exception) -> Response:
    first = error.errors()[0] if isinstance(error, RequestValidationError) else {}
    where = ".".join(str(part) for part in first.get("loc", ()))
    return _told(request, InputError(str(first.get("msg", "not valid")), field=where))


def _missing(request: Request, error: Exception) -> Response:
    del error
    if request.url.path.startswith("/api/"):
        return JSONResponse({"error": "there is no such thing"}, status_code=404)
    return _page(_language_of(request), 404, "", "")


def _language_of(request: Request) -> Asked:
    from probe.report.tongue import LANGUAGES

    code = request.query_params.get("lang", "en")
    return Asked(lang=code if code in LANGUAGES else "en")


def _page(asked: Asked, status: int, problem: str, mend: str) -> HTMLResponse:
    with speaking(asked.lang):
        titles = {
            400: _("The address asks for something that cannot be"),
            404: _("There is no such page"),
            503: _("The store cannot be read"),
        }
        title = titles.get(status, _("Something is wrong"))
    text = draw_page("error.html.j2", asked, path="/", title=title, problem=problem, mend=mend)
    return HTMLResponse(text, status_code=status)
