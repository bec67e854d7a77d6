"""Measurements in OONI's format: one JSON object a line, as its own tools read it.

Each look, follow-ups too, becomes one ``urlgetter`` measurement, OONI's carrier for network
evidence of any kind (data formats df-000 to df-008 of ooni/spec; facts in docs/formats.md). Our
own words (service, variant, verdict) stand in its annotations. The line's address is never in
it, bodies are not kept, and what a machine at home answered is taken out (``household``).

Looks at a server of one's own are left out: the format has no word for a service's name that is
said to somebody else, so that what became of it would be read as the service's.
"""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from random import Random
from typing import Any, BinaryIO, Final

import msgspec

from probe import __version__
from probe.export.household import shown
from probe.export.ooni_keys import test_keys
from probe.export.publish import Publisher, floor_hour, published
from probe.model.measurement import (
    GOODPUTS_OWN,
    DnsStep,
    ExchangeStep,
    HttpStep,
    Measurement,
    Outcome,
    TcpStep,
    TlsStep,
    TransferStep,
)
from probe.model.record import Record
from probe.model.selection import Selection
from probe.model.times import instant
from probe.model.vantage import Access
from probe.store.database import Store
from probe.store.scan import RoundFacts

__all__ = ["lines", "write"]

_TEST: Final = "urlgetter"
_TEST_VERSION: Final = "0.2.0"
_EXTENSIONS: Final = {"dnst": 0, "httpt": 0, "netevents": 0, "tcpconnect": 0, "tlshandshake": 0}
_NETWORK_TYPE: Final = {Access.MOBILE: "mobile", Access.FIXED: "wired_ethernet"}

_encode = msgspec.json.Encoder().encode


def write(found: Iterable[dict[str, Any]], out: BinaryIO) -> int:
    """Write one measurement a line; return how many."""
    count = 0
    for count, line in enumerate(found, start=1):  # noqa: B007 - the last number is returned
        out.write(_encode(line) + b"\n")
    return count


def lines(
    store: Store,
    chosen: Selection,
    *,
    publisher: Publisher | None = None,
    dice: Random,
) -> Iterator[dict[str, Any]]:
    """Yield the chosen measurements, by round, record and place in the bundle.

    With a ``publisher`` rounds are told as it says, times go down to the hour, and the numbers
    that tie a line to its round come from ``dice``.
    """
    for facts in store.scan.rounds(chosen):
        told = facts if publisher is None else publisher.round(facts)
        secret = facts.digest if publisher is None else f"{dice.getrandbits(128):032x}"
        secret = secret or f"{facts.vantage}:{facts.id}"
        batch = _Batch(told, secret, published=publisher is not None)
        for number, record in enumerate(store.records(facts.id)):
            if _wanted(record, chosen):
                yield from batch.lines(number, record, chosen)


def _wanted(record: Record, chosen: Selection) -> bool:
    return (chosen.services is None or record.service in chosen.services) and (
        chosen.states is None or record.verdict.state in chosen.states
    )


class _Batch:
    """One round as OONI has it: a report of one run of a test."""

    def __init__(self, facts: RoundFacts, secret: str, *, published: bool) -> None:
        self._facts = facts
        self._published = published
        self._started = self._coarse(instant(facts.started_us))
        asn = facts.network.asn
        token = hashlib.sha256(f"report:{secret}".encode()).hexdigest()[:16]
        stamp = f"{self._started:%Y%m%dT%H%M%SZ}"
        self._report = f"{stamp}_{_TEST}_{facts.country}_{asn}_n1_{token}"

    def lines(self, number: int, record: Record, chosen: Selection) -> Iterator[dict[str, Any]]:
        for seq, measurement in enumerate(record.bundle):
            told_of = measurement.variant not in GOODPUTS_OWN
            measured = measurement.outcome is Outcome.MEASURED
            if told_of and measured and _inside(measurement.started, chosen):
                told = shown(measurement)
                yield self._line(number, seq, record, published(told) if self._published else told)

    def _coarse(self, time: datetime) -> datetime:
        return floor_hour(time, self._facts.tz) if self._published else time

    def _line(
        self, number: int, seq: int, record: Record, measurement: Measurement
    ) -> dict[str, Any]:
        facts, started = self._facts, self._coarse(measurement.started)
        uid = hashlib.sha256(f"{self._report}:{number}:{seq}".encode()).hexdigest()[:16]
        return {
            "annotations": self._annotations(record, measurement),
            "data_format_version": "0.2.0",
            "extensions": _EXTENSIONS,
            "input": _input(measurement),
            "measurement_start_time": f"{started:%Y-%m-%d %H:%M:%S}",
            "measurement_uid": f"{started:%Y%m%d%H%M%S}.000000_{facts.country}_{_TEST}_{uid}",
            "probe_asn": f"AS{facts.network.asn}",
            "probe_cc": facts.country,
            "probe_ip": "127.0.0.1",
            "probe_network_name": facts.network.name,
            "report_id": self._report,
            "resolver_asn": "AS0",
            "resolver_ip": "127.0.0.2",
            "resolver_network_name": "",
            "software_name": "probe",
            "software_version": __version__,
            "test_keys": test_keys(measurement),
            "test_name": _TEST,
            "test_runtime": measurement.duration_s,
            "test_start_time": f"{self._started:%Y-%m-%d %H:%M:%S}",
            "test_version": _TEST_VERSION,
        }

    def _annotations(self, record: Record, measurement: Measurement) -> dict[str, str]:
        verdict = record.verdict
        return {
            "engine_name": "probe",
            "engine_version": __version__,
            "network_type": _NETWORK_TYPE.get(self._facts.network.access, "unknown"),
            "probe_vantage": self._facts.vantage,
            "probe_service": record.service,
            "probe_endpoint": measurement.endpoint,
            "probe_kind": measurement.kind.value,
            "probe_role": record.role.value,
            "probe_variant": measurement.variant.value,
            "probe_state": verdict.state.value,
            "probe_mechanism": verdict.mechanism,
            "probe_locus": verdict.locus.value,
            "probe_confidence": verdict.confidence.value,
            "probe_rule": f"{verdict.rule_id} {verdict.rule_version}",
        }


def _inside(time: datetime, chosen: Selection) -> bool:
    return (chosen.since is None or time >= chosen.since) and (
        chosen.until is None or time < chosen.until
    )


def _input(measurement: Measurement) -> str | None:
    """Return what urlgetter would have been given: a URL, or one of its own for less."""
    named = [step for step in measurement.steps if not isinstance(step, TransferStep)]
    last = named[-1] if named else None
    if isinstance(last, HttpStep):
        usual = last.port == (443 if last.tls else 80)
        port = "" if usual else f":{last.port}"
        return f"http{'s' if last.tls else ''}://{last.host}{port}{last.path}"
    host = next((s.hostname for s in measurement.steps if isinstance(s, DnsStep)), None)
    if isinstance(last, TlsStep):
        return f"tlshandshake://{last.sni or host or last.address}:{last.port}"
    if isinstance(last, TcpStep | ExchangeStep):
        return f"tcpconnect://{host or last.address}:{last.port}"
    return f"dnslookup://{host}" if host else None
