"""What a trace cannot do without is said in a sentence; nothing outside is listened to."""

import errno
import socket
import sys
from typing import Any

import pytest

from probe.errors import ForbiddenNetwork, InputError
from probe.net import capture
from probe.net.capture import Capture, what_is_missing


def refusing(number: int) -> Any:
    """Return a ``socket`` whose packet sockets are refused."""

    def made(family: int, *rest: Any) -> Any:
        raise OSError(number, "refused")

    return made


@pytest.fixture
def linux(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand on a Linux with packet sockets, whatever this is."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(socket, "AF_PACKET", 17, raising=False)


@pytest.mark.usefixtures("linux")
def test_the_missing_privilege_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the way to give it, and no more of it than is needed."""
    monkeypatch.setattr(socket, "socket", refusing(errno.EPERM))
    (missing,) = what_is_missing()
    assert "CAP_NET_RAW" in missing
    assert "AmbientCapabilities" in missing


@pytest.mark.usefixtures("linux")
def test_another_refusal_keeps_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sandbox that knows no packet sockets."""
    monkeypatch.setattr(socket, "socket", refusing(errno.EAFNOSUPPORT))
    (missing,) = what_is_missing()
    assert "refused" in missing


def test_another_system_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """There are no packet sockets elsewhere."""
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "Linux only" in what_is_missing()[-1]


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without scapy no packet is read."""
    monkeypatch.setattr(capture, "scapy_is_here", lambda: False)
    assert "probe[raw]" in what_is_missing()[0]


def test_nothing_outside_is_listened_to() -> None:
    """The guard is asked as before a dial."""
    with pytest.raises(ForbiddenNetwork):
        Capture(["33.1.2.3"])


async def test_what_is_missing_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that a person can act on, before a socket is opened."""
    monkeypatch.setattr(capture, "what_is_missing", lambda: ("a privilege",))
    with pytest.raises(InputError, match="a privilege"), Capture(["127.0.0.1"]):
        pass


@pytest.mark.skipif(bool(what_is_missing()), reason="no packet sockets here")
async def test_loopback_is_heard_through_the_filter() -> None:
    """A datagram to the host that is listened to is caught, from its IP header on."""
    with (
        Capture(["127.0.0.1"]) as heard,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        receiver.bind(("127.0.0.1", 0))
        sender.sendto(b"a trace", receiver.getsockname())
        assert receiver.recv(100) == b"a trace"
        caught = heard.take()
    assert any(one.data[0] >> 4 == 4 and one.data.endswith(b"a trace") for one in caught)


@pytest.mark.skipif(bool(what_is_missing()), reason="no packet sockets here")
async def test_a_flood_is_bounded_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sends by the thousand fills no memory, and it is known that more came."""
    monkeypatch.setattr(capture, "_MAX_PACKETS", 3)
    with (
        Capture(["127.0.0.1"]) as heard,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        receiver.bind(("127.0.0.1", 0))
        for _ in range(20):
            sender.sendto(b"a flood", receiver.getsockname())
        assert len(heard.take()) == 3
        assert heard.lost() >= 17
        assert heard.lost() == 0
