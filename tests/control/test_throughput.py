"""The throughput service and the probe that measures against it: both ends over real sockets."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from throughput_stage import HASH, HERE, NEUTRAL, TOKEN, Vps, server_at, timed

from probe.analysis.speeds import speed_of, transfer_of
from probe.control import throughput_door
from probe.control.throughput import checked_names, wanted_of
from probe.errors import InputError
from probe.model.goodput import Direction, Transport
from probe.model.measurement import HttpStep, TcpStep, TlsStep, TransferStep
from probe.net.listen import Listening, listening

WANTED = 131_072


@pytest.mark.parametrize("name", [None, NEUTRAL])
async def test_a_download_is_timed_under_each_name(name: str | None) -> None:
    """All bytes come, marked from the first to the last, and the handshake has its round trip."""
    async with Vps().open() as door:
        sni = {} if name is None else {"sni": name}
        done = await timed(server_at(door.listener.port), WANTED, **sni)
    assert [type(s) for s in done.steps] == [TcpStep, TlsStep, HttpStep, TransferStep]
    step = transfer_of(done)
    assert step is not None
    assert WANTED < step.received < 1.01 * WANTED
    assert step.marks[-1][0] == step.received
    assert (step.failure, step.stalled_at) == (None, None)
    assert step.rtt_s is not None
    assert speed_of(step).rate
    assert step.rtt_s > 0
    assert door.server.served == 1


async def test_an_upload_is_what_the_server_saw_of_it() -> None:
    """What this machine's kernel took says nothing: the server's marks are kept."""
    async with Vps().open() as door:
        done = await timed(server_at(door.listener.port), WANTED, direction=Direction.UPLOAD)
    step = transfer_of(done)
    assert step is not None
    assert (step.received, step.direction, step.failure) == (WANTED, Direction.UPLOAD, None)
    assert len(step.marks) > 2


async def test_over_quic_it_is_the_same_object() -> None:
    """HTTP/3, behind a Retry: bytes are those of the datagrams."""
    async with Vps().open() as door:
        done = await timed(server_at(door.listener.port), WANTED, transport=Transport.QUIC)
    step = transfer_of(done)
    assert step is not None
    assert (step.transport, step.failure) == (Transport.QUIC, None)
    assert WANTED < step.received < 1.1 * WANTED
    http = done.steps[-2]
    assert isinstance(http, HttpStep)
    assert (http.protocol, http.status, http.body_sha256 is None) == ("HTTP/3", 200, False)


async def test_a_handshake_without_a_certificate_is_nobodys(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Over QUIC, too: nothing is asked, and the token stays here."""
    monkeypatch.setattr("probe.net.quic.QuicDriver._read_peer", lambda _: None)
    async with Vps().open() as door:
        done = await timed(server_at(door.listener.port), transport=Transport.QUIC)
    (step,) = done.steps
    assert step.failure == "unknown_failure: a QUIC handshake that showed no certificate"


@pytest.mark.parametrize("disguised", [False, True])
async def test_a_call_comes_back(disguised: bool) -> None:
    """Ten packets at the rate of a telephone, as they are and in disguise: none is lost."""
    async with Vps().open() as door:
        done = await timed(
            server_at(door.listener.port), 1_720, transport=Transport.UDP, random_payload=disguised
        )
    step = transfer_of(done)
    assert step is not None
    assert (step.received, step.lost_share, step.failure) == (1_720, 0.0, None)
    assert step.rtt_s is not None


@pytest.mark.parametrize("transport", [Transport.TCP, Transport.QUIC])
async def test_who_has_no_token_learns_nothing(transport: Transport) -> None:
    """404, and no transfer: what this host is, it tells nobody else."""
    async with Vps().open() as door:
        stranger = server_at(door.listener.port, token="b" * 43)
        done = await timed(stranger, transport=transport)
    http = done.steps[-1]
    assert isinstance(http, HttpStep)
    assert http.status == 404


async def test_a_stranger_hears_no_datagram() -> None:
    """Silence, and it is counted as dropped."""
    async with Vps().open() as door:
        done = await timed(
            server_at(door.listener.port, token="b" * 43), 344, transport=Transport.UDP
        )
    step = transfer_of(done)
    assert step is not None
    assert (step.received, step.lost_share, step.failure) == (0, 1.0, "generic_timeout_error")
    assert door.datagrams.answered == 0


async def test_another_name_is_not_answered() -> None:
    """The hello ends there: the server speaks under its list only."""
    async with Vps().open() as door:
        done = await timed(server_at(door.listener.port), sni="other.example")
    assert isinstance(done.steps[-1], TlsStep)
    assert done.failure is not None


@pytest.mark.parametrize("transport", [Transport.TCP, Transport.QUIC])
async def test_a_token_is_said_to_the_trusted_key_only(transport: Transport) -> None:
    """Somebody in between, with another key, is not asked: the token stays here."""
    async with Vps().open() as door:
        done = await timed(server_at(door.listener.port, key=bytes(32)), transport=transport)
    assert isinstance(done.steps[-1], TlsStep)
    assert transfer_of(done) is None
    assert door.server.turned_away == 0


async def test_the_day_has_an_end() -> None:
    """When the day's budget is spent, a holder is told so; the next day begins anew."""
    vps = Vps(day_bytes=100_000)
    async with vps.open() as door:
        server = server_at(door.listener.port)
        first, second = await timed(server), await timed(server)
        await vps.clock.sleep(86_400)
        third = await timed(server)
    assert transfer_of(first) is not None
    assert isinstance(second.steps[-1], HttpStep)
    assert second.steps[-1].status == 429
    assert transfer_of(third) is not None


def test_a_holder_has_a_budget_of_bytes() -> None:
    """One holder cannot take what is the others'; it comes back slowly."""
    from probe.control.throughput import Ration

    vps = Vps()
    ration = Ration(lambda: (HASH, "c" * 64), vps.clock, 10**12)
    assert ration.grant(0, 32_000_000)
    assert not ration.grant(0, 1)
    assert ration.grant(1, 1)


async def test_a_token_that_was_ended_is_no_token() -> None:
    """The list is read anew: for a connection at once, for datagrams within seconds."""
    vps = Vps()
    async with vps.open() as door:
        server = server_at(door.listener.port)
        assert transfer_of(await timed(server)) is not None
        assert vps.ration.echo(b"x" * 172) is None
        vps.tokens = ()
        await vps.clock.sleep(6.0)
        assert transfer_of(await timed(server)) is None
        heard = transfer_of(await timed(server, 172, transport=Transport.UDP))
    assert heard is not None
    assert heard.received == 0


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ((), "a list of names only"),
        (("no_name.example",), "is no host name"),
        (("localhost",), "is no host name"),
        (tuple(f"h{n}.example" for n in range(201)), "a list of names only"),
    ],
)
def test_a_list_of_names_is_demanded(names: tuple[str, ...], words: str) -> None:
    """Nothing is served under any name; the error says what to give."""
    with pytest.raises(InputError, match=words):
        checked_names(names)


def test_names_are_compared_in_lower_case() -> None:
    """A hello may write them as it likes."""
    assert checked_names((" Chat.Example. ", "chat.example")) == {"chat.example"}


@pytest.mark.parametrize(
    ("target", "size"),
    [
        (b"/bytes/65536", 65_536),
        (b"/bytes/524288", 524_288),
        (b"/bytes/524289", None),
        (b"/bytes/0", None),
        (b"/bytes/-1", None),
        (b"/bytes/99999999999999999999", None),
        (b"/bytes/\xd9\xa1", None),
        (b"/bytes", None),
        (b"/other/1000", None),
        (b"/bytes/1/2", None),
    ],
)
def test_what_a_path_asks_for(target: bytes, size: int | None) -> None:
    """Half a mebibyte at most, in ASCII digits."""
    assert wanted_of(target) == size


def test_nothing_prints_a_token() -> None:
    """A value may end in an error or a log."""
    assert TOKEN not in repr(server_at(1))


async def test_any_port_is_one_that_is_free_for_datagrams_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where somebody has the number's datagrams, another number is taken; a given one is said."""
    real, taken = listening, socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    tried: list[int] = []

    @asynccontextmanager
    async def taking(*where: Any, **how: Any) -> AsyncIterator[Listening]:
        async with real(*where, **how) as listener:
            if not tried:
                taken.bind((HERE, listener.port))
            tried.append(listener.port)
            yield listener

    monkeypatch.setattr(throughput_door, "listening", taking)
    with taken:
        async with Vps().open() as door:
            assert tried == [taken.getsockname()[1], door.datagrams.port]
            assert door.listener.port == door.datagrams.port
        tried[:] = [0]
        vps = Vps(port=taken.getsockname()[1])
        with pytest.raises(InputError, match="already in use"):
            async with vps.open():
                raise AssertionError("it is somebody's")
