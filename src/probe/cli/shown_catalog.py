"""The catalog that a store was filled by, for the names in what is shown of it."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from probe.errors import InputError, StoreError

if TYPE_CHECKING:
    from probe.model.target import Catalog
    from probe.store.database import Store

__all__ = ["shown_catalog"]

_SCENARIO = "scenario "


def shown_catalog(path: Path | None, store: "Store | None") -> "Catalog":
    """Return the catalog at ``path``; else the scenario's own for a store of the lab's.

    Raises:
        CatalogError: the file or folder at ``path`` is wrong.

    """
    from probe.targets.load import load_catalog

    if path is None and store is not None:
        with suppress(StoreError):
            state = store.state()
            newest = store.round(state.last_round) if state.last_round else None
            digest = newest.catalog_digest if newest is not None else ""
            made_up = _of_scenario(digest.removeprefix(_SCENARIO)) if _named(digest) else None
            if made_up is not None:
                return made_up
    return load_catalog(path)


def _named(digest: str) -> bool:
    return digest.startswith(_SCENARIO)


def _of_scenario(name: str) -> "Catalog | None":
    from probe.lab.demo import simulated_catalog
    from probe.lab.scenario import load_scenario

    with suppress(InputError, ValueError):  # one that is no longer shipped, or has no world
        return simulated_catalog(load_scenario(name))
    return None
