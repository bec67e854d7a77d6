"""What is kept of a measurement of a person's own bridge or proxy: how it went, not where.

Everything that could name the place goes before anybody else sees the measurement: addresses,
ports, names, certificates, headers. So no row, report, export or line on the screen can hold it.
"""

from collections.abc import Callable
from typing import TypeVar

from msgspec.structs import replace

from probe.model.failure import Failure, unknown_failure
from probe.model.measurement import (
    CertificateCheck,
    DnsStep,
    ExchangeStep,
    HttpStep,
    Measurement,
    Step,
    TcpStep,
    TlsStep,
    UdpStep,
)
from probe.model.target import Endpoint

__all__ = ["NOWHERE", "veiled"]

NOWHERE = "0.0.0.0"  # noqa: S104 - stands for an address that is not kept; nothing is bound to it
_REASON = "it could not be measured"
_UNKNOWN = unknown_failure("not kept")
_S = TypeVar("_S", TcpStep, TlsStep, HttpStep, UdpStep, ExchangeStep)


def veiled(endpoint: Endpoint, measurement: Measurement) -> Measurement:
    """Return ``measurement`` as it may be kept; as it is, where the endpoint is a public one.

    A name that was found is left out as a step: its answers are what is not kept.
    """
    if endpoint.private is None:
        return measurement
    steps = (_without_place(step, endpoint.private) for step in measurement.steps)
    return replace(
        measurement,
        reason=None if measurement.reason is None else _REASON,
        steps=tuple(step for step in steps if step is not None),
    )


def _without_place(step: Step, label: str) -> Step | None:
    step = replace(step, failure=_named(step.failure))
    if isinstance(step, DnsStep):
        if step.failure is None:
            return None
        return replace(step, hostname=label, answers=(), cnames=(), late=())
    return _MEASURES[type(step)](step, label)


def _named(failure: Failure | None) -> Failure | None:
    """Return a failure; one in free words may quote an address."""
    free = failure is not None and failure.startswith("unknown_failure")
    return _UNKNOWN if free else failure


def _placeless(step: _S) -> _S:
    return replace(step, address=NOWHERE, port=0)


def _tls(step: TlsStep, _label: str) -> Step:
    check = step.certificate
    kept = None if check is None else _certificate(check)
    return replace(_placeless(step), sni=None, chain=(), certificate=kept)


def _certificate(check: CertificateCheck) -> CertificateCheck:
    return CertificateCheck(
        packaged=check.packaged,
        system=check.system,
        issuer="",
        leaf_sha256="",
        verified_within=check.verified_within,
    )


def _http(step: HttpStep, label: str) -> Step:
    return replace(_placeless(step), host=label, path="/", headers=(), title=None, body_sha256=None)


_MEASURES: dict[type[Step], Callable[..., Step]] = {
    TcpStep: lambda step, _label: _placeless(step),
    TlsStep: _tls,
    HttpStep: _http,
    UdpStep: lambda step, _label: _placeless(step),
    ExchangeStep: lambda step, _label: _placeless(step),
}
