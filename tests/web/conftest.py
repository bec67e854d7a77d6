"""The pages over a small store, asked without a socket."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from desk_fixtures import NOW, catalog, filled

from probe.model.target import Catalog
from probe.web.app import create_app
from probe.web.desk import Desk


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a filled store; no test writes to it."""
    return filled(tmp_path_factory.mktemp("desk") / "probe.sqlite")


Ask = Callable[..., httpx.Response]


@contextmanager
def _making() -> Iterator[Callable[..., Ask]]:
    """Give what makes a function that asks an application over a store."""
    desks: list[Desk] = []

    def make(
        place: Path,
        token: str | None = None,
        hosts: frozenset[str] = frozenset(),
        of: Catalog | None = None,
    ) -> Ask:
        app = create_app(place, of or catalog(), lambda: NOW, token=token, hosts=hosts)
        desks.append(app.state.desk)

        def ask(
            address: str, method: str = "GET", headers: dict[str, str] | None = None
        ) -> httpx.Response:
            import asyncio

            async def asked() -> httpx.Response:
                transport = httpx.ASGITransport(app=app)
                async with httpx.AsyncClient(
                    transport=transport, base_url="http://127.0.0.1"
                ) as client:
                    return await client.request(method, address, headers=headers)

            return asyncio.run(asked())

        return ask

    yield make
    for desk in desks:
        desk.close()


@pytest.fixture
def ask_of() -> Iterator[Callable[..., Ask]]:
    """Return what makes a function that asks an application over a store."""
    with _making() as make:
        yield make


@pytest.fixture(scope="session")
def ask(place: Path) -> Iterator[Ask]:
    """Return a function that asks one application for an address of the filled store."""
    with _making() as make:
        yield make(place)
