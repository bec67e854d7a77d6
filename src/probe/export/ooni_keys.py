"""The test keys of one measurement: our steps as OONI's queries, connects, handshakes, requests.

Formats df-001, 002, 005, 006 and 008 of ooni/spec. Of a handshake we know how many bytes went
each way, not when: the bytes are put between its start and its end as one write and one
read. A timed download goes in as the samples of OONI's throttling sampler.
"""

import base64
from typing import Any, Final

from probe.model.address import authority, is_public, parse_ip
from probe.model.goodput import Direction, Transport
from probe.model.measurement import (
    DnsEngine,
    DnsStep,
    ExchangeStep,
    HttpStep,
    Measurement,
    TcpStep,
    TlsStep,
    TransferStep,
)

__all__ = ["test_keys"]

_ENGINE: Final = {
    DnsEngine.SYSTEM: "getaddrinfo",
    DnsEngine.UDP: "udp",
    DnsEngine.TCP: "tcp",
    DnsEngine.DOT: "dot",
    DnsEngine.DOH: "doh",
}
_OPERATION: Final[dict[type[Any], str]] = {
    DnsStep: "resolve",
    TcpStep: "connect",
    TlsStep: "tls_handshake",
    HttpStep: "http_round_trip",
}


def test_keys(measurement: Measurement) -> dict[str, Any]:
    """Return the test keys of a measurement that was made."""
    keys: dict[str, Any] = {
        "agent": "redirect",
        "failed_operation": None,
        "failure": measurement.failure,
        "network_events": [],
        "queries": [],
        "requests": [],
        "tcp_connect": [],
        "tls_handshakes": [],
    }
    late: list[dict[str, Any]] = []
    transaction = 0
    for step in measurement.steps:
        if isinstance(step, TcpStep | DnsStep):
            transaction += 1
        if isinstance(step, DnsStep):
            keys["queries"].append(_query(step, transaction))
            late.extend(_late(step, transaction))
        elif isinstance(step, TcpStep):
            keys["tcp_connect"].append(_connect(step, transaction))
            keys["network_events"].append(_event(step, "connect", step.t0_s, step, transaction))
        elif isinstance(step, TlsStep):
            keys["tls_handshakes"].append(_handshake(step, transaction))
            keys["network_events"].extend(_handshake_events(step, transaction))
        elif isinstance(step, ExchangeStep):
            keys["network_events"].extend(_exchange_events(step, transaction))
        elif isinstance(step, HttpStep):
            keys["requests"].insert(0, _request(step, transaction))
        elif isinstance(step, TransferStep):
            keys["network_events"].extend(_sampled(step, transaction))
    if late:
        keys["x_dns_duplicate_responses"] = late
    if keys["failure"] is not None:
        last = type(measurement.steps[-1]) if measurement.steps else None
        keys["failed_operation"] = _OPERATION.get(last, "top_level") if last else "top_level"
    return keys


def _answer(address: str, asn: int | None) -> dict[str, Any]:
    ip = parse_ip(address)
    four = ip is not None and ip.version == 4
    found: dict[str, Any] = {
        "answer_type": "A" if four else "AAAA",
        "ipv4" if four else "ipv6": address,
        "ttl": None,
    }
    return found if asn is None else {"asn": asn, "as_org_name": "", **found}


def _query(step: DnsStep, transaction: int) -> dict[str, Any]:
    answers = [_answer(a.address, a.asn) for a in step.answers]
    answers += [{"answer_type": "CNAME", "hostname": name, "ttl": None} for name in step.cnames]
    found: dict[str, Any] = {
        "answers": answers or None,
        "engine": _ENGINE[step.engine],
        "failure": step.failure,
        "hostname": step.hostname,
        "query_type": step.qtype,
        "resolver_hostname": None,
        "resolver_port": None,
        "resolver_address": _resolver(step),
        "t0": step.t0_s,
        "t": step.t_s,
        "tags": [],
        "transaction_id": transaction,
    }
    return found if step.rcode is None else {**found, "rcode": step.rcode}


def _resolver(step: DnsStep) -> str:
    """Return who was asked; nothing for a resolver that only this line has."""
    if step.engine is DnsEngine.SYSTEM:
        return ""
    if step.engine is DnsEngine.DOH:
        return step.resolver
    host = step.resolver.rpartition(":")[0].strip("[]") or step.resolver
    if not is_public(host):
        return ""
    prefix = {DnsEngine.TCP: "tcp://", DnsEngine.DOT: "dot://"}.get(step.engine, "")
    return f"{prefix}{step.resolver}"


def _late(step: DnsStep, transaction: int) -> list[dict[str, Any]]:
    whole = _query(step, transaction)
    return [
        {
            **whole,
            "answers": [_answer(address, None) for address in one.addresses] or None,
            "rcode": one.rcode,
            "failure": None,
            "t": step.t0_s + one.t_s,
        }
        for one in step.late
    ]


def _connect(step: TcpStep, transaction: int) -> dict[str, Any]:
    return {
        "ip": step.address,
        "port": step.port,
        "status": {"failure": step.failure, "success": step.failure is None},
        "t0": step.t0_s,
        "t": step.t_s,
        "tags": [],
        "transaction_id": transaction,
    }


def _place(step: TcpStep | TlsStep | HttpStep | ExchangeStep | TransferStep) -> str:
    return authority(step.address, step.port)


def _handshake(step: TlsStep, transaction: int) -> dict[str, Any]:
    return {
        "network": "tcp",
        "address": _place(step),
        "cipher_suite": step.cipher or "",
        "failure": step.failure,
        "negotiated_protocol": step.alpn or "",
        "no_tls_verify": False,
        "peer_certificates": [
            {"data": base64.b64encode(der).decode(), "format": "base64"} for der in step.chain
        ],
        "server_name": step.sni or "",
        "t0": step.t0_s,
        "t": step.t_s,
        "tags": [],
        "tls_version": step.version or "",
        "transaction_id": transaction,
    }


def _event(
    step: TcpStep | TlsStep, operation: str, t0: float, end: TcpStep | TlsStep, transaction: int
) -> dict[str, Any]:
    return {
        "address": _place(step),
        "failure": end.failure,
        "operation": operation,
        "proto": "tcp",
        "t0": t0,
        "t": end.t_s,
        "tags": [],
        "transaction_id": transaction,
    }


def _handshake_events(step: TlsStep, transaction: int) -> list[dict[str, Any]]:
    """Return the handshake's start, what was written, what was read, and its end."""
    base: dict[str, Any] = {"failure": None, "tags": [], "transaction_id": transaction}
    events: list[dict[str, Any]] = [
        {**base, "operation": "tls_handshake_start", "t0": step.t0_s, "t": step.t0_s}
    ]
    events += _bytes(step, transaction, step.failure if step.certificate is None else None)
    done = {"operation": "tls_handshake_done", "t0": step.t_s, "t": step.t_s}
    return [*events, {**base, **done}]


def _exchange_events(step: ExchangeStep, transaction: int) -> list[dict[str, Any]]:
    """Return what was said in a protocol of its own, and what came back."""
    return _bytes(step, transaction, step.failure)


def _sampled(step: TransferStep, transaction: int) -> list[dict[str, Any]]:
    """Return a download as OONI's throttling sampler has it: bytes so far, mark by mark."""
    if step.direction is not Direction.DOWNLOAD:
        return []
    return [
        {
            "address": _place(step),
            "failure": None,
            "num_bytes": so_far,
            "operation": "bytes_received_cumulative",
            "proto": "tcp" if step.transport is Transport.TCP else "udp",
            "t0": step.t0_s,
            "t": step.t0_s + at_s,
            "tags": [],
            "transaction_id": transaction,
        }
        for so_far, at_s in step.marks
    ]


def _bytes(
    step: TlsStep | ExchangeStep, transaction: int, broken: str | None
) -> list[dict[str, Any]]:
    """Return one write at the start of a step, and one read at its end, as far as there were."""
    wire: dict[str, Any] = {
        "address": _place(step),
        "failure": None,
        "proto": "tcp",
        "t0": step.t0_s,
        "tags": [],
        "transaction_id": transaction,
    }
    events = []
    if step.bytes_sent:
        events.append({**wire, "operation": "write", "num_bytes": step.bytes_sent, "t": step.t0_s})
    if step.bytes_received or broken:
        read = {"operation": "read", "num_bytes": step.bytes_received, "t": step.t_s}
        events.append({**wire, **read, "failure": broken})
    return events


def _request(step: HttpStep, transaction: int) -> dict[str, Any]:
    usual = step.port == (443 if step.tls else 80)
    host = step.host if usual else f"{step.host}:{step.port}"
    headers = sorted(step.headers)
    first = dict(reversed(headers))
    return {
        "network": "tcp",
        "address": _place(step),
        "alpn": "h2" if step.protocol == "HTTP/2" else "http/1.1" if step.tls else "",
        "failure": step.failure,
        "request": {
            "body": "",
            "body_is_truncated": False,
            "headers_list": [],
            "headers": {},
            "method": step.method,
            "tor": {"exit_ip": None, "exit_name": None, "is_tor": False},
            "x_transport": "tcp",
            "url": f"http{'s' if step.tls else ''}://{host}{step.path}",
        },
        "response": {
            "body": "",
            "body_is_truncated": step.body_length > 0,
            "code": step.status or 0,
            "headers_list": [[name, value] for name, value in headers],
            "headers": first,
        },
        "t0": step.t0_s,
        "t": step.t_s,
        "tags": [],
        "transaction_id": transaction,
    }
