"""``probe patterns`` over a store with timed transfers: what was slowed is one of the events."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from schedule_rounds import START, VANTAGE
from typer.testing import CliRunner

from probe.cli.patterns import app
from probe.model.context import RoundContext, RoundInputs
from probe.model.goodput import Direction, Transport
from probe.model.measurement import Measurement, TransferStep, Variant
from probe.model.record import Record
from probe.model.target import Kind, Role
from probe.model.vantage import Network
from probe.model.verdict import Confidence, Locus, State, Verdict
from probe.store.database import Store

OK = Verdict(
    state=State.OK,
    mechanism="none",
    locus=Locus.UNKNOWN,
    confidence=Confidence.CONFIRMED,
    rule_id="ok.application",
    rule_version=1,
    sentence="It works.",
)
SIZE = 65_536


def look(variant: Variant, rate: float, hour: int) -> Measurement:
    """Return a transfer at about a rate; each round a little another."""
    seconds = (SIZE - 4_096) / (rate * (1 + (hour * 7 % 11 - 5) / 50))
    step = TransferStep(
        t0_s=0.0,
        t_s=0.1 + seconds,
        address="93.184.216.34",
        port=443,
        direction=Direction.DOWNLOAD,
        transport=Transport.TCP,
        wanted=SIZE,
        received=SIZE,
        marks=((4_096, 0.1), (SIZE, 0.1 + seconds)),
        rtt_s=0.05,
    )
    return Measurement(
        endpoint="store/http/files.example.com:443/a",
        service="store",
        kind=Kind.HTTP,
        variant=variant,
        started=START + timedelta(hours=hour),
        duration_s=step.t_s,
        steps=(step,),
    )


def filled(place: Path, slow_after: int) -> None:
    """Keep 40 days of four rounds; from one of them on the service's own transfers crawl."""
    with Store.open(place) as store:
        store.save_vantage(VANTAGE)
        for number in range(160):
            hour = 6 * number
            mine = 17_500.0 if number >= slow_after else 1_000_000.0
            bundle = (
                look(Variant.GOODPUT, mine, hour),
                look(Variant.GOODPUT_SNI, 1_000_000.0, hour),
            )
            record = Record(
                endpoint=bundle[0].endpoint,
                service="store",
                role=Role.DOWNLOAD,
                bundle=bundle,
                verdict=OK,
            )
            at = START + timedelta(hours=hour)
            opened = store.begin_round(
                vantage=VANTAGE.id,
                plan="core",
                started=at,
                catalog_digest="d",
                network=Network(asn=64_500),
            )
            store.save(opened, [record])
            context = RoundContext(
                started=at,
                tz="Asia/Tehran",
                utc_offset_s=12_600,
                tzdata="2026a",
                network=Network(asn=64_500),
                country="IR",
                inputs=RoundInputs(),
                gates=(),
            )
            store.end_round(opened, context, at + timedelta(minutes=1))


@pytest.mark.slow
@pytest.mark.parametrize(("slow_after", "throttled"), [(120, True), (160, False)])
def test_what_crawls_beside_its_own_server_is_an_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slow_after: int, throttled: bool
) -> None:
    """Ten days at 140 kbit/s after thirty good ones are told; forty good ones are not."""
    monkeypatch.setenv("PROBE_CONFIG", str(tmp_path / "none.toml"))
    (tmp_path / "none.toml").write_text("")
    place = tmp_path / "p.db"
    filled(place, slow_after)
    done = CliRunner().invoke(app, ["--store", str(place), "--output", "json"])
    assert done.exit_code == 0, done.output
    kinds = {event["kind"] for event in json.loads(done.stdout)}
    assert ("throttle" in kinds) is throttled
