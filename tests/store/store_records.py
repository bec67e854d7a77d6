"""Records, contexts and stores for the tests of the store: small, and the same each time."""

import hashlib
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec.structs import replace

from probe.model.context import Anchor, AnchorGroup, Gate, GateId, RoundContext, RoundInputs
from probe.model.measurement import (
    Answer,
    CertificateCheck,
    DnsEngine,
    DnsStep,
    HttpStep,
    Measurement,
    TcpStep,
    TlsStep,
    Variant,
)
from probe.model.record import Record
from probe.model.target import Kind, Role
from probe.model.vantage import Access, Network, Vantage
from probe.model.verdict import Confidence, Locus, State, Verdict
from probe.store.database import Store

START = datetime(2026, 3, 1, tzinfo=UTC)
LINE = Vantage(id="5f1c", label="home", country="IR", tz="Asia/Tehran", access=Access.FIXED)
NETWORK = Network(asn=64500, name="Example Net", access=Access.FIXED, gateway="ab" * 16)
OK = Verdict(
    state=State.OK,
    mechanism="ok",
    locus=Locus.UNKNOWN,
    confidence=Confidence.CONFIRMED,
    rule_id="ok.application",
    rule_version=1,
    sentence="It works.",
    evidence=("m0.s3",),
)
BLOCKED = Verdict(
    state=State.BLOCKED,
    mechanism="tls.reset.sni",
    locus=Locus.NETWORK,
    confidence=Confidence.LIKELY,
    rule_id="tls.reset.sni",
    rule_version=2,
    sentence="The handshake is cut.",
    evidence=("m0.s2", "m1.s2"),
)


def chain_of(name: str) -> tuple[bytes, ...]:
    """Return three certificates; their bytes name the host, as real ones do."""
    dice = random.Random(name)
    return tuple(name.encode() + dice.randbytes(600) for _ in range(3))


def good_steps(host: str, *, second: int = 0) -> tuple[DnsStep, TcpStep, TlsStep, HttpStep]:
    """Return four steps that pass; what changes with every request follows ``second``."""
    dice = random.Random(f"{host}{second}")
    ends = [0.0]
    for longest in (0.05, 0.1, 0.2, 0.3):
        ends.append(round(ends[-1] + dice.uniform(0.001, longest), 6))
    address = f"93.184.216.{len(host)}"
    answers = [Answer(address=address, asn=64501), Answer(address="93.184.216.7", asn=64501)]
    dice.shuffle(answers)
    chain = chain_of(host)
    leaf = hashlib.sha256(chain[0]).hexdigest()
    return (
        DnsStep(
            t0_s=ends[0],
            t_s=ends[1],
            hostname=host,
            qtype="A",
            engine=DnsEngine.SYSTEM,
            resolver="system",
            answers=tuple(answers),
        ),
        TcpStep(t0_s=ends[1], t_s=ends[2], address=address, port=443),
        TlsStep(
            t0_s=ends[2],
            t_s=ends[3],
            address=address,
            port=443,
            sni=host,
            alpn_offered=("h2", "http/1.1"),
            alpn="h2",
            version="TLSv1.3",
            cipher="TLS_AES_256_GCM_SHA384",
            certificate=CertificateCheck(
                packaged=None, system=None, issuer="CN=Example CA", leaf_sha256=leaf
            ),
            chain=chain,
            bytes_sent=517,
            bytes_received=4000 + second,
        ),
        HttpStep(
            t0_s=ends[3],
            t_s=ends[4],
            method="GET",
            host=host,
            path="/",
            address=address,
            port=443,
            tls=True,
            protocol="HTTP/2",
            status=200,
            headers=(("server", "nginx"), ("date", f"Sun, 01 Mar 2026 00:00:{second % 60:02}")),
            title=f"Welcome to {host}",
            body_length=14_000 + second,
            body_sha256=hashlib.sha256(f"{second}".encode()).hexdigest(),
            expected=True,
        ),
    )


def measurement(
    host: str = "chat.example", *, at: datetime = START, variant: Variant = Variant.MAIN
) -> Measurement:
    """Return a measurement that passed."""
    seconds = round((at - START).total_seconds())
    steps = good_steps(host, second=seconds % 50)
    return Measurement(
        endpoint=f"{host.split('.')[0]}/http/{host}:443/",
        service=host.split(".")[0],
        kind=Kind.HTTP,
        variant=variant,
        started=at,
        monotonic_s=4000.25,
        duration_s=steps[-1].t_s,
        steps=steps,
        bytes_sent=900,
        bytes_received=19_000,
    )


def cut(whole: Measurement) -> Measurement:
    """Return the same measurement with its TLS handshake reset."""
    dns, tcp, tls, _ = whole.steps
    assert isinstance(tls, TlsStep)
    reset = replace(tls, failure="connection_reset", certificate=None, chain=(), bytes_received=0)
    return replace(whole, steps=(dns, tcp, reset), duration_s=reset.t_s)


def good(host: str = "chat.example", *, at: datetime = START) -> Record:
    """Return an endpoint that works."""
    main = measurement(host, at=at)
    return Record(
        endpoint=main.endpoint,
        service=main.service,
        role=Role.MESSAGES,
        bundle=(main,),
        verdict=OK,
    )


def blocked(host: str = "chat.example", *, at: datetime = START) -> Record:
    """Return an endpoint whose SNI is cut, with its two follow-ups."""
    bundle = (
        cut(measurement(host, at=at)),
        cut(measurement(host, at=at + timedelta(seconds=200), variant=Variant.RETEST)),
        measurement(host, at=at + timedelta(seconds=230), variant=Variant.NEUTRAL_SNI),
    )
    main = bundle[0]
    return Record(
        endpoint=main.endpoint,
        service=main.service,
        role=Role.MESSAGES,
        bundle=bundle,
        verdict=BLOCKED,
    )


def context(at: datetime = START, *, bad: int = 1, gate: GateId | None = None) -> RoundContext:
    """Return a round's context: ten anchors of which ``bad`` failed."""
    anchors = tuple(
        Anchor(
            endpoint=f"anchor{n}/http/a{n}.example:443/",
            group=AnchorGroup.INTERNATIONAL if n % 2 else AnchorGroup.DOMESTIC,
            network=f"AS{n}",
            ok=n >= bad,
        )
        for n in range(10)
    )
    return RoundContext(
        started=at,
        tz="Asia/Tehran",
        utc_offset_s=12_600,
        tzdata="2026a",
        network=NETWORK,
        country="IR",
        inputs=RoundInputs(default_route=True, seen_asn=64500, anchors=anchors),
        gates=() if gate is None else (Gate(id=gate, invalidates=True),),
    )


def begin(store: Store, at: datetime = START) -> int:
    """Open a round, describing the line first if nobody has."""
    if store.vantage() is None:
        store.save_vantage(LINE)
    return store.begin_round(
        vantage=LINE.id, plan="core", started=at, catalog_digest="d" * 64, network=NETWORK
    )


def whole_round(store: Store, records: Sequence[Record], at: datetime = START) -> int:
    """Store one closed round."""
    number = begin(store, at)
    store.save(number, records)
    store.end_round(number, context(at), at + timedelta(minutes=5))
    return number


def age(place: Path) -> None:
    """Make a store what the first release left: without the tables that came later."""
    from alembic import command
    from sqlalchemy import create_engine

    from probe.store.schema import _config

    later = ("look", "imported_sample", "imported_series", "source")
    engine = create_engine(f"sqlite:///{place}")
    with engine.begin() as connection:
        for table in (*later, "record_control", "control", "earlier_verdict", "revision"):
            connection.exec_driver_sql(f"DROP TABLE {table}")
        connection.exec_driver_sql("ALTER TABLE round DROP COLUMN opening")
        command.stamp(_config(connection), "0001")
    engine.dispose()
