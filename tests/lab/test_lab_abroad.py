"""The worker abroad and its line: time that was told, answers in the order of the questions."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from probe.clock import VirtualClock
from probe.lab.abroad import ToldClock, Vantage
from probe.lab.ca import AuthorityName, make_authority
from probe.lab.messages import Locate, Observe, Start
from probe.lab.scenario import load_scenario

NOW = datetime(2026, 3, 2, tzinfo=UTC)

ECHO = """
import asyncio
from probe.lab.messages import Told
from probe.lab.pipes import answer_lines

async def answer(line: bytes) -> Told:
    print("a word that is no answer")
    if b"slow" in line:
        await asyncio.sleep(0.05)
    return Told(epoch=line.decode().strip())

asyncio.run(answer_lines(answer, at_once=4))
"""


def test_a_told_time_runs_on_until_it_is_told_again() -> None:
    """Certificates are checked at the lab's time, durations are the machine's."""
    machine = VirtualClock(datetime(2000, 1, 1, tzinfo=UTC))
    clock = ToldClock(NOW, machine)
    machine.advance(5)
    assert clock.now() == NOW + timedelta(seconds=5)
    assert clock.monotonic_s() == 5
    clock.tell(NOW - timedelta(days=1))
    machine.advance(2)
    assert clock.now() == NOW - timedelta(days=1) + timedelta(seconds=2)
    assert not clock.virtual


async def test_a_told_clock_sleeps_by_the_machines() -> None:
    """Waiting for a deadline takes the time that it says."""
    machine = VirtualClock(NOW)
    clock = ToldClock(NOW, machine)
    await clock.sleep(3)
    assert machine.monotonic_s() == 3
    assert clock.now() == NOW + timedelta(seconds=3)


def test_answers_come_in_the_order_of_the_questions() -> None:
    """A slow question does not let a later one's answer pass, and prints are no answers."""
    lines = ["slow 1", "2", "slow 3", "4", "5", "6"]
    ran = subprocess.run(
        [sys.executable, "-c", ECHO],
        input="".join(f"{line}\n" for line in lines),
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PROBE_NET": "loopback"},
    )
    assert [json.loads(line)["epoch"] for line in ran.stdout.splitlines()] == lines
    assert ran.stderr.count("a word that is no answer") == len(lines)


@pytest.mark.parametrize("module", ["probe.lab.inside", "probe.lab.abroad"])
def test_the_labs_processes_run_in_a_lab_only(module: str) -> None:
    """Started by hand on the machine's own network they open nothing and say why."""
    ran = subprocess.run(
        [sys.executable, "-m", module],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PROBE_NET": "loopback"},
    )
    assert ran.returncode == 1
    assert ran.stdout == ""
    assert "probe lab up" in ran.stderr


async def test_a_vantage_says_what_it_cannot_do() -> None:
    """Nothing before a start, nothing outside of a lab, no order that is not its own."""
    vantage = Vantage()
    services = load_scenario("none").services
    assert services is not None
    observe = msgspec.json.encode(Observe(services[0].endpoints[0]))
    assert (await vantage.answer(observe)).error == "nothing was started"
    start = Start(
        services=services,
        scenario=load_scenario("none"),
        authorities={name: make_authority(name, NOW) for name in AuthorityName},
        now=NOW,
        seed=1,
    )
    outside = await vantage.answer(msgspec.json.encode(start))
    assert "ForbiddenNetwork" in (outside.error or "")
    assert "ValidationError" in ((await vantage.answer(b"{}")).error or "")
    locate = msgspec.json.encode(Locate("tcp", "33.1.2.3", 443, control=False))
    assert (await vantage.answer(locate)).error == "nothing was started"
