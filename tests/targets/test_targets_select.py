"""Choosing what a round measures: every endpoint is measured or left out with its reason."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.errors import InputError
from probe.model.target import Catalog, Category, Endpoint, Plan, Risk
from probe.targets.check import CORE_LIMIT, DEFAULT_LIMIT
from probe.targets.countries import CountryRules
from probe.targets.defaults import DEFAULT_CATEGORIES
from probe.targets.load import load_catalog, load_countries, load_country_rules
from probe.targets.select import Reason, Selection, anchors, select

OPT_IN = [
    category
    for category in Category
    if category not in DEFAULT_CATEGORIES and category is not Category.LISTING
]
"""Listings are in no plan but that of all: they are asked for as such."""


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    """Return the packaged catalog."""
    return load_catalog()


def categories(catalog: Catalog, endpoints: tuple[Endpoint, ...]) -> set[Category]:
    """Return the categories that endpoints belong to."""
    owners = {service.id: service.category for service in catalog.services}
    return {owners[endpoint.service] for endpoint in endpoints}


def reasons(selection: Selection, service: str) -> set[Reason]:
    """Return why a service's endpoints are left out."""
    return {left.reason for left in selection.left_out if left.endpoint.service == service}


@given(
    plan=st.sampled_from(Plan),
    country=st.sampled_from(["IR", "RU", "CU", "BY", "TM", "DE", "ZZ"]),
    include=st.sets(st.sampled_from(Category)),
    names=st.lists(st.sampled_from(["whatsapp", "tor", "domestic-ir", "mullvad", "skype"])),
    everything=st.booleans(),
    ruled=st.booleans(),
)
@settings(max_examples=60)
def test_every_endpoint_is_accounted_for(
    plan: Plan,
    country: str,
    include: set[Category],
    names: list[str],
    everything: bool,
    ruled: bool,
) -> None:
    """Nothing is dropped in silence, nothing that is off or of another country is measured."""
    catalog = load_catalog()
    rules = load_country_rules(country) if ruled else None
    chosen = select(
        catalog,
        plan=plan,
        country=country,
        include=include,
        names=names,
        everything=everything,
        rules=rules,
    )
    left = [item.endpoint for item in chosen.left_out]
    assert sorted(e.id for e in [*chosen.endpoints, *left]) == sorted(
        e.id for e in catalog.endpoints()
    )
    assert all(item.detail for item in chosen.left_out)
    assert all(e.off is None and e.country in (None, country) for e in chosen.endpoints)
    assert set(chosen.by_name) <= set(chosen.endpoints)
    allowed = set(DEFAULT_CATEGORIES) | include
    unnamed = tuple(e for e in chosen.endpoints if e not in chosen.by_name)
    assert categories(catalog, unnamed) <= allowed


def test_the_default_profile_is_baseline_messengers_and_app_stores(catalog: Catalog) -> None:
    """Tor, VPN, circumvention, human rights, news and social wait for an opt-in."""
    chosen = select(catalog, plan=Plan.DEFAULT, country="DE")
    assert categories(catalog, chosen.endpoints) == DEFAULT_CATEGORIES - {Category.DOMESTIC}
    assert all(endpoint.risk is not Risk.HIGH for endpoint in chosen.endpoints)
    assert reasons(chosen, "tor-website") == {Reason.OPT_IN}


@pytest.mark.parametrize("category", OPT_IN)
def test_each_opt_in_brings_only_its_own(catalog: Catalog, category: Category) -> None:
    """An opt-in has something in the default plan, and adds no other category."""
    base = select(catalog, plan=Plan.DEFAULT, country="DE")
    more = select(catalog, plan=Plan.DEFAULT, country="DE", include=[category])
    added = tuple(e for e in more.endpoints if e not in base.endpoints)
    assert categories(catalog, added) == {category}


@pytest.mark.parametrize("country", ["DE", *(rules.country for rules in load_countries())])
def test_plans_stay_small_in_every_country(catalog: Catalog, country: str) -> None:
    """At most 20 in the core and 150 by default, with every opt-in and no rules."""
    core = select(catalog, plan=Plan.CORE, country=country, include=list(Category))
    default = select(catalog, plan=Plan.DEFAULT, country=country, include=list(Category))
    assert len(core.endpoints) <= CORE_LIMIT
    assert len(default.endpoints) <= DEFAULT_LIMIT
    assert set(core.endpoints) <= set(default.endpoints)


def test_everything_reaches_beyond_the_plan_and_opts_nothing_in(catalog: Catalog) -> None:
    """--all is about plans, not about consent."""
    chosen = select(catalog, plan=Plan.CORE, country="IR", everything=True)
    assert categories(catalog, chosen.endpoints) == DEFAULT_CATEGORIES
    assert not any(left.reason is Reason.PLAN for left in chosen.left_out)


def test_names_narrow_the_round_and_reach_beyond_the_plan(catalog: Catalog) -> None:
    """A named service is measured whole, others are left out as not named."""
    chosen = select(catalog, plan=Plan.CORE, country="DE", names=["whatsapp"])
    whatsapp = catalog.service("whatsapp")
    assert whatsapp is not None
    assert chosen.endpoints == whatsapp.endpoints
    assert chosen.by_name == ()
    assert reasons(chosen, "signal") == {Reason.NOT_NAMED}


def test_a_name_is_an_opt_in_that_is_said(catalog: Catalog) -> None:
    """A named high-risk service is measured, and listed in by_name so that it can be warned of."""
    chosen = select(catalog, plan=Plan.DEFAULT, country="DE", names=["mullvad"])
    assert chosen.endpoints
    assert chosen.by_name == chosen.endpoints
    asked = select(
        catalog, plan=Plan.DEFAULT, country="DE", names=["mullvad"], include=[Category.VPN]
    )
    assert asked.endpoints == chosen.endpoints
    assert asked.by_name == ()


def test_an_endpoint_or_a_category_can_be_named(catalog: Catalog) -> None:
    """Ids of endpoints and names of categories work like services."""
    one = catalog.endpoints()[0]
    assert select(catalog, plan=Plan.CORE, country="DE", names=[one.id]).endpoints == (one,)
    tor = select(catalog, plan=Plan.CORE, country="DE", names=["tor"])
    assert categories(catalog, tor.endpoints) == {Category.TOR}


def test_naming_does_not_wake_what_is_off_or_elsewhere(catalog: Catalog) -> None:
    """OONI's testbed stays off, and Iran's controls stay in Iran."""
    off = select(catalog, plan=Plan.ALL, country="DE", names=["ooni-openvpn-testbed"])
    assert off.endpoints == ()
    assert reasons(off, "ooni-openvpn-testbed") == {Reason.OFF}
    away = select(catalog, plan=Plan.ALL, country="DE", names=["domestic-ir"])
    assert away.endpoints == ()
    assert reasons(away, "domestic-ir") == {Reason.OTHER_COUNTRY}


def test_an_unknown_name_is_an_error_with_a_mend(catalog: Catalog) -> None:
    """A typing error must not measure nothing in silence."""
    with pytest.raises(InputError) as caught:
        select(catalog, plan=Plan.CORE, country="DE", names=["whatsap"])
    assert caught.value.mend == "did you mean whatsapp, wechat?"
    with pytest.raises(InputError) as caught:
        select(catalog, plan=Plan.CORE, country="DE", names=["\x1b[2J" + "z" * 500])
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 200


def test_a_country_raises_a_category(catalog: Catalog) -> None:
    """Messengers wait for an opt-in where the country's rules say so; controls never do."""
    rules = CountryRules(
        country="XX", name="Somewhere", opt_in=(Category.MESSAGING,), checked_on=date(2026, 1, 1)
    )
    chosen = select(catalog, plan=Plan.DEFAULT, country="XX", rules=rules)
    assert Category.MESSAGING not in categories(catalog, chosen.endpoints)
    assert reasons(chosen, "whatsapp") == {Reason.RISK}
    asked = select(
        catalog, plan=Plan.DEFAULT, country="XX", rules=rules, include=[Category.MESSAGING]
    )
    assert Category.MESSAGING in categories(catalog, asked.endpoints)
    named = select(catalog, plan=Plan.DEFAULT, country="XX", rules=rules, names=["whatsapp"])
    assert named.by_name == named.endpoints


def test_anchors_are_of_distinct_operators_and_in_the_core(catalog: Catalog) -> None:
    """At least three abroad and three at home, where there is evidence, in every round."""
    abroad = anchors(catalog, "DE")
    assert len({endpoint.operator for endpoint in abroad}) == len(abroad) >= 3
    for country in ("IR", "RU", "CU"):
        home = [e for e in anchors(catalog, country) if e.country == country]
        assert len({endpoint.operator for endpoint in home}) == len(home) >= 5
        core = select(catalog, plan=Plan.CORE, country=country, rules=load_country_rules(country))
        assert {*abroad, *home} <= set(core.endpoints)
    assert anchors(catalog, "BY") == abroad
