"""A UDP socket that answers: no more than was asked, and not too often for anybody."""

import asyncio
import socket
from typing import Any

import pytest

from probe.errors import ForbiddenNetwork
from probe.net.listen_udp import DatagramBounds, Datagrammed, datagrams_at

FEW = DatagramBounds(per_peer=1.0, per_peer_burst=1_000.0, least=200)


async def heard(port: int, *questions: bytes, wait_s: float = 0.2) -> list[bytes]:
    """Send questions from one socket, and return what comes back until it is quiet."""
    loop = asyncio.get_running_loop()
    found: list[bytes] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.0)
        sock.connect(("127.0.0.1", port))
        for question in questions:
            sock.send(question)
        try:
            while len(found) < len(questions):
                async with asyncio.timeout(wait_s):
                    found.append(await loop.sock_recv(sock, 65_535))
        except TimeoutError:
            pass
    return found


@pytest.mark.parametrize("address", ["0.0.0.0", "192.0.2.1"])
async def test_the_guard_decides_where(address: str) -> None:
    """Under ``PROBE_NET=loopback`` nobody outside can reach it."""
    with pytest.raises(ForbiddenNetwork):
        async with datagrams_at(address, 0, lambda data: data):
            pass


async def test_an_answer_is_never_longer_than_its_question() -> None:
    """Whoever made it: one byte more, and nothing is sent."""
    answers = {b"four": b"4444", b"five": b"55555", b"none": None}
    async with datagrams_at("127.0.0.1", 0, answers.__getitem__) as told:
        assert await heard(told.port, b"five", b"none", b"four") == [b"4444"]
    assert (told.answered, told.dropped) == (1, 2)


async def test_a_peer_has_a_budget_and_small_ones_cost_as_well() -> None:
    """A thousand bytes are five datagrams of a byte: what is over is dropped without a word."""
    async with datagrams_at("127.0.0.1", 0, lambda data: data, bounds=FEW) as told:
        assert await heard(told.port, *[b"x"] * 8) == [b"x"] * 5
    assert (told.answered, told.dropped) == (5, 3)


async def test_all_together_have_one_too() -> None:
    """Many peers cannot take more than the line has."""
    bounds = DatagramBounds(in_all=1.0, in_all_burst=400.0)
    async with datagrams_at("127.0.0.1", 0, lambda data: data, bounds=bounds) as told:
        assert await heard(told.port, b"x") == [b"x"]
        assert await heard(told.port, b"y", b"z") == [b"y"]


async def test_a_bug_costs_one_datagram() -> None:
    """It is noted by its name, and the next is answered."""

    def answer(data: bytes) -> bytes:
        if data == b"bad":
            raise KeyError(data)
        return data

    async with datagrams_at("127.0.0.1", 0, answer) as told:
        assert await heard(told.port, b"bad", b"good") == [b"good"]
    assert told.problems == ["KeyError"]


class _Silent(asyncio.DatagramTransport):
    """Takes everything."""

    def sendto(self, data: Any, addr: Any = None) -> None:
        del data, addr


async def test_a_thousand_addresses_do_not_fill_the_memory() -> None:
    """The longest silent is forgotten, and its budget with it."""
    from probe.net.listen_udp import _Door

    bounds = DatagramBounds(peers=10, in_all_burst=10**9)
    door = _Door(lambda data: data, None, bounds, Datagrammed("127.0.0.1", 0))
    door.connection_made(_Silent())
    for number in range(1_000):
        door.datagram_received(b"x", (f"10.0.{number // 250}.{number % 250}", 9))
    assert len(door._peers) == 10


async def test_a_crowd_of_invented_senders_is_not_read() -> None:
    """Each is tried with every key; who was answered before is neither held up nor forgotten."""
    from probe.net.listen_udp import _Door

    read: list[bytes] = []

    def answer(data: bytes) -> bytes | None:
        read.append(data)
        return data if data == b"sealed" else None

    bounds = DatagramBounds(peers=10, strangers=0.0, strangers_burst=5.0)
    told = Datagrammed("127.0.0.1", 0)
    door = _Door(answer, None, bounds, told)
    door.connection_made(_Silent())
    door.datagram_received(b"sealed", ("192.0.2.1", 9))
    for number in range(100):
        door.datagram_received(b"noise", (f"10.0.0.{number}", 9))
    door.datagram_received(b"sealed", ("192.0.2.1", 9))
    assert read == [b"sealed", *[b"noise"] * 4, b"sealed"]
    assert (told.answered, told.dropped) == (2, 100)
