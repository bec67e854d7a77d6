"""What a diagnosis looks at beyond a round: comparisons while all is well, never a trigger more."""

from verdict_bundles import GOOD, OTHER, around, dns, endpoint, http, look, tcp, tls

from probe.analysis.followup import FollowUp, followups
from probe.analysis.thorough import MORE_ADDRESSES, thorough
from probe.model.context import Gate, GateId
from probe.model.measurement import Measurement, Outcome, Variant
from probe.model.target import Kind

MANY = tuple(f"93.184.216.{n}" for n in range(34, 44))
FINE = look(dns(GOOD, OTHER), tcp(), tls(), http())
RESET = look(dns(GOOD, OTHER), tcp(), tls(failure="connection_reset"))


def variants(plan: tuple[FollowUp, ...]) -> list[Variant]:
    """Return what the looks are for."""
    return [f.variant for f in plan]


def planned(main: Measurement, **more: object) -> tuple[FollowUp, ...]:
    """Return what a round plans, and a diagnosis after it."""
    context = around(**more)  # type: ignore[arg-type]
    return thorough(endpoint(), main, context, followups(endpoint(), main, context))


def test_while_all_is_well_it_compares() -> None:
    """The encrypted resolver, the other address; the other family where the line has it."""
    assert set(variants(planned(FINE))) == {Variant.DOH, Variant.OTHER_ADDRESS}
    assert Variant.OTHER_FAMILY in variants(planned(FINE, ipv6_ok=True))


def test_nothing_of_it_waits() -> None:
    """A diagnosis of what works takes seconds."""
    assert {f.delay_s for f in planned(FINE, ipv6_ok=True)} == {0.0}


def test_a_destination_that_was_set_off_is_left_to_rest() -> None:
    """After a cut handshake the same host is not asked again before its time."""
    context = around()
    usual = followups(endpoint(), RESET, context)
    more = thorough(endpoint(), RESET, context, usual)
    added = [f for f in more if f not in usual]
    assert all(f.variant is Variant.OTHER_ADDRESS for f in added)
    assert all(GOOD not in f.addresses for f in added)


def test_no_address_is_tried_twice_and_not_all_of_many() -> None:
    """A few more tell one dead machine from all of them."""
    main = look(dns(*MANY), tcp(MANY[0]), tls(MANY[0], failure="connection_reset"))
    plan = planned(main)
    tried = [a for f in plan if f.variant is Variant.OTHER_ADDRESS for a in f.addresses]
    assert len(tried) == len(set(tried)) <= MORE_ADDRESSES
    assert MANY[0] not in tried


def test_only_public_addresses_are_added() -> None:
    """A lying answer aims nobody at a router."""
    main = look(dns(GOOD, "192.168.1.1"), tcp(), tls(), http())
    assert not [f for f in planned(main) if "192.168.1.1" in f.addresses]


def test_where_nothing_can_be_compared_nothing_is_added() -> None:
    """A closed gate, a host without a name, a look that did not run, a resolver."""
    gate = around(Gate(id=GateId.OFFLINE_UPSTREAM, invalidates=True))
    literal = endpoint(host=GOOD)
    skipped = look(outcome=Outcome.NOT_RUN)
    assert thorough(endpoint(), FINE, gate) == ()
    assert thorough(literal, look(tcp(), tls(), http()), around()) == ()
    assert thorough(endpoint(), skipped, around()) == ()
    asked = look(dns("93.184.216.34"))
    assert Variant.DOH not in variants(thorough(endpoint(Kind.RESOLVER), asked, around()))
