"""What is kept of a measurement of a person's own bridge or proxy: how it went, not where.

Everything that could name the place goes before anybody else sees the measurement: addresses,
ports, names, certificates, headers. Sizes go up to whole KiB: the length of a name is in that of
the hello, and who scans for such places knows them by the length of their certificates. So no
row, report, export or line on the screen can hold it.

A server of one's own for transfers (``goodput_server``) is such a place as well: one rare host, by
which those who talk to it can be found. What is kept of it is the transfer and under which name.
"""

from collections.abc import Callable
from typing import TypeVar

from msgspec.structs import replace

from probe.errors import ProbeError
from probe.model.address import NOWHERE, NOWHERE_6, family_of
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
    TransferStep,
    UdpStep,
)
from probe.model.target import Endpoint

__all__ = ["unplaced", "unquoted", "veiled"]

_KIB = 1_024
_REASON = "it could not be measured"
_UNKNOWN = unknown_failure("not kept")
_S = TypeVar("_S", TcpStep, TlsStep, HttpStep, UdpStep, ExchangeStep, TransferStep)
_C = TypeVar("_C", TlsStep, ExchangeStep)


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
        bytes_sent=_rounded(measurement.bytes_sent),
        bytes_received=_rounded(measurement.bytes_received),
    )


def unplaced(measurement: Measurement) -> Measurement:
    """Return a look at a server of one's own without its address, port, certificate and headers.

    The address family is kept: speeds are compared within one.
    """
    return replace(measurement, steps=tuple(map(_of_own_server, measurement.steps)))


def _of_own_server(step: Step) -> Step:
    step = replace(step, failure=_named(step.failure))
    if isinstance(step, DnsStep):  # its address is given: no name of it is asked for
        return step
    family = family_of(step.address)
    step = replace(step, address=NOWHERE_6 if family == 6 else NOWHERE, port=0)
    if isinstance(step, TlsStep):
        check = step.certificate
        return replace(step, chain=(), certificate=None if check is None else _certificate(check))
    return replace(step, headers=()) if isinstance(step, HttpStep) else step


def unquoted(endpoint: Endpoint, error: ProbeError) -> ProbeError:
    """Return an error that may be shown; as it is, where the endpoint is a public one."""
    if endpoint.private is None:
        return error
    return type(error)(f"{endpoint.private} could not be measured, and why is not shown")


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


def _rounded(size: int) -> int:
    return -(-size // _KIB) * _KIB


def _placeless(step: _S) -> _S:
    return replace(step, address=NOWHERE, port=0)


def _counted(step: _C) -> _C:
    sent, received = _rounded(step.bytes_sent), _rounded(step.bytes_received)
    return replace(_placeless(step), bytes_sent=sent, bytes_received=received)


def _tls(step: TlsStep, _label: str) -> Step:
    check = step.certificate
    kept = None if check is None else _certificate(check)
    return replace(_counted(step), sni=None, chain=(), certificate=kept)


def _certificate(check: CertificateCheck) -> CertificateCheck:
    return CertificateCheck(
        packaged=check.packaged,
        system=check.system,
        issuer="",
        leaf_sha256="",
        verified_within=check.verified_within,
    )


def _http(step: HttpStep, label: str) -> Step:
    length = _rounded(step.body_length)
    bare = replace(step, headers=(), title=None, body_sha256=None, body_length=length)
    return replace(_placeless(bare), host=label, path="/")


def _transfer(step: TransferStep, _label: str) -> Step:
    """Return how long it took; the size of an object tells which it is."""
    received = _rounded(step.received)
    stalled = None if step.stalled_at is None else _rounded(step.stalled_at)
    bare = replace(step, wanted=_rounded(step.wanted), received=received, marks=())
    return replace(_placeless(bare), stalled_at=stalled)


_MEASURES: dict[type[Step], Callable[..., Step]] = {
    TcpStep: lambda step, _label: _placeless(step),
    TlsStep: _tls,
    HttpStep: _http,
    UdpStep: lambda step, _label: _placeless(step),
    ExchangeStep: lambda step, _label: _counted(step),
    TransferStep: _transfer,
}
