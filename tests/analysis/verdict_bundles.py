"""Short words for bundles: what was seen, spelled as a person would tell it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from probe.model.context import Anchor, AnchorGroup, Gate, RoundContext, RoundInputs
from probe.model.control import ControlKind, ControlObservation
from probe.model.fingerprint import Fingerprint, Mark, Place
from probe.model.measurement import (
    Answer,
    CertificateCheck,
    DnsEngine,
    DnsStep,
    HttpStep,
    LateAnswer,
    Measurement,
    Outcome,
    Step,
    TcpStep,
    TlsStep,
    UdpStep,
    Variant,
)
from probe.model.target import Category, Endpoint, Kind, Service
from probe.model.vantage import Network
from probe.model.verdict import Verdict

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOST = "chat.example.org"
GOOD, OTHER, STRANGE = "93.184.216.34", "93.184.216.35", "151.101.1.1"
BOGON, NULL, SINK = "10.10.34.36", "0.0.0.0", "10.10.34.35"

ISSUER, STATE_CA, PROXY_CA = "CN=Honest CA,O=Honest", "CN=State Root CA,O=State", "CN=Corp Proxy"
ANTIVIRUS_CA = "CN=Some Antivirus Root,O=Some"

MARKS = (
    Fingerprint(
        id="page",
        mark=Mark.BLOCKPAGE,
        place=Place.BODY,
        pattern="x",
        countries=("IR",),
        source="test",
    ),
    Fingerprint(
        id="sink",
        mark=Mark.SINKHOLE,
        place=Place.DNS,
        pattern="10.10.34.34/31",
        countries=("IR",),
        source="test",
    ),
    Fingerprint(
        id="ca",
        mark=Mark.INTERCEPTING_CA,
        place=Place.ISSUER,
        pattern="CN=State Root CA",
        source="test",
    ),
    Fingerprint(
        id="av",
        mark=Mark.LOCAL_INTERCEPTOR,
        place=Place.ISSUER,
        pattern="CN=Some Antivirus Root",
        source="test",
    ),
    Fingerprint(id="bot", mark=Mark.CHALLENGE, place=Place.HEADER, pattern="x", source="test"),
    Fingerprint(id="geo", mark=Mark.GEOBLOCK, place=Place.BODY, pattern="x", source="test"),
    Fingerprint(
        id="sanctions", mark=Mark.SANCTIONS_STATED, place=Place.BODY, pattern="x", source="test"
    ),
    Fingerprint(
        id="legal", mark=Mark.LEGAL_ORDER_STATED, place=Place.STATUS, pattern="451", source="test"
    ),
    Fingerprint(id="fp", mark=Mark.FALSE_POSITIVE, place=Place.BODY, pattern="x", source="test"),
)


def endpoint(kind: Kind = Kind.HTTP, **more: Any) -> Endpoint:
    """Return an endpoint of the service "Chat"."""
    values: dict[str, Any] = {
        "service": "chat",
        "kind": kind,
        "host": HOST,
        "port": 443,
        "tls": kind in (Kind.HTTP, Kind.TLS, Kind.DOH, Kind.DOT),
        "path": "/" if kind is Kind.HTTP else None,
        "source": "test",
        "checked_on": date(2026, 1, 1),
    }
    return Endpoint(**{**values, **more})


def service(*endpoints: Endpoint, **more: Any) -> Service:
    """Return the service "Chat"."""
    return Service(id="chat", name="Chat", category=Category.MESSAGING, endpoints=endpoints, **more)


def dns(
    *addresses: str, failure: str | None = None, asn: int | None = None, **more: Any
) -> DnsStep:
    """Return a name asked for; without a failure it is answered with ``addresses``."""
    values: dict[str, Any] = {"engine": DnsEngine.SYSTEM, "resolver": "system", "qtype": "A"}
    return DnsStep(
        t0_s=0.0,
        t_s=0.1,
        hostname=HOST,
        failure=failure,
        answers=tuple(Answer(address=a, asn=asn) for a in addresses),
        **{**values, **more},
    )


def doh(*addresses: str, failure: str | None = None, asn: int | None = None) -> DnsStep:
    """Return the same, through an encrypted resolver."""
    return dns(
        *addresses,
        failure=failure,
        asn=asn,
        engine=DnsEngine.DOH,
        resolver="https://resolver.example/dns-query",
    )


def race(first: str, second: str) -> DnsStep:
    """Return one question, two answers."""
    late = (LateAnswer(t_s=0.2, rcode=0, addresses=(second,)),)
    return dns(first, engine=DnsEngine.UDP, resolver="192.0.2.53:53", late=late)


def tcp(address: str = GOOD, failure: str | None = None) -> TcpStep:
    """Return a connection."""
    return TcpStep(t0_s=0.1, t_s=0.2, failure=failure, address=address, port=443)


def cert(
    packaged: str | None = None,
    system: str | None = "same",
    issuer: str = ISSUER,
    expired: bool = False,
    **more: Any,
) -> CertificateCheck:
    """Return opinions on a chain."""
    end = NOW - timedelta(days=9) if expired else NOW + timedelta(days=90)
    return CertificateCheck(
        packaged=packaged,
        system=packaged if system == "same" else system,
        issuer=issuer,
        leaf_sha256="aa" * 32,
        not_before=NOW - timedelta(days=90),
        not_after=end,
        **more,
    )


def tls(
    address: str = GOOD,
    failure: str | None = None,
    certificate: CertificateCheck | None = None,
    **more: Any,
) -> TlsStep:
    """Return a handshake: valid by default; a foreign certificate brings its own failure."""
    if certificate is None and failure is None:
        certificate = cert()
    if certificate is not None and failure is None:
        failure = certificate.packaged
    values: dict[str, Any] = {"bytes_received": 0 if failure else 3000, "sni": HOST}
    return TlsStep(
        t0_s=0.2,
        t_s=0.3,
        failure=failure,
        address=address,
        port=443,
        certificate=certificate,
        **{**values, **more},
    )


def http(status: int | None = 200, *, address: str = GOOD, **more: Any) -> HttpStep:
    """Return an answer."""
    values: dict[str, Any] = {"tls": True, "host": HOST, "body_length": 5000, "path": "/"}
    return HttpStep(
        t0_s=0.3,
        t_s=0.4,
        method="GET",
        address=address,
        port=443,
        status=status,
        **{**values, **more},
    )


def plain(status: int | None = 200, **more: Any) -> HttpStep:
    """Return an answer in plain text."""
    return http(status, tls=False, **more)


def udp(
    reply: str | None = None,
    failure: str | None = None,
    address: str = GOOD,
    protocol: str = "stun",
) -> UdpStep:
    """Return a datagram sent, and perhaps a reply."""
    return UdpStep(
        t0_s=0.1,
        t_s=0.2,
        failure=failure,
        address=address,
        port=443,
        protocol=protocol,
        reply=reply,
        sent=1,
        received=int(reply is not None),
    )


def look(*steps: Step, variant: Variant = Variant.MAIN, **more: Any) -> Measurement:
    """Return one measurement; its kind and endpoint are set when the scene is judged."""
    values: dict[str, Any] = {"endpoint": "", "service": "chat", "kind": Kind.HTTP, "started": NOW}
    return Measurement(steps=steps, variant=variant, **{**values, **more})


def again(*steps: Step, nth: int = 1) -> Measurement:
    """Return the ``nth`` retest, each clear of what the one before may have left behind."""
    return look(*steps, variant=Variant.RETEST, started=NOW + nth * timedelta(seconds=310))


def thrice(*steps: Step) -> tuple[Measurement, ...]:
    """Return the same in the first look and in two retests."""
    return (look(*steps), again(*steps), again(*steps, nth=2))


def via_doh(*steps: Step) -> Measurement:
    """Return the look through an encrypted resolver."""
    return look(*steps, variant=Variant.DOH)


VETTED = via_doh(doh(GOOD), tcp(), tls(), http())
"""An encrypted resolver's answer that serves the service's certificate."""


def neutral(*steps: Step) -> Measurement:
    """Return a neutral name at the same address."""
    return look(*steps, variant=Variant.NEUTRAL_SNI)


NEUTRAL_WORKS = neutral(tcp(), tls(certificate=cert("ssl_invalid_hostname"), bytes_received=900))


def control(failure: str | None = None, operation: str | None = None, **more: Any) -> Any:
    """Return a live control's observation; its endpoint is set when the scene is judged."""
    values: dict[str, Any] = {
        "source": "far",
        "kind": ControlKind.LIVE,
        "observed": NOW + timedelta(minutes=5),
    }
    return {"failure": failure, "failed_operation": operation, **values, **more}


def snapshot(**more: Any) -> Any:
    """Return the same from a snapshot."""
    old = NOW - timedelta(days=3)
    return control(**{"source": "snap", "kind": ControlKind.SNAPSHOT, "observed": old, **more})


def past(**more: Any) -> Any:
    """Return the vantage's own good past."""
    old = NOW - timedelta(hours=2)
    return control(**{"source": "past", "kind": ControlKind.OWN_PAST, "observed": old, **more})


def anchors(international: str, domestic: str = "") -> tuple[Anchor, ...]:
    """Return anchors on networks of their own; ``"++-"``: two pass, one times out."""
    return tuple(
        Anchor(
            endpoint=f"{group}{i}",
            group=group,
            network=f"{group}-net{i}",
            ok=mark == "+",
            tcp_ok=mark == "+",
            failure=None if mark == "+" else "generic_timeout_error",
        )
        for group, marks in (
            (AnchorGroup.INTERNATIONAL, international),
            (AnchorGroup.DOMESTIC, domestic),
        )
        for i, mark in enumerate(marks)
    )


FINE = RoundInputs(
    default_route=True,
    gateway_reachable=True,
    anchors=anchors("++++", "+++"),
    clock_skews_s=(0.4, -0.2),
    system_resolver_ok=(True, True),
    other_resolver_ok=(True, True),
    ipv4_ok=True,
)


def around(*gates: Gate, country: str = "IR", **more: Any) -> RoundContext:
    """Return a round on a healthy line, but for ``more``."""
    import msgspec

    return RoundContext(
        started=NOW,
        tz="Asia/Tehran",
        utc_offset_s=12600,
        network=Network(asn=64500),
        country=country,
        inputs=msgspec.structs.replace(FINE, **more),
        gates=gates,
    )


@dataclass(frozen=True)
class Scene:
    """What was seen, and what an expert says to it."""

    name: str
    rule: str
    verdict: str  # "state mechanism locus confidence"
    bundle: tuple[Measurement, ...]
    endpoint: Endpoint = field(default_factory=endpoint)
    service: Service = field(default_factory=service)
    context: RoundContext | None = field(default_factory=around)
    controls: tuple[dict[str, Any], ...] = ()

    def judge(self) -> Verdict:
        """Judge it."""
        return judge_bundle(
            self.endpoint, self.bundle, self.context, self.controls, service_=self.service
        )


def judge_bundle(
    endpoint_: Endpoint,
    bundle: Sequence[Measurement],
    context: RoundContext | None,
    controls: Sequence[dict[str, Any]] = (),
    service_: Service | None = None,
) -> Verdict:
    """Judge a bundle whose measurements and controls do not name their endpoint yet."""
    import msgspec

    from probe.analysis.verdict import JudgeFacts, judge

    named = [msgspec.structs.replace(m, endpoint=endpoint_.id, kind=endpoint_.kind) for m in bundle]
    seen = [ControlObservation(**{"endpoint": endpoint_.id, **c}) for c in controls]
    return judge(
        endpoint_,
        service_ or service(),
        named,
        context=context,
        controls=seen,
        facts=JudgeFacts(fingerprints=MARKS),
    )


def said(verdict: Verdict) -> str:
    """Return the four words of a verdict."""
    return f"{verdict.state} {verdict.mechanism} {verdict.locus} {verdict.confidence}"


NOT_RUN = look(outcome=Outcome.NOT_RUN, reason="the day's bytes are spent")
