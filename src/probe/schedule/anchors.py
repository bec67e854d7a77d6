"""What anchors say about the line: pure readings of their measurements."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TypeVar
from urllib.parse import urlsplit

from probe.analysis.endings import answered_late
from probe.model.context import Anchor, AnchorGroup
from probe.model.measurement import (
    DnsEngine,
    DnsStep,
    HttpStep,
    Measurement,
    Outcome,
    TcpStep,
    TlsStep,
)
from probe.model.target import Endpoint, Purpose
from probe.wire.scrub import SCRUBBED

__all__ = [
    "Authentic",
    "anchor_of",
    "captive_answer",
    "clock_skew_s",
    "same_everywhere",
    "system_dns_ok",
]

_MIN_HOSTS = 3
"""Hosts that must agree before "every host gives the same" means anything."""

T = TypeVar("T")
Authentic = Callable[[Endpoint, TlsStep, datetime], bool]


def anchor_of(endpoint: Endpoint, measurement: Measurement) -> Anchor:
    """Return the anchor's word: ``ok`` is success at the application, never TCP alone.

    An international anchor needs valid TLS, or its exact text over plain HTTP; a domestic one
    an HTTP answer, since domestic authorities may be missing from the packaged roots.
    """
    http = _last(measurement, HttpStep)
    tls = _last(measurement, TlsStep)
    group = AnchorGroup.INTERNATIONAL
    if endpoint.purpose is Purpose.DOMESTIC:
        group = AnchorGroup.DOMESTIC
    answered = http is not None and http.failure is None and http.status is not None
    expected = http is not None and http.expected is not False
    if endpoint.tls:
        trusted = tls is not None and tls.failure is None
        ok = answered and expected and (trusted or group is AnchorGroup.DOMESTIC)
    else:
        ok = answered and http is not None and http.expected is True
    # What was read over a foreign certificate may be a fine answer: the certificate is the fault.
    failure = measurement.failure or (tls.failure if tls is not None else None)
    if failure is None and not ok and answered:
        failure = "http_unexpected_status_code"
    return Anchor(
        endpoint=endpoint.id,
        group=group,
        network=endpoint.operator or endpoint.host,
        ok=ok,
        tcp_ok=any(isinstance(s, TcpStep) and s.failure is None for s in measurement.steps),
        failure=None if ok else failure,
    )


def system_dns_ok(measurement: Measurement) -> bool | None:
    """Return whether the system's resolver answered in this measurement, ``None``: not asked.

    One that answers later than the system waits on a slow line is not broken.
    """
    names = [step for step in measurement.steps if isinstance(step, DnsStep)]
    asked = [step for step in names if step.engine is DnsEngine.SYSTEM]
    if not asked:
        return None
    return any(s.failure is None and s.answers for s in asked) or answered_late(names)


def clock_skew_s(
    measurement: Measurement, endpoint: Endpoint, authentic: Authentic
) -> float | None:
    """Return wall clock minus the ``Date`` of an answer over authentic TLS, in seconds.

    ``authentic`` says whether the chain is valid for the endpoint's name at a time. It is asked
    at the time that the ``Date`` claims, because at a wrong wall clock every chain looks
    expired; whoever forges the ``Date`` has no chain to go with it.
    """
    http = _last(measurement, HttpStep)
    tls = _last(measurement, TlsStep)
    if http is None or tls is None or not http.tls or http.failure is not None:
        return None
    said = _date(dict(http.headers).get("date"))
    if said is None or not tls.chain or not authentic(endpoint, tls, said):
        return None
    seen = measurement.started + timedelta(seconds=http.t_s)
    return (seen - said).total_seconds()


def _date(text: str | None) -> datetime | None:
    """Read an HTTP date (RFC 9110 section 5.6.7); anything else is none."""
    if text is None or len(text) > 64:
        return None
    try:
        value = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return value if value.tzinfo is not None else None


def captive_answer(measurement: Measurement) -> tuple[int | None, str | None]:
    """Return the status of the 204 page, and the host that it redirects to.

    A host that was the line's own is ``[scrubbed]``, which no parser of URLs takes.
    """
    http = _last(measurement, HttpStep)
    if measurement.outcome is not Outcome.MEASURED or http is None or http.failure is not None:
        return None, None
    location = dict(http.headers).get("location", "")
    if SCRUBBED in location.partition("//")[2].partition("/")[0]:
        return http.status, SCRUBBED
    try:
        host = urlsplit(location).hostname
    except ValueError:
        host = None
    return http.status, host


def same_everywhere(measurements: Mapping[str, Measurement] | Sequence[Measurement]) -> bool | None:
    """Return whether unrelated hosts all gave one certificate, or one redirect.

    ``None`` when fewer than three hosts answered so far that they could be compared.
    """
    items = measurements.values() if isinstance(measurements, Mapping) else measurements
    leaves: list[str] = []
    redirects: list[str | None] = []
    for item in items:
        tls, http = _last(item, TlsStep), _last(item, HttpStep)
        if tls is not None and tls.certificate is not None:
            leaves.append(tls.certificate.leaf_sha256)
        if http is not None and http.status is not None:
            redirects.append(captive_answer(item)[1])
    if len(leaves) >= _MIN_HOSTS and len(set(leaves)) == 1:
        return True
    if len(redirects) >= _MIN_HOSTS and len(set(redirects)) == 1 and redirects[0] is not None:
        return True
    compared = len(leaves) >= _MIN_HOSTS or len(redirects) >= _MIN_HOSTS
    return False if compared else None


def _last(measurement: Measurement, kind: type[T]) -> T | None:
    return next((s for s in reversed(measurement.steps) if isinstance(s, kind)), None)
