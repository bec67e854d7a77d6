"""OONI measurements, of any test: read, cut into endpoints, judged by the rules of our own.

OONI's own conclusions are not used, its control is: as a contemporaneous control. A test of
which nothing can be judged gets a verdict that says so; what is no measurement is refused with a
reason. Nothing in a file makes this raise.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from probe.analysis.gates import evaluate
from probe.analysis.rollup import rollup
from probe.analysis.verdict import JudgeFacts, judge
from probe.analysis.zones import zone
from probe.ingest.ooni_certificates import pinned_root
from probe.ingest.ooni_file import Refusal, documents
from probe.ingest.ooni_parts import Cutter, Part
from probe.ingest.ooni_steps import Trace
from probe.ingest.ooni_tests import ANYTHING, READERS, SERVICES, UNJUDGED
from probe.ingest.ooni_tunnel import TUNNELS, tunnel_verdict
from probe.ingest.ooni_values import clean, items, mapping, seconds, text, time_of, where_of
from probe.model.context import RoundContext, RoundInputs
from probe.model.measurement import TlsStep
from probe.model.record import Record
from probe.model.target import Catalog, Category, Purpose, Service, Trust
from probe.model.vantage import Access, Network
from probe.model.verdict import Confidence, Locus, State, Verdict
from probe.net.trust import Roots, default_roots

__all__ = ["OoniLine", "OoniResult", "Refusal", "read"]

_RULE_VERSION = 1
_ASN = re.compile(r"AS(\d{1,10})\Z")
_COUNTRY = re.compile(r"[A-Z]{2}\Z")
_ACCESS = {"wifi": Access.FIXED, "wired": Access.FIXED, "mobile": Access.MOBILE}
_MAX_RUNTIME_S = 86_400.0
_CATALOG_IDS = {
    "facebook_messenger": "facebook-messenger",
    "meek_fronted_requests_test": "tor-meek",
    "torsf": "tor-snowflake",
}
"""Services that have another id in our catalog than the test has a name."""


class OoniLine(msgspec.Struct, frozen=True, kw_only=True):
    """What ``probe judge`` prints of one measurement, in this order."""

    input: str | None
    test_name: str
    probe_cc: str
    probe_asn: str
    time: datetime
    state: State
    mechanism: str
    locus: Locus
    confidence: Confidence
    rule_id: str


class OoniResult(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement judged: the verdict of the whole, and the records of its endpoints."""

    file: str
    line: int
    digest: str  # SHA-256 of the measurement, to know it again
    input: str | None
    test_name: str
    started: datetime
    ended: datetime
    context: RoundContext
    records: tuple[Record, ...]
    verdict: Verdict

    @property
    def printed(self) -> OoniLine:
        """Return the line of ``probe judge``."""
        verdict = self.verdict
        return OoniLine(
            input=self.input,
            test_name=self.test_name,
            probe_cc=self.context.country,
            probe_asn=f"AS{self.context.network.asn}",
            time=self.started,
            state=verdict.state,
            mechanism=verdict.mechanism,
            locus=verdict.locus,
            confidence=verdict.confidence,
            rule_id=verdict.rule_id,
        )


def read(
    source: Path | BinaryIO,
    *,
    name: str = "",
    facts: JudgeFacts | None = None,
    catalog: Catalog | None = None,
    roots: Roots | None = None,
    tz: str = "UTC",
) -> Iterator[OoniResult | Refusal]:
    """Yield the verdict on each measurement of ``source``, or why it is refused.

    ``catalog`` gives services their own names, so that imported rows join our timelines.

    Raises:
        InputError: when the file cannot be opened or read at all, or ``tz`` is no zone.

    """
    zone(tz)
    known = facts if facts is not None else JudgeFacts()
    believed = roots if roots is not None else default_roots()
    place = name or str(source)
    for found in documents(source, place):
        if isinstance(found, Refusal):
            yield found
            continue
        line, document = found
        yield _result(document, place, line, known, catalog, believed, tz)


def _result(
    document: dict[str, Any],
    file: str,
    line: int,
    facts: JudgeFacts,
    catalog: Catalog | None,
    roots: Roots,
    tz: str,
) -> OoniResult | Refusal:
    test = text(document, "test_name")
    started = time_of(document.get("measurement_start_time")) or time_of(
        document.get("test_start_time")
    )
    if test is None:
        return Refusal(file=file, line=line, reason="no test_name, so no OONI measurement")
    if started is None:
        return Refusal(file=file, line=line, reason="no measurement_start_time that is a time")
    test = clean(test)[:60].lower()
    keys = _keys(document, test)
    context = _context(document, started, tz)
    given = _input(document)
    runtime = min(seconds(document, "test_runtime") or 0.0, _MAX_RUNTIME_S)
    service, parts = _parts(test, keys, given, started, facts, catalog, roots)
    records, verdict = _judged(document, test, keys, service, parts, context, facts, roots)
    return OoniResult(
        file=file,
        line=line,
        digest=_digest(document),
        input=given,
        test_name=test,
        started=started,
        ended=started + timedelta(seconds=runtime),
        context=context,
        records=records,
        verdict=verdict,
    )


def _keys(document: dict[str, Any], test: str) -> dict[str, Any]:
    """Return the test keys; the lookups of dnscheck are laid together."""
    keys = mapping(document, "test_keys")
    if test != "dnscheck":
        return keys
    looks = [mapping(keys, "bootstrap"), *mapping(keys, "lookups").values()]
    names = ("queries", "tcp_connect", "tls_handshakes", "requests", "network_events")
    return {n: [e for one in looks if isinstance(one, dict) for e in items(one, n)] for n in names}


def _input(document: dict[str, Any]) -> str | None:
    value = document.get("input")
    if isinstance(value, list):
        value = ", ".join(v for v in value if isinstance(v, str))
    return clean(value[:2_000]) if isinstance(value, str) and value else None


def _digest(document: dict[str, Any]) -> str:
    return hashlib.sha256(
        repr(sorted((k, repr(v)) for k, v in document.items())).encode("utf-8", "replace")
    ).hexdigest()


def _context(document: dict[str, Any], started: datetime, tz: str) -> RoundContext:
    """Return what is known of the line: country, network, and whether a VPN was on."""
    asn = _ASN.match(text(document, "probe_asn") or "")
    country = text(document, "probe_cc") or ""
    kind = text(mapping(document, "annotations"), "network_type") or ""
    number = int(asn[1]) if asn is not None else 0
    inputs = RoundInputs(tunnel=True if kind == "vpn" else None)
    offset = started.astimezone(zone(tz)).utcoffset()
    return RoundContext(
        started=started,
        tz=tz,
        utc_offset_s=int(offset.total_seconds()) if offset is not None else 0,
        network=Network(
            asn=number if number < 2**32 else 0,
            name=clean(text(document, "probe_network_name") or "")[:100],
            access=_ACCESS.get(kind, Access.UNKNOWN),
        ),
        country=country if _COUNTRY.match(country) else "ZZ",
        inputs=inputs,
        gates=evaluate(inputs),
    )


def _service(test: str, given: str | None, catalog: Catalog | None) -> Service:
    """Return the service that a test measured: the catalog's, if it has it.

    The category of a service of OONI's lists is not ours to say, and is never stored.
    """
    where = where_of(given)
    host = where.host if where is not None else None
    for service in catalog.services if catalog is not None else ():
        targets = (e for e in service.endpoints if e.purpose is Purpose.TARGET)
        by_host = host is not None and any(e.host == host for e in targets)
        if by_host or service.id == (_CATALOG_IDS.get(test, test) if test in SERVICES else None):
            return Service(
                id=service.id,
                name=service.name,
                category=service.category,
                retired_on=service.retired_on,
                endpoints=(),
            )
    name = SERVICES.get(test) or host or given or test
    return Service(
        id=test if test in SERVICES else name, name=name, category=Category.NEWS, endpoints=()
    )


def _parts(
    test: str,
    keys: dict[str, Any],
    given: str | None,
    started: datetime,
    facts: JudgeFacts,
    catalog: Catalog | None,
    roots: Roots,
) -> tuple[Service, tuple[Part, ...]]:
    service = _service(test, given, catalog)
    if test in UNJUDGED or test in TUNNELS:
        return service, ()
    trace = Trace(keys, started=started, roots=roots, fingerprints=facts.fingerprints)
    cut = Cutter(trace=trace, service=service.id, started=started)
    READERS.get(test, ANYTHING)(cut, keys, given)
    return service, tuple(cut.parts.values())


def _judged(
    document: dict[str, Any],
    test: str,
    keys: dict[str, Any],
    service: Service,
    parts: Sequence[Part],
    context: RoundContext,
    facts: JudgeFacts,
    roots: Roots,
) -> tuple[tuple[Record, ...], Verdict]:
    if test in UNJUDGED:
        return (), _unjudged("of_no_service", f"{test} is not judged: {UNJUDGED[test]}.")
    if context.invalid is None and test in TUNNELS:
        verdict = tunnel_verdict(keys, service.name)
        if verdict is not None:
            return (), verdict
    if not parts:
        return (), _unjudged("no_evidence", f"This {test} holds no network evidence to judge.")
    records = tuple(
        Record(
            endpoint=part.endpoint.id,
            service=service.id,
            role=part.endpoint.role,
            bundle=part.bundle,
            verdict=_old_roots(part, document, roots)
            or judge(
                part.endpoint,
                service,
                part.bundle,
                context=context,
                controls=part.controls,
                facts=facts,
            ),
        )
        for part in parts
    )
    return records, _whole(test, service, parts, records)


def _whole(
    test: str, service: Service, parts: Sequence[Part], records: Sequence[Record]
) -> Verdict:
    """Return the verdict of the measurement: of a chain of redirects, that of its last page."""
    if len(records) == 1:
        return records[0].verdict
    if test in ("web_connectivity", "http_requests"):
        known = [r.verdict for r in records if r.verdict.state is not State.INCONCLUSIVE]
        bad = [v for v in known if v.state is State.BLOCKED]
        return bad[0] if bad else records[-1].verdict
    pairs = [(p.endpoint, r.verdict) for p, r in zip(parts, records, strict=True)]
    return rollup(service, pairs).verdict


def _unjudged(why: str, sentence: str) -> Verdict:
    return Verdict(
        state=State.INCONCLUSIVE,
        mechanism=f"not_judged.{why}",
        locus=Locus.UNKNOWN,
        confidence=Confidence.WEAK,
        rule_id=f"ooni.not_judged.{why}",
        rule_version=_RULE_VERSION,
        sentence=sentence,
    )


def _old_roots(part: Part, document: dict[str, Any], roots: Roots) -> Verdict | None:
    """Return ``invalid`` where the service's own root was refused by a probe that was too old.

    Signal signs with roots of its own and changed them in 2022; probes before 0.2.5 of the test
    refuse the new one (facts: ooni-format section 9). The root that was shown is compared with
    the one that we carry: another issuer's certificate is no such case.
    """
    if part.endpoint.trust is not Trust.SIGNAL or text(document, "test_name") != "signal":
        return None
    last = next((s for s in reversed(part.bundle[0].steps) if isinstance(s, TlsStep)), None)
    if last is None or last.failure != "ssl_unknown_authority":
        return None
    if not pinned_root(last.chain, roots, Trust.SIGNAL):
        return None
    return Verdict(
        state=State.INVALID,
        mechanism="instrument.outdated_roots",
        locus=Locus.LOCAL,
        confidence=Confidence.CONFIRMED,
        rule_id="ooni.outdated_roots",
        rule_version=_RULE_VERSION,
        sentence="The probe that measured was too old to know the root that Signal uses since "
        "2022; the certificate was Signal's own.",
        evidence=("m0",),
    )
