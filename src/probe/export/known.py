"""What the catalog and the country rules say beside the series, for the search of patterns."""

from collections.abc import Mapping

from probe.analysis.survey import Known
from probe.analysis.wording_weekend import Weekend
from probe.errors import CatalogError
from probe.model.target import Category
from probe.targets.load import load_countries

__all__ = ["known_of"]


def known_of(
    names: Mapping[str, str], shelves: Mapping[str, str], sources: Mapping[str, str] | None = None
) -> Known:
    """Return what is known of services, by their names and categories, and of countries.

    ``sources`` say whose word a foreign vantage is. Where the country rules cannot be read, no
    weekend is known.
    """
    return Known(
        names=names,
        families=shelves,
        domestic={name for name, shelf in shelves.items() if shelf == Category.DOMESTIC},
        sources=sources or {},
        weekends=_weekends(),
    )


def _weekends() -> dict[str, Weekend]:
    try:
        countries = load_countries()
    except CatalogError:
        return {}
    return {one.country: Weekend(one.name, one.weekend) for one in countries if one.weekend}
