"""The store: bulk writes, a simulated week on disk, and a month of one service read back.

The week is 300 endpoints every 30 minutes on one line: a quarter of the endpoints answer with two
of 24 addresses that change, a tenth is blocked the whole week, with two follow-ups each round.
"""

import gc
import hashlib
import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from figures import Figure
from msgspec.structs import replace

from probe.model.context import Anchor, AnchorGroup, RoundContext, RoundInputs
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

START = datetime(2026, 1, 1, tzinfo=UTC)
ENDPOINTS = 300
PER_SERVICE = 10
BLOCKED_SHARE = 0.1
WEEK = 7 * 48
MONTH = 30 * 48
YEAR = 365 * 48
BATCH = 1_000
NETWORK = Network(asn=64500, name="Example Net", access=Access.FIXED, gateway="ab" * 16)
OK = Verdict(
    state=State.OK,
    mechanism="ok",
    locus=Locus.UNKNOWN,
    confidence=Confidence.CONFIRMED,
    rule_id="ok.application",
    rule_version=1,
    sentence="It works.",
    evidence=("m0.s2", "m0.s3"),
)
BLOCKED = Verdict(
    state=State.BLOCKED,
    mechanism="tls.reset.sni",
    locus=Locus.NETWORK,
    confidence=Confidence.LIKELY,
    rule_id="tls.reset.sni",
    rule_version=1,
    sentence="The handshake is cut when the name is said.",
    evidence=("m0.s2", "m1.s2", "m2.s2"),
)
LINE = Vantage(id="bench", country="IR", tz="Asia/Tehran")


@dataclass(frozen=True, slots=True)
class Site:
    """One endpoint as it answers."""

    number: int
    host: str
    service: str
    addresses: tuple[str, ...]
    chain: tuple[bytes, ...]
    leaf: str

    @classmethod
    def of(cls, number: int) -> "Site":
        """Return the site of a number, always the same."""
        dice = random.Random(number)
        chain = tuple(dice.randbytes(1_300) for _ in range(3))
        many = 24 if number % 4 == 0 else 1
        return cls(
            number,
            f"edge{number}.service{number // PER_SERVICE}.example",
            f"service{number // PER_SERVICE}",
            tuple(f"203.0.{number % 250}.{n}" for n in range(many)),
            chain,
            hashlib.sha256(chain[0]).hexdigest(),
        )


def _measurement(
    site: Site, at: datetime, dice: random.Random, variant: Variant = Variant.MAIN
) -> Measurement:
    asked = tuple(dice.sample(site.addresses, min(2, len(site.addresses))))
    address, ends = asked[0], [0.0]
    for longest in (0.05, 0.1, 0.2, 0.3):
        ends.append(ends[-1] + dice.uniform(0.001, longest))
    check = CertificateCheck(
        packaged=None,
        system=None,
        issuer="CN=E7,O=Let's Encrypt,C=US",
        issuer_spki_sha256=site.leaf,
        leaf_sha256=site.leaf,
        not_before=START,
        not_after=START + timedelta(days=90),
    )
    steps = (
        DnsStep(
            t0_s=0.0,
            t_s=ends[1],
            hostname=site.host,
            qtype="A",
            engine=DnsEngine.SYSTEM,
            resolver="system",
            answers=tuple(Answer(address=a, asn=64500 + site.number) for a in asked),
        ),
        TcpStep(t0_s=ends[1], t_s=ends[2], address=address, port=443),
        TlsStep(
            t0_s=ends[2],
            t_s=ends[3],
            address=address,
            port=443,
            sni=site.host,
            alpn_offered=("h2", "http/1.1"),
            alpn="h2",
            version="TLSv1.3",
            cipher="TLS_AES_256_GCM_SHA384",
            certificate=check,
            chain=site.chain,
            bytes_sent=517,
            bytes_received=4_300 + dice.randrange(9),
        ),
        HttpStep(
            t0_s=ends[3],
            t_s=ends[4],
            method="GET",
            host=site.host,
            path="/",
            address=address,
            port=443,
            tls=True,
            protocol="HTTP/2",
            status=200,
            headers=(("content-type", "text/html"), ("date", f"00:{dice.randrange(60):02}")),
            title=f"Welcome to {site.service}",
            body_length=14_000 + dice.randrange(3_000),
            body_sha256=dice.randbytes(32).hex(),
            expected=True,
        ),
    )
    return Measurement(
        endpoint=f"{site.service}/http/{site.host}:443/",
        service=site.service,
        kind=Kind.HTTP,
        variant=variant,
        started=at + timedelta(microseconds=dice.randrange(10**8)),
        monotonic_s=86_000 + dice.random(),
        duration_s=ends[4],
        steps=steps,
        bytes_sent=900,
        bytes_received=19_000,
    )


def _cut(whole: Measurement) -> Measurement:
    dns, tcp, tls = whole.steps[:3]
    if not isinstance(tls, TlsStep):
        raise TypeError("the third step is the handshake")
    reset = TlsStep(
        t0_s=tls.t0_s,
        t_s=tls.t_s,
        failure="connection_reset",
        address=tls.address,
        port=443,
        sni=tls.sni,
        alpn_offered=tls.alpn_offered,
        bytes_sent=517,
    )
    return Measurement(
        endpoint=whole.endpoint,
        service=whole.service,
        kind=whole.kind,
        variant=whole.variant,
        started=whole.started,
        monotonic_s=whole.monotonic_s,
        duration_s=tls.t_s,
        steps=(dns, tcp, reset),
        bytes_sent=700,
    )


def _record(site: Site, at: datetime, dice: random.Random, *, blocked: bool) -> Record:
    bundle: tuple[Measurement, ...] = (_measurement(site, at, dice),)
    if blocked:
        later = at + timedelta(seconds=210)
        bundle = (
            _cut(bundle[0]),
            _cut(_measurement(site, later, dice, Variant.RETEST)),
            _measurement(site, later, dice, Variant.NEUTRAL_SNI),
        )
    return Record(
        endpoint=bundle[0].endpoint,
        service=site.service,
        role=Role.WEB,
        bundle=bundle,
        verdict=BLOCKED if blocked else OK,
    )


def _context(at: datetime) -> RoundContext:
    anchors = tuple(
        Anchor(
            endpoint=f"anchor{n}/http/a{n}.example:443/",
            group=AnchorGroup.INTERNATIONAL if n % 2 else AnchorGroup.DOMESTIC,
            network=f"AS{n}",
            ok=True,
            tcp_ok=True,
        )
        for n in range(12)
    )
    inputs = RoundInputs(default_route=True, anchors=anchors, clock_skews_s=(0.21, 0.34))
    return RoundContext(
        started=at,
        tz="Asia/Tehran",
        utc_offset_s=12_600,
        tzdata="2026a",
        network=NETWORK,
        country="IR",
        inputs=inputs,
    )


def _begin(store: Store, at: datetime) -> int:
    return store.begin_round(
        vantage=LINE.id, plan="default", started=at, catalog_digest="d" * 64, network=NETWORK
    )


def _rounds(count: int, sites: list[Site]) -> Iterator[tuple[datetime, list[Record]]]:
    dice = random.Random(7)
    blocked = int(len(sites) * BLOCKED_SHARE)
    for n in range(count):
        at = START + timedelta(minutes=30 * n)
        records = [_record(s, at, dice, blocked=s.number < blocked) for s in sites]
        dice.shuffle(records)
        yield at, records


def _same_rounds(count: int, sites: list[Site]) -> Iterator[tuple[datetime, list[Record]]]:
    """Yield the records of one round again and again, later each time: cheap to make."""
    ((_, records),) = _rounds(1, sites)
    for n in range(count):
        at = START + timedelta(minutes=30 * n)
        yield (
            at,
            [replace(r, bundle=tuple(replace(m, started=at) for m in r.bundle)) for r in records],
        )


def _bulk(folder: Path, sites: list[Site]) -> Figure:
    """Write repeated good results of four steps in batches; take the best of 30."""
    dice = random.Random(3)
    records = [_record(s, START, dice, blocked=False) for _ in range(10) for s in sites]
    gc.collect()
    gc.freeze()  # the records are the benchmark's, not the store's, to look through
    best = float("inf")
    with Store.open(folder / "bulk.sqlite") as store:
        store.save_vantage(LINE)
        for _ in range(30):
            number = _begin(store, START)
            start = time.perf_counter()
            for first in range(0, len(records), BATCH):
                store.save(number, records[first : first + BATCH])
            best = min(best, time.perf_counter() - start)
            store.end_round(number, _context(START), START)
    gc.unfreeze()
    rate = len(records) / best
    return Figure(
        "bulk writes, four steps each, mostly repeated good results",
        f"{rate:,.0f} measurements/s",
        ">= 20,000/s",
        rate >= 20_000,
    )


def _week(folder: Path, sites: list[Site]) -> Figure:
    """Store one week and extrapolate its size, straight, to a year."""
    with Store.open(folder / "week.sqlite") as store:
        store.save_vantage(LINE)
        for at, records in _rounds(WEEK, sites):
            number = _begin(store, at)
            store.save(number, records)
            store.end_round(number, _context(at), at + timedelta(minutes=9))
    size = (folder / "week.sqlite").stat().st_size
    each, year = size / (WEEK * ENDPOINTS), size / WEEK * YEAR
    return Figure(
        "a year of 300 endpoints every 30 min, extrapolated from a week",
        f"{year / 1e6:,.0f} MB ({each:.0f} bytes an endpoint and round)",
        "< 1,000 MB",
        year < 1e9,
    )


def _month(folder: Path, sites: list[Site]) -> list[Figure]:
    """Read a month of one service among 30, and verify the chain of that month."""
    with Store.open(folder / "month.sqlite") as store:
        store.save_vantage(LINE)
        for at, records in _same_rounds(MONTH, sites):
            number = _begin(store, at)
            store.save(number, records)
            store.end_round(number, _context(at), at + timedelta(minutes=9))
    with Store.open(folder / "month.sqlite", readonly=True) as store:
        start = time.perf_counter()
        rows = list(store.judged(service="service5"))
        took = time.perf_counter() - start
        start = time.perf_counter()
        problems = store.verify()
        verified = time.perf_counter() - start
    if len(rows) != MONTH * PER_SERVICE or problems:
        raise RuntimeError("the month is not what was stored")
    return [
        Figure(
            f"a month of one service read: {len(rows):,} verdicts",
            f"{took:.3f} s",
            "< 0.3 s",
            took < 0.3,
        ),
        Figure(f"that month verified: {MONTH * ENDPOINTS:,} records", f"{verified:.1f} s"),
    ]


def main() -> list[Figure]:
    """Measure all four in a folder that goes again."""
    sites = [Site.of(n) for n in range(ENDPOINTS)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return [_bulk(folder, sites), _week(folder, sites), *_month(folder, sites)]


if __name__ == "__main__":
    for figure in main():
        print(figure.row())
