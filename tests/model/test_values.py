"""Rules that the values themselves keep."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from probe.model.measurement import Measurement, Outcome
from probe.model.target import Endpoint, Kind
from probe.model.verdict import Confidence, Locus, State, Verdict


def endpoint(**changes: object) -> Endpoint:
    """Return a plain endpoint with some fields changed."""
    fields: dict[str, object] = {
        "service": "s",
        "kind": Kind.HTTP,
        "host": "h.example",
        "port": 443,
        "path": "/",
        "source": "x",
        "checked_on": date(2026, 1, 1),
    }
    return Endpoint(**(fields | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "s/http/h.example:443/"),
        ({"sni": "h.example"}, "s/http/h.example:443/"),
        ({"sni": "front.example"}, "s/http/h.example:443/#front.example"),
        ({"host_header": "back.example"}, "s/http/h.example:443/@back.example"),
        ({"host": "2001:db8::1", "kind": Kind.TCP, "path": None}, "s/tcp/[2001:db8::1]:443"),
        ({"kind": Kind.DNS, "port": None, "path": None}, "s/dns/h.example"),
    ],
)
def test_endpoint_id_says_what_is_measured(changes: dict[str, object], expected: str) -> None:
    """Two endpoints that differ in what is measured have different ids."""
    assert endpoint(**changes).id == expected


@pytest.mark.parametrize(
    "started", [datetime(2026, 1, 1), datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=1)))]
)
def test_a_measurement_starts_in_utc(started: datetime) -> None:
    """Naive and local times are refused at birth."""
    with pytest.raises(ValueError, match="UTC"):
        Measurement(endpoint="e", service="s", kind=Kind.TCP, started=started)


def test_an_interrupted_measurement_fails_as_interrupted() -> None:
    """Cancellation is never read as a failure of the network."""
    m = Measurement(
        endpoint="e",
        service="s",
        kind=Kind.TCP,
        started=datetime(2026, 1, 1, tzinfo=UTC),
        outcome=Outcome.INTERRUPTED,
    )
    assert m.failure == "interrupted"


def verdict(**changes: object) -> Verdict:
    """Return a plain blocked verdict with some fields changed."""
    fields: dict[str, object] = {
        "state": State.BLOCKED,
        "mechanism": "tcp.timeout",
        "locus": Locus.NETWORK,
        "confidence": Confidence.LIKELY,
        "rule_id": "r",
        "rule_version": 1,
    }
    return Verdict(**(fields | changes))  # type: ignore[arg-type]


def test_weak_never_makes_a_headline() -> None:
    """A single contrast is shown, not shouted; a likely block may be."""
    assert verdict().headline
    assert not verdict(confidence=Confidence.WEAK).headline


def test_a_retired_service_is_no_bad_sample() -> None:
    """Retired is down, and left out of every rate; other downs count."""
    assert not verdict(state=State.DOWN, mechanism="service.retired").bad
    assert verdict(state=State.DOWN, mechanism="down").bad
    assert not verdict(state=State.INCONCLUSIVE).bad
