"""Orders to a running lab: who is told, in which order, and what a caller hears."""

import asyncio
import random
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from probe.lab.ca import Authority, AuthorityName
from probe.lab.line import LabError
from probe.lab.line_spec import LineSpec
from probe.lab.messages import (
    Ask,
    Describe,
    Locate,
    Observe,
    Play,
    SetTime,
    Start,
    Tell,
    Told,
)
from probe.lab.netns.addresses import Addresses
from probe.lab.netns.conversation import Conversation
from probe.lab.netns.director import Director, Played
from probe.lab.netns.lab_time import LabTime
from probe.lab.netns.orders import SOCKET, serve_orders
from probe.lab.netns.passage import Passage
from probe.lab.scenario import load_scenario
from probe.lab.windows import When, compile_window

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
NONE = load_scenario("none")
SERVICES = NONE.services or ()
AUTHORITIES = {
    name: Authority(b"root of " + name.encode(), b"", b"the key") for name in AuthorityName
}


@dataclass
class Servant:
    """Remembers what it was told, in a diary shared with others."""

    name: str
    diary: list[str]
    refuses: bool = False
    asked: list[Ask] = field(default_factory=list)

    async def ask(self, ask: Ask, *, timeout_s: float) -> Told:
        """Obey or refuse."""
        assert timeout_s > 0
        if self.refuses:
            raise LabError(f"{self.name} refuses")
        self.asked.append(ask)
        self.diary.append(f"{self.name} {type(ask).__name__}")
        return Told(counts={"tcp": 3, self.name: 1})


class Diarist(Passage):
    """A passage that writes down when it was told."""

    diary: list[str]

    def play(self, *args: object) -> None:
        """Write it down and do it."""
        self.diary.append("path Play")
        super().play(*args)  # type: ignore[arg-type]

    def move(self, addresses: Addresses) -> None:
        """Write it down and do it."""
        self.diary.append(f"path at {addresses.line_v4}")
        super().move(addresses)

    def set_time(self, now: datetime) -> None:
        """Write it down and do it."""
        self.diary.append(f"path {now:%H:%M}")
        super().set_time(now)


@dataclass
class Rig:
    """A director and all whom it directs."""

    director: Director
    inside: Servant
    abroad: Servant
    diary: list[str]
    time: LabTime


def rig(line: LineSpec | None = None) -> Rig:
    """Return a directed lab of fakes."""
    diary: list[str] = []
    scenario = msgspec.structs.replace(NONE, line=line or LineSpec())
    played = Played(SERVICES, scenario, NOON)
    path = Diarist(played.world, scenario, played.addresses, now=NOON, rng=random.Random(1))
    path.diary = diary
    seconds = iter(range(1000))
    time = LabTime(NOON, lambda: float(next(seconds)))
    director = Director(
        played,
        path,
        time,
        authorities=AUTHORITIES,
        seed=7,
        arrange=lambda played, tunnelled: diary.append(
            f"line {played.scenario.name} {'vpn' if tunnelled else 'plain'}"
        ),
        turned=lambda: diary.append("turned"),
    )
    inside, abroad = Servant("inside", diary), Servant("abroad", diary)
    director.hire(inside=inside, abroad=abroad)
    diary.clear()
    return Rig(director, inside, abroad, diary, time)


async def test_servers_change_before_the_path_does() -> None:
    """No packet may meet a world that is not served yet."""
    made = rig()
    other = load_scenario("dns-nxdomain")
    await made.director.answer(Play(other))
    assert made.diary == [
        "inside Play",
        "abroad Play",
        "line dns-nxdomain plain",
        "path Play",
    ]
    assert made.director.played.services == SERVICES


async def test_another_world_is_built_of_the_services_given() -> None:
    """With services a play changes the world, too; without it keeps them."""
    made = rig()
    await made.director.answer(Play(NONE, SERVICES[:1]))
    assert made.director.played.services == SERVICES[:1]
    await made.director.answer(Play(NONE))
    assert made.director.played.services == SERVICES[:1]


async def test_a_refused_play_changes_nothing() -> None:
    """When the servers cannot, the path goes on as before."""
    made = rig()
    made.inside.refuses = True
    with pytest.raises(LabError, match="inside refuses"):
        await made.director.answer(Play(load_scenario("dns-nxdomain")))
    assert made.director.played.scenario.name == "none"
    assert made.diary == []


async def test_the_time_is_told_to_all_and_stands_from_then_on() -> None:
    """Path, servers and control have the same hour; nobody's clock goes on by itself."""
    made = rig()
    before = made.time.now()
    assert made.time.now() > before
    await made.director.answer(SetTime(NOON + timedelta(hours=3)))
    assert made.diary == ["turned", "path 15:00", "inside SetTime", "abroad SetTime"]
    assert made.time.frozen
    assert made.time.now() == made.time.now() == NOON + timedelta(hours=3)


async def test_the_vpn_comes_with_its_hours() -> None:
    """The line is arranged anew when the hours begin and end, and not in between."""
    evening = compile_window(When(daily="18:00-24:00"), "UTC")
    made = rig(LineSpec(tunnel=True, tunnel_windows=(evening,)))
    for hour in (13, 19, 20, 23, 24):
        await made.director.answer(SetTime(NOON.replace(hour=0) + timedelta(hours=hour)))
    assert [entry for entry in made.diary if entry.startswith("line")] == [
        "line none vpn",
        "line none plain",
    ]


async def test_the_line_moves_with_the_hours_of_the_other_network() -> None:
    """First the line is arranged at its new addresses, then the path knows them; and back again."""
    after_one = compile_window(When(daily="13:00-14:00"), "UTC")
    made = rig(LineSpec(network="cafe", network_windows=(after_one,)))
    for minutes in (30, 60, 90, 120):
        await made.director.answer(SetTime(NOON + timedelta(minutes=minutes)))
    moves = [entry for entry in made.diary if entry.startswith(("line", "path at"))]
    assert moves == [
        "line none plain",
        "path at 192.168.2.23",
        "line none plain",
        "path at 192.168.1.23",
    ]
    assert made.director.played.addresses.line_gateway_v4 == "192.168.1.1"


async def test_a_description_gives_no_key_away() -> None:
    """Whoever runs in the lab learns whom to believe, and cannot sign."""
    told = await rig().director.answer(Describe())
    assert told.described is not None
    assert told.described.services == SERVICES
    assert not told.described.frozen
    assert b"the key" not in msgspec.json.encode(told)
    assert msgspec.json.decode(msgspec.json.encode(told), type=Told) == told


async def test_counts_are_those_of_path_and_servers() -> None:
    """Both count; the sum is told."""
    made = rig()
    made.director._path.counts.update({"tcp": 1, "injected": 2})
    told = await made.director.answer(Tell())
    assert told.counts == {"tcp": 4, "injected": 2, "inside": 1}


async def test_a_look_from_abroad_needs_somebody_there() -> None:
    """It is the worker's; without one that is said."""
    made = rig()
    endpoint = SERVICES[0].endpoints[0]
    await made.director.answer(Observe(endpoint))
    assert made.abroad.asked == [Observe(endpoint)]
    made.director.hire(inside=None, abroad=None)
    with pytest.raises(LabError, match="no control abroad"):
        await made.director.answer(Observe(endpoint))


async def test_orders_for_other_stages_are_refused() -> None:
    """Nobody starts or maps a lab from within."""
    made = rig()
    start = Start(SERVICES, NONE, AUTHORITIES, NOON, 1)
    for ask in (start, Locate("tcp", "33.1.2.3", 443, control=False)):
        with pytest.raises(LabError, match="not for a lab"):
            await made.director.answer(ask)


@pytest_asyncio.fixture
async def caller(tmp_path: Path) -> AsyncIterator[tuple[Conversation, Rig]]:
    """Return a conversation with a lab of fakes, over its control socket."""
    made = rig()
    server = await serve_orders(made.director, tmp_path)
    reader, writer = await asyncio.open_unix_connection(tmp_path / SOCKET)
    conversation = Conversation(reader, writer, "the lab")
    yield conversation, made
    await conversation.aclose()
    server.close()
    await server.wait_closed()


async def test_answers_come_to_those_who_asked(caller: tuple[Conversation, Rig]) -> None:
    """Many at once, one of them cancelled: each of the others has its own answer."""
    talk, made = caller
    cancelled = asyncio.ensure_future(talk.ask(Tell(), timeout_s=5))
    await asyncio.sleep(0)
    cancelled.cancel()
    told = await asyncio.gather(
        talk.ask(Describe(), timeout_s=5),
        talk.ask(Tell(), timeout_s=5),
        talk.ask(SetTime(NOON), timeout_s=5),
    )
    assert [one.described is not None for one in told] == [True, False, False]
    assert told[1].counts
    assert made.time.frozen


async def test_a_refusal_is_raised_where_it_was_asked(caller: tuple[Conversation, Rig]) -> None:
    """And the next order is carried out."""
    talk, made = caller
    made.inside.refuses = True
    with pytest.raises(LabError, match="the lab refused: inside refuses"):
        await talk.ask(Play(NONE), timeout_s=5)
    made.inside.refuses = False
    assert await talk.ask(Play(NONE), timeout_s=5) == Told()


async def ask_on(talk: Conversation) -> None:
    """Ask until that fails."""
    while True:
        await talk.ask(Tell(), timeout_s=5)


@pytest.mark.parametrize("said", [b"nonsense\n", b"{}\n{}\n", b""])
async def test_whoever_talks_nonsense_is_not_waited_for(said: bytes) -> None:
    """Garbage, answers nobody asked for, a hang-up: who waits is told at once."""
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_unix_connection(sock=ours)
    talk = Conversation(reader, writer, "somebody")
    theirs.sendall(said)
    theirs.shutdown(socket.SHUT_WR)
    async with asyncio.timeout(5):
        with pytest.raises(LabError, match="somebody"):
            await ask_on(talk)
    await talk.aclose()
    await writer.wait_closed()
    theirs.close()
