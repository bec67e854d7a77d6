"""What a store is asked and how its answer is read: storefronts, marks, the start of a file."""

from collections.abc import Callable

import pytest
from made_certificates import leaf
from test_probe_measure import HOST, endpoint, environment, https, network

from probe.model.measurement import HttpStep, Measurement, Outcome
from probe.model.target import Absence, Expect, Kind, Role
from probe.net.fake import Conversation, Tcp, TlsServer
from probe.probes.measure import measure
from probe.probes.options import ProbeOptions

COUNT = Expect(
    status=(200,),
    body_contains='"resultCount":1',
    absent=Absence(status=(404,), body_contains='"resultCount":0'),
    storefront="US",
)
APP = endpoint(
    Kind.HTTP, tls=True, path="/lookup?id=7&country={country}", role=Role.LISTING, expect=COUNT
)
FILE = endpoint(Kind.HTTP, tls=True, path="/app.apk", range_bytes=4096)


def answer(body: bytes, status: str = "200 OK", head: str = "") -> bytes:
    """Return an answer of HTTP/1.1."""
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{head}\r\n".encode() + body


def recording(asked: list[bytes], reply: bytes) -> Callable[[], Conversation]:
    """Return a server that notes what it is asked."""
    context = leaf(HOST).server_context(("http/1.1",))

    def said(data: bytes) -> bytes:
        asked.append(data)
        return reply if data else b""

    return lambda: TlsServer(context, said)


async def listed(reply: bytes, expect: Expect = COUNT) -> HttpStep:
    """Return the last step of asking for the app where this is the answer."""
    asked = endpoint(Kind.HTTP, tls=True, path="/app", role=Role.LISTING, expect=expect)
    done = await measure(asked, environment(network(Tcp(talk=https(reply)))))
    step = done.steps[-1]
    assert isinstance(step, HttpStep)
    return step


@pytest.mark.parametrize(
    ("reply", "expected", "absent"),
    [
        (answer(b'{"resultCount":1}'), True, False),
        (answer(b'{"resultCount":0}'), False, True),
        (answer(b'{"resultCount":0} and not "resultCount":1'), False, True),
        (answer(b"Not found", "404 Not Found"), False, True),
        (answer(b'{"resultCount":1}', "404 Not Found"), False, True),
        (answer(b"Welcome to our new shop"), False, False),
        (answer(b"Forbidden", "403 Forbidden"), False, False),
    ],
)
async def test_there_absent_or_neither(reply: bytes, expected: bool, absent: bool) -> None:
    """A mark says that the app is there, another that it is not; what has none says neither."""
    step = await listed(reply)
    assert (step.expected, step.absent) == (expected, absent)


async def test_a_redirect_names_the_file_and_is_not_followed() -> None:
    """A store that sends on to the file shows by its address that it has it."""
    expect = Expect(status=(302,), location_contains="org.chat", absent=Absence(status=(404,)))
    to_file = answer(b"", "302 Found", "Location: https://files.example/org.chat.2026.apk\r\n")
    assert (await listed(to_file, expect)).expected is True
    home = answer(b"", "302 Found", "Location: https://store.example/\r\n")
    step = await listed(home, expect)
    assert (step.expected, step.absent) == (False, False)
    assert (await listed(answer(b"org.chat"), expect)).expected is False


async def test_what_is_no_listing_is_never_absent() -> None:
    """The third value: nobody asked."""
    done = await measure(endpoint(Kind.HTTP, tls=True), environment(network()))
    step = done.steps[-1]
    assert isinstance(step, HttpStep)
    assert (step.expected, step.absent) == (None, None)


@pytest.mark.parametrize(
    ("country", "options", "path"),
    [
        ("IR", ProbeOptions(), "/lookup?id=7&country=ir"),
        ("IR", ProbeOptions(storefront="US"), "/lookup?id=7&country=us"),
        ("ZZ", ProbeOptions(storefront="US"), "/lookup?id=7&country=us"),
    ],
)
async def test_the_storefront_is_that_of_the_line_or_the_one_to_compare_with(
    country: str, options: ProbeOptions, path: str
) -> None:
    """It is filled in on the wire and in the step; the endpoint keeps its name."""
    asked: list[bytes] = []
    net = network(Tcp(talk=recording(asked, answer(b'{"resultCount":1}'))))
    done = await measure(APP, environment(net, country=country), options)
    assert asked[0].startswith(f"GET {path} HTTP/1.1\r\n".encode())
    step = done.steps[-1]
    assert isinstance(step, HttpStep)
    assert step.path == path
    assert done.endpoint == APP.id
    assert "{country}" in APP.id


async def test_without_a_country_no_storefront_is_asked() -> None:
    """A guess would be somebody else's storefront; nothing is sent, and why is said."""
    net = network()
    done = await measure(APP, environment(net))
    assert done.outcome is Outcome.NOT_RUN
    assert "country" in (done.reason or "")
    assert done.steps == ()
    assert done.bytes_sent == 0


def last(done: Measurement) -> HttpStep:
    """Return the last step."""
    step = done.steps[-1]
    assert isinstance(step, HttpStep)
    return step


async def test_a_download_asks_for_its_first_bytes_as_they_are() -> None:
    """One range, no compression, and an answer in part is a whole result."""
    asked: list[bytes] = []
    part = answer(bytes(4096), "206 Partial Content", "Content-Range: bytes 0-4095/900000\r\n")
    done = await measure(FILE, environment(network(Tcp(talk=recording(asked, part)))))
    head = asked[0].decode().lower()
    assert "\r\nrange: bytes=0-4095\r\n" in head
    assert "\r\naccept-encoding: identity\r\n" in head
    assert head.count("\r\naccept:") == 1
    step = last(done)
    assert (step.status, step.body_length, step.body_truncated) == (206, 4096, False)
    assert done.failure is None


async def test_a_server_that_knows_no_ranges_costs_no_more() -> None:
    """The whole file is cut off at the limit, on the wire and in the step."""
    whole = answer(bytes(400_000))
    done = await measure(FILE, environment(network(Tcp(talk=https(whole)))))
    step = last(done)
    assert (step.status, step.body_length, step.body_truncated) == (200, 4096, True)
    assert done.failure is None
    assert done.bytes_received < 100_000


@pytest.mark.parametrize(("size", "read"), [(None, 65_536), (131_072, 131_072)])
async def test_a_page_is_read_as_far_as_its_mark_may_be(size: int | None, read: int) -> None:
    """Where the usual 64 KiB are too little, the endpoint says how much more."""
    page = endpoint(Kind.HTTP, tls=True, read_bytes=size)
    done = await measure(page, environment(network(Tcp(talk=https(answer(bytes(200_000)))))))
    assert last(done).body_length == read
