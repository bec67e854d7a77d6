"""Options that several subcommands share."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["CatalogOption", "ConfigOption", "Output", "OutputOption", "StoreOption", "command_app"]


class Output(StrEnum):
    """How results are printed on stdout."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"


OutputOption = Annotated[Output, typer.Option("--output", "-o", help="How results are printed.")]
StoreOption = Annotated[
    Path | None,
    typer.Option("--store", help="The database file [PROBE_STORE].", show_default=False),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", help="A TOML file of settings [PROBE_CONFIG].", show_default=False),
]
CatalogOption = Annotated[
    Path | None,
    typer.Option("--catalog", help="A folder of target files of your own.", show_default=False),
]


def command_app(*, no_args_is_help: bool = False) -> typer.Typer:
    """Return an empty subcommand that starts fast and shows errors as the root does."""
    return typer.Typer(
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=False,
        no_args_is_help=no_args_is_help,
    )
