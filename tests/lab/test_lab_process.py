"""The lab's second process: it listens on loopback only, follows the clock, and leaves nothing."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from datetime import timedelta
from pathlib import Path

import pytest

from probe.errors import InputError
from probe.lab.actions import Stage
from probe.lab.line import LabError, Line
from probe.lab.process import Lab
from probe.lab.rules import Scenario
from probe.lab.scenario import load_scenario
from probe.net.base import NetFailure

HEAD = "name: t\ndescription: d\nstarts: 2026-03-02\ncountry: XX\nworld: small\n"


def scenario(folder: Path, rules: str = "") -> Scenario:
    file = folder / "scenario.yaml"
    file.write_text(HEAD + rules, encoding="utf-8")
    return load_scenario(file)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def descriptors(pid: int | str | None) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


async def gone(pid: int) -> bool:
    """Return whether ``pid`` ends within ten seconds."""
    for _ in range(500):
        if not alive(pid):
            return True
        await asyncio.sleep(0.02)
    return False


@pytest.mark.slow
async def test_the_servers_end_with_the_lab(tmp_path: Path) -> None:
    """After ``async with`` no process of the lab is left, and it can be started again."""
    for _ in range(2):
        async with Lab(scenario(tmp_path)) as lab:
            assert lab.pid is not None
            pid = lab.pid
            assert alive(pid)
        assert not alive(pid)
        assert lab.pid is None


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
async def test_the_servers_end_when_their_parent_is_killed(end: signal.Signals) -> None:
    """No orphan is left, however the measuring process dies."""
    code = """
        import asyncio, sys
        from probe.lab.process import Lab
        from probe.lab.scenario import load_scenario
        async def main():
            async with Lab(load_scenario("none")) as lab:
                print(lab.pid, flush=True)
                await asyncio.sleep(60)
        asyncio.run(main())
    """
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", textwrap.dedent(code), stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    assert alive(pid)
    parent.send_signal(end)
    await parent.wait()
    assert await gone(pid)


async def test_everything_listens_on_loopback(tmp_path: Path) -> None:
    """Whatever address is asked for, the place that stands for it is 127.0.0.1 or ::1."""
    async with Lab(scenario(tmp_path)) as lab:
        view = lab._views[False]
        for address in lab.world.hosts:
            for transport, port in (("tcp", 443), ("tcp", 25), ("udp", 53), ("udp", 9)):
                try:
                    host, at = await view.locate(transport, address, port)  # type: ignore[arg-type]
                except NetFailure:
                    assert ":" in address, "only a machine without IPv6 has no way there"
                    continue
                assert host == ("::1" if ":" in address else "127.0.0.1")
                assert at > 0


@pytest.mark.slow
async def test_no_file_descriptor_is_left_behind(tmp_path: Path) -> None:
    """A lab that came and went leaves this process with as many descriptors as before."""
    async with Lab(scenario(tmp_path)) as lab:
        await lab.net().system_resolve("www.newspaper.example", 4, timeout_s=5)
    before = descriptors("self")
    for _ in range(3):
        async with Lab(scenario(tmp_path)) as lab:
            resolved = await lab.net().system_resolve("www.newspaper.example", 4, timeout_s=5)
            stream = await lab.net().connect_tcp(resolved.addresses[0], 443, timeout_s=5)
            await stream.aclose()
    assert descriptors("self") == before


@pytest.mark.slow
async def test_the_servers_keep_no_connection_that_the_client_left(tmp_path: Path) -> None:
    """Descriptors of the second process come back when a client hangs up, also on the deaf."""
    rules = "rules:\n  - {id: r, who: {sni: '*.messenger.example'}, what: sni_drop}\n"
    async with Lab(scenario(tmp_path, rules)) as lab:
        net = lab.net()
        address = lab.world.sites["web.messenger.example"].addresses[0]

        async def visit() -> None:
            stream = await net.connect_tcp(address, 443, timeout_s=5)
            await stream.send(b"\x16\x03\x01\x02\x00", timeout_s=5)
            await stream.aclose()

        await visit()
        await asyncio.sleep(0.05)
        before = descriptors(lab.pid)
        for _ in range(50):
            await visit()
        for _ in range(100):
            await lab.counters()  # a turn for the servers
            if descriptors(lab.pid) <= before:
                break
        assert descriptors(lab.pid) <= before


async def test_the_map_follows_the_clock(tmp_path: Path) -> None:
    """An address is dropped while the rule stands, and served again afterwards."""
    rules = (
        "rules:\n  - id: r\n    who: {host: edge.messenger.example}\n    what: drop\n"
        '    when: {daily: "16:00-24:00"}\n'
    )
    async with Lab(scenario(tmp_path, rules)) as lab:
        net = lab.net()
        address = lab.world.sites["edge.messenger.example"].addresses[0]
        await (await net.connect_tcp(address, 5222, timeout_s=5)).aclose()
        await lab.clock.sleep(16 * 3600)
        with pytest.raises(NetFailure, match="generic_timeout_error"):
            await net.connect_tcp(address, 5222, timeout_s=0.1)
        await (await lab.net(control=True).connect_tcp(address, 5222, timeout_s=5)).aclose()
        await lab.clock.until(lab.scenario.starts + timedelta(days=1))
        await (await net.connect_tcp(address, 5222, timeout_s=5)).aclose()


async def test_a_new_censor_can_be_played_in_a_running_lab(tmp_path: Path) -> None:
    """The world stays, the rules change, and what the map knew is forgotten."""
    async with Lab(scenario(tmp_path)) as lab:
        net = lab.net()
        address = lab.world.sites["web.messenger.example"].addresses[0]
        await (await net.connect_tcp(address, 443, timeout_s=5)).aclose()
        await lab.play(load_scenario("tcp-refused"))
        with pytest.raises(NetFailure, match="connection_refused"):
            await net.connect_tcp(address, 443, timeout_s=5)
        counters = await lab.counters()
        assert counters["rule:tcp-refused"] == 1


async def test_a_lab_whose_servers_died_says_so(tmp_path: Path) -> None:
    """A crash of the servers is our error, not a failure of the measured network."""
    async with Lab(scenario(tmp_path)) as lab:
        assert lab.pid is not None
        os.kill(lab.pid, signal.SIGKILL)
        assert await gone(lab.pid)
        with pytest.raises(LabError):
            await lab.counters()


async def test_a_cancelled_question_does_not_shift_the_answers(tmp_path: Path) -> None:
    """An answer belongs to its question, also when another question was given up."""
    async with Lab(scenario(tmp_path)) as lab:
        view = lab._views[False]
        address = lab.world.sites["web.messenger.example"].addresses[0]
        given_up = asyncio.ensure_future(view.locate("tcp", address, 443))
        await asyncio.sleep(0)
        given_up.cancel()
        counters = await lab.counters()
        assert "dns" not in counters
        assert (await view.locate("tcp", address, 443))[1] > 0


async def test_a_stranger_is_hung_up_on() -> None:
    """Only who knows the token may be the servers."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[Line] = loop.create_future()
    door = await loop.create_server(lambda: Line("secret", ready), "127.0.0.1", 0)
    port = door.sockets[0].getsockname()[1]
    for said in (b'{"type":"hello","token":"guess"}\n', b"x" * 5000, b"\xff\n"):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(said)
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
    assert not ready.done()
    ready.cancel()
    door.close()
    await door.wait_closed()


def test_a_scenario_for_another_stage_is_refused(tmp_path: Path) -> None:
    """Packets that loopback cannot play are not played half."""
    import msgspec

    other = msgspec.structs.replace(scenario(tmp_path), stages=frozenset({Stage.NETNS}))
    with pytest.raises(InputError, match="loopback"):
        Lab(other)
    nowhere = msgspec.structs.replace(scenario(tmp_path), services=None)
    with pytest.raises(InputError, match="catalog"):
        Lab(nowhere)


async def test_the_second_process_takes_orders_from_nobody_else() -> None:
    """Started by hand it says what it is, and ends."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "probe.lab.server", stderr=subprocess.PIPE
    )
    _, said = await process.communicate()
    assert process.returncode == 1
    assert b"started by the first" in said
