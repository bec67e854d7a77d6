"""Control snapshots: signed, dated, and refused with a reason when they cannot be believed."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.control.keys import (
    key_path,
    own_key,
    public_key,
    trust_key,
    trusted_keys,
    trusted_path,
)
from probe.control.observe import observation_of
from probe.control.snapshot import load_snapshot, new_snapshot, read_seal, write_snapshot
from probe.errors import InputError, StoreError
from probe.model.control import ControlKind, ControlObservation
from probe.model.measurement import (
    Answer,
    CertificateCheck,
    DnsEngine,
    DnsStep,
    HttpStep,
    Measurement,
    Outcome,
    TcpStep,
    TlsStep,
)
from probe.model.target import Kind
from probe.wire.sealing import sealed

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
KEY = bytes(range(32))
PUBLIC = public_key(KEY)
SEEN = (
    ControlObservation(
        endpoint="a/http/a.example:443/",
        source="s",
        kind=ControlKind.SNAPSHOT,
        observed=NOW,
        addresses=("93.184.216.34",),
        status=200,
    ),
    ControlObservation(
        endpoint="b/dns/b.example",
        source="s",
        kind=ControlKind.SNAPSHOT,
        observed=NOW,
        failure="dns_nxdomain_error",
        failed_operation="dns",
    ),
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a good snapshot."""
    path = tmp_path / "control.json"
    snapshot = new_snapshot(SEEN, now=NOW, catalog_digest="d", country="NL")
    write_snapshot(snapshot, KEY, path)
    return path


def test_a_snapshot_comes_back_as_it_was_written(file: Path) -> None:
    """By its signer's key, within its time."""
    snapshot = load_snapshot(file, keys={PUBLIC}, now=NOW + timedelta(days=29))
    assert snapshot.observations == SEEN
    assert (snapshot.country, snapshot.catalog_digest) == ("NL", "d")
    assert snapshot.created == NOW


def test_every_changed_byte_of_the_content_is_noticed(file: Path) -> None:
    """The signature covers the bytes that are read, all of them."""
    raw = file.read_bytes()
    start = raw.index(b"\n") + 1
    for at in range(start, len(raw) - 1, 7):
        file.write_bytes(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])
        with pytest.raises(InputError, match="signature is wrong"):
            load_snapshot(file, keys={PUBLIC}, now=NOW)


def test_somebody_else_s_key_is_not_believed(file: Path, tmp_path: Path) -> None:
    """A good signature of a stranger is a stranger's word; the mend is said."""
    with pytest.raises(InputError, match=r"not trusted.*control trust"):
        load_snapshot(file, keys={public_key(b"x" * 32)}, now=NOW)
    snapshot = new_snapshot(SEEN, now=NOW, catalog_digest="d", country="NL")
    write_snapshot(snapshot, b"y" * 32, tmp_path / "forged.json")
    forged = (tmp_path / "forged.json").read_bytes()
    head = json.loads(forged.split(b"\n")[0])
    head["key"] = PUBLIC
    file.write_bytes(json.dumps(head).encode() + b"\n" + forged.split(b"\n", 1)[1])
    with pytest.raises(InputError, match="signature is wrong"):
        load_snapshot(file, keys={PUBLIC}, now=NOW)


@pytest.mark.parametrize(
    ("now", "problem"),
    [(NOW + timedelta(days=31), "expired on 2024-05-31"), (NOW - timedelta(days=2), "future")],
)
def test_a_snapshot_out_of_its_time_is_refused(file: Path, now: datetime, problem: str) -> None:
    """Answers change within weeks; and a wrong clock is said to be one."""
    with pytest.raises(InputError, match=problem):
        load_snapshot(file, keys={PUBLIC}, now=now)


def test_a_file_that_was_cut_is_incomplete(file: Path) -> None:
    """However it was cut: said, and nothing of it is used."""
    raw = file.read_bytes()
    for size in (0, 5, raw.index(b"\n"), raw.index(b"\n") + 1, len(raw) - 1):
        file.write_bytes(raw[:size])
        with pytest.raises(InputError, match=r"cut short|not a control snapshot|signature"):
            load_snapshot(file, keys={PUBLIC}, now=NOW)


@given(st.binary(max_size=300))
def test_garbage_is_an_input_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    """Property: no bytes make a traceback."""
    path = tmp_path_factory.getbasetemp() / "garbage.json"
    path.write_bytes(data)
    with pytest.raises(InputError):
        load_snapshot(path, keys={PUBLIC}, now=NOW)


def test_another_format_says_which(file: Path) -> None:
    """A later version is told from a damaged file."""
    seal, body = read_seal(file)
    other = msgspec.structs.replace(seal, format="probe-control-snapshot-9")
    file.write_bytes(msgspec.json.encode(other) + b"\n" + body + b"\n")
    with pytest.raises(InputError, match="probe-control-snapshot-9"):
        load_snapshot(file, keys={PUBLIC}, now=NOW)


def test_a_signed_file_without_its_fields_is_incomplete(file: Path) -> None:
    """A good signature under a content of another shape is no snapshot."""
    import base64

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    body = b'{"format":"probe-control-snapshot-1","id":"x"}'
    sign = Ed25519PrivateKey.from_private_bytes(KEY).sign
    seal = {
        "format": "probe-control-snapshot-1",
        "key": PUBLIC,
        "signature": base64.b64encode(sign(b"probe-control-snapshot-1\n" + body)).decode(),
    }
    file.write_bytes(json.dumps(seal).encode() + b"\n" + body + b"\n")
    with pytest.raises(InputError, match="incomplete"):
        load_snapshot(file, keys={PUBLIC}, now=NOW)


def test_a_time_without_a_zone_is_not_compared(file: Path) -> None:
    """A known key signed it; it is incomplete all the same, and no bug."""
    _, body = read_seal(file)
    bare = json.loads(body)
    bare["expires"] = bare["expires"].removesuffix("Z")
    changed = json.dumps(bare).encode()
    seal = sealed(changed, KEY, "probe-control-snapshot-1")
    file.write_bytes(msgspec.json.encode(seal) + b"\n" + changed + b"\n")
    with pytest.raises(InputError, match="incomplete"):
        load_snapshot(file, keys=[PUBLIC], now=NOW)


def test_a_missing_and_a_huge_file_are_said(tmp_path: Path) -> None:
    """Bounded reading: a file of any size costs no more than the limit."""
    with pytest.raises(InputError, match="cannot be read"):
        load_snapshot(tmp_path / "none.json", keys={PUBLIC}, now=NOW)
    huge = tmp_path / "huge.json"
    with huge.open("wb") as handle:
        handle.truncate(33 * 1024 * 1024)
    with pytest.raises(InputError, match="32 MB"):
        load_snapshot(huge, keys={PUBLIC}, now=NOW)


def test_keys_are_private_made_once_and_trusted_by_hand(tmp_path: Path) -> None:
    """The own key is believed without being listed; others are added once each."""
    store = tmp_path / "probe.db"
    assert trusted_keys(store) == frozenset()
    own = own_key(key_path(store))
    assert key_path(store).stat().st_mode & 0o777 == 0o600
    assert trust_key(store, f" {PUBLIC.upper()} ") == PUBLIC
    trust_key(store, PUBLIC)
    assert trusted_path(store).read_text() == f"{PUBLIC}\n"
    assert trusted_keys(store) == {PUBLIC, public_key(own)}


@pytest.mark.parametrize("text", ["", "abc", "g" * 64, "0" * 65])
def test_what_is_no_key_is_refused(tmp_path: Path, text: str) -> None:
    """64 hex digits, nothing else."""
    with pytest.raises(InputError, match="no public key"):
        trust_key(tmp_path / "probe.db", text)


def test_a_damaged_list_of_keys_is_not_guessed_at(tmp_path: Path) -> None:
    """Whom to trust is not repaired in silence."""
    trusted_path(tmp_path / "probe.db").write_bytes(b"\xff\xfe")
    with pytest.raises(StoreError):
        trusted_keys(tmp_path / "probe.db")
    trusted_path(tmp_path / "probe.db").write_text("no key\n")
    with pytest.raises(InputError):
        trusted_keys(tmp_path / "probe.db")


def measurement(outcome: Outcome = Outcome.MEASURED) -> Measurement:
    """Return a good look at a web page."""
    check = CertificateCheck(packaged=None, system=None, issuer="CN=CA", leaf_sha256="leaf")
    return Measurement(
        endpoint="a/http/a.example:443/",
        service="a",
        kind=Kind.HTTP,
        outcome=outcome,
        started=NOW,
        steps=(
            DnsStep(
                t0_s=0.0,
                t_s=0.1,
                hostname="a.example",
                qtype="A",
                engine=DnsEngine.SYSTEM,
                resolver="system",
                answers=(Answer(address="192.0.2.1", asn=64500), Answer(address="192.0.2.2")),
            ),
            TcpStep(t0_s=0.1, t_s=0.2, address="192.0.2.1", port=443),
            TlsStep(
                t0_s=0.2, t_s=0.3, address="192.0.2.1", port=443, sni="a.example", certificate=check
            ),
            HttpStep(
                t0_s=0.3,
                t_s=0.4,
                method="GET",
                host="a.example",
                path="/",
                address="192.0.2.1",
                port=443,
                tls=True,
                status=200,
                title="A",
                body_length=10,
                body_sha256="h",
            ),
        ),
    )


def test_a_measurement_is_read_as_what_a_control_saw() -> None:
    """Answers, certificate, page: what another line's answers are compared with."""
    seen = observation_of(measurement(), source="s", kind=ControlKind.LIVE, country="NL")
    assert seen == ControlObservation(
        endpoint="a/http/a.example:443/",
        source="s",
        kind=ControlKind.LIVE,
        observed=NOW,
        country="NL",
        addresses=("192.0.2.1", "192.0.2.2"),
        address="192.0.2.1",
        asns=(64500,),
        issuer="CN=CA",
        leaf_sha256="leaf",
        status=200,
        title="A",
        body_length=10,
        body_sha256="h",
    )


def test_what_failed_says_where_and_what_was_not_run_says_nothing() -> None:
    """A control that was not taken is no control that passed."""
    whole = measurement()
    cut = msgspec.structs.replace(
        whole,
        steps=(*whole.steps[:2], msgspec.structs.replace(whole.steps[2], failure="eof_error")),
    )
    seen = observation_of(cut, source="s", kind=ControlKind.LIVE, country=None)
    assert seen is not None
    assert (seen.failure, seen.failed_operation) == ("eof_error", "tls")
    for outcome in (Outcome.NOT_RUN, Outcome.INTERRUPTED, Outcome.NOT_MEASURED_YET):
        skipped = measurement(outcome)
        assert observation_of(skipped, source="s", kind=ControlKind.LIVE, country=None) is None
