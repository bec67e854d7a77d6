"""``probe targets``: list, show and check what is measured."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from probe.cli.options import CatalogOption, Output, OutputOption, command_app
from probe.model.target import Catalog, Category, Endpoint, Plan, Risk, Service

__all__ = ["app"]

app = command_app(no_args_is_help=True)

COLUMNS = ("id", "role", "risk", "plan", "off")

CategoryOption = Annotated[
    list[Category] | None, typer.Option("--category", help="Only this category; repeatable.")
]
ServiceOption = Annotated[
    list[str] | None, typer.Option("--service", help="Only the service of this id; repeatable.")
]
CountryOption = Annotated[
    str | None,
    typer.Option("--country", help="Leave out the domestic controls of other countries."),
]
PlanOption = Annotated[
    Plan, typer.Option("--plan", help="What rounds of this plan reach; all: every endpoint.")
]
RiskOption = Annotated[Risk | None, typer.Option("--risk", help="Only this risk tier.")]
AllOption = Annotated[
    bool, typer.Option("--all", help="Every endpoint, those that are off among them.")
]


@app.callback()
def targets() -> None:
    """List, show and check the catalog of what is measured; sends nothing."""


@app.command("list")
def list_(
    category: CategoryOption = None,
    service: ServiceOption = None,
    country: CountryOption = None,
    plan: PlanOption = Plan.DEFAULT,
    risk: RiskOption = None,
    everything: AllOption = False,
    catalog: CatalogOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the endpoints of the catalog, one a line."""
    from probe.cli.output import emit, say
    from probe.places import check_country
    from probe.targets.load import load_catalog

    here = None if country is None else check_country(country)
    loaded = load_catalog(catalog)
    for name in service or ():
        _service(loaded, name)
    wanted = [
        (owner, endpoint)
        for owner, endpoint in _pairs(loaded)
        if (not category or owner.category in category)
        and (not service or owner.id in service)
        and (risk is None or endpoint.risk is risk)
        and (here is None or endpoint.country in (None, here))
        and (everything or plan is Plan.ALL or endpoint.plan in (Plan.CORE, plan))
        and (everything or endpoint.off is None)
    ]
    columns = COLUMNS if output is Output.TABLE else ()
    emit((_row(owner, endpoint) for owner, endpoint in wanted), output, columns)
    services = len({owner.id for owner, _ in wanted})
    say(f"{len(wanted)} endpoints of {services} services")


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(help="A service or an endpoint, by its id.")],
    catalog: CatalogOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show a service with its endpoints, or everything about one endpoint."""
    from probe.cli.output import emit
    from probe.model.codec import to_builtins
    from probe.targets.load import load_catalog

    loaded = load_catalog(catalog)
    found = next((pair for pair in _pairs(loaded) if pair[1].id == name), None)
    if found is None:
        _show_service(_service(loaded, name), output)
    elif output is Output.TABLE:
        fields = {"category": found[0].category, "name": found[0].name, **to_builtins(found[1])}
        emit(({"field": key, "value": value} for key, value in fields.items()), output)
    else:
        emit([_row(*found)], output)


@app.command("check")
def check(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="Files or folders; the catalog of this installation without any."),
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Check target files; print each problem with file, line, field and mend.

    Exit codes: 0 when all is well, 2 when anything is wrong.
    """
    from probe.cli.output import emit, say
    from probe.targets.audit import audit

    places: list[Path | None] = [*paths] if paths else [None]
    problems = [problem for place in places for problem in audit(place)]
    if output is Output.TABLE:
        for problem in problems:
            typer.echo(_printable(str(problem)))
    else:
        columns = ("file", "line", "field", "problem", "mend")
        emit(({key: getattr(problem, key) for key in columns} for problem in problems), output)
    say(
        f"{len(problems)} problem{'' if len(problems) == 1 else 's'}" if problems else "all is well"
    )
    if problems:
        raise typer.Exit(2)


@app.command("schema")
def schema() -> None:
    """Print the JSON Schema of target files, for editors."""
    from probe.targets.schema import schema_text

    typer.echo(schema_text(), nl=False)


def _pairs(catalog: Catalog) -> Iterator[tuple[Service, Endpoint]]:
    return ((service, endpoint) for service in catalog.services for endpoint in service.endpoints)


def _row(service: Service, endpoint: Endpoint) -> dict[str, Any]:
    from probe.model.codec import to_builtins

    known = {"id": endpoint.id, "name": service.name, "category": str(service.category)}
    return {**known, **to_builtins(endpoint)}


def _service(catalog: Catalog, name: str) -> Service:
    from probe.errors import InputError
    from probe.targets.select import suggest

    found = catalog.service(name)
    if found is None:
        raise InputError(f"no service or endpoint {name[:80]!a}", mend=suggest(catalog, name))
    return found


def _show_service(service: Service, output: Output) -> None:
    from probe.cli.output import emit, say

    retired = f", retired on {service.retired_on}" if service.retired_on else ""
    say(f"{service.name} ({service.category}{retired})")
    if service.note:
        say(service.note)
    columns = (*COLUMNS, "source", "note") if output is Output.TABLE else ()
    emit((_row(service, endpoint) for endpoint in service.endpoints), output, columns)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
