"""What every network must do alike: real sockets on loopback, mapped addresses, the fake."""

import asyncio
import contextlib
import datetime as dt
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import pytest
from dns_answers import answer_to
from loopback_servers import LOOPBACK, closed_port, reset, silence, tcp_server, udp_server

from probe.consent import Consent
from probe.net.base import Net, NetFailure
from probe.net.dns import UdpExchange
from probe.net.dnswire import question
from probe.net.fake import Conversation, FakeNet, Tcp, Udp
from probe.net.mapped import MappedNet
from probe.net.real import RealNet

PUBLIC = "93.184.216.34"
NAMESERVER = "198.51.100.53"


def consent() -> Consent:
    """Return a consent as a test may have one: the guard keeps it to loopback."""
    return Consent(
        version="test", text_sha256="", given=dt.datetime(2026, 1, 1, tzinfo=dt.UTC), categories=()
    )


@dataclass
class World:
    """A network in which these places behave in these ways, and the name of each place."""

    net: Net
    echo: tuple[str, int]
    closed: tuple[str, int]
    silent: tuple[str, int]
    ending: tuple[str, int]
    resetting: tuple[str, int]
    chatty: tuple[str, int]
    udp_echo: tuple[str, int]
    udp_silent: tuple[str, int]


class MakeWorld(Protocol):
    def __call__(self) -> contextlib.AbstractAsyncContextManager[World]: ...


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()


async def end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(b"bye")
    writer.close()
    await writer.wait_closed()


async def chat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"x" * 100)
    await silence(reader, writer)


async def resetting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    reset(writer)


@contextlib.asynccontextmanager
async def servers() -> AsyncIterator[dict[str, int]]:
    async with (
        tcp_server(echo) as echoing,
        tcp_server(silence) as silent,
        tcp_server(end) as ending,
        tcp_server(resetting) as cutting,
        tcp_server(chat) as chatty,
        udp_server(lambda data: [data]) as udp_echo,
        udp_server(lambda data: []) as udp_silent,
        udp_server(lambda data: [answer_to(data, "127.0.0.1")]) as resolver,
    ):
        yield {
            "echo": echoing,
            "closed": closed_port(),
            "silent": silent,
            "ending": ending,
            "resetting": cutting,
            "chatty": chatty,
            "udp_echo": udp_echo,
            "udp_silent": udp_silent,
            "resolver": resolver,
        }


@contextlib.asynccontextmanager
async def real_world() -> AsyncIterator[World]:
    async with servers() as ports:
        del ports["resolver"]
        yield World(RealNet(consent()), **{k: (LOOPBACK, p) for k, p in ports.items()})


PLACES = ("echo", "closed", "silent", "ending", "resetting", "chatty", "udp_echo", "udp_silent")


@contextlib.asynccontextmanager
async def mapped_world() -> AsyncIterator[World]:
    async with servers() as ports:
        numbers = {name: 1000 + i for i, name in enumerate(PLACES)}
        by_number = {number: ports[name] for name, number in numbers.items()}

        class Map:
            async def locate(
                self, transport: Literal["tcp", "udp"], address: str, port: int
            ) -> tuple[str, int]:
                if (transport, address, port) == ("udp", NAMESERVER, 53):
                    return LOOPBACK, ports["resolver"]
                assert address == PUBLIC
                return LOOPBACK, by_number[port]

            def nameservers(self) -> tuple[str, ...]:
                return (NAMESERVER,)

        yield World(MappedNet(Map()), **{k: (PUBLIC, n) for k, n in numbers.items()})


def echoing() -> Conversation:
    return lambda data: data


def chatting() -> Conversation:
    said = [b"x" * 100]

    def talk(data: bytes, /) -> bytes:
        return said.pop() if said else b""

    return talk


@contextlib.asynccontextmanager
async def fake_world() -> AsyncIterator[World]:
    places = {name: (PUBLIC, 1000 + i) for i, name in enumerate(PLACES)}
    net = FakeNet(
        tcp={
            places["echo"]: Tcp(talk=echoing),
            places["closed"]: Tcp(connect="connection_refused"),
            places["silent"]: Tcp(),
            places["ending"]: Tcp(replies=(b"bye",), then="eof_error"),
            places["resetting"]: Tcp(reset_after=1),
            places["chatty"]: Tcp(talk=chatting),
        },
        udp={places["udp_echo"]: Udp(lambda data: [data]), places["udp_silent"]: Udp()},
        names={("localhost", 4): ("127.0.0.1",)},
        servers=(NAMESERVER,),
    )
    yield World(net, **places)


@pytest.fixture(params=[real_world, mapped_world, fake_world], ids=["real", "mapped", "fake"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    make: MakeWorld = request.param
    async with make() as made:
        yield made


async def failing(awaited: Callable[[], object]) -> str:
    with pytest.raises(NetFailure) as caught:
        await awaited()  # type: ignore[misc]
    return caught.value.failure


async def test_what_is_sent_comes_back(world: World) -> None:
    """A stream carries bytes both ways and counts them."""
    stream = await world.net.connect_tcp(*world.echo, timeout_s=5)
    await stream.send(b"hello", timeout_s=5)
    got = b""
    while len(got) < 5:
        got += await stream.receive(100, timeout_s=5)
    assert got == b"hello"
    assert (stream.bytes_sent, stream.bytes_received) == (5, 5)
    await stream.aclose()


async def test_no_more_is_received_than_asked_for(world: World) -> None:
    """``receive`` returns between one byte and the number that was asked for."""
    stream = await world.net.connect_tcp(*world.chatty, timeout_s=5)
    first = await stream.receive(10, timeout_s=5)
    assert 1 <= len(first) <= 10
    assert stream.bytes_received == len(first)
    await stream.aclose()


async def test_a_closed_port_is_refused(world: World) -> None:
    """A port on which nobody listens gives ``connection_refused``."""
    refused = await failing(lambda: world.net.connect_tcp(*world.closed, timeout_s=5))
    assert refused == "connection_refused"


async def test_the_end_of_a_stream_is_empty(world: World) -> None:
    """After the peer's last byte, ``receive`` returns ``b""``, again and again."""
    stream = await world.net.connect_tcp(*world.ending, timeout_s=5)
    await stream.send(b"x", timeout_s=5)
    assert await stream.receive(100, timeout_s=5) == b"bye"
    assert await stream.receive(100, timeout_s=5) == b""
    assert await stream.receive(100, timeout_s=5) == b""
    await stream.aclose()


async def test_a_reset_is_named(world: World) -> None:
    """A RST gives ``connection_reset``, and what was sent before still counts."""
    stream = await world.net.connect_tcp(*world.resetting, timeout_s=5)
    await stream.send(b"x", timeout_s=5)
    assert await failing(lambda: stream.receive(100, timeout_s=5)) == "connection_reset"
    assert (stream.bytes_sent, stream.bytes_received) == (1, 0)
    await stream.aclose()


async def test_silence_ends_at_the_deadline(world: World) -> None:
    """A peer that says nothing gives ``generic_timeout_error``, and the stream lives on."""
    stream = await world.net.connect_tcp(*world.silent, timeout_s=5)
    for _ in range(2):
        assert await failing(lambda: stream.receive(1, timeout_s=0.01)) == "generic_timeout_error"
    await stream.send(b"x", timeout_s=5)
    await stream.aclose()


async def test_nothing_is_read_after_the_deadline(world: World) -> None:
    """Also where more has come: a peer that never stops sending does not stop the clock."""
    stream = await world.net.connect_tcp(*world.chatty, timeout_s=5)
    await stream.receive(1, timeout_s=5)
    assert await failing(lambda: stream.receive(1, timeout_s=0.0)) == "generic_timeout_error"
    assert len(await stream.receive(1, timeout_s=5)) == 1
    await stream.aclose()


async def test_closing_twice_is_no_error(world: World) -> None:
    """``aclose`` never raises; a closed stream fails and does not hang."""
    stream = await world.net.connect_tcp(*world.echo, timeout_s=5)
    await stream.aclose()
    await stream.aclose()
    assert await failing(lambda: stream.send(b"x", timeout_s=5)) == "bad_file_descriptor"
    assert await failing(lambda: stream.receive(1, timeout_s=5)) == "bad_file_descriptor"


async def test_datagrams_come_back(world: World) -> None:
    """A UDP socket carries datagrams both ways and counts them."""
    datagrams = await world.net.open_udp(*world.udp_echo)
    await datagrams.send(b"one")
    assert await datagrams.receive(timeout_s=5) == b"one"
    assert (datagrams.bytes_sent, datagrams.bytes_received) == (3, 3)
    await datagrams.aclose()
    await datagrams.aclose()


async def test_silent_datagrams_end_at_the_deadline(world: World) -> None:
    """No answer gives ``generic_timeout_error``."""
    datagrams = await world.net.open_udp(*world.udp_silent)
    await datagrams.send(b"one")
    assert await failing(lambda: datagrams.receive(timeout_s=0.01)) == "generic_timeout_error"
    await datagrams.aclose()


async def test_localhost_resolves(world: World) -> None:
    """The system resolver knows localhost, and every family has its own answer or failure."""
    resolved = await world.net.system_resolve("localhost", 4, timeout_s=5)
    assert resolved.addresses == ("127.0.0.1",)


async def test_cancelling_a_wait_leaves_the_stream_usable(world: World) -> None:
    """A cancelled ``receive`` propagates, and the next one works."""
    stream = await world.net.connect_tcp(*world.echo, timeout_s=5)
    if not isinstance(world.net, FakeNet):
        waiting = asyncio.create_task(stream.receive(1, timeout_s=60))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    await stream.send(b"x", timeout_s=5)
    assert await stream.receive(1, timeout_s=5) == b"x"
    await stream.aclose()


async def test_the_configured_nameservers_are_addresses(world: World) -> None:
    """Every network names its resolvers, if it knows any, by address."""
    assert all(server[0].isalnum() or server[0] == ":" for server in world.net.nameservers())


async def test_a_question_goes_through_a_mapped_network() -> None:
    """A resolver of the mapped network is asked under its own, public address."""
    async with mapped_world() as world:
        asked = question("www.example.com", "A", random.Random(1))
        datagrams = await world.net.open_udp(NAMESERVER, 53)
        result = await UdpExchange(datagrams, asked).ask(timeout_s=5)
        await datagrams.aclose()
        assert result.reply is not None
        assert result.reply.addresses == ("127.0.0.1",)
