"""``probe serve``: the store as pages; read-only, on this machine unless told otherwise."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from probe.cli.options import CatalogOption, ConfigOption, StoreOption, command_app
from probe.cli.output import say
from probe.cli.shown_catalog import shown_catalog
from probe.errors import InputError
from probe.model.address import authority

if TYPE_CHECKING:
    from probe.model.target import Catalog

__all__ = ["app"]

app = command_app()

_PORT = 8337


@app.command()
def serve(
    store: StoreOption = None,
    config: ConfigOption = None,
    catalog: CatalogOption = None,
    host: Annotated[
        str, typer.Option("--host", help="The address to listen on; others need a token.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=1, max=65535, help="The port to listen on.")
    ] = _PORT,
    token: Annotated[
        str | None,
        typer.Option(
            "--token",
            envvar="PROBE_TOKEN",
            help="What visitors must know; made anew if the address is not this machine's.",
            show_default=False,
        ),
    ] = None,
    name: Annotated[
        list[str] | None,
        typer.Option(
            "--name", help="A host name that visitors use (behind a proxy); may be repeated."
        ),
    ] = None,
) -> None:
    """Show the store as pages for yourself: overview, services, networks, every measurement.

    It changes nothing and sends nothing outside. The pages hold exact times and networks, as a
    private report does: do not publish them. Behind a proxy add TLS; here is none.
    """
    from probe.net import guard

    guard.confine()  # showing sends no packet, whatever a library may think of
    try:
        import uvicorn

        from probe.web.app import create_app
        from probe.web.security import is_loopback, new_token
    except ImportError as exc:
        raise InputError(
            f"the pages need a package that is not installed: {exc.name}",
            mend="pip install 'probe[web]'",
        ) from exc
    from probe.clock import SystemClock
    from probe.settings import load as load_settings

    settings = load_settings(config=config, environ=os.environ, store=store)
    if token is None and not is_loopback(host):
        token = new_token()
    made = create_app(
        settings.store,
        _catalog(catalog or settings.catalog, settings.store),
        SystemClock().now,
        hosts=frozenset(one.lower() for one in name or ()),
        token=token,
    )
    say(f"http://{authority(host, port)}/{f'?token={token}' if token else ''}")
    if not is_loopback(host):
        say("Whoever knows this address and sees the traffic can read everything: there is no TLS.")
    say("Ctrl-C stops it.")
    uvicorn.run(
        made,
        host=host,
        port=port,
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=2,
    )


def _catalog(path: Path | None, place: Path | str) -> "Catalog":
    """Return the catalog of names; the store may not be there yet."""
    from probe.errors import StoreError
    from probe.store.database import Store

    try:
        with Store.open(place, create=False, readonly=True) as store:
            return shown_catalog(path, store)
    except StoreError:
        return shown_catalog(path, None)
