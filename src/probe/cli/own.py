"""A person's own bridges and proxies beside the catalog, for the commands that measure.

No message of these commands names a place of theirs; results say ``own-1``, ``own-2`` and so on.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from probe.model.target import Catalog, Category, Endpoint

if TYPE_CHECKING:
    from probe.schedule.session import Session
    from probe.targets.private import Private

__all__ = ["PrivateOption", "add_own", "own_categories", "own_of", "with_own"]

PrivateOption = Annotated[
    Path | None,
    typer.Option(
        "--private",
        help="Measure your own bridges and proxies from this file, too (mode 0600, one a line); "
        "nothing that is kept or shown says where they are.",
        show_default=False,
    ),
]


def own_of(path: Path | None) -> "Private | None":
    """Return what stands in the file, ``None`` where none is given.

    Raises:
        InputError: others may read it, or a line cannot be measured.

    """
    from probe.targets.private import load_private

    return None if path is None else load_private(path)


def own_categories(private: "Private | None") -> tuple[Category, ...]:
    """Return the categories that a consent has to cover for them."""
    return () if private is None else (private.service.category,)


def with_own(catalog: Catalog, private: "Private | None") -> Catalog:
    """Return the catalog with them in it, as a service of their own."""
    from msgspec import structs

    if private is None:
        return catalog
    return structs.replace(catalog, services=(*catalog.services, private.service))


def add_own(private: "Private | None", session: "Session") -> tuple[Endpoint, ...]:
    """Give them and their secrets to a session; return them, to be measured beside the plan."""
    from dataclasses import replace

    if private is None:
        return ()
    if session.catalog.service(private.service.id) is None:
        session.catalog = with_own(session.catalog, private)
    session.env = replace(session.env, secrets=private.secrets)
    return private.service.endpoints
