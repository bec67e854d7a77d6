"""A bundle goes out and comes in whole, or is not believed at all."""

import hashlib
import json
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from store_records import LINE, NETWORK, START, blocked, context, good, whole_round

from probe.analysis.series import series_of
from probe.errors import InputError, StoreError
from probe.export.bundle import write_bundle
from probe.ingest.bundle import open_bundle
from probe.ingest.bundle_rounds import keep
from probe.model.bundle import CHAIN, MANIFEST, ROUNDS, SEAL
from probe.model.measurement import TlsStep
from probe.model.record import Note, NoteKind
from probe.model.selection import Selection
from probe.model.vantage import Network
from probe.model.verdict import State
from probe.store.database import MEMORY, Store
from probe.wire.sealing import sealed

KEY = bytes(range(32))
OTHER_KEY = bytes(range(1, 33))
HOUR = timedelta(hours=1)
NOW = START + timedelta(days=1)


def public(key: bytes) -> str:
    return sealed(b"", key, "x").key


def measured() -> Store:
    """Return a store of five rounds, one of them on an unknown network, and a note."""
    store = Store.open(MEMORY)
    for hour in range(5):
        at = START + hour * HOUR
        whole_round(store, [blocked("news.example", at=at), good("chat.example", at=at)], at)
    store.add_note(Note(time=START, kind=NoteKind.SLOW, text="my neighbour said so"))
    return store


def bundled(store: Store, path: Path, chosen: Selection | None = None) -> Path:
    write_bundle(store, chosen or Selection(), path, private_key=KEY, now=NOW)
    return path


def taken(path: Path, into: Store) -> int:
    """Keep a bundle's rounds; return how many were new."""
    with open_bundle(path, keys={public(KEY)}) as bundle:
        return keep(into, bundle, now=NOW).stored


def test_a_round_of_tomorrow_is_refused(tmp_path: Path) -> None:
    """A clock is wrong, here or there; what came before it is kept."""
    path = bundled(measured(), tmp_path / "b")
    with Store.open(MEMORY) as other, open_bundle(path, keys={public(KEY)}) as bundle:
        with pytest.raises(InputError, match="lies in the future"):
            keep(other, bundle, now=START + HOUR)
        assert other.info().rounds == 3


def test_the_timeline_is_the_same_on_the_other_side(tmp_path: Path) -> None:
    """Every series, sample by sample, and every record, look by look."""
    store = measured()
    with Store.open(MEMORY) as other:
        assert taken(bundled(store, tmp_path / "b.zip"), other) == 5
        assert series_of(other.judged(), other.rounds()) == series_of(
            store.judged(), store.rounds()
        )
        for number in range(1, 6):
            assert other.records(number) == store.records(number)
        assert other.verify() == []
        (source,) = set(other.sources().values())
        assert source == f"bundle:{public(KEY)[:16]}"


def test_what_names_a_household_stays_behind(tmp_path: Path) -> None:
    """Label, gateway, portal, notes: in no byte of any member; that networks differ is told."""
    store = measured()
    at = START + 6 * HOUR
    line = context(at)
    number = store.begin_round(
        vantage=LINE.id, plan="core", started=at, catalog_digest="d" * 64, network=NETWORK
    )
    store.save(number, [good(at=at)])
    issuers = ("CN=speedport.ip,O=Router", "CN=Great Firewall CA")
    inputs = replace(line.inputs, captive_redirect="portal.hotel.example", neutral_issuers=issuers)
    cafe = Network(asn=0, gateway="cd" * 16)
    store.end_round(number, replace(line, inputs=inputs, network=cafe), at)
    path = bundled(store, tmp_path / "b.zip")
    with zipfile.ZipFile(path) as archive:
        whole = b"".join(archive.read(name) for name in archive.namelist())
        rounds = [json.loads(line) for line in archive.read(ROUNDS).splitlines()]
    for word in (b'"home"', b"ab" * 16, b"cd" * 16, b"portal.hotel", b"my neighbour", b"speedport"):
        assert word not in whole
    assert b"Great Firewall CA" in whole
    assert [one["network"]["gateway"] for one in rounds] == ["gateway-1"] * 5 + ["gateway-2"]
    assert rounds[0]["context"]["network"]["gateway"] == "gateway-1"
    assert path.stat().st_mode & 0o077 == 0


def test_own_bridges_stay_at_home(tmp_path: Path) -> None:
    """The round goes without them, and says nothing of them."""
    store = Store.open(MEMORY)
    whole_round(store, [good("private.example"), good("chat.example")])
    done = write_bundle(store, Selection(), tmp_path / "b", private_key=KEY, now=NOW)
    assert (done.rounds, done.records) == (1, 1)
    with zipfile.ZipFile(tmp_path / "b") as archive:
        assert b"private" not in archive.read(ROUNDS)


def test_a_chain_of_a_household_is_scrubbed_and_counted(tmp_path: Path) -> None:
    """What cannot be read as a certificate of a service does not leave."""
    store = Store.open(MEMORY)
    record = good("chat.example")
    steps = list(record.main.steps)
    tls = steps[2]
    assert isinstance(tls, TlsStep)
    assert tls.certificate is not None
    refused = replace(tls.certificate, packaged="ssl_unknown_authority", issuer="CN=fritz.box")
    steps[2] = replace(tls, certificate=refused)
    main = replace(record.main, steps=tuple(steps))
    told = replace(record.verdict, sentence="Its certificate is by fritz.box, known to nobody.")
    whole_round(store, [replace(record, bundle=(main,), verdict=told)])
    done = write_bundle(store, Selection(), tmp_path / "b", private_key=KEY, now=NOW)
    assert (done.rounds, done.records, done.redacted) == (1, 1, 1)
    with zipfile.ZipFile(tmp_path / "b") as archive:
        assert b"fritz.box" not in archive.read(ROUNDS)
        assert b"Its certificate is by [scrubbed], known" in archive.read(ROUNDS)
        assert b'"chain":[]' in archive.read(ROUNDS)


def test_only_own_closed_rounds_of_the_time_chosen(tmp_path: Path) -> None:
    """Imports are others' to hand out; an open round is not finished; whole rounds or none."""
    store = measured()
    store.import_round(
        vantage=replace(LINE, id="other"),
        network=NETWORK,
        plan="core",
        started=START,
        ended=START,
        records=[good("mail.example")],
        imported_from="ooni:x:1",
    )
    store.begin_round(
        vantage=LINE.id, plan="x", started=START, catalog_digest="d" * 64, network=NETWORK
    )
    chosen = Selection(since=START + HOUR, until=START + 3 * HOUR)
    with open_bundle(bundled(store, tmp_path / "b", chosen), keys={public(KEY)}) as bundle:
        assert [one.started for one in bundle.rounds()] == [START + HOUR, START + 2 * HOUR]
        assert len(bundle.digests) == 6
    with pytest.raises(InputError, match="whole rounds"):
        bundled(store, tmp_path / "c", Selection(states=frozenset({State.OK})))
    with pytest.raises(InputError, match="nothing is written over"):
        bundled(store, tmp_path / "b")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b"]


def test_a_key_that_was_not_named_is_refused_by_its_name(tmp_path: Path) -> None:
    """The message holds the key, to be compared with what its owner says."""
    path = bundled(measured(), tmp_path / "b")
    with (
        pytest.raises(InputError, match=public(KEY)),
        open_bundle(path, keys={public(OTHER_KEY)}),
    ):
        pass


def rewritten(path: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """Write the archive anew with members changed."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    other = path.with_name("changed.zip")
    with zipfile.ZipFile(other, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return other


def _manifest(members: dict[str, bytes]) -> None:
    members[MANIFEST] = members[MANIFEST].replace(b'"IR"', b'"TM"')


def _rounds(members: dict[str, bytes]) -> None:
    members[ROUNDS] = members[ROUNDS].replace(b"blocked", b"ok", 1)


def _chain(members: dict[str, bytes]) -> None:
    members[CHAIN] = members[CHAIN].split(b"\n", 1)[1]


def _missing(members: dict[str, bytes]) -> None:
    del members[CHAIN]


def _format(members: dict[str, bytes]) -> None:
    members[SEAL] = members[SEAL].replace(b"probe-bundle-1", b"probe-bundle-9")


def _signed_anew(members: dict[str, bytes]) -> None:
    """Forge the chain, and sign the forgery with the right key."""
    members[CHAIN] = members[CHAIN].replace(b'"content":"', b'"content":"f', 1)
    lines = members[CHAIN].splitlines(keepends=True)
    first = json.loads(lines[0])
    first["content"] = first["content"][:64]
    members[CHAIN] = json.dumps(first).encode() + b"\n" + b"".join(lines[1:])
    manifest = json.loads(members[MANIFEST])
    manifest["chain_sha256"] = hashlib.sha256(members[CHAIN]).hexdigest()
    members[MANIFEST] = json.dumps(manifest).encode()
    seal = sealed(members[MANIFEST], KEY, "probe-bundle-1")
    members[SEAL] = json.dumps(
        {"format": seal.format, "key": seal.key, "signature": seal.signature}
    ).encode()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_manifest, "signature is wrong"),
        (_rounds, "not what was signed"),
        (_chain, "not what was signed"),
        (_missing, "no chain.jsonl"),
        (_format, "is not 'probe-bundle-1'"),
        (_signed_anew, "chain of its rounds does not hold"),
    ],
)
def test_what_was_changed_on_the_way_is_not_believed(
    tmp_path: Path, change: Callable[[dict[str, bytes]], None], words: str
) -> None:
    """One word of one member is enough; nothing of it is read."""
    path = rewritten(bundled(measured(), tmp_path / "b"), change)
    with pytest.raises(InputError, match=words), open_bundle(path, keys={public(KEY)}):
        pass


def _says(path: Path, place: tuple[str | int, ...], value: object) -> Path:
    """Write something else into the first round, and sign it with the right key."""

    def change(members: dict[str, bytes]) -> None:
        first, *rest = members[ROUNDS].splitlines(keepends=True)
        told = inner = json.loads(first)
        for step in place[:-1]:
            inner = inner[step]
        inner[place[-1]] = value
        members[ROUNDS] = json.dumps(told).encode() + b"\n" + b"".join(rest)
        manifest = json.loads(members[MANIFEST])
        manifest["rounds_sha256"] = hashlib.sha256(members[ROUNDS]).hexdigest()
        members[MANIFEST] = json.dumps(manifest).encode()
        seal = sealed(members[MANIFEST], KEY, "probe-bundle-1")
        told = {"format": seal.format, "key": seal.key, "signature": seal.signature}
        members[SEAL] = json.dumps(told).encode()

    return rewritten(path, change)


RECORD = ("records", 0)
LOOK = (*RECORD, "bundle", 0)


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (("started",), "2026-03-01T00:00:00", "timezone component"),
        (("started",), "0001-01-01T00:00:00Z", "anything to bundle"),
        (("ended",), "2026-03-01T00:00:00", "timezone component"),
        (("ended",), "1999-03-01T00:00:00Z", "two days"),
        (("ended",), "2036-03-01T00:00:00Z", "two days"),
        (("context", "started"), "2026-03-01T00:00:00", "timezone component"),
        (("context", "tz"), "Nowhere/Town", "time zone"),
        (("context", "utc_offset_s"), 1 << 70, "so far from UTC"),
        (("context", "country"), "<b>", "two letters"),
        (("network", "asn"), -5, "number of a network"),
        (("network", "name"), "Net\x1b]0;x\x07", "no probe writes"),
        (("plan",), "core\u202e", "no probe writes"),
        ((*LOOK, "started"), "9999-12-31T23:59:59Z", "far from its round"),
        ((*RECORD, "service"), "private", "none of a catalog's"),
        ((*RECORD, "service"), "news.ex\u0430mple", "none of a catalog's"),
        ((*RECORD, "service"), "=cmd|x", "none of a catalog's"),
        ((*RECORD, "endpoint"), "chat.example/http/x:443/", "none of its service's"),
        ((*RECORD, "endpoint"), "news.example", "none of its service's"),
        ((*RECORD, "verdict", "sentence"), "x" * 10_001, "far too long"),
        ((*RECORD, "verdict", "mechanism"), "\x1b[2J", "no probe writes"),
    ],
)
def test_what_a_known_key_signed_may_still_mean_harm(
    tmp_path: Path, place: tuple[str | int, ...], value: object, words: str
) -> None:
    """Whoever has the device has its key: nothing of it breaks a timeline or moves a cursor."""
    path = _says(bundled(measured(), tmp_path / "b"), place, value)
    with Store.open(MEMORY) as other:
        with pytest.raises(InputError, match=words):
            taken(path, other)
        assert other.info().rounds == 0


def test_a_chain_without_end_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its digests are held in memory: a member that says it is larger is refused unread."""
    path = bundled(measured(), tmp_path / "b")
    most = ((CHAIN, 100),)
    monkeypatch.setattr("probe.ingest.bundle._MOST", most)
    with (
        pytest.raises(InputError, match=r"no chain\.jsonl in it, or too large"),
        open_bundle(path, keys={public(KEY)}),
    ):
        pass


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 nothing", b"{}", bytes(2_000)])
def test_what_is_no_bundle_says_so(tmp_path: Path, data: bytes) -> None:
    """A file of anything: one line, with the file."""
    path = tmp_path / "x.zip"
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"x\.zip"), open_bundle(path, keys=()):
        pass


def test_a_bundle_cut_off_is_refused(tmp_path: Path) -> None:
    """A stick that was pulled too early."""
    path = bundled(measured(), tmp_path / "b")
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(InputError), open_bundle(path, keys={public(KEY)}):
        pass


def test_a_store_without_a_line_signs_for_nothing(tmp_path: Path) -> None:
    """There is no vantage whose word it could be."""
    with Store.open(MEMORY) as empty, pytest.raises(InputError, match="no vantage of its own"):
        bundled(empty, tmp_path / "b")
    with pytest.raises(StoreError, match="cannot be written"):
        bundled(measured(), Path("/dev/null/b"))
