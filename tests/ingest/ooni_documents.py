"""Small OONI measurements, made by hand after the data format."""

import json
from pathlib import Path
from typing import Any

START = "2025-05-27 23:31:08"
ADDRESS = "93.184.216.34"
HOST = "www.example.org"


def document(test_keys: Any, **more: Any) -> dict[str, Any]:
    """Return a measurement of web_connectivity, but for ``more``."""
    values: dict[str, Any] = {
        "annotations": {"network_type": "wifi"},
        "data_format_version": "0.2.0",
        "input": f"https://{HOST}/",
        "measurement_start_time": START,
        "probe_asn": "AS64500",
        "probe_cc": "IR",
        "report_id": "20250527T233108Z_webconnectivity_IR_64500_n1_x",
        "software_name": "ooniprobe-cli",
        "software_version": "3.20.0",
        "test_keys": test_keys,
        "test_name": "web_connectivity",
        "test_runtime": 2.5,
        "test_start_time": START,
        "test_version": "0.5.28",
    }
    return {**values, **more}


def query(*addresses: str, failure: str | None = None, host: str = HOST, **more: Any) -> Any:
    """Return one entry of ``queries``."""
    answers = [{"answer_type": "A", "ipv4": a, "ttl": None} for a in addresses]
    values: dict[str, Any] = {
        "answers": answers or None,
        "engine": "getaddrinfo",
        "failure": failure,
        "hostname": host,
        "query_type": "A",
        "resolver_address": "",
        "t0": 0.0,
        "t": 0.1,
    }
    return {**values, **more}


def connect(failure: str | None = None, ip: str = ADDRESS, port: int = 443) -> Any:
    """Return one entry of ``tcp_connect``."""
    status = {"failure": failure, "success": failure is None}
    return {"ip": ip, "port": port, "status": status, "t0": 0.1, "t": 0.2, "transaction_id": 1}


def shake(failure: str | None = None, name: str = HOST, **more: Any) -> Any:
    """Return one entry of ``tls_handshakes``."""
    values: dict[str, Any] = {
        "address": f"{ADDRESS}:443",
        "failure": failure,
        "no_tls_verify": False,
        "peer_certificates": [],
        "server_name": name,
        "t0": 0.2,
        "t": 0.3,
        "transaction_id": 1,
    }
    return {**values, **more}


def request(
    status: int = 200,
    url: str = f"https://{HOST}/",
    failure: str | None = None,
    body: Any = "<title>Example words</title>" + "x" * 4000,
    headers: dict[str, str] | None = None,
) -> Any:
    """Return one entry of ``requests``."""
    return {
        "failure": failure,
        "request": {"method": "GET", "url": url, "tor": {"is_tor": False}},
        "response": {"body": body, "code": status if failure is None else 0, "headers": headers},
        "t0": 0.3,
        "t": 0.4,
    }


def helper(**more: Any) -> Any:
    """Return what the test helper saw: everything works."""
    values: dict[str, Any] = {
        "dns": {"failure": None, "addrs": [ADDRESS]},
        "tcp_connect": {f"{ADDRESS}:443": {"status": True, "failure": None}},
        "tls_handshake": {f"{ADDRESS}:443": {"status": True, "failure": None}},
        "http_request": {
            "body_length": 4028,
            "failure": None,
            "title": "Example words",
            "status_code": 200,
            "headers": {},
        },
    }
    return {**values, **more}


def keys(**more: Any) -> dict[str, Any]:
    """Return the keys of a measurement in which all works."""
    values: dict[str, Any] = {
        "queries": [query(ADDRESS)],
        "tcp_connect": [connect()],
        "tls_handshakes": [shake()],
        "requests": [request()],
        "control": helper(),
        "control_failure": None,
    }
    return {**values, **more}


def write(folder: Path, *documents: Any, name: str = "in.jsonl") -> Path:
    """Write documents, one a line."""
    path = folder / name
    path.write_text("".join(json.dumps(d) + "\n" for d in documents), encoding="utf-8")
    return path
