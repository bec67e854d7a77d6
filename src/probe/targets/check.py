"""What must hold between endpoints: ids are unique, and the plans stay small."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from probe.model.target import Endpoint, Plan, Service
from probe.targets.rules import Problem

__all__ = ["CORE_LIMIT", "DEFAULT_LIMIT", "crowded", "duplicates"]

CORE_LIMIT = 20
"""Endpoints of a frequent round, a country's own among them."""

DEFAULT_LIMIT = 150
"""Endpoints of a daily round, the core and every opt-in category included."""


def duplicates(
    services: Sequence[Service], where: Callable[[Service | Endpoint], str]
) -> Iterator[tuple[Service | Endpoint, Problem]]:
    """Yield every service or endpoint whose id was used before, and where it was."""
    first_service: dict[str, Service] = {}
    first_endpoint: dict[str, Endpoint] = {}
    for service in services:
        earlier = first_service.setdefault(service.id, service)
        if earlier is not service:
            text = f"service {service.id} is also at {where(earlier)}"
            yield service, Problem("id", text, "choose another id, or join the two")
            continue
        for endpoint in service.endpoints:
            same = first_endpoint.setdefault(endpoint.id, endpoint)
            if same is not endpoint:
                text = f"the same endpoint as at {where(same)}"
                yield endpoint, Problem("host", text, "remove one of the two")


def crowded(endpoints: Sequence[Endpoint]) -> Iterator[Problem]:
    """Yield the plans that are larger than they may be, for the country that is worst off."""
    core = [e for e in endpoints if e.plan is Plan.CORE]
    planned = [e for e in endpoints if e.plan is not Plan.ALL]
    for name, members, limit in (("core", core, CORE_LIMIT), ("default", planned, DEFAULT_LIMIT)):
        everywhere = sum(1 for e in members if e.country is None)
        by_country = Counter(e.country for e in members if e.country is not None)
        country, extra = max(by_country.items(), key=lambda item: item[1], default=("ZZ", 0))
        if everywhere + extra > limit:
            text = f"{everywhere + extra} endpoints in plan {name} for {country}, limit {limit}"
            yield Problem("plan", text, "give some of them a larger plan")
