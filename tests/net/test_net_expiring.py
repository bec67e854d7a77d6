"""Sockets of limited life: the kernel's own, under the guard, and closed so that the peer knows."""

import socket
from collections.abc import Iterator

import pytest

from probe.errors import ForbiddenNetwork
from probe.net.base import NetFailure
from probe.net.expiring import Expiring, connected, datagrams, unconnected


@pytest.fixture
def server() -> Iterator[socket.socket]:
    """Return a listening socket on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(5)
        yield listening


def life_of(expiring: Expiring) -> int:
    return expiring._sock.getsockopt(socket.IPPROTO_IP, socket.IP_TTL)


async def test_only_what_is_sent_later_lives_shortly(server: socket.socket) -> None:
    """The connection is made with the usual life; then the socket has the given one."""
    port = server.getsockname()[1]
    expiring = await connected("127.0.0.1", port, timeout_s=5)
    usual = life_of(expiring)
    peer, place = server.accept()
    with peer:
        assert (expiring.own, expiring.port) == place
        expiring.live(3)
        assert (usual > 30, life_of(expiring)) == (True, 3)
        expiring.send(b"trigger")
        assert peer.recv(100) == b"trigger"
        expiring.close()


async def test_the_end_is_a_reset(server: socket.socket) -> None:
    """The server is told at once that nothing more comes."""
    expiring = await connected("127.0.0.1", server.getsockname()[1], timeout_s=5)
    peer, _ = server.accept()
    with peer:
        peer.settimeout(5)
        expiring.live(1)
        expiring.close()
        with pytest.raises(ConnectionResetError):
            peer.recv(100)


async def test_what_the_last_datagram_met_does_not_eat_the_next() -> None:
    """A waiting ICMP error is told in place of sending; the trigger goes out all the same."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        port = server.getsockname()[1]
        expiring = datagrams("127.0.0.1", port)
        server.close()
        expiring.send(b"nobody is there")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
            again.bind(("127.0.0.1", port))
            again.settimeout(5)
            expiring.send(b"trigger")
            assert again.recv(100) == b"trigger"
    expiring.close()


async def test_a_closed_port_is_a_failure() -> None:
    """A failure of the network, by its name, and no socket is left open."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(NetFailure) as caught:
            await connected("127.0.0.1", taken.getsockname()[1], timeout_s=5)
    assert caught.value.failure == "connection_refused"


async def test_a_knock_does_not_wait(server: socket.socket) -> None:
    """A SYN is sent and the socket knows its port; nobody waits for the answer."""
    expiring = unconnected("127.0.0.1", server.getsockname()[1])
    expiring.live(5)
    expiring.knock()
    peer, place = server.accept()
    peer.close()
    assert expiring.port == place[1]
    expiring.close()


async def test_datagrams_survive_errors() -> None:
    """A closed port's ICMP error waits on the socket; it is no exception, and takes one send."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    expiring = datagrams("127.0.0.1", port)
    for _ in range(3):
        expiring.send(b"anybody?")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.settimeout(5)
        opened.bind(("127.0.0.1", port))
        for _ in range(2):
            expiring.send(b"you are here")
        assert opened.recv(100) == b"you are here"
    expiring.close()


async def test_the_guard_is_asked() -> None:
    """No socket to the outside, by any of the three ways."""
    with pytest.raises(ForbiddenNetwork):
        await connected("33.1.2.3", 443, timeout_s=1)
    with pytest.raises(ForbiddenNetwork):
        unconnected("33.1.2.3", 443)
    with pytest.raises(ForbiddenNetwork):
        datagrams("3ffe:a::1", 443)
