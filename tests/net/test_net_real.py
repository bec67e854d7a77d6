"""The networks' own rules: consent, the guard below, the resolver's threads."""

import asyncio
import datetime as dt
import errno
import inspect
import socket
import threading
from typing import Literal

import pytest
from dns_answers import answer_to
from loopback_servers import LOOPBACK, udp_server

from probe.consent import Consent
from probe.errors import ForbiddenNetwork
from probe.net.base import NetFailure
from probe.net.mapped import MappedNet
from probe.net.real import RESOLVER_THREADS, RealNet
from probe.net.sockets import dial_tcp, dial_udp

CONSENT = Consent(
    version="test", text_sha256="", given=dt.datetime(2026, 1, 1, tzinfo=dt.UTC), categories=()
)


def test_there_is_no_real_network_without_consent() -> None:
    """The constructor takes a consent and has no other door."""
    assert list(inspect.signature(RealNet).parameters) == ["consent"]
    with pytest.raises(TypeError):
        RealNet()  # type: ignore[call-arg]


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "::ffff:0.0.0.0"])
async def test_the_guard_holds_below_every_network(address: str) -> None:
    """A dial to anything but loopback is refused, with consent too."""
    net = RealNet(CONSENT)
    with pytest.raises(ForbiddenNetwork):
        await net.connect_tcp(address, 9, timeout_s=1)
    with pytest.raises(ForbiddenNetwork):
        await net.open_udp(address, 9)
    with pytest.raises(ForbiddenNetwork):
        await net.system_resolve("0x7f.1", 4, timeout_s=1)  # numeric: asks nobody in any case


async def test_a_mapper_that_points_outside_is_refused() -> None:
    """The guard is asked after the mapping, so that no map leads out."""

    class Outside:
        async def locate(
            self, transport: Literal["tcp", "udp"], address: str, port: int
        ) -> tuple[str, int]:
            return "0.0.0.0", port

        def nameservers(self) -> tuple[str, ...]:
            return ("198.51.100.53",)

    net = MappedNet(Outside())
    with pytest.raises(ForbiddenNetwork):
        await net.connect_tcp("93.184.216.34", 443, timeout_s=1)
    with pytest.raises(ForbiddenNetwork):
        await net.system_resolve("example.com", 4, timeout_s=1)


@pytest.mark.parametrize(
    ("rcode", "failure"),
    [
        (0, "dns_no_answer"),
        (3, "dns_nxdomain_error"),
        (2, "dns_server_misbehaving"),
        (5, "dns_server_misbehaving"),
    ],
)
async def test_a_mapped_resolver_says_what_getaddrinfo_would(rcode: int, failure: str) -> None:
    """The system resolver of a mapped network hides the code, as the real one does."""

    class Inside:
        def __init__(self, port: int) -> None:
            self._port = port

        async def locate(
            self, transport: Literal["tcp", "udp"], address: str, port: int
        ) -> tuple[str, int]:
            assert (transport, address, port) == ("udp", "198.51.100.53", 53)
            return LOOPBACK, self._port

        def nameservers(self) -> tuple[str, ...]:
            return ("198.51.100.53",)

    async with udp_server(lambda query: [answer_to(query, rcode=rcode)]) as port:
        with pytest.raises(NetFailure) as caught:
            await MappedNet(Inside(port)).system_resolve("example.com", 4, timeout_s=5)
    assert caught.value.failure == failure


async def test_lookups_that_hang_do_not_hang_us(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lookup ends at its deadline, threads are bounded, and they come back."""
    release, running = threading.Event(), []

    def hang(*_args: object, **_more: object) -> list[object]:
        running.append(threading.current_thread())
        release.wait(20)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    net = RealNet(CONSENT)

    async def look() -> str:
        with pytest.raises(NetFailure) as caught:
            await net.system_resolve("localhost", 4, timeout_s=0.1)
        return caught.value.failure

    failures = await asyncio.gather(*(look() for _ in range(RESOLVER_THREADS + 4)))
    assert set(failures) == {"generic_timeout_error"}
    assert len(running) == RESOLVER_THREADS
    assert all(thread.daemon for thread in running)
    release.set()
    for thread in running:
        thread.join(10)
    resolved = await net.system_resolve("localhost", 4, timeout_s=5)
    assert resolved.addresses == ()


async def test_errors_of_the_resolver_are_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    """What getaddrinfo raises becomes a failure; a bug in it would propagate."""

    def fail(error: Exception) -> None:
        def raising(*_args: object, **_more: object) -> None:
            raise error

        monkeypatch.setattr(socket, "getaddrinfo", raising)

    net = RealNet(CONSENT)
    fail(socket.gaierror(socket.EAI_NONAME, "unknown"))
    with pytest.raises(NetFailure, match="dns_nxdomain_error"):
        await net.system_resolve("localhost", 4, timeout_s=5)
    fail(UnicodeError("label too long"))
    with pytest.raises(NetFailure, match="invalid_argument"):
        await net.system_resolve("localhost", 4, timeout_s=5)
    fail(RuntimeError("a bug"))
    with pytest.raises(RuntimeError, match="a bug"):
        await net.system_resolve("localhost", 4, timeout_s=5)


async def test_who_floods_us_does_not_stop_the_loop() -> None:
    """Reads that never have to wait still let other tasks, and the timers of deadlines, run."""
    with socket.socket() as server:
        server.bind((LOOPBACK, 0))
        server.listen(1)
        stream = await dial_tcp(LOOPBACK, server.getsockname()[1], timeout_s=5)
        with server.accept()[0] as peer:
            peer.sendall(b"x" * 200)
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.create_task(other())
        for _ in range(200):
            await stream.receive(1, timeout_s=5)
        task.cancel()
        assert turns >= 3
        await stream.aclose()


async def test_a_send_that_is_not_taken_ends_at_the_deadline() -> None:
    """A peer that does not read blocks the sender no longer than the deadline."""
    with socket.socket() as server:
        server.bind((LOOPBACK, 0))
        server.listen(1)
        stream = await dial_tcp(LOOPBACK, server.getsockname()[1], timeout_s=5)
        with pytest.raises(NetFailure, match="generic_timeout_error"):
            await stream.send(b"x" * 50_000_000, timeout_s=0.05)
        assert stream.bytes_sent > 0
        await stream.aclose()


async def test_a_datagram_that_is_too_big_is_named() -> None:
    """What the kernel refuses has its own failure."""
    async with udp_server(lambda data: []) as port:
        datagrams = await dial_udp(LOOPBACK, port)
        with pytest.raises(NetFailure, match="message_size"):
            await datagrams.send(b"x" * 70_000)
        await datagrams.aclose()


def _loopback_v6() -> bool:
    """Return whether this machine has an IPv6 of its own to dial."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as trying:
            trying.connect(("::1", 9))
    except OSError:
        return False
    return True


V6 = pytest.param("::1", marks=pytest.mark.skipif(not _loopback_v6(), reason="no IPv6 here"))


@pytest.mark.parametrize("system", ["linux", "win32"])
@pytest.mark.parametrize("heard", [False, True])
@pytest.mark.parametrize("address", [LOOPBACK, V6])
async def test_a_routers_word_is_not_this_machines(
    monkeypatch: pytest.MonkeyPatch, address: str, heard: bool, system: str
) -> None:
    """EACCES at once is a rule here; later, over IPv6, Linux has it from a router's ICMPv6."""
    monkeypatch.setattr("probe.net.sockets.sys.platform", system)

    async def refused(sock: socket.socket, place: tuple[str, int]) -> None:
        if heard:
            await asyncio.sleep(0)
        raise PermissionError(errno.EACCES, "Permission denied", sock.family, None, place)

    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", refused)
    routers = heard and address != LOOPBACK and system == "linux"
    with pytest.raises(NetFailure, match="host_unreachable" if routers else "permission_denied"):
        await dial_tcp(address, 443, timeout_s=5)


@pytest.mark.parametrize("address", [LOOPBACK, V6])
async def test_a_datagrams_prohibition_comes_from_a_router(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """What is heard while an answer is waited for was sent by somebody; over IPv4 it was not."""
    monkeypatch.setattr("probe.net.sockets.sys.platform", "linux")

    async def refused(sock: socket.socket, size: int) -> bytes:
        raise PermissionError(errno.EACCES, f"{size} bytes of {sock}")

    monkeypatch.setattr(asyncio.get_running_loop(), "sock_recv", refused)
    datagrams = await dial_udp(address, 9)
    of_v4 = address == LOOPBACK
    with pytest.raises(NetFailure, match="permission_denied" if of_v4 else "host_unreachable"):
        await datagrams.receive(timeout_s=5)
    await datagrams.aclose()
