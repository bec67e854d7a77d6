"""What must hold between endpoints: ids are unique, and the plans stay small."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from probe.model.target import Endpoint, Plan, Purpose, Service, Whole
from probe.targets.rules import Problem

__all__ = ["CORE_LIMIT", "DEFAULT_LIMIT", "baselines", "crowded", "duplicates", "parts"]

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


def parts(
    services: Sequence[Service], wholes: Sequence[Whole]
) -> Iterator[tuple[Service, Problem]]:
    """Yield the services that are part of a whole which nobody named, or which a service is.

    A whole of one name stands in one file; its id is a subject of timelines, as a service's is.
    """
    names: dict[str, str] = {}
    for whole in wholes:
        names.setdefault(whole.id, whole.name)
    ids = {service.id for service in services}
    for service in services:
        if service.part_of is None:
            continue
        whole_id = service.part_of.whole
        if whole_id not in names:
            text = f"part of {whole_id}, which no file names under wholes"
            yield service, Problem("part_of", text, "add it to wholes: of the file")
        elif whole_id in ids:
            text = f"{whole_id} is a service and cannot be a whole as well"
            yield service, Problem("part_of", text, "give the whole another id")
        elif sum(whole.id == whole_id for whole in wholes) > 1:
            yield (
                service,
                Problem("part_of", f"the whole {whole_id} is named twice", "name it once"),
            )


_REACH = (Plan.CORE, Plan.DEFAULT, Plan.ALL)


def baselines(services: Sequence[Service]) -> Iterator[tuple[Endpoint, Problem]]:
    """Yield the endpoints whose baseline is not there, or is not measured when they are."""
    known = {endpoint.id: endpoint for service in services for endpoint in service.endpoints}
    for endpoint in known.values():
        if endpoint.baseline is None:
            continue
        baseline = known.get(endpoint.baseline)
        if baseline is None:
            text = f"no endpoint {endpoint.baseline[:80]}"
            yield endpoint, Problem("baseline", text, "give the id of an endpoint")
        elif baseline.purpose is not Purpose.TARGET or baseline.baseline is not None:
            text = "a baseline is a target that is compared with nothing itself"
            yield endpoint, Problem("baseline", text, "choose another endpoint")
        elif endpoint.off is None and baseline.off is not None:
            yield endpoint, Problem("baseline", "it is off", "choose another endpoint")
        elif _REACH.index(baseline.plan) > _REACH.index(endpoint.plan):
            text = f"it is in plan {baseline.plan}, this endpoint in {endpoint.plan}"
            yield endpoint, Problem("baseline", text, "measure both in the same rounds")
