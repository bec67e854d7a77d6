"""Whose an event is: from who saw it, who looked and did not, and on which networks."""

import pytest

from probe.analysis.scope import agreement_of, counts, parsed, scope_of
from probe.model.event import Scope, Witness
from probe.model.vantage import Access


def witness(vantage: str, network: str, *, saw: bool | None = True) -> Witness:
    return Witness(vantage=vantage, network=network, saw=saw, counts=counts(network))


def scope(*witnesses: Witness, country: str = "IR") -> Scope:
    return scope_of(agreement_of(witnesses, country))


M1, F1, F2, F3 = "AS1/mobile", "AS1/fixed", "AS2/fixed", "AS3/fixed"
M3 = "AS3/mobile"


@pytest.mark.parametrize(
    ("network", "asn", "access"),
    [
        ("AS64500/mobile", 64500, Access.MOBILE),
        ("AS64500", 64500, Access.UNKNOWN),
        ("AS64500/satellite", 64500, Access.UNKNOWN),
        ("", 0, Access.UNKNOWN),
        ("my provider", 0, Access.UNKNOWN),
    ],
)
def test_a_network_key_is_read_and_any_other_text_is_no_network(
    network: str, asn: int, access: Access
) -> None:
    """What a CSV calls a network may be anything."""
    assert parsed(network) == (asn, access)


def test_one_vantage_is_one_line_whatever_networks_it_used() -> None:
    """A telephone with three cards is one witness."""
    assert scope(witness("a", M1), witness("a", F2), witness("a", M3)) is Scope.THIS_LINE


def test_two_vantages_in_one_as_make_it_that_as() -> None:
    """And two in networks that are not known make it nothing."""
    assert scope(witness("a", F1), witness("b", F1)) is Scope.ONE_AS
    assert scope(witness("a", ""), witness("b", "")) is Scope.THIS_LINE


def test_two_as_are_several_and_two_vantages_must_be_apart_in_them() -> None:
    """Two vantages that share one AS, and one of which also used another, are one in each."""
    assert scope(witness("a", F1), witness("b", F2)) is Scope.SEVERAL_AS
    assert scope(witness("a", F1), witness("a", F2), witness("b", F1)) is Scope.SEVERAL_AS
    assert scope(witness("a", F1), witness("a", F2), witness("b", "")) is Scope.THIS_LINE


def test_national_needs_three_access_networks_and_a_mobile_one() -> None:
    """Three fixed ones are several; a mobile one among three is national."""
    three = (witness("a", F1), witness("b", F2))
    assert scope(*three, witness("c", F3)) is Scope.SEVERAL_AS
    assert scope(*three, witness("c", M3)) is Scope.NATIONAL
    assert scope(*three, witness("c", "AS3")) is Scope.SEVERAL_AS
    assert scope(*three, witness("c", M3), country="") is Scope.SEVERAL_AS


@pytest.mark.parametrize("kind", ["hosting", "academic"])
def test_hosting_and_academic_networks_never_count(kind: str) -> None:
    """Neither for it nor against it; they are shown."""
    made = (witness("a", F1), witness("b", f"AS9/{kind}"), witness("c", f"AS8/{kind}"))
    assert scope(*made) is Scope.THIS_LINE
    agreement = agreement_of((witness("a", F1), witness("b", f"AS9/{kind}", saw=False)), "IR")
    assert agreement.vantages == (1, 1)
    assert len(agreement.witnesses) == 2


def test_who_looked_and_did_not_see_it_counts_against() -> None:
    """An AS of which most vantages were without it is not affected; who slept says nothing."""
    seen = (witness("a", F1), witness("b", F1))
    not_seen = tuple(witness(v, F1, saw=False) for v in "cde")
    assert scope(*seen, *not_seen) is Scope.THIS_LINE
    assert scope(*seen, *(witness(v, F1, saw=None) for v in "cde")) is Scope.ONE_AS
    agreement = agreement_of((*seen, *not_seen, witness("f", F2, saw=None)), "IR")
    assert agreement.vantages == (2, 5)
    assert agreement.networks == (0, 1)


def test_national_needs_half_of_the_networks_that_could_say() -> None:
    """Three of eight networks are several, however mobile."""
    seen = (witness("a", M1), witness("b", F2), witness("c", F3))
    against = tuple(witness(f"x{i}", f"AS{20 + i}/fixed", saw=False) for i in range(5))
    assert scope(*seen, *against[:3]) is Scope.NATIONAL
    assert scope(*seen, *against) is Scope.SEVERAL_AS


def test_counts_by_access_are_of_networks() -> None:
    """Two telephones of one operator are one mobile network."""
    made = (witness("a", M1), witness("b", M1), witness("c", F2, saw=False), witness("d", F3))
    agreement = agreement_of(made, "IR")
    assert agreement.vantages == (3, 4)
    assert agreement.networks == (2, 3)
    assert agreement.mobile == (1, 1)
    assert agreement.fixed == (1, 2)


def test_one_source_never_decides_a_scope_alone() -> None:
    """However many vantages one file speaks of, they are one voice, for one AS."""

    def told(vantage: str, network: str, source: str = "bundle:01") -> Witness:
        return Witness(vantage=vantage, network=network, saw=True, source=source)

    lines = (told("a", F1), told("b", F2), told("c", M3), told("d", "AS4/mobile"))
    assert scope(*lines) is Scope.THIS_LINE
    assert scope(*lines, witness("mine", F1)) is Scope.SEVERAL_AS
    assert scope(*lines, told("x", "AS5/fixed", "bundle:02")) is Scope.SEVERAL_AS
    three = (witness("mine", F1), told("x", "AS5/fixed", "bundle:02"))
    assert scope(*lines, *three) is Scope.NATIONAL
    assert scope(told("a", F1), told("b", F1)) is Scope.THIS_LINE
    assert scope(told("a", F1), witness("mine", F1)) is Scope.ONE_AS
