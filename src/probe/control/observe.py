"""A measurement, read as what a control saw."""

from probe.model.control import ControlKind, ControlObservation
from probe.model.measurement import (
    DnsStep,
    ExchangeStep,
    HttpStep,
    Measurement,
    Outcome,
    TcpStep,
    TlsStep,
    UdpStep,
)

__all__ = ["observation_of"]

_OPERATIONS = (
    (DnsStep, "dns"),
    (TcpStep, "tcp"),
    (TlsStep, "tls"),
    (HttpStep, "http"),
    (UdpStep, "udp"),
    (ExchangeStep, "exchange"),
)


def observation_of(
    measurement: Measurement, *, source: str, kind: ControlKind, country: str | None
) -> ControlObservation | None:
    """Return what ``measurement`` tells as a control, ``None`` when it was not taken.

    Addresses are those that DNS gave and those that answered with a valid certificate.
    """
    if measurement.outcome is not Outcome.MEASURED or _asked_only(measurement):
        return None
    dns = [s for s in measurement.steps if isinstance(s, DnsStep)]
    tls = next((s for s in reversed(measurement.steps) if isinstance(s, TlsStep)), None)
    http = next((s for s in reversed(measurement.steps) if isinstance(s, HttpStep)), None)
    answers = [answer for step in dns for answer in step.answers]
    addresses = [answer.address for answer in answers]
    if tls is not None and tls.failure is None:
        addresses.append(tls.address)
    certificate = tls.certificate if tls is not None else None
    return ControlObservation(
        endpoint=measurement.endpoint,
        source=source,
        kind=kind,
        observed=measurement.started,
        country=country,
        failure=measurement.failure,
        failed_operation=_failed_operation(measurement),
        addresses=tuple(dict.fromkeys(addresses)),
        address=_dialled(measurement),
        asns=tuple(dict.fromkeys(a.asn for a in answers if a.asn is not None)),
        issuer=certificate.issuer if certificate is not None else None,
        leaf_sha256=certificate.leaf_sha256 if certificate is not None else None,
        status=http.status if http is not None else None,
        title=http.title if http is not None else None,
        body_length=http.body_length if http is not None and http.status is not None else None,
        body_sha256=http.body_sha256 if http is not None else None,
        expected=http.expected if http is not None else None,
        absent=http.absent if http is not None else None,
    )


def _asked_only(measurement: Measurement) -> bool:
    """Return whether only QUIC's first question was asked, for want of aioquic there."""
    last = measurement.steps[-1] if measurement.steps else None
    return isinstance(last, UdpStep) and last.protocol == "quic-versions" and last.failure is None


def _dialled(measurement: Measurement) -> str | None:
    """Return the address that was dialled last: the one that the result is about."""
    return next(
        (s.address for s in reversed(measurement.steps) if not isinstance(s, DnsStep)), None
    )


def _failed_operation(measurement: Measurement) -> str | None:
    if measurement.failure is None or not measurement.steps:
        return None
    last = measurement.steps[-1]
    return next((name for kind, name in _OPERATIONS if isinstance(last, kind)), None)
