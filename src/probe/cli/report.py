"""``probe report``: one self-contained HTML file out of the store; sends nothing."""

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from probe.cli.options import CatalogOption, ConfigOption, StoreOption, command_app
from probe.cli.output import say
from probe.cli.series_source import SinceOption, UntilOption, VantageOption
from probe.cli.shown_catalog import shown_catalog

if TYPE_CHECKING:
    from probe.report.data import ReportData

__all__ = ["app", "write_charts", "write_report"]

app = command_app()


@app.command()
def report(
    store: StoreOption = None,
    config: ConfigOption = None,
    catalog: CatalogOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    vantage: VantageOption = None,
    out: Annotated[
        Path, typer.Option("--out", help="The file to write; - is standard output.")
    ] = Path("probe-report.html"),
    title: Annotated[str, typer.Option("--title", help="The heading of the page.")] = "",
    tz: Annotated[
        str | None,
        typer.Option("--tz", help="IANA zone of hours and days, as UTC; else the line's own."),
    ] = None,
    lang: Annotated[str, typer.Option("--lang", help="en, fa, ar, es, ru or fr.")] = "en",
    charts: Annotated[
        Path | None,
        typer.Option("--charts", help="Also write each chart into this folder, as SVG and PNG."),
    ] = None,
    private: Annotated[
        bool,
        typer.Option(
            "--private",
            help="For yourself only: minutes, network numbers and the words of notes.",
        ),
    ] = False,
) -> None:
    """Write a self-contained HTML report; made for publishing unless --private is given."""
    from probe.analysis.zones import zone
    from probe.clock import SystemClock
    from probe.report.html import render
    from probe.report.stored import report_of
    from probe.settings import load as load_settings
    from probe.store.database import Store

    settings = load_settings(config=config, environ=os.environ, store=store)
    shown = None if tz is None else zone(tz).key
    with Store.open(settings.store, create=False, readonly=True) as opened:
        data = report_of(
            opened,
            shown_catalog(catalog or settings.catalog, opened),
            now=SystemClock().now(),
            since=_time(since, "--since", shown or settings.tz),
            until=_time(until, "--until", shown or settings.tz),
            vantage=vantage,
            title=title,
            private=private,
            tz_shown=shown,
        )
    write_report(render(data, lang), out, private=private)
    if charts is not None:
        write_charts(data, charts, lang)


def write_charts(data: "ReportData", folder: Path, lang: str) -> None:
    """Write every chart of a report as SVG and as PNG; private ones are their owner's alone.

    Raises:
        InputError: the folder cannot be written, or what draws PNG is not installed.

    """
    from probe.errors import InputError
    from probe.report.charts.every import charts_of
    from probe.report.charts.files import png_file, svg_file
    from probe.report.tongue import speaking

    written = 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with speaking(lang):
            for chart in charts_of(data):
                for suffix, content in (
                    ("svg", svg_file(chart).encode()),
                    ("png", png_file(chart)),
                ):
                    file = folder / f"{chart.name}.{suffix}"
                    file.touch(mode=0o600)
                    file.chmod(0o600 if data.private else 0o644)
                    file.write_bytes(content)
                written += 1
    except OSError as exc:
        raise InputError(
            f"the charts cannot be written: {exc.strerror or exc}",
            file=str(folder),
            mend="choose another folder with --charts",
        ) from exc
    say(f"wrote {written} charts into {folder}")


def write_report(page: str, out: Path, *, private: bool) -> None:
    """Write the page, whole or not at all; a private one is readable by its owner only.

    Raises:
        InputError: when the file cannot be written.
        StoreError: when the disk is full.

    """
    import errno
    import sys
    import tempfile

    from probe.errors import InputError, StoreError

    if str(out) == "-":
        sys.stdout.write(page)
        return
    part: Path | None = None
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=out.parent, prefix=".probe-report-", delete=False
        ) as file:
            part = Path(file.name)
            file.write(page)
        part.chmod(0o600 if private else 0o644)
        part.replace(out)
    except OSError as exc:
        if exc.errno == errno.ENOSPC:
            raise StoreError(f"{out}: the disk is full, the report was not written") from exc
        raise InputError(
            f"the report cannot be written: {exc.strerror or exc}",
            file=str(out),
            mend="choose another place with --out",
        ) from exc
    finally:
        if part is not None:
            part.unlink(missing_ok=True)
    say(f"wrote {out} ({len(page.encode()) // 1024} KiB)")


def _time(text: str | None, field: str, tz: str) -> datetime | None:
    """Return a date, a time, or a distance back from now, read in the vantage's zone."""
    from probe.analysis.zones import zone
    from probe.cli.series_source import moment_of

    return moment_of(text, field, zone(tz))
