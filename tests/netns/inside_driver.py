"""Starts ``probe.lab.inside`` in this namespace, looks at it, ends it, and prints what it found.

Run as ``python inside_driver.py ENDING FOLDER [PROGRAM...]`` where every address is local.
"""

import json
import os
import select
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import dns.message
import dns.query
import msgspec

from probe.lab.ca import AuthorityName, make_authority
from probe.lab.messages import Ask, Locate, Start, Tell
from probe.lab.scenario import load_scenario
from probe.lab.world import World, build_world

NAME = "web.messenger.example"
PATIENCE_S = 5.0


class Inside:
    """The process, and the line to it."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "probe.lab.inside"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def order(self, ask: Ask | None) -> Any:
        """Send an order (``None``: something that is none) and return the error it met."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write((b"{}" if ask is None else msgspec.json.encode(ask)) + b"\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())["error"]

    def children(self) -> list[int]:
        pid = self.process.pid
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def end(self, how: str) -> int:
        assert self.process.stdin is not None
        if how == "kill":
            self.process.kill()
        else:
            self.process.stdin.close()
        return self.process.wait(timeout=10)


def start_order(folder: str, daemons: list[str]) -> Start:
    scenario = load_scenario("none")
    assert scenario.services is not None
    return Start(
        services=scenario.services,
        scenario=scenario,
        authorities={name: make_authority(name, scenario.starts) for name in AuthorityName},
        now=scenario.starts,
        seed=1,
        daemons=tuple(daemons),
        folder=folder,
    )


def tells_the_truth(world: World) -> bool:
    query = dns.message.make_query(NAME, "A")
    answer = dns.query.udp(query, world.nameserver, timeout=PATIENCE_S)
    found = {row.to_text() for rrset in answer.answer for row in rrset}
    return found == {a for a in world.sites[NAME].addresses if ":" not in a}


def left(watched: dict[int, int]) -> list[int]:
    """Return which processes (by the descriptors that watch them) do not end in time."""
    waiting = dict(watched)
    while waiting:
        ended, _, _ = select.select(list(waiting), [], [], PATIENCE_S)
        if not ended:
            break
        for descriptor in ended:
            del waiting[descriptor]
    return list(waiting.values())


def listening(world: World) -> bool:
    try:
        socket.create_connection((world.nameserver, 53), timeout=1).close()
    except ConnectionRefusedError:
        return False
    return True


def main(ending: str, folder: str, daemons: list[str]) -> dict[str, Any]:
    inside = Inside()
    found: dict[str, Any] = {"early": inside.order(Tell())}
    start = start_order(folder, daemons)
    world = build_world(start.services, start.scenario.country)
    found["started"] = inside.order(start)
    found["true"] = tells_the_truth(world)
    found["strange"] = inside.order(None)
    found["foreign"] = inside.order(Locate("tcp", "33.1.2.3", 443, control=False))
    found["late"] = inside.order(Tell())
    pids = inside.children()
    found["programs"] = sorted(Path(f"/proc/{pid}/comm").read_text().strip() for pid in pids)
    watched = {os.pidfd_open(pid): pid for pid in pids}
    found["code"] = inside.end(ending)
    found["left"] = left(watched)
    found["open"] = listening(world)
    found["files"] = sorted(os.listdir(folder))  # noqa: PTH208 - names are enough
    return found


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], sys.argv[3:])))
