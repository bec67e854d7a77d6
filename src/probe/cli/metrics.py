"""``probe metrics``: what Prometheus' node_exporter picks up from a text file."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from probe.cli.options import ConfigOption, StoreOption, command_app
from probe.errors import InputError

__all__ = ["app"]

app = command_app()


@app.command()
def metrics(
    store: StoreOption = None,
    config: ConfigOption = None,
    out: Annotated[
        Path, typer.Option("--out", help="The .prom file to write, whole; - is standard output.")
    ] = Path("-"),
) -> None:
    """Write what is cut now, and when it was last measured, in Prometheus' text format."""
    try:
        import prometheus_client  # noqa: F401 - the functions below import it when they run

        from probe.web.metrics import exposition, write_textfile
    except ImportError as exc:
        raise InputError(
            f"metrics need a package that is not installed: {exc.name}",
            mend="pip install 'probe[web]'",
        ) from exc
    from probe.settings import load as load_settings
    from probe.store.database import Store

    settings = load_settings(config=config, environ=os.environ, store=store)
    with Store.open(settings.store, create=False, readonly=True) as opened:
        if str(out) == "-":
            sys.stdout.write(exposition(opened).decode())
            return
        try:
            write_textfile(opened, out)
        except OSError as exc:
            raise InputError(
                f"cannot be written: {exc.strerror or exc}", file=str(out), field="--out"
            ) from exc
