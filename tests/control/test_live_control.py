"""The live control over real TLS: what it tells, whom it tells, and what a line believes."""

import asyncio
import json
import socket
from datetime import timedelta
from typing import Any, cast

import msgspec
import pytest
from live_stage import (
    KEY,
    PUBLIC,
    TOKEN,
    Abroad,
    asked,
    hostile,
    http,
    line,
    raw,
    request,
)
from schedule_rounds import START, all_fail, failing, targets

from probe.clock import VirtualClock
from probe.control.client import LiveControl
from probe.control.keys import public_key
from probe.control.message import (
    ASK_FORMAT,
    BATCH,
    MAX_ASK,
    Answer,
    Question,
    pack_question,
    read_question,
    seal_answer,
)
from probe.control.panel import ControlPanel
from probe.errors import ForbiddenNetwork
from probe.model.control import ControlKind, ControlObservation
from probe.net.listen import Bounds

TARGETS = targets(5)


def question(*endpoints: str, digest: str = "digest") -> bytes:
    """Return a question as a line packs it."""
    return pack_question(
        Question(format=ASK_FORMAT, nonce="0" * 32, catalog_digest=digest, endpoints=endpoints)
    )


def answer_in(reply: bytes) -> dict[str, Any]:
    """Return the answer's line of an HTTP response."""
    head, _, body = reply.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    found: dict[str, Any] = json.loads(body.split(b"\n")[1])
    return found


# --- an honest server and an honest line


async def test_a_line_learns_what_works_elsewhere_and_what_does_not() -> None:
    """Every endpoint of the round, by one signed answer; the source is the key, not the host."""
    abroad = Abroad()
    abroad.probe.behaviours = all_fail(["app3.example.com"])
    async with abroad.open() as server:
        control = line(server.port, abroad)
        await asked(control, TARGETS)
    seen = {e.host: control.seen(e) for e in TARGETS}
    assert all(seen.values())
    assert {host for host, one in seen.items() if one and one.failure} == {"app3.example.com"}
    one = seen["app0.example.com"]
    assert one is not None
    assert (one.kind, one.source) == (ControlKind.LIVE, f"live {PUBLIC[:16]}")
    assert abs(one.observed - START) < timedelta(minutes=1)
    assert all(control.crossed())


async def test_one_failure_may_be_chance_so_it_is_looked_at_once_more() -> None:
    """What passes then works; a control's slip must not look like a service that is down."""
    abroad = Abroad()
    abroad.probe.behaviours = {
        "app1.example.com": failing("tcp", times=1),
        "app2.example.com": failing("tcp"),
    }
    async with abroad.open() as server:
        control = line(server.port, abroad)
        await asked(control, TARGETS)
    seen = {e.host: control.seen(e) for e in TARGETS}
    assert [host for host, one in seen.items() if one and one.failure] == ["app2.example.com"]
    assert abroad.probe.hosts().count("app2.example.com") == 2
    assert abroad.probe.hosts().count("app0.example.com") == 1


async def test_many_lines_cost_one_look() -> None:
    """What was looked at within ten minutes is told again; later it is looked at anew."""
    abroad = Abroad()
    async with abroad.open() as server:
        lines = [line(server.port, abroad) for _ in range(4)]
        await asyncio.gather(*(asked(control, TARGETS) for control in lines))
        looks = abroad.probe.hosts().count("app1.example.com")
        assert (looks, abroad.lookout.rounds) == (1, 1)
        abroad.clock.advance(601)
        later = line(server.port, abroad, clock=VirtualClock(abroad.clock.now()))
        await asked(later, TARGETS)
    assert abroad.probe.hosts().count("app1.example.com") == 2
    assert all(later.seen(e) for e in TARGETS)


async def test_all_of_the_round_is_asked_about_in_batches_of_one_size() -> None:
    """What is asked shows what is measured; its length and order show nothing more."""
    many = targets(2 * BATCH + 10)
    asked_for: list[Question] = []
    sizes: set[int] = set()

    def note(body: bytes) -> bytes:
        found = read_question(body)
        asked_for.append(found)
        sizes.add(len(body))
        answer = Answer(
            nonce=found.nonce,
            created=START,
            version="1",
            catalog_digest="digest",
            country="NL",
        )
        return http(seal_answer(answer, KEY))

    async with hostile(note) as port:
        control = line(port, Abroad())
        await asked(control, many)
        await asked(control, many[:3])
    names = [name for one in asked_for[:3] for name in one.endpoints]
    assert sorted(names) == sorted(e.id for e in many)
    assert names != sorted(names), "in a random order"
    assert len(sizes) == 1
    again = {name for one in asked_for[3:] for name in one.endpoints}
    assert again == set(names), "a part of it is hidden in all of it"
    assert len({one.nonce for one in asked_for}) == len(asked_for)


async def test_an_unfit_line_of_the_control_says_so_and_sees_nothing() -> None:
    """Its failures would be taken for the services'."""
    abroad = Abroad()
    hosts = [e.host for e in abroad.catalog.endpoints()]
    abroad.probe.behaviours = all_fail(hosts)
    said: list[str] = []
    async with abroad.open() as server:
        control = line(server.port, abroad, said=said)
        await asked(control, TARGETS)
        looks = len(abroad.probe.asked)
        await asked(line(server.port, abroad), TARGETS)
    assert not any(control.seen(e) for e in TARGETS)
    assert len(said) == 1
    assert "its own line is unfit" in said[0]
    assert len(abroad.probe.asked) == looks, "nobody makes it look again at once"


async def test_two_controls_that_disagree_are_both_heard() -> None:
    """Neither hides the other; a control that is asked by two names is one witness."""
    good, bad = Abroad(), Abroad(key=b"k" * 32)
    bad.probe.behaviours = all_fail(["app0.example.com"])
    keys = {PUBLIC, public_key(b"k" * 32)}
    async with good.open() as one, bad.open() as other:
        panel = ControlPanel(
            [
                line(one.port, good, keys=keys),
                line(one.port, good, keys=keys),
                line(other.port, bad, keys=keys),
            ]
        )
        await panel.run(TARGETS)
        seen = await panel.observe(TARGETS[0])
    assert sorted(o.failure or "" for o in seen) == ["", "generic_timeout_error"]
    assert len({o.source for o in seen}) == 2


async def test_snapshots_stand_beside_live_controls() -> None:
    """They are known before the round, and stay when the live one is gone."""
    old = ControlObservation(
        endpoint=TARGETS[0].id, source="snapshot x", kind=ControlKind.SNAPSHOT, observed=START
    )
    said: list[str] = []
    panel = ControlPanel([line(_closed_port(), Abroad(), said=said)], [old])
    assert panel.seen(TARGETS[0]) == (old,)
    await panel.run(TARGETS)
    assert await panel.observe(TARGETS[0]) == (old,)
    assert said == ["The live control 1 could not be asked: connection_refused."]


def _closed_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


# --- hostile lines


@pytest.mark.parametrize(
    "data",
    [
        request(question(TARGETS[0].id), token="b" * 43),
        request(question(TARGETS[0].id), token=""),
        request(b"", path="/", method="GET", token="x"),
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        request(question(TARGETS[0].id)).replace(b"Bearer ", b"Basic "),
        request(b"x").replace(b"Host: x", f"Host: x\r\nAuthorization: Bearer {TOKEN}".encode()),
        request(question(TARGETS[0].id), path="/v1/other"),
    ],
)
async def test_without_a_token_there_is_nothing_here(data: bytes) -> None:
    """All are told the same 404, with no word of what this is; nothing is looked at."""
    abroad = Abroad()
    async with abroad.open() as server:
        reply = await raw(server.port, data)
    assert reply == (
        b"HTTP/1.1 404 \r\nContent-Type: text/plain\r\nContent-Length: 10\r\n"
        b"Connection: close\r\n\r\nnot found\n"
    )
    assert abroad.probe.asked == []


async def test_without_a_body_where_none_may_be() -> None:
    """A stranger's HEAD is answered like any other, and is no bug of ours."""
    async with Abroad().open() as server:
        reply = await raw(server.port, request(b"", method="HEAD", token="x"))
        assert server.problems == []
    assert reply.startswith(b"HTTP/1.1 404 ")
    assert reply.endswith(b"\r\n\r\n")


async def test_an_ended_token_is_out_at_once() -> None:
    """The list is read for each question."""
    abroad = Abroad()
    async with abroad.open() as server:
        body = request(question(TARGETS[0].id))
        assert b" 200 " in (await raw(server.port, body))[:20]
        abroad.tokens = ()
        assert b" 404 " in (await raw(server.port, body))[:20]


@pytest.mark.parametrize(
    "name",
    [
        "http://169.254.169.254/latest/meta-data",
        "app0/http/10.0.0.1:443/",
        "evil/http/127.0.0.1:22/",
        "app0/http/app0.example.com:443/admin",
        "abroad/http/anchor0.example.org:443/",
        "../../etc/passwd",
    ],
)
async def test_it_fetches_nothing_that_its_catalog_does_not_name(name: str) -> None:
    """No host, address, path or port can be chosen: an id is known, or it is refused."""
    abroad = Abroad()
    async with abroad.open() as server:
        reply = answer_in(await raw(server.port, request(question(name))))
    assert reply["observations"] == []
    assert [one["reason"] for one in reply["refused"]] == ["not served by this control"]
    assert abroad.probe.asked == []


async def test_another_catalog_is_told_ours_and_costs_no_look() -> None:
    """The same id may mean another thing there."""
    abroad = Abroad()
    said: list[str] = []
    async with abroad.open() as server:
        control = line(server.port, abroad, said=said, catalog_digest="f" * 64)
        await asked(control, TARGETS)
    assert abroad.probe.asked == []
    assert "another catalog (digest, here ffffffffffff)" in said[0]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[]", 400),
        (b"\xff\xfe", 400),
        (b"[" * 60_000, 400),
        (question(), 400),
        (question(*(f"e{n}" for n in range(BATCH + 1))), 400),
        (question("x" * 500), 400),
        (question("e").replace(b"0" * 32, b"Z" * 32), 400),
        (question("e").replace(b"ask-1", b"ask-2"), 400),
        (b"x" * (MAX_ASK + 1), 413),
    ],
)
async def test_a_damaged_question_is_refused_and_serves_on(body: bytes, status: int) -> None:
    """No bytes of a holder of a token end the server, or make it look."""
    abroad = Abroad()
    async with abroad.open() as server:
        reply = await raw(server.port, request(body))
        assert f" {status} ".encode() in reply[:20]
        control = line(server.port, abroad)
        await asked(control, TARGETS[:1])
        assert control.seen(TARGETS[0])
        assert server.problems == []


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"POST /v1/observe HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + TOKEN.encode(),
        request(question("e"))[:-100],
        b"\x16\x03\x01" * 100,
        b"GET / HTTP/1.1\r\nX: " + b"y" * 20_000,
    ],
)
async def test_who_is_slow_or_speaks_no_http_loses_the_connection_only(data: bytes) -> None:
    """Half a request, none at all, an endless header: a deadline ends it, others are served."""
    abroad = Abroad()
    async with abroad.open() as server:
        waiting = asyncio.create_task(raw(server.port, data))
        control = line(server.port, abroad)
        await asked(control, TARGETS[:1])
        assert control.seen(TARGETS[0])
        reply = await waiting
        assert reply == b"" or b" 400 " in reply[:20]
        assert server.problems == []


async def test_connections_that_say_nothing_take_a_few_places_only() -> None:
    """One address gets its share; what is over it is closed, before any handshake."""
    abroad = Abroad(bounds=Bounds(places=6, per_peer=3, handshake_s=5.0, connection_s=8.0))
    async with abroad.open() as server:
        idle = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(3)]
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        async with asyncio.timeout(3.0):
            assert await reader.read(1) == b"", "closed at once"
        assert server.refused == 1
        for _, held in (*idle, (reader, writer)):
            held.transport.abort()
        control = line(server.port, abroad)
        for _ in range(20):  # until the places are given back
            await asked(control, TARGETS[:1])
            if control.seen(TARGETS[0]):
                break
        assert control.seen(TARGETS[0])


async def test_a_token_that_asks_too_often_is_told_to_wait() -> None:
    """Sixty at once, then one in ten seconds; another token is served all the while."""
    import hashlib

    other = "o" * 43
    hashes = tuple(hashlib.sha256(t.encode()).hexdigest() for t in (TOKEN, other))
    abroad = Abroad(tokens=hashes)
    for _ in range(60):
        assert abroad.server.rate.take(0)
    async with abroad.open() as server:
        said: list[str] = []
        await asked(line(server.port, abroad, said=said), TARGETS)
        assert "asked too often" in said[0]
        control = line(server.port, abroad, token=other)
        await asked(control, TARGETS)
        assert control.seen(TARGETS[0])
        abroad.clock.advance(10.1)
        again = line(server.port, abroad)
        await asked(again, TARGETS)
        assert again.seen(TARGETS[0])


async def test_the_queue_is_bounded_and_the_rest_stays_pending() -> None:
    """However much is asked, one round at a time looks at one batch."""
    many = targets(3 * BATCH)
    abroad = Abroad(endpoints=many, wait_s=0.0)
    names = [e.id for e in many]
    sight = await abroad.lookout.look(names, 0.0)
    assert set(sight.pending) == set(names)
    running = asyncio.create_task(abroad.lookout.run())
    try:
        sight = await abroad.lookout.look(names, 20.0)
    finally:
        running.cancel()
    assert len(sight.observations) == len(names)
    assert abroad.lookout.rounds == 3


async def test_what_a_day_may_transfer_is_a_bound() -> None:
    """After it nothing is looked at, and that is what is told."""
    abroad = Abroad()
    abroad.session.settings = msgspec.structs.replace(abroad.session.settings, day_bytes=1)
    running = asyncio.create_task(abroad.lookout.run())
    try:
        first = await abroad.lookout.look([TARGETS[0].id], 5.0)
        second = await abroad.lookout.look([TARGETS[1].id], 5.0)
    finally:
        running.cancel()
    assert first.observations
    assert second.unseen == ((TARGETS[1].id, "what it may transfer in a day is spent"),)


async def test_nothing_of_a_request_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    """Neither who asks nor for what reaches a log, also when a line is hostile."""
    abroad = Abroad()
    async with abroad.open() as server:
        await asked(line(server.port, abroad), TARGETS)
        await raw(server.port, request(b"x" * 100, token="b" * 43))
        await raw(server.port, b"\x00\x01\x02\r\n\r\n")
    out, err = capfd.readouterr()
    assert (out, err, abroad.said) == ("", "", [])


# --- hostile servers


def an_answer(body: bytes, key: bytes = KEY, **changes: Any) -> bytes:
    """Return a good answer to a question, changed as asked, sealed by a key."""
    found = read_question(body)
    seen = tuple(
        ControlObservation(
            endpoint=name,
            source="anything",
            kind=ControlKind.LIVE,
            observed=START,
            addresses=("93.184.216.34",),
            status=200,
        )
        for name in found.endpoints
    )
    fields: dict[str, Any] = {
        "nonce": found.nonce,
        "created": START,
        "version": "1",
        "catalog_digest": found.catalog_digest,
        "country": "NL",
        "observations": seen,
    }
    fields.update({k: v(seen) if callable(v) else v for k, v in changes.items()})
    return seal_answer(Answer(**fields), key)


def one_changed(**changes: Any) -> Any:
    """Return what changes a field of the first observation."""

    def change(seen: tuple[ControlObservation, ...]) -> tuple[ControlObservation, ...]:
        return (msgspec.structs.replace(seen[0], **changes), *seen[1:])

    return change


LIES: dict[str, tuple[dict[str, Any], str]] = {
    "another question": ({"nonce": "1" * 32}, "another question"),
    "another catalog": ({"catalog_digest": "e" * 64}, "another catalog"),
    "an old answer": ({"created": START - timedelta(minutes=6)}, "6 min behind"),
    "a fast clock": ({"created": START + timedelta(hours=3)}, "180 min ahead of"),
    "no zone": ({"created": START.replace(tzinfo=None)}, "without a zone"),
    "no country": ({"country": "../"}, "names no country"),
    "not asked": ({"observations": one_changed(endpoint="other/http/x/")}, "was not asked"),
    "pending not asked": ({"pending": ("other",)}, "was not asked"),
    "twice": ({"observations": lambda seen: (*seen, seen[0])}, "was not asked"),
    "gate and looks": ({"gate": "offline"}, "is unfit, and what that line saw"),
    "an old look": (
        {"observations": one_changed(observed=START - timedelta(minutes=40))},
        "40 min behind",
    ),
    "a look to come": (
        {"observations": one_changed(observed=START + timedelta(minutes=20))},
        "in the future",
    ),
    "no failure": ({"observations": one_changed(failure="because")}, "a failure that is none"),
    "a snapshot": ({"observations": one_changed(kind=ControlKind.SNAPSHOT)}, "damaged"),
    "no address": ({"observations": one_changed(addresses=("evil.example",))}, "damaged"),
    "too many": ({"observations": one_changed(addresses=("1.1.1.1",) * 65)}, "damaged"),
    "a long title": ({"observations": one_changed(title="x" * 601)}, "damaged"),
    "a long source": ({"observations": one_changed(source="x" * 601)}, "damaged"),
    "a huge number": ({"observations": one_changed(body_length=2**70)}, "of another version"),
    "no AS": ({"observations": one_changed(asns=(2**70,))}, "of another version"),
    "very many AS": ({"observations": one_changed(asns=(1,) * 65)}, "damaged"),
    "a failure that drives a terminal": (
        {"observations": one_changed(failure="unknown_failure: \x1b]0;x\x07")},
        "damaged",
    ),
    "an endless failure": (
        {"observations": one_changed(failure="unknown_failure: " + "x" * 600)},
        "damaged",
    ),
    "a gate that drives a terminal": ({"observations": (), "gate": "\x1b[2J"}, "damaged"),
    "an endless gate": ({"observations": (), "gate": "x" * 601}, "damaged"),
    "a foreign script": ({"country": "\u041a\u0417"}, "names no country"),
    "a status": ({"observations": one_changed(status=7)}, "damaged"),
    "a step without failure": (
        {"observations": one_changed(failed_operation="dns")},
        "damaged",
    ),
}


@pytest.mark.parametrize("lie", LIES)
async def test_an_answer_that_cannot_be_is_said_and_not_used(lie: str) -> None:
    """A trusted key's signature does not make it true: dates, ids and values are checked."""
    changes, words = LIES[lie]
    said: list[str] = []
    async with hostile(lambda body: http(an_answer(body, **changes))) as port:
        control = line(port, Abroad(), said=said)
        await asked(control, TARGETS)
    assert not any(control.seen(e) for e in TARGETS)
    assert len(said) == 1
    assert words in said[0]
    assert said[0].startswith("The live control 1 is not used: ")


async def test_a_good_answer_of_the_same_make_is_used() -> None:
    """The lies above differ from this in one field each."""
    said: list[str] = []
    async with hostile(lambda body: http(an_answer(body))) as port:
        control = line(port, Abroad(), said=said)
        await asked(control, TARGETS)
    assert all(control.seen(e) for e in TARGETS)
    assert said == []


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda body: http(an_answer(body, b"e" * 32)), "not trusted"),
        (lambda body: http(an_answer(body).replace(b'"status":200', b'"status":201', 1)), "wrong"),
        (lambda body: http(an_answer(body)[:-70_000]), "cut short"),
        (lambda body: http(b"<html>hello</html>\n\n\n"), "no control server"),
        (lambda body: http(b""), "cut short"),
        (lambda _: http(b"not found\n", 404), "does not know this token"),
        (lambda _: http(b"", 500), "it answered 500"),
        (lambda _: http(b"x" * 2_100_000), "larger than any answer"),
        (lambda _: b"\x00garbage", "could not be asked"),
        (lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nabc", "could not be asked"),
    ],
)
async def test_what_is_no_answer_of_a_trusted_key_is_said_and_not_used(
    make: Any, words: str
) -> None:
    """Another key, a changed byte, a cut, another service, too much, or no HTTP at all."""
    said: list[str] = []
    async with hostile(make) as port:
        control = line(port, Abroad(), said=said)
        await asked(control, TARGETS)
    assert not any(control.seen(e) for e in TARGETS)
    assert len(said) == 1
    assert words in said[0]


async def test_a_stranger_in_the_way_gets_no_token() -> None:
    """Another certificate, trusted by nobody here: the handshake ends it, nothing is sent."""
    got: list[bytes] = []

    def note(body: bytes) -> bytes:
        got.append(body)
        return http(b"")

    said: list[str] = []
    async with hostile(note, key=b"z" * 32) as port:
        await asked(line(port, Abroad(), said=said), TARGETS)
    assert got == []
    assert "neither for a trusted key nor valid" in said[0]


async def test_an_answer_that_was_given_before_is_not_taken_again() -> None:
    """Replayed within the minute, with a good signature: the nonce is another one."""
    kept: list[bytes] = []

    def replay(body: bytes) -> bytes:
        kept.append(an_answer(body))
        return http(kept[0])

    said: list[str] = []
    async with hostile(replay) as port:
        first, second = line(port, Abroad()), line(port, Abroad(), said=said)
        second.rng.seed(99)
        await asked(first, TARGETS)
        await asked(second, TARGETS)
    assert first.seen(TARGETS[0])
    assert second.seen(TARGETS[0]) is None
    assert "another question" in said[0]


async def test_a_control_that_never_ends_is_given_up() -> None:
    """Always pending, or silent: the line waits a bounded time, and goes on without it."""
    asks = 0

    def pending(body: bytes) -> bytes:
        nonlocal asks
        asks += 1
        names = read_question(body).endpoints
        return http(an_answer(body, observations=(), pending=names))

    async with hostile(pending) as port:
        control = line(port, Abroad())
        await asked(control, TARGETS)
    assert 1 < asks <= 10

    async def silent(_: bytes) -> bytes:
        await asyncio.Event().wait()
        return b""

    said: list[str] = []
    async with hostile(silent) as port:
        control = line(port, Abroad(), said=said, total_s=0.3)
        control.expect(TARGETS)
        async with asyncio.TaskGroup() as group:
            group.create_task(control.run())
            assert await control.observe(TARGETS[0]) is None
    assert "too slow" in said[0]


async def test_the_token_is_in_no_word_and_no_value() -> None:
    """Not in what is said, nor in the representation of what holds it."""
    said: list[str] = []
    async with hostile(lambda _: http(b"", 404)) as port:
        control = line(port, Abroad(), said=said)
        await asked(control, TARGETS)
    assert TOKEN not in repr(control) + "".join(said)


async def test_one_control_that_breaks_ends_none_of_the_others() -> None:
    """A bug in one costs its answers; what is forbidden is told as what it is."""
    ended: list[str] = []

    class Broken:
        async def run(self) -> None:
            raise ForbiddenNetwork("outside")

        def expect(self, endpoints: object) -> None:
            pass

    class Slow(Broken):
        async def run(self) -> None:
            await asyncio.sleep(0.02)
            ended.append("slow")

    panel = ControlPanel(cast("list[LiveControl]", [Broken(), Slow()]))
    with pytest.raises(ForbiddenNetwork):
        await panel.run(TARGETS)
    assert ended == ["slow"]
