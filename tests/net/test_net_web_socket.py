"""The switch to a web socket: what is asked, and what a server may answer."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.net.base import NetFailure
from probe.net.fake import FakeNet, FakeStream, Tcp
from probe.net.http import HttpRequest, HttpResult
from probe.net.web_socket import MAX_READ, open_web_socket
from probe.wire.websocket import accept_value, key_value

NONCE = bytes(range(16))
REQUEST = HttpRequest(method="GET", host="web.example.com", port=443, path="/ws/chat")
SWITCH = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: " + accept_value(key_value(NONCE)).encode() + b"\r\n\r\n"
)


async def opened(script: Tcp) -> tuple[HttpResult, bytes | None]:
    """Ask a scripted server."""
    net = FakeNet(tcp={("93.184.216.34", 443): script})
    stream = await net.connect_tcp("93.184.216.34", 443, timeout_s=1)
    return await open_web_socket(
        stream, REQUEST, origin="https://web.example.com", nonce=NONCE, timeout_s=1
    )


async def test_the_bytes_behind_the_switch_are_handed_on() -> None:
    """They are the server's first frame already."""
    result, behind = await opened(Tcp(replies=(SWITCH + b"\x82\x01x",)))
    assert (result.status, result.failure, behind) == (101, None, b"\x82\x01x")


async def test_what_is_asked_is_what_a_browser_asks() -> None:
    """Host, origin, version and key; and no compression that nobody here reads."""
    heard: list[bytes] = []

    def talk(data: bytes, /) -> bytes:
        heard.append(data)
        return SWITCH if data else b""

    await opened(Tcp(talk=lambda: talk))
    head = b"".join(heard).decode()
    assert head.startswith("GET /ws/chat HTTP/1.1\r\n")
    for line in (
        "Host: web.example.com",
        "Origin: https://web.example.com",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {key_value(NONCE)}",
        "Upgrade: websocket",
    ):
        assert f"\r\n{line}\r\n" in head
    assert "Accept-Encoding" not in head


@pytest.mark.parametrize(
    "answer",
    [
        SWITCH.replace(accept_value(key_value(NONCE)).encode(), b"AAAA"),
        SWITCH.replace(b"Sec-WebSocket-Accept", b"X-Other"),
    ],
)
async def test_a_switch_that_is_not_for_us_is_none(answer: bytes) -> None:
    """The hash of our key is missing, or another's."""
    result, behind = await opened(Tcp(replies=(answer,)))
    assert (result.status, result.failure, behind) == (101, "http_request_failed", None)


async def test_another_answer_is_kept_up_to_2_kib() -> None:
    """A refusal or a block page, not a switch."""
    page = b"HTTP/1.1 403 No\r\nContent-Length: 5000\r\n\r\n" + b"x" * 5_000
    result, behind = await opened(Tcp(replies=(page,)))
    assert (result.status, result.failure, behind) == (403, None, None)
    assert (len(result.body), result.truncated) == (2_048, True)


@pytest.mark.parametrize("failure", ["eof_error", "connection_reset", "generic_timeout_error"])
async def test_a_cut_is_in_the_result(failure: str) -> None:
    """Nothing is raised for the network's failures."""
    result, behind = await opened(Tcp(then=failure))
    assert (result.status, result.failure, behind) == (None, failure, None)


async def test_an_answer_that_begins_and_is_cut_keeps_its_status() -> None:
    """As with any other request."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab"
    result, _ = await opened(Tcp(replies=(head,), then="connection_reset"))
    assert (result.status, result.failure) == (200, "connection_reset")


async def test_interim_answers_are_not_read_for_ever() -> None:
    """A server may send as many as it likes; after 64 KiB that is no answer."""
    stream = FakeStream(Tcp(replies=(b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000,)))
    result, behind = await open_web_socket(
        stream, REQUEST, origin="https://web.example.com", nonce=NONCE, timeout_s=5
    )
    assert (result.status, result.failure, behind) == (None, "http_request_failed", None)
    assert stream.bytes_received < 2 * MAX_READ


@settings(max_examples=150)
@given(st.lists(st.binary(min_size=1, max_size=300), max_size=4), st.booleans())
async def test_no_bytes_make_it_raise(said: list[bytes], after: bool) -> None:
    """Property: a result comes of whatever a server says, in place of the switch or before it."""
    replies = (*said, SWITCH) if after else tuple(said)
    try:
        result, _ = await opened(Tcp(replies=replies, then="eof_error"))
    except NetFailure as exc:  # pragma: no cover - it must not come to this
        pytest.fail(f"raised {exc.failure}")
    assert result.status is not None or result.failure is not None
