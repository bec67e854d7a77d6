"""Which rule hits which request, and when."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.lab.actions import ACTIONS, Action, By, Layer, Reach
from probe.lab.censor import Censor, Request, active
from probe.lab.rules import Rule, Scenario, What, Who
from probe.lab.windows import When, compile_window

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HELLO = Request(
    layer=Layer.HELLO,
    address="33.0.0.1",
    port=443,
    name="www.a.example",
    services=frozenset({"a"}),
    categories=frozenset({"messaging"}),
)
SYN = Request(Layer.TCP, "33.0.0.1", 443, names=frozenset({"www.a.example", "cdn.example"}))


def rule(action: Action, who: Who | None = None, **fields: object) -> Rule:
    spec = ACTIONS[action]
    base = Rule(
        id=str(action),
        who=who or Who(),
        what=What(action=action),
        by=spec.by,
        reach=spec.reach,
        layers=spec.layers,
    )
    return msgspec.structs.replace(base, **fields)


def scenario(*rules: Rule) -> Scenario:
    return Scenario(
        name="t",
        description="",
        stages=frozenset(),
        zone="UTC",
        country="XX",
        starts=NOON,
        rules=rules,
    )


@pytest.mark.parametrize(
    ("who", "hit"),
    [
        (Who(), True),
        (Who(host=("www.a.example",)), True),
        (Who(host=("*.a.example",)), True),
        (Who(host=("*.www.a.example",)), True),
        (Who(host=("a.example",)), False),
        (Who(host=("*.b.example", "*.a.example")), True),
        (Who(excluded=("www.a.example",)), False),
        (Who(sni=("www.a.example",)), True),
        (Who(sni=("b.example",)), False),
        (Who(address=("33.0.0.0/8",)), True),
        (Who(address=("33.0.0.2",)), False),
        (Who(port=(80, 443)), True),
        (Who(port=(80,)), False),
        (Who(protocol=("tls",)), True),
        (Who(protocol=("tcp",)), False),
        (Who(service=("a",)), True),
        (Who(service=("b",)), False),
        (Who(foreign=True), True),
        (Who(foreign=False), False),
        (Who(host=("www.a.example",), port=(80,)), False),
    ],
)
def test_all_given_parts_of_who_must_match(who: Who, hit: bool) -> None:
    """Lists are alternatives, fields are conditions; an empty ``who`` is everybody."""
    assert bool(active([rule(Action.SNI_RESET, who)], HELLO, NOON)) is hit


def test_a_syn_carries_no_name_so_the_addresss_names_count() -> None:
    """A TCP rule by host hits every address that serves the host; one by SNI hits no SYN."""
    assert active([rule(Action.DROP, Who(host=("cdn.example",)))], SYN, NOON)
    assert not active([rule(Action.DROP, Who(sni=("cdn.example",)))], SYN, NOON)


def test_an_action_is_asked_only_at_its_layers() -> None:
    """A reset by SNI says nothing about a SYN."""
    assert not active([rule(Action.SNI_RESET)], SYN, NOON)


def test_the_control_is_spared_by_the_censor_but_not_by_an_outage() -> None:
    """``here`` is this line's; a service that is down is down for the control too."""
    seen = replace(SYN, control=True)
    assert not active([rule(Action.DROP)], seen, NOON)
    assert active([rule(Action.DOWN)], seen, NOON)
    assert active([rule(Action.DROP, reach=Reach.EVERYWHERE)], seen, NOON)


def test_the_network_cannot_write_into_a_sealed_connection() -> None:
    """A block page needs plain HTTP or an intercepted TLS; a refusal by the server does not."""
    request = Request(Layer.HTTP, "33.0.0.1", 443, name="www.a.example", sealed=True)
    assert not active([rule(Action.BLOCK_PAGE)], request, NOON)
    assert active([rule(Action.BLOCK_PAGE)], replace(request, sealed=False), NOON)
    assert active([rule(Action.STATUS)], request, NOON)


def test_domestic_only_spares_what_is_at_home() -> None:
    """Only foreign addresses are cut off."""
    assert active([rule(Action.DOMESTIC_ONLY)], SYN, NOON)
    assert not active([rule(Action.DOMESTIC_ONLY)], replace(SYN, foreign=False), NOON)


def test_the_first_rule_wins() -> None:
    """Rules are asked in the order of the scenario."""
    rules = (rule(Action.SNI_DROP), rule(Action.SNI_RESET))
    censor = Censor(scenario(*rules), NOON, random.Random(1))
    hit = censor.decide(HELLO)
    assert hit is not None
    assert hit.action is Action.SNI_DROP


def test_time_opens_and_closes_a_rule_and_changes_the_epoch() -> None:
    """A window's rule stands only inside; the epoch moves with rules that decide about wiring."""
    window = (compile_window(When(daily="16:00-24:00"), "UTC"),)
    censor = Censor(
        scenario(rule(Action.DROP, windows=window), rule(Action.SNI_RESET, windows=window)),
        NOON,
        random.Random(1),
    )
    before = censor.epoch
    assert censor.decide(SYN) is None
    censor.set_time(NOON + timedelta(hours=4))
    assert censor.decide(SYN) is not None
    assert censor.epoch != before
    assert "sni_reset" not in censor.epoch
    censor.set_time(NOON + timedelta(hours=12))
    assert censor.decide(SYN) is None
    assert censor.epoch == before


def test_chance_is_thrown_anew_each_time() -> None:
    """A rule that hits in 75 % of attempts hits some and spares some."""
    censor = Censor(scenario(rule(Action.SNI_RESET, chance=0.75)), NOON, random.Random(7))
    hits = sum(censor.decide(HELLO) is not None for _ in range(400))
    assert 260 < hits < 340


@given(st.lists(st.sampled_from(list(Action)), max_size=6), st.sampled_from(list(Layer)))
def test_only_rules_of_the_layer_are_ever_returned(actions: list[Action], layer: Layer) -> None:
    """Whatever the rules, an answer acts at the layer that was asked for."""
    rules = [rule(action, id=f"{n}") for n, action in enumerate(actions)]
    request = Request(layer, "33.0.0.1", 443, name="www.a.example")
    hits = active(rules, request, NOON)
    assert all(layer in hit.layers for hit in hits)
    assert [hit.id for hit in hits] == sorted((hit.id for hit in hits), key=int)


def test_a_server_acts_at_its_own_addresses_only() -> None:
    """A name sent to another machine meets that machine's own answer; a censor sees every one."""
    elsewhere = replace(HELLO, served=False)
    who = Who(host=("www.a.example",))
    by_server = rule(Action.ALERT, who, by=By.SERVER)
    assert active([by_server], HELLO, NOON)
    assert not active([by_server], elsewhere, NOON)
    assert active([rule(Action.ALERT, who)], elsewhere, NOON)


def test_a_keyword_is_looked_for_in_the_target_of_a_request() -> None:
    """In any case and anywhere in it; what has no target has no keyword."""
    who = Who(keyword=("Forbidden",))
    request = Request(Layer.HTTP, "33.0.0.1", 80, name="www.a.example", target="/x/forbidden/y")
    assert active([rule(Action.HTTP_RESET, who)], request, NOON)
    assert not active([rule(Action.HTTP_RESET, who)], replace(request, target="/x"), NOON)
    assert not active([rule(Action.HTTP_RESET, who)], replace(request, target=None), NOON)


def test_an_interception_of_names_is_about_port_53() -> None:
    """Whatever else goes to the address passes."""
    query = Request(Layer.UDP, "33.0.0.1", 53)
    assert active([rule(Action.DNS_INTERCEPT)], query, NOON)
    assert not active([rule(Action.DNS_INTERCEPT)], replace(query, port=443), NOON)


def test_a_rule_may_spare_the_first_and_end_after_some() -> None:
    """``after`` and ``times`` are counted for the line and for the control apart."""
    censor = Censor(scenario(rule(Action.DOWN, after=1, times=2)), NOON, random.Random(1))
    control = replace(SYN, control=True)
    hits = [censor.decide(SYN) is not None for _ in range(5)]
    assert hits == [False, True, True, False, False]
    assert [censor.decide(control) is not None for _ in range(2)] == [False, True]


def test_dice_do_not_depend_on_what_else_is_asked() -> None:
    """Each thing that a rule is asked about has dice of its own: order changes nothing."""

    def fell(*, busy: bool) -> list[bool]:
        censor = Censor(scenario(rule(Action.SNI_RESET, chance=0.5)), NOON, random.Random(3))
        found = []
        for number in range(20):
            if busy:
                censor.decide(replace(HELLO, address=f"33.0.1.{number}"))
            found.append(censor.decide(HELLO) is not None)
        return found

    assert fell(busy=True) == fell(busy=False)


def test_the_name_of_a_hello_is_known_of_what_is_sealed_behind_it() -> None:
    """A throttle by SNI hits the connection; a plain request has said no such name."""
    throttle = rule(Action.THROTTLE, Who(sni=("www.a.example",)))
    request = replace(HELLO, layer=Layer.HTTP)
    assert active((throttle,), replace(request, sealed=True), NOON) == (throttle,)
    assert active((throttle,), request, NOON) == ()


@pytest.mark.parametrize(("spoken", "hit"), [("tls", True), ("quic", False), (None, False)])
def test_a_throttle_may_be_of_what_carries_the_request(spoken: str | None, hit: bool) -> None:
    """TLS or QUIC, where that is known; a request in either is still one."""
    request = replace(HELLO, layer=Layer.HTTP, sealed=True, protocol=spoken)
    tls, http = (rule(Action.THROTTLE, Who(protocol=(name,))) for name in ("tls", "http"))
    assert bool(active((tls,), request, NOON)) is hit
    assert active((http,), request, NOON) == (http,)
