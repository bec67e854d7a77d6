"""What anchors say: success at the application, never TCP alone; and whose clock is right."""

from datetime import UTC, datetime

import msgspec
import pytest
from schedule_rounds import ANCHORS, CAPTIVE, START, endpoint, steps_of

from probe.model.context import AnchorGroup
from probe.model.measurement import (
    Answer,
    CertificateCheck,
    DnsEngine,
    DnsStep,
    HttpStep,
    Measurement,
    Step,
    TlsStep,
)
from probe.model.target import Endpoint, Expect
from probe.model.vantage import Access, Network
from probe.schedule.anchors import (
    anchor_of,
    captive_answer,
    clock_skew_s,
    same_everywhere,
    system_dns_ok,
)
from probe.schedule.line import LineFacts, LineLook, inputs_of, network_changed, network_of
from probe.schedule.network import Seen

ABROAD, HOME = ANCHORS[0], ANCHORS[-1]


def measured(target: Endpoint, steps: tuple[Step, ...]) -> Measurement:
    """Return a measurement of these steps."""
    return Measurement(
        endpoint=target.id, service=target.service, kind=target.kind, started=START, steps=steps
    )


def with_certificate(steps: tuple[Step, ...], failure: str) -> tuple[Step, ...]:
    """Return the steps with a certificate that the packaged roots refuse."""
    check = CertificateCheck(packaged=failure, system=None, issuer="CN=Box", leaf_sha256="box")
    return tuple(
        msgspec.structs.replace(s, failure=failure, certificate=check)
        if isinstance(s, TlsStep)
        else s
        for s in steps
    )


@pytest.mark.parametrize(
    ("fails", "tcp_ok"), [("dns", False), ("tcp", False), ("tls", True), ("http", True)]
)
def test_anything_short_of_an_answer_is_no_success(fails: str, tcp_ok: bool) -> None:
    """In 2026 addresses in Iran completed TCP handshakes, and nothing after."""
    anchor = anchor_of(ABROAD, measured(ABROAD, steps_of(ABROAD, fails=fails)))
    assert not anchor.ok
    assert anchor.tcp_ok is tcp_ok
    assert anchor.failure == "generic_timeout_error"


def test_an_answer_over_valid_tls_is_success() -> None:
    """Any status will do: it came from the real server."""
    anchor = anchor_of(ABROAD, measured(ABROAD, steps_of(ABROAD)))
    assert anchor.ok
    assert anchor.failure is None
    assert anchor.network == "Fastly"


def test_an_intercepted_anchor_abroad_fails_and_a_domestic_one_stands() -> None:
    """Domestic authorities may be missing from the packaged roots; abroad they may not."""
    for anchor, ok in ((ABROAD, False), (HOME, True)):
        steps = with_certificate(steps_of(anchor), "ssl_unknown_authority")
        seen = anchor_of(anchor, measured(anchor, steps))
        assert seen.ok is ok
        assert seen.failure == (None if ok else "ssl_unknown_authority")
    assert anchor_of(HOME, measured(HOME, steps_of(HOME))).group is AnchorGroup.DOMESTIC


def test_over_plain_http_only_the_exact_text_counts() -> None:
    """A walled garden answers everything with 200."""
    plain = endpoint(
        "abroad", "p.example.org", tls=False, port=80, expect=Expect(body_contains="ok")
    )
    assert anchor_of(plain, measured(plain, steps_of(plain))).ok
    wrong = tuple(
        msgspec.structs.replace(s, expected=False) if isinstance(s, HttpStep) else s
        for s in steps_of(plain)
    )
    refused = anchor_of(plain, measured(plain, wrong))
    assert not refused.ok
    assert refused.failure == "http_unexpected_status_code"


def test_the_clock_is_compared_with_an_authentic_date_only() -> None:
    """Whoever forges the date has no chain to go with it."""
    steps = steps_of(ABROAD, date_header="Sun, 10 Mar 2024 11:00:00 GMT")
    one = measured(ABROAD, steps)
    assert clock_skew_s(one, ABROAD, lambda *_: True) == pytest.approx(3_600.05)
    assert clock_skew_s(one, ABROAD, lambda *_: False) is None
    asked: list[datetime] = []

    def note(_: Endpoint, __: TlsStep, at: datetime) -> bool:
        asked.append(at)
        return True

    clock_skew_s(one, ABROAD, note)
    assert asked == [datetime(2024, 3, 10, 11, tzinfo=UTC)]


@pytest.mark.parametrize(
    "text",
    [None, "yesterday", "Sun, 10 Mar 2024 11:00:00", "x" * 10_000, "Sun, 99 Mar 99999 0 GMT"],
)
def test_a_date_that_is_none_says_nothing(text: str | None) -> None:
    """Garbage in a header is no clock."""
    one = measured(ABROAD, steps_of(ABROAD, date_header=text))
    assert clock_skew_s(one, ABROAD, lambda *_: True) is None


def test_a_redirect_of_the_204_page_names_the_portal() -> None:
    """The host only: paths and queries of a portal carry ids of the client."""
    steps = tuple(
        msgspec.structs.replace(
            s, status=302, headers=(("location", "http://login.example/?mac=aa:bb"),)
        )
        if isinstance(s, HttpStep)
        else s
        for s in steps_of(CAPTIVE)
    )
    assert captive_answer(measured(CAPTIVE, steps)) == (302, "login.example")
    own = [s for s in steps if not isinstance(s, HttpStep)]
    page = next(s for s in steps if isinstance(s, HttpStep))
    router = msgspec.structs.replace(page, headers=(("location", "http://[scrubbed]/login"),))
    assert captive_answer(measured(CAPTIVE, (*own, router))) == (302, "[scrubbed]")
    assert captive_answer(measured(CAPTIVE, steps_of(CAPTIVE))) == (204, None)
    assert captive_answer(measured(CAPTIVE, steps_of(CAPTIVE, fails="tcp"))) == (None, None)


def test_one_certificate_at_three_hosts_is_the_same_everywhere() -> None:
    """Two may share a host; three unrelated ones do not."""
    same = [measured(a, steps_of(a, leaf="portal")) for a in ANCHORS[:3]]
    assert same_everywhere(same) is True
    assert same_everywhere([measured(a, steps_of(a)) for a in ANCHORS[:3]]) is False
    assert same_everywhere(same[:2]) is None


def test_the_system_resolver_is_judged_by_its_own_answers() -> None:
    """``None`` when it was not asked at all."""
    assert system_dns_ok(measured(ABROAD, steps_of(ABROAD))) is True
    assert system_dns_ok(measured(ABROAD, steps_of(ABROAD, fails="dns"))) is False
    assert system_dns_ok(measured(ABROAD, ())) is None


def test_neutral_oddities_are_kept_for_the_judge() -> None:
    """A bogon or a strange issuer on a neutral name shows that it is not about the target."""
    strange = with_certificate(steps_of(ABROAD), "ssl_unknown_authority")
    bogon = tuple(
        msgspec.structs.replace(s, answers=(Answer(address="10.10.34.36"),))
        if isinstance(s, DnsStep)
        else s
        for s in strange
    )
    line = LineLook(LineFacts(), anchors={ABROAD.id: (ABROAD, measured(ABROAD, bogon))})
    inputs = inputs_of(
        line, country="IR", changed=False, suspended=False, authentic=lambda *_: False
    )
    assert inputs.neutral_bogons == ("10.10.34.36",)
    assert inputs.neutral_issuers == ("CN=Box",)


def test_in_an_outage_the_network_stays_the_last_one_unless_the_gateway_moved() -> None:
    """A shutdown must not look like a move to a network of its own."""
    secret = b"k" * 32
    last = network_of(
        LineLook(LineFacts(gateway="gw"), seen=Seen(asn=64500, name="ISP")),
        secret=secret,
        access=Access.FIXED,
        previous=None,
    )
    blind = LineLook(LineFacts(gateway="gw"))
    kept = network_of(blind, secret=secret, access=Access.FIXED, previous=last)
    assert kept == last
    assert not network_changed(kept, last)
    elsewhere = LineLook(LineFacts(gateway="other"))
    moved = network_of(elsewhere, secret=secret, access=Access.FIXED, previous=last)
    assert moved.asn == 0
    assert network_changed(moved, last)
    roamed = LineLook(LineFacts(gateway="gw"), seen=Seen(asn=64501))
    assert network_changed(
        network_of(roamed, secret=secret, access=Access.FIXED, previous=last), last
    )
    assert not network_changed(last, None)
    assert not network_changed(Network(), last)


def test_ipv6_without_an_address_says_nothing() -> None:
    """No AAAA record is not a broken IPv6."""
    only_dns = (steps_of(ABROAD)[0],)
    for steps, expected in ((only_dns, None), (steps_of(ABROAD), True)):
        line = LineLook(LineFacts(), ipv6=(ABROAD, measured(ABROAD, steps)))
        inputs = inputs_of(
            line, country="IR", changed=False, suspended=False, authentic=lambda *_: False
        )
        assert inputs.ipv6_ok is expected


def test_a_resolver_that_answers_later_than_the_system_waits_is_not_broken() -> None:
    """On a slow line the system gives up first; its resolver is asked directly as well."""
    name = steps_of(ABROAD)[0]
    assert isinstance(name, DnsStep)
    gave_up = msgspec.structs.replace(name, failure="dns_server_misbehaving", answers=(), t_s=4.0)
    later = msgspec.structs.replace(name, engine=DnsEngine.UDP, t_s=10.0)
    assert system_dns_ok(measured(ABROAD, (gave_up, later))) is True
    assert system_dns_ok(measured(ABROAD, (gave_up,))) is False
