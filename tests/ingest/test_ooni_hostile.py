"""Whatever a file holds, every measurement gets a verdict or a reason, and nothing is raised."""

import gzip
import io
import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ooni_documents import connect, document, keys, query, request, shake, write

from probe.errors import InputError
from probe.ingest import ooni_file
from probe.ingest.ooni import OoniResult, Refusal, read
from probe.ingest.ooni_values import failure_of, place_of, where_of
from probe.model.failure import check_failure
from probe.net.trust import Roots

NOBODY = Roots(packaged_pem=b"", system_pem=b"")


def found_in(data: bytes) -> list[OoniResult | Refusal]:
    """Return what is read from these bytes."""
    return list(read(io.BytesIO(data), name="bytes", roots=NOBODY))


ONE = json.dumps(document(keys())).encode()


@pytest.mark.parametrize(
    ("name", "data", "results", "refusals"),
    [
        ("one line", ONE, 1, 0),
        ("lines", ONE + b"\n" + ONE + b"\r\n", 2, 0),
        ("lines with space between", b"\n\n" + ONE + b"\n\n\n" + ONE, 2, 0),
        ("many lines of one object", json.dumps(document(keys()), indent=2).encode(), 1, 0),
        ("an array", b"[" + ONE + b"," + ONE + b"]", 2, 0),
        ("no line between", ONE + ONE, 2, 0),
        ("the collector's wrapper", b'{"format": "json", "content": ' + ONE + b"}", 1, 0),
        ("a byte order mark", b"\xef\xbb\xbf" + ONE, 1, 0),
        ("gzip", gzip.compress(ONE + b"\n" + ONE, mtime=0), 2, 0),
        ("a bad line in the middle", ONE + b"\n{broken\n" + ONE, 2, 1),
        ("a bad first line", b"{broken\n" + ONE, 1, 1),
        ("a broken-off last line", ONE + b"\n" + ONE[:200], 1, 1),
        ("empty", b"", 0, 1),
        ("space", b" \n \n", 0, 1),
        ("words", b"hello there", 0, 1),
        ("a number", b"42", 0, 1),
        ("null", b"null", 0, 1),
        ("arrays in arrays", b"[[[[]]]]", 0, 1),
        ("another object", b'{"a": 1}', 0, 1),
        ("bytes that are no text", bytes(range(128, 256)), 0, 1),
        ("gzip that is broken off", gzip.compress(ONE * 50, mtime=0)[:-40], 0, 1),
        ("gzip of nothing", gzip.compress(b"", mtime=0), 0, 1),
        ("gzip in name only", b"\x1f\x8b\x08garbage", 0, 1),
        ("deep nesting", b"[" * 200_000, 0, 1),
        ("a great number", ONE.replace(b"2.5", b"9" * 5000), 0, 1),
        ("NaN", ONE.replace(b"2.5", b"NaN"), 1, 0),
    ],
)
def test_forms_of_files(name: str, data: bytes, results: int, refusals: int) -> None:
    """Each form is understood; what is not is refused with a reason, and the rest is read."""
    found = found_in(data)
    assert sum(isinstance(f, OoniResult) for f in found) == results
    reasons = [f.reason for f in found if isinstance(f, Refusal)]
    assert len(reasons) >= refusals
    assert (len(reasons) > 0) is (refusals > 0)
    assert all(r and len(r) < 300 and "\n" not in r for r in reasons)


def test_a_bomb_is_put_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line, and a file, have an end; what came before is kept."""
    monkeypatch.setattr(ooni_file, "MAX_DOCUMENT", 100_000)
    bomb = gzip.compress(ONE + b"\n" + b" " * 5_000_000)
    found = found_in(bomb)
    assert isinstance(found[0], OoniResult)
    assert isinstance(found[1], Refusal)
    assert "too large" in found[1].reason
    assert len(found_in(gzip.compress(b"x" * 5_000_000))) == 1
    monkeypatch.setattr(ooni_file, "MAX_TOTAL", 50_000)
    assert isinstance(found_in((ONE + b"\n") * 100)[-1], Refusal)


def test_many_documents_on_one_line_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line of a million small documents is cut off."""
    monkeypatch.setattr(ooni_file, "MAX_TOGETHER", 10)
    assert len(found_in(b"1 " * 1000)) == 11


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file and a folder are the user's to mend: the error names the file."""
    for path in (tmp_path / "missing.json", tmp_path):
        with pytest.raises(InputError, match=str(path)):
            list(read(path, roots=NOBODY))


@pytest.mark.parametrize(
    "more",
    [
        {"test_name": 7},
        {"test_name": None},
        {"measurement_start_time": None, "test_start_time": None},
        {"measurement_start_time": "yesterday", "test_start_time": 5},
    ],
)
def test_what_is_no_measurement_is_refused(more: dict[str, Any], tmp_path: Path) -> None:
    """Without a test's name or a time there is nothing to say."""
    (found,) = list(read(write(tmp_path, document({}, **more)), roots=NOBODY))
    assert isinstance(found, Refusal)
    assert found.line == 1


def test_odd_names_and_places_are_made_harmless(tmp_path: Path) -> None:
    """Control characters do not come through; countries and networks are what they must be."""
    more = {
        "input": "https://x\x1b[2J.example/\x9b",
        "probe_cc": "<script>",
        "probe_asn": "AS99999999999999",
        "test_name": "Web_\x07Connectivity",
        "probe_network_name": "Net\x1b]0;x\x07",
    }
    (found,) = list(read(write(tmp_path, document(keys(), **more)), roots=NOBODY))
    assert isinstance(found, OoniResult)
    line = found.printed
    assert (line.probe_cc, line.probe_asn) == ("ZZ", "AS0")
    for text in (line.input or "", line.test_name, found.context.network.name):
        assert text.isprintable()


def test_own_addresses_do_not_come_in(tmp_path: Path) -> None:
    """Pages that echo an address: titles and redirects are kept without it."""
    page = request(
        302,
        url="http://www.example.org/",
        body="<title>You are 203.0.113.77</title>",
        headers={"Location": "http://notice.example/?ip=203.0.113.77"},
    )
    found = keys(tcp_connect=[connect(port=80)], requests=[page], tls_handshakes=[])
    given = write(tmp_path, document(found, input="http://www.example.org/"))
    (result,) = list(read(given, roots=NOBODY))
    assert isinstance(result, OoniResult)
    assert "203.0.113.77" not in repr(result.records)


_WRONG: list[Any] = [None, False, True, 0, -1, 1e308, "", "x", "\ud800", [], [[]], {}, {"a": []}]


def _spoil(value: Any, rng: random.Random, share: float) -> Any:
    """Replace some parts of a document by parts of a wrong type."""
    if rng.random() < share:
        return rng.choice(_WRONG)
    if isinstance(value, dict):
        return {k: _spoil(v, rng, share) for k, v in value.items() if rng.random() > share / 3}
    if isinstance(value, list):
        return [_spoil(v, rng, share) for v in value]
    return value


TESTS = (
    *("web_connectivity", "http_requests", "telegram", "whatsapp", "signal", "tor", "dnscheck"),
    *("facebook_messenger", "dns_consistency", "urlgetter", "psiphon", "openvpn", "torsf"),
    *("stunreachability", "meek_fronted_requests_test", "riseupvpn", "nobody_knows"),
)


@given(seed=st.integers(0, 2**32), test=st.sampled_from(TESTS), share=st.floats(0.0, 0.5))
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
def test_wrong_types_anywhere(seed: int, test: str, share: float) -> None:
    """Every part may have any type: there is a verdict or a refusal, never an error."""
    base = keys(
        targets={"t": {"failure": None, "tcp_connect": [connect()], "requests": [request()]}},
        network_events=[{"operation": "read", "num_bytes": 5, "t": 1, "transaction_id": 1}],
        lookups={"u": {"queries": [query("192.0.2.1")], "tls_handshakes": [shake("eof_error")]}},
        endpoint="stun.example:3478",
        body_proportion=0.5,
        failure="x",
        control_resolver="192.0.2.53:53",
        success=True,
    )
    spoilt = _spoil(document(base, test_name=test), random.Random(seed), share)
    data = json.dumps(spoilt).encode()
    for found in found_in(data):
        assert isinstance(found, OoniResult | Refusal)
        if isinstance(found, OoniResult):
            assert found.verdict.sentence


@given(st.text() | st.sampled_from(["connect_error", "dns_lookup_error", "generic_timeout_error"]))
def test_failures_end_in_our_vocabulary(name: str) -> None:
    """Any string becomes a name of the closed vocabulary."""
    check_failure(failure_of(name))


@given(st.text())
def test_places_and_addresses_from_any_text(text: str) -> None:
    """Splitting host and port never raises and never gives a port that is none."""
    for found in (place_of(text), place_of(f"{text}:443"), where_of(text)):
        if isinstance(found, tuple):
            assert 0 < found[1] < 65_536
    for url in (f"http://{text}", f"https://{text}/"):
        where = where_of(url)
        assert where is None or where.host.isprintable()


def test_the_real_files(test_data: Path) -> None:
    """Of 35 measurements from the field each gets a verdict; experts' readings of some stay."""
    seen: dict[str, str] = {}
    for path in sorted((test_data / "ooni-field").glob("*.json")):
        (found,) = list(read(path, roots=NOBODY))
        assert isinstance(found, OoniResult), path
        seen[path.stem] = f"{found.verdict.state} {found.verdict.mechanism}"
    assert len(seen) == 35
    assert seen["fastpath_bug_352"] == "blocked dns.injection.bogon"
    assert seen["fastpath_whatsapp"] == "ok none"
    assert seen["fastpath_web_connectivity_null2"] == "down server.certificate_expired"
    assert seen["fastpath_riseupvpn"] == "inconclusive server.certificate_expired"
    assert not [v for v in seen.values() if v.startswith("blocked tls")]
