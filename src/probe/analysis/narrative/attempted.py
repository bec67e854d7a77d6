"""One attempted step as an engineer wants it: when, whom, what failed, which certificate."""

from probe.analysis.narrative.phrases import clean
from probe.model.address import authority, is_public, parse_ip
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

__all__ = ["attempt_line"]


def attempt_line(ref: str, measurement: Measurement, step: Step) -> str:
    """Return ``m0.s2 retest 12:00:03.120 +0.010 s: tcp ... -> connection_reset``.

    The resolver of a home line is named by its role, since its address is the line's own.
    """
    started = measurement.started.strftime("%H:%M:%S")
    spent = f"{step.t0_s:.3f}-{step.t_s:.3f} s"
    return (
        f"{ref} {measurement.variant} {started}Z {spent}: {_what(step)} -> {step.failure or 'ok'}"
    )


def _what(step: Step) -> str:
    if isinstance(step, DnsStep):
        return _dns(step)
    if isinstance(step, TcpStep):
        return f"tcp {authority(step.address, step.port)}"
    if isinstance(step, TlsStep):
        return _tls(step)
    if isinstance(step, HttpStep):
        return _http(step)
    if isinstance(step, ExchangeStep):
        return _exchange(step)
    if isinstance(step, TransferStep):
        return f"{step.direction} by {step.transport}, {step.received} of {step.wanted} bytes"
    return _udp(step)


def _resolver(name: str) -> str:
    host = name.rpartition(":")[0] if name.count(":") == 1 else name
    ip = parse_ip(host.rpartition("]")[0] or host)
    if ip is None or is_public(str(ip)):
        return clean(name)
    return "the line's own"


def _dns(step: DnsStep) -> str:
    answers = ", ".join(
        f"{clean(a.address, 45)}{f' (AS{a.asn})' if a.asn else ''}" for a in step.answers
    )
    late = "; ".join(f"late +{one.t_s:.3f} s {', '.join(one.addresses)}" for one in step.late)
    rcode = f" rcode {step.rcode}" if step.rcode is not None else ""
    chain = f" via {', '.join(clean(c) for c in step.cnames)}" if step.cnames else ""
    told = f"dns {step.engine} {step.qtype} {clean(step.hostname)} at {_resolver(step.resolver)}"
    return (
        f"{told}{rcode}{chain}: {answers or 'no address'}{f'; {clean(late, 200)}' if late else ''}"
    )


def _tls(step: TlsStep) -> str:
    parts = [f"tls {authority(step.address, step.port)} sni {clean(step.sni or 'none')}"]
    if step.version:
        parts.append(f"{step.version} {step.cipher or ''} alpn {step.alpn or 'none'}".strip())
    parts.append(f"{step.bytes_sent} B sent, {step.bytes_received} B received")
    if step.alert:
        parts.append(f"alert {clean(step.alert)}")
    if step.certificate is not None:
        parts.append(_certificate(step.certificate))
    return ", ".join(parts)


def _certificate(check: CertificateCheck) -> str:
    until = f" until {check.not_after:%Y-%m-%d}" if check.not_after else ""
    return (
        f"certificate sha256 {check.leaf_sha256[:16]}{until} issued by "
        f"{clean(check.issuer, 160)!r} (public roots: {check.packaged or 'valid'}, this machine's: "
        f"{check.system or 'valid'})"
    )


def _http(step: HttpStep) -> str:
    scheme = "https" if step.tls else "http"
    marks = f", marks {', '.join(step.fingerprints)}" if step.fingerprints else ""
    return (
        f"{step.method} {scheme}://{clean(step.host)}{clean(step.path, 120)} at "
        f"{authority(step.address, step.port)}: status {step.status}, {step.body_length} B{marks}"
    )


def _udp(step: UdpStep) -> str:
    return (
        f"udp {clean(step.protocol)} {authority(step.address, step.port)}: {step.sent} sent, "
        f"{step.received} received, reply {clean(step.reply or 'none')}"
    )


def _exchange(step: ExchangeStep) -> str:
    return (
        f"{clean(step.protocol)} over tcp {authority(step.address, step.port)}: "
        f"{step.bytes_sent} B sent, {step.bytes_received} B received, "
        f"reply {clean(step.reply or 'none')}"
    )
