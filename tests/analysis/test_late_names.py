"""Where an attempt ended: names that came later than the system waited for them."""

import msgspec
import pytest
from verdict_bundles import GOOD, dns, http, look, tcp, tls

from probe.analysis.endings import PASSED, Layer, answered_late, ending_of
from probe.model.measurement import DnsEngine, DnsStep

TIMEOUT, GAVE_UP, NX = "generic_timeout_error", "dns_server_misbehaving", "dns_nxdomain_error"


def system(took_s: float, failure: str | None = None) -> DnsStep:
    """Return what the system's resolver said after so long."""
    step = dns(failure=failure) if failure else dns(GOOD)
    return msgspec.structs.replace(step, t_s=step.t0_s + took_s)


def direct(took_s: float, failure: str | None = None, *answers: str) -> DnsStep:
    """Return what the configured resolver said over UDP after so long."""
    step = dns(*answers, failure=failure, engine=DnsEngine.UDP, resolver="configured")
    return msgspec.structs.replace(step, t_s=step.t0_s + took_s)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ((system(4.0, GAVE_UP), direct(10.0, None, GOOD)), True),
        ((system(5.0, TIMEOUT), direct(5.0, None, GOOD)), True),
        ((system(4.0, GAVE_UP), direct(3.9, None, GOOD)), False),
        ((system(0.1, GAVE_UP), direct(1.9, None, GOOD)), False),
        ((system(4.0, NX), direct(10.0, None, GOOD)), False),
        ((system(4.0, GAVE_UP), direct(20.0, TIMEOUT)), False),
        ((system(4.0), direct(10.0, None, GOOD)), False),
        ((direct(10.0, None, GOOD),), False),
    ],
)
def test_late_is_what_came_after_the_system_had_given_up(
    names: tuple[DnsStep, ...], expected: bool
) -> None:
    """A lie, a denial and a quick answer beside a failing system are not lateness."""
    assert answered_late(names) is expected


def test_a_system_that_gave_up_too_soon_does_not_end_the_attempt() -> None:
    """The name was there, and what it led to worked."""
    names = (system(4.0, GAVE_UP), direct(10.0, None, GOOD))
    assert ending_of(look(*names, tcp(), tls(), http())) == PASSED


def test_a_system_that_fails_beside_a_quick_resolver_ends_the_attempt() -> None:
    """What applications use decides, unless it was only too slow."""
    names = (system(4.0, GAVE_UP), direct(0.1, None, GOOD))
    assert ending_of(look(*names, tcp(), tls(), http())).layer is Layer.DNS


def test_a_late_answer_that_leads_nowhere_public_is_a_lie_all_the_same() -> None:
    """A forged answer is not believed because it came late."""
    names = (system(4.0, GAVE_UP), direct(10.0, None, "10.10.34.36"))
    assert ending_of(look(*names)).failure == "dns_bogon_error"
