"""OONI's format: what df-000 to df-008 ask for, and what our own reader makes of it."""

import io
import json
import subprocess
import venv
from pathlib import Path
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace
from store_records import START, blocked, good, whole_round

from probe.export.job import Job, to_stream
from probe.export.kinds import Form, What
from probe.export.ooni import lines, write
from probe.export.ooni_keys import test_keys as keys_of
from probe.ingest.ooni import OoniResult, read
from probe.model.goodput import Direction, Transport
from probe.model.measurement import (
    GOODPUTS_OWN,
    DnsEngine,
    DnsStep,
    ExchangeStep,
    LateAnswer,
    Outcome,
    TcpStep,
    TransferStep,
    Variant,
)
from probe.model.selection import Selection
from probe.model.verdict import State
from probe.store.database import MEMORY, Store
from probe.targets.private import PRIVATE_SERVICE

REQUIRED = {
    *("input", "report_id", "measurement_start_time", "test_start_time", "probe_asn", "probe_cc"),
    *("test_name", "test_version", "test_runtime", "software_name", "software_version"),
    *("test_keys", "data_format_version", "probe_ip", "annotations", "measurement_uid"),
}


def exported(store: Store, chosen: Selection | None = None) -> list[dict[str, Any]]:
    out = io.BytesIO()
    write(lines(store, chosen or Selection(), dice=Random(1)), out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_every_look_is_a_line_with_what_consumers_need(store: Store) -> None:
    """Five rounds of four looks; times without a fraction, no address of the line."""
    found = exported(store)
    assert len(found) == 20
    for line in found:
        assert set(line) >= REQUIRED
        assert line["probe_ip"] == "127.0.0.1"
        assert (line["probe_asn"], line["probe_cc"]) == ("AS64500", "IR")
        assert len(line["measurement_start_time"]) == 19
        assert all(isinstance(value, str) for value in line["annotations"].values())
    assert len({line["measurement_uid"] for line in found}) == 20
    assert len({line["report_id"] for line in found}) == 5
    assert found == exported(store)


def test_a_report_id_says_what_its_body_says(store: Store) -> None:
    """Time, test, country, AS: the collector compares them."""
    stamp, test, country, asn, rest, token = exported(store)[0]["report_id"].split("_")
    assert (stamp, test, country, asn, rest) == (
        *("20260301T000000Z", "urlgetter", "IR", "64500"),
        "n1",
    )
    assert len(token) == 16


def test_a_cut_handshake_is_told_as_oonis_pipeline_reads_it(store: Store) -> None:
    """Failure and operation on top; between start and end one write, and the read that broke."""
    cut = next(line for line in exported(store) if line["annotations"]["probe_state"] == "blocked")
    keys = cut["test_keys"]
    assert (keys["failure"], keys["failed_operation"]) == ("connection_reset", "tls_handshake")
    assert keys["tcp_connect"][0]["status"] == {"failure": None, "success": True}
    (handshake,) = keys["tls_handshakes"]
    assert (handshake["failure"], handshake["peer_certificates"]) == ("connection_reset", [])
    mine = handshake["transaction_id"]
    events = [e for e in keys["network_events"] if e["transaction_id"] == mine]
    assert [(e["operation"], e["failure"]) for e in events] == [
        ("connect", None),
        ("tls_handshake_start", None),
        ("write", None),
        ("read", "connection_reset"),
        ("tls_handshake_done", None),
    ]
    assert events[2]["num_bytes"] == 517
    assert keys["requests"] == []
    assert cut["input"] == "tlshandshake://news.example:443"


def test_a_good_look_is_told_whole(store: Store) -> None:
    """Answers by family, the chain, the last response first, its headers twice."""
    line = next(one for one in exported(store) if one["annotations"]["probe_service"] == "chat")
    keys = line["test_keys"]
    assert (keys["failure"], keys["failed_operation"]) == (None, None)
    assert {answer["answer_type"] for answer in keys["queries"][0]["answers"]} == {"A"}
    assert keys["queries"][0]["engine"] == "getaddrinfo"
    (request,) = keys["requests"]
    assert request["request"]["url"] == line["input"] == "https://chat.example/"
    assert request["response"]["code"] == 200
    assert request["response"]["headers"]["server"] == "nginx"
    assert request["response"]["body"] == ""
    assert request["response"]["body_is_truncated"] is True


def test_what_was_not_measured_is_no_line() -> None:
    """A look that did not run has no evidence to give."""
    with Store.open(MEMORY) as store:
        idle = replace(good().main, outcome=Outcome.NOT_RUN, reason="budget", steps=())
        whole_round(store, [replace(good(), bundle=(idle,)), good("mail.example")])
        assert len(exported(store)) == 1


def test_what_is_chosen(store: Store) -> None:
    """State, service and time choose lines as they choose rows."""
    assert len(exported(store, Selection(states=frozenset({State.BLOCKED})))) == 15
    assert len(exported(store, Selection(services=frozenset({"chat"})))) == 5
    assert exported(store, Selection(until=START)) == []


def test_a_second_answer_and_a_private_resolver() -> None:
    """A race has its own list; a resolver that only this line has is not named."""
    step = DnsStep(
        t0_s=0.0,
        t_s=0.1,
        hostname="chat.example",
        qtype="AAAA",
        engine=DnsEngine.UDP,
        resolver="192.168.1.1:53",
        rcode=0,
        late=(LateAnswer(t_s=0.3, rcode=0, addresses=("2001:4860::1",)),),
    )
    public = replace(step, resolver="8.8.8.8:53", engine=DnsEngine.DOT, late=())
    keys = keys_of(replace(good().main, steps=(step, public)))
    assert [query["resolver_address"] for query in keys["queries"]] == ["", "dot://8.8.8.8:53"]
    (late,) = keys["x_dns_duplicate_responses"]
    assert late["answers"][0]["ipv6"] == "2001:4860::1"


def test_addresses_of_version_six_stand_in_brackets() -> None:
    """An address and a port, told apart."""
    step = TcpStep(t0_s=0.0, t_s=0.2, address="2001:4860::1", port=443, failure="timed_out")
    keys = keys_of(replace(good().main, steps=(step,)))
    assert keys["network_events"][0]["address"] == "[2001:4860::1]:443"
    assert (keys["failure"], keys["failed_operation"]) == ("timed_out", "connect")


def test_a_protocol_of_its_own_is_told_by_its_bytes() -> None:
    """What was said and what came, between the connect and the end; no word of it is quoted."""
    tcp = TcpStep(t0_s=0.0, t_s=0.2, address="93.184.216.34", port=9001)
    said = ExchangeStep(
        t0_s=0.2,
        t_s=0.9,
        failure="connection_reset",
        address="93.184.216.34",
        port=9001,
        protocol="mtproto",
        reply="secret",
        bytes_sent=64,
    )
    keys = keys_of(replace(good().main, steps=(tcp, said)))
    assert [(e["operation"], e.get("num_bytes"), e["failure"]) for e in keys["network_events"]] == [
        ("connect", None, None),
        ("write", 64, None),
        ("read", 0, "connection_reset"),
    ]
    assert keys["failed_operation"] == "top_level"
    assert "secret" not in json.dumps(keys)


def test_own_bridges_are_in_no_line() -> None:
    """Not even that there are any."""
    own = good("private.example")
    out = io.BytesIO()
    with Store.open(MEMORY) as store:
        whole_round(store, [own, good("chat.example")])
        wanted = Job(what=What.MEASUREMENTS, form=Form.OONI, chosen=Selection(), query={})
        assert to_stream(wanted, store, out, now=START, dice=Random(1))[0] == 1
    assert own.service == PRIVATE_SERVICE
    assert b"private" not in out.getvalue()


def test_our_own_reader_reads_every_line(store: Store) -> None:
    """What goes out comes in: no line is refused, the cut one is still a cut handshake."""
    out = io.BytesIO()
    write(lines(store, Selection(), dice=Random(1)), out)
    out.seek(0)
    found = list(read(out, name="x"))
    assert len(found) == 20
    assert all(isinstance(one, OoniResult) for one in found)
    results = [one for one in found if isinstance(one, OoniResult)]
    failures = {m.failure for one in results for r in one.records for m in r.bundle}
    assert failures == {None, "connection_reset"}


READER = """
import json, sys
from oonidata.dataclient import load_measurement
counts = [0, 0, 0, 0]
for line in sys.stdin.buffer:
    found = load_measurement(json.loads(line))
    keys = found.test_keys
    assert type(found).__name__ == "UrlGetter", type(found)
    for place, entries in enumerate((keys.queries, keys.tcp_connect, keys.tls_handshakes,
                                     keys.network_events)):
        counts[place] += len(entries)
print(json.dumps(counts))
"""


@pytest.fixture(scope="session")
def oonidata(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a Python that has OONI's package; skip, saying so, where it cannot be installed.

    It lives in an environment of its own: it pins libraries to versions older than ours.
    """
    folder = tmp_path_factory.mktemp("oonidata")
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    done = subprocess.run(
        [python, "-m", "pip", "install", "-q", "oonidata==0.3.0"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"oonidata cannot be installed: {done.stderr.strip()[-200:]}")
    return python


@pytest.mark.slow
def test_oonis_own_package_reads_every_line(store: Store, oonidata: Path) -> None:
    """Each line becomes a measurement of its class, with all of its entries."""
    whole_round(store, [blocked("mail.example", at=START), good("x.example", at=START)], START)
    out = io.BytesIO()
    count = write(lines(store, Selection(), dice=Random(1)), out)
    done = subprocess.run(
        [oonidata, "-c", READER], input=out.getvalue(), capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    mine = [json.loads(line)["test_keys"] for line in out.getvalue().splitlines()]
    assert count == len(mine) == 24
    names = ("queries", "tcp_connect", "tls_handshakes", "network_events")
    assert json.loads(done.stdout) == [sum(len(keys[name]) for keys in mine) for name in names]


def test_a_timed_download_is_told_as_oonis_sampler_tells_it() -> None:
    """Bytes so far, mark by mark; an upload has nothing to be told by."""
    step = TransferStep(
        t0_s=1.0,
        t_s=3.0,
        address="93.184.216.34",
        port=443,
        direction=Direction.DOWNLOAD,
        transport=Transport.QUIC,
        wanted=65_536,
        received=32_768,
        marks=((1_200, 0.25), (32_768, 2.0)),
    )
    whole = good("chat.example").main
    down = keys_of(replace(whole, steps=(*whole.steps, step)))
    up = keys_of(replace(whole, steps=(replace(step, direction=Direction.UPLOAD),)))
    sampled = [e for e in down["network_events"] if e["operation"] == "bytes_received_cumulative"]
    assert [(e["num_bytes"], e["t"], e["proto"]) for e in sampled] == [
        (1_200, 1.25, "udp"),
        (32_768, 3.0, "udp"),
    ]
    assert up["network_events"] == []


def test_a_timed_download_has_the_input_of_its_request() -> None:
    """It is not a question for a name, which is what its first step was."""
    step = TransferStep(
        t0_s=1.0, t_s=3.0, address="93.184.216.34", port=443,
        direction=Direction.DOWNLOAD, transport=Transport.TCP, wanted=65_536,
    )  # fmt: skip
    with Store.open(MEMORY) as own:
        record = good("chat.example")
        steps = (*record.main.steps, step)
        timed = replace(record.main, variant=Variant.GOODPUT, steps=steps)
        whole_round(own, [replace(record, bundle=(*record.bundle, timed))], START)
        main, file = exported(own)
    assert file["annotations"]["probe_variant"] == "goodput"
    assert file["input"] == main["input"] == "https://chat.example/"


@pytest.mark.parametrize("variant", sorted(GOODPUTS_OWN))
def test_what_ones_own_server_answered_under_a_services_name_is_not_told(variant: Variant) -> None:
    """A consumer would read the handshake with that name as one with the service."""
    with Store.open(MEMORY) as own:
        record = good("chat.example")
        timed = replace(record.main, variant=variant)
        whole = replace(record, bundle=(*record.bundle, timed))
        whole_round(own, [whole], START)
        told = {line["annotations"]["probe_variant"] for line in exported(own)}
    assert "main" in told
    assert str(variant) not in told
