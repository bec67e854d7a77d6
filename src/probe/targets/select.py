"""Which endpoints a round measures, and the reason for each that it does not."""

import difflib
from collections.abc import Collection, Sequence
from enum import StrEnum

import msgspec

from probe.errors import InputError
from probe.model.target import Catalog, Category, Endpoint, Plan, Risk, Role, Service
from probe.targets.convert import quoted
from probe.targets.countries import CountryRules
from probe.targets.defaults import DEFAULT_CATEGORIES
from probe.targets.listings import PREFIX as LISTING

__all__ = ["LeftOut", "Reason", "Selection", "anchors", "select", "suggest"]


class Reason(StrEnum):
    """Why an endpoint is left out."""

    OFF = "off"  # the catalog says why
    NOT_NAMED = "not_named"  # names were given, and it has none of them
    OTHER_COUNTRY = "other_country"  # a domestic control of another country
    OPT_IN = "opt_in"  # its category is measured only when asked for
    RISK = "risk"  # the country, or its own risk, makes it one to ask for
    PLAN = "plan"  # this plan does not reach that far


class LeftOut(msgspec.Struct, frozen=True):
    """An endpoint that is not measured; ``detail`` is a sentence for people."""

    endpoint: Endpoint
    reason: Reason
    detail: str = ""


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Every endpoint of the catalog, once: measured or left out.

    ``by_name`` are those of ``endpoints`` that are measured only because they were named, though
    they need an opt-in: say so before measuring them.
    """

    endpoints: tuple[Endpoint, ...]
    left_out: tuple[LeftOut, ...]
    by_name: tuple[Endpoint, ...] = ()


def select(
    catalog: Catalog,
    *,
    plan: Plan,
    country: str,
    include: Collection[Category] = (),
    names: Sequence[str] = (),
    everything: bool = False,
    rules: CountryRules | None = None,
) -> Selection:
    """Return what a round on a line in ``country`` measures.

    ``names`` are service ids, categories or endpoint ids: they narrow the round to these, reach
    beyond the plan, and count as the opt-in for what they name. ``include`` opts categories in.
    What they are compared with comes along. ``everything`` reaches beyond the plan, and opts
    nothing in. An endpoint that is off, or a
    domestic control of another country, is never measured.

    Raises:
        InputError: a name is not in the catalog.

    """
    _check_names(catalog, names)
    wanted, opted = frozenset(names), frozenset(include)
    beside = _baselines(catalog, wanted) if wanted else frozenset()
    chosen: list[Endpoint] = []
    left_out: list[LeftOut] = []
    by_name: list[Endpoint] = []
    for service in catalog.services:
        for endpoint in service.endpoints:
            named = bool(wanted) and (endpoint.id in beside or _is_named(service, endpoint, wanted))
            refusal = _never(endpoint, country) or (
                (Reason.NOT_NAMED, "not named") if wanted and not named else None
            )
            unasked = _unasked(service, endpoint, opted, rules)
            if refusal is None and not named:
                refusal = unasked or (None if everything else _beyond(endpoint, plan))
            if refusal is not None:
                left_out.append(LeftOut(endpoint, *refusal))
                continue
            chosen.append(endpoint)
            if unasked is not None:
                by_name.append(endpoint)
    return Selection(endpoints=tuple(chosen), left_out=tuple(left_out), by_name=tuple(by_name))


def _is_named(service: Service, endpoint: Endpoint, wanted: frozenset[str]) -> bool:
    whole = service.part_of.whole if service.part_of is not None else service.id
    return not wanted.isdisjoint((service.id, service.category, endpoint.id, whole))


def _baselines(catalog: Catalog, wanted: frozenset[str]) -> frozenset[str]:
    """Return the baselines of what is named, of the same category: its opt-in covers them."""
    category = {e.id: s.category for s in catalog.services for e in s.endpoints}
    return frozenset(
        endpoint.baseline
        for service in catalog.services
        for endpoint in service.endpoints
        if endpoint.baseline is not None
        and category.get(endpoint.baseline) is service.category
        and _is_named(service, endpoint, wanted)
    )


def anchors(catalog: Catalog, country: str) -> tuple[Endpoint, ...]:
    """Return the neutral hosts by which a line in ``country`` is judged."""
    return tuple(
        endpoint
        for endpoint in catalog.endpoints()
        if endpoint.anchor and endpoint.country in (None, country)
    )


def suggest(catalog: Catalog, name: str, *, categories: bool = True) -> str:
    """Return the mend for a name that is not in the catalog: what it is close to."""
    known = sorted(_known(catalog) if categories else {s.id for s in catalog.services})
    if not name.startswith(LISTING):  # each has the name of its app, which is meant
        known = [one for one in known if not one.startswith(LISTING)]
    close = difflib.get_close_matches(name.lower()[:100], known, n=3)
    return f"did you mean {', '.join(close)}?" if close else "see `probe targets list --all`"


def _known(catalog: Catalog) -> set[str]:
    services = {service.id for service in catalog.services}
    return services | {str(c) for c in Category} | {whole.id for whole in catalog.wholes}


def _check_names(catalog: Catalog, names: Sequence[str]) -> None:
    unknown = set(names) - _known(catalog)
    if unknown:
        unknown -= {endpoint.id for endpoint in catalog.endpoints()}
    for name in sorted(unknown):
        text = f"no service, category or endpoint {quoted(name)}"
        raise InputError(text, mend=suggest(catalog, name))


def _never(endpoint: Endpoint, country: str) -> tuple[Reason, str] | None:
    if endpoint.off is not None:
        return Reason.OFF, endpoint.off
    if endpoint.country not in (None, country):
        listing = endpoint.role is Role.LISTING
        text = f"asked only in {endpoint.country}" if listing else ""
        return Reason.OTHER_COUNTRY, text or f"a domestic control of {endpoint.country}"
    return None


def _unasked(
    service: Service,
    endpoint: Endpoint,
    opted: frozenset[Category],
    rules: CountryRules | None,
) -> tuple[Reason, str] | None:
    category = service.category
    if category in opted:
        return None
    if category not in DEFAULT_CATEGORIES:
        return Reason.OPT_IN, f"{category} is measured only with --include {category}"
    if rules is not None and category in rules.opt_in:
        return Reason.RISK, f"in {rules.name}, {category} only with --include {category}"
    if endpoint.risk is Risk.HIGH:
        return Reason.RISK, f"high risk: only with --include {category}, or by name"
    return None


def _beyond(endpoint: Endpoint, plan: Plan) -> tuple[Reason, str] | None:
    reach = {
        Plan.CORE: (Plan.CORE,),
        Plan.DEFAULT: (Plan.CORE, Plan.DEFAULT),
        Plan.ALL: tuple(Plan),
    }
    if endpoint.plan in reach[plan]:
        return None
    return Reason.PLAN, f"not in plan {plan}, but in {endpoint.plan}"
