"""From the catalog and what was asked for to a round's plan."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random

from msgspec.structs import replace

from probe.model.target import Catalog, Category, Endpoint, Kind, Plan, Risk
from probe.schedule.budget import Allowance
from probe.schedule.goodput import Timed, plan_goodput
from probe.schedule.goodput_tasks import cost_of_tasks
from probe.schedule.plan import Left, RoundPlan, is_captive_check, make_plan
from probe.targets.countries import CountryRules
from probe.targets.load import load_country_rules
from probe.targets.select import Selection, anchors, select

__all__ = ["Wanted", "chosen_categories", "line_checks", "plan_round", "selection_of"]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What somebody asked to be measured."""

    plan: Plan = Plan.DEFAULT
    names: Sequence[str] = ()  # services, categories or endpoints
    include: Collection[Category] = ()
    everything: bool = False
    country: str = "ZZ"

    @property
    def name(self) -> str:
        """Return what the round is called in the store."""
        if self.names:
            return "selection"
        return str(Plan.ALL if self.everything else self.plan)


def selection_of(catalog: Catalog, wanted: Wanted) -> Selection:
    """Return the endpoints that ``wanted`` stands for, by the country's rules.

    Raises:
        InputError: a name is not in the catalog, or the country's rules are damaged.

    """
    return select(
        catalog,
        plan=wanted.plan,
        country=wanted.country,
        include=wanted.include,
        names=wanted.names,
        everything=wanted.everything,
        rules=_rules(wanted.country),
    )


@cache
def _rules(country: str) -> CountryRules | None:
    return load_country_rules(country)


def chosen_categories(catalog: Catalog, selection: Selection) -> frozenset[Category]:
    """Return the categories that a selection contacts: what consent has to cover."""
    services = {endpoint.service for endpoint in selection.endpoints}
    return frozenset(s.category for s in catalog.services if s.id in services)


def line_checks(catalog: Catalog, wanted: Wanted) -> tuple[Endpoint | None, Endpoint | None]:
    """Return the captive-portal check and the STUN server of the daily plan's reach.

    Both are taken only from what this country's rules let a default round contact.
    """
    daily = selection_of(catalog, Wanted(country=wanted.country)).endpoints
    captive = next((e for e in daily if is_captive_check(e)), None)
    stun = next((e for e in daily if e.kind is Kind.STUN and e.risk is not Risk.HIGH), None)
    return captive, stun


def plan_round(
    catalog: Catalog,
    wanted: Wanted,
    *,
    rng: Random,
    allowed: Allowance,
    done: Collection[str] = (),
    also: Sequence[Endpoint] = (),
    name: str | None = None,
    spared: Mapping[str, str] | None = None,
    timed: Timed | None = None,
) -> RoundPlan:
    """Return the plan of one round.

    ``done`` are endpoints that an earlier part of the same work has measured; ``also`` are
    endpoints to measure beside the selection (a slice of the daily plan, a burst). ``spared``
    are ids that are left out of this round, and why. With ``timed`` transfers are planned, too.
    """
    selection = selection_of(catalog, wanted)
    captive, stun = line_checks(catalog, wanted)
    left_out = [
        Left(endpoint=left.endpoint, reason=left.detail or str(left.reason))
        for left in selection.left_out
    ]
    plan = make_plan(
        (*selection.endpoints, *also),
        anchors(catalog, wanted.country),
        name=name or wanted.name,
        rng=rng,
        allowed=allowed,
        captive=captive,
        stun=stun,
        left_out=left_out,
        done=done,
        spared=spared,
    )
    return plan if timed is None else _with_transfers(catalog, wanted, plan, timed, rng, allowed)


def _with_transfers(
    catalog: Catalog,
    wanted: Wanted,
    plan: RoundPlan,
    timed: Timed,
    rng: Random,
    allowed: Allowance,
) -> RoundPlan:
    """Return ``plan`` with transfers, as far as the bytes go.

    Neutral objects are those that this country's rules let anybody contact without an opt-in.
    """
    neutral = selection_of(catalog, Wanted(everything=True, country=wanted.country)).endpoints
    tasks, left = plan_goodput(
        plan.targets, neutral, timed, rng=rng, allowed_bytes=allowed.bytes - plan.bytes
    )
    return replace(
        plan,
        goodput=tasks,
        untimed=tuple(Left(endpoint=endpoint, reason=reason) for endpoint, reason in left),
        bytes=plan.bytes + cost_of_tasks(tasks),
    )
