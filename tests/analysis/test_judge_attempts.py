"""What counts as an attempt of its own, and what a censor's memory and its moods look like."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from verdict_bundles import (
    GOOD,
    NOW,
    OTHER,
    STRANGE,
    VETTED,
    Scene,
    cert,
    control,
    dns,
    http,
    look,
    said,
    tcp,
    tls,
)

from probe.model.measurement import Measurement, Step, Variant
from probe.model.verdict import Verdict

TIMEOUT, RESET = "generic_timeout_error", "connection_reset"
CUT = (tcp(), tls(failure=RESET))
HERE: Any = control(addresses=(GOOD,), address=GOOD)
PASSED = (tcp(), tls(certificate=cert("ssl_invalid_hostname"), bytes_received=900))


def at(second: float, *steps: Step, variant: Variant = Variant.RETEST) -> Measurement:
    """Return a look so many seconds after the first one."""
    made = look(*steps, variant=variant)
    started = NOW + timedelta(seconds=second)
    return msgspec.structs.replace(made, started=started, duration_s=1.0)


def judged(*bundle: Measurement, controls: tuple[Any, ...] = (HERE,)) -> Verdict:
    """Judge what was seen at a sound line, with a control that got through at that address."""
    return Scene("", "", "", bundle, controls=controls).judge()


def first(*steps: Step) -> Measurement:
    """Return the first look."""
    return at(0, dns(GOOD), *steps, variant=Variant.MAIN)


def neutral(second: float, *steps: Step) -> Measurement:
    """Return a neutral name at the same address."""
    return at(second, *steps, variant=Variant.NEUTRAL_SNI)


ELSEWHERE = at(0, tcp(STRANGE), tls(STRANGE, RESET), variant=Variant.OTHER_HOST)


@pytest.mark.parametrize(
    ("seconds", "confidence"),
    [((), "weak"), ((30,), "weak"), ((30, 60), "weak"), ((215,), "likely"), ((215, 430), "likely")],
)
def test_a_trigger_does_not_confirm_itself(seconds: tuple[float, ...], confidence: str) -> None:
    """Failures within 200 s of a cut at the same address are its trace, and no attempts."""
    retests = [at(second, *CUT) for second in seconds]
    verdict = judged(first(*CUT), neutral(205, *PASSED), ELSEWHERE, *retests)
    assert said(verdict) == f"blocked tls.reset.sni network {confidence}"


def test_another_address_needs_no_distance() -> None:
    """Residual blocking is between two hosts: another address is an attempt at once."""
    other = at(2, tcp(OTHER), tls(OTHER, RESET), variant=Variant.OTHER_ADDRESS)
    verdict = judged(first(*CUT), other, neutral(205, *PASSED), ELSEWHERE)
    assert said(verdict) == "blocked tls.reset.sni network likely"


def test_what_passes_within_the_trace_counts() -> None:
    """A trace explains failures, never a success."""
    worked = (tcp(), tls(), http())
    verdict = judged(first(*CUT), at(30, *worked), at(60, *worked))
    assert said(verdict) == "ok transient unknown weak"


def test_two_of_three_is_enough() -> None:
    """Injected resets fire in three of four cases; one that got through takes nothing back."""
    passed = at(215, tcp(), tls())
    cut = at(445, *CUT)
    verdict = judged(first(*CUT), neutral(205, *PASSED), passed, cut, ELSEWHERE)
    assert said(verdict) == "blocked tls.reset.sni network likely"


def test_resets_and_silence_are_one_block_with_both_ways() -> None:
    """A censor that resets first and drops later does one thing, and both are told."""
    silent = at(215, tcp(), tls(failure=TIMEOUT))
    shut = at(445, tcp(GOOD, TIMEOUT))
    verdict = judged(first(*CUT), neutral(205, *PASSED), silent, shut, ELSEWHERE)
    assert said(verdict) == "blocked tls.reset.sni network likely"
    assert "different ways: cut off, silence, no connection." in verdict.sentence


def test_one_way_is_not_listed() -> None:
    """Where all attempts ended alike there is nothing to add."""
    verdict = judged(first(*CUT), neutral(205, *PASSED), at(215, *CUT), ELSEWHERE)
    assert "different ways" not in verdict.sentence


def test_other_failures_are_not_the_same_block() -> None:
    """A certificate after a reset is something else."""
    foreign = at(215, tcp(), tls(certificate=cert("ssl_invalid_hostname")))
    verdict = judged(first(*CUT), neutral(205, *PASSED), foreign, ELSEWHERE)
    assert verdict.confidence == "weak"


BROKEN = (dns(failure="dns_servfail_error"),)
FOREIGN = (tcp(), tls(certificate=cert("ssl_invalid_hostname")))


@pytest.mark.parametrize(
    ("again", "found"),
    [
        ((BROKEN,), "inconclusive transient unknown weak"),
        ((BROKEN, BROKEN), "blocked tls.reset.sni network weak"),
        ((FOREIGN,), "blocked tls.reset.sni network weak"),
    ],
    ids=["no two agree", "two agree, though not with the first", "a forgery is none"],
)
def test_failures_that_differ_are_passing_faults(
    again: tuple[tuple[Step, ...], ...], found: str
) -> None:
    """A reset, a resolver's failure and one that got through: a bad line, and nothing is said."""
    looks = [at(215 + 400 * number, *steps) for number, steps in enumerate(again)]
    passed = at(1_100, tcp(), tls(), http())
    verdict = judged(first(*CUT), neutral(205, *PASSED), *looks, passed, ELSEWHERE)
    assert said(verdict) == found


# --- neutral, target, neutral

LATER = neutral(440, *PASSED)
MEMORY = "keeps a memory"


@pytest.mark.parametrize(
    ("soon", "later", "memory"),
    [
        ((tcp(GOOD, TIMEOUT),), (LATER,), True),
        (PASSED, (LATER,), False),
        ((tcp(GOOD, TIMEOUT),), (), False),
    ],
    ids=["cut for a while", "never cut", "never seen to pass again"],
)
def test_stateful_blocking_is_told(
    soon: tuple[Step, ...], later: tuple[Measurement, ...], memory: bool
) -> None:
    """A neutral name passes before, fails soon after a trigger, and passes later: a memory."""
    bundle = (first(*CUT), neutral(205, *PASSED), at(215, *CUT), neutral(217, *soon), *later)
    verdict = judged(*bundle, ELSEWHERE)
    assert said(verdict) == "blocked tls.reset.sni network likely"
    assert (MEMORY in verdict.sentence) is memory


def test_a_neutral_name_within_the_trace_says_nothing() -> None:
    """When the only neutral name was asked too soon and failed, it is no comparison."""
    spoilt = neutral(20, tcp(), tls(failure=RESET))
    assert judged(first(*CUT), spoilt, at(215, *CUT)).rule_id == "tls.reset.live"
    clear = neutral(205, tcp(), tls(failure=RESET))
    assert judged(first(*CUT), clear, at(215, *CUT)).rule_id == "tls.reset.all.live"


def test_a_neighbour_is_told() -> None:
    """Whether the network beside it is in reach belongs to what is said of an address."""
    shut = (dns(GOOD), tcp(GOOD, TIMEOUT))
    bundle = (look(*shut), at(6, *shut), at(17, *shut))
    near = at(18, tcp(STRANGE), tls(STRANGE), variant=Variant.NEIGHBOUR)
    away = at(18, tcp(STRANGE, TIMEOUT), variant=Variant.NEIGHBOUR)
    assert said(judged(*bundle, near)) == "blocked tcp.timeout unknown likely"
    assert "same network answers" in judged(*bundle, near).sentence
    assert said(judged(*bundle, away)) == "blocked tcp.timeout unknown weak"
    assert "as a whole" in judged(*bundle, away).sentence


def test_a_resolver_that_repeats_its_failure_is_one_failure() -> None:
    """SERVFAIL within five minutes may come from the resolver's memory (RFC 9520): no retest."""
    failing = (dns(failure="dns_servfail_error"),)
    soon = (look(*failing), at(6, *failing), at(17, *failing))
    assert said(judged(*soon, VETTED)) == "blocked dns.servfail unknown weak"
    assert said(judged(*soon, at(305, *failing), VETTED)) == "blocked dns.servfail unknown likely"
    passed = (dns(GOOD), tcp(GOOD), tls(GOOD), http())
    assert judged(*soon, at(305, *passed), VETTED).rule_id == "transient"


def test_a_name_that_is_denied_is_no_memory() -> None:
    """What a name server says of a name is the same whether it is remembered or not."""
    denied = (dns(failure="dns_nxdomain_error"),)
    soon = (look(*denied), at(6, *denied), at(17, *denied))
    assert said(judged(*soon, VETTED)) == "blocked dns.nxdomain unknown likely"
