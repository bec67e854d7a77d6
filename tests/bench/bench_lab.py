"""The lab in namespaces: what a packet costs in the box, and the shipped catalog without a censor.

A packet of 1,400 bytes of a connection that stands goes through the box's engine by itself: no
kernel, no wire. Then every endpoint of the catalog that has a probe is measured once over single
packets, 16 at a time, with unbound, nginx and caddy where they are installed. Skipped, and said so,
where namespaces cannot be made.
"""

import ast
import os
import random
import re
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from figures import Figure

from probe.lab.path import Middle, Plumbing, Side, standard_hops
from probe.lab.path.crafting import tcp_segment
from probe.lab.path.plumbing import packed
from probe.lab.scenario import load_scenario
from probe.lab.world import build_world

ROOT = Path(__file__).parent.parent.parent
PACKETS = 20_000
ACK, SYN = 16, 2


def packet_us() -> float:
    """Return the processor time of one full packet towards the line, in microseconds."""
    none = load_scenario("none")
    world = build_world(none.services or (), "XX")
    line = "192.168.1.23"
    plumbing = Plumbing(
        line_v4=line,
        line_public_v4=world.own_address,
        line_v6="3ffe:b::23",
        abroad_v4="33.9.9.9",
        abroad_v6="3ffe:a::99",
        hops=standard_hops(),
    )
    middle = Middle(
        world, none, plumbing, now=datetime(2026, 3, 2, tzinfo=UTC), rng=random.Random(1)
    )
    server = next(a for a in world.sites["web.messenger.example"].addresses if ":" not in a)
    mine, theirs = (packed(line), 40_000), (packed(server), 443)
    public = (packed(world.own_address), 40_000)
    middle.handle(tcp_segment(mine, theirs, SYN, sequence=1), Side.LINE, 0.0)
    middle.handle(
        tcp_segment(theirs, public, SYN | ACK, sequence=9, acknowledgement=2), Side.INTERNET, 0.0
    )
    full = tcp_segment(
        theirs, public, ACK, sequence=10, acknowledgement=2, payload=bytes(1_360), window=512
    )
    passed = 0
    start = time.process_time()
    for number in range(PACKETS):
        passed += len(middle.handle(full, Side.INTERNET, number / 1_000))
    took_s = time.process_time() - start
    if passed < PACKETS:
        raise RuntimeError(f"{passed} of {PACKETS} packets passed")
    return took_s / PACKETS * 1e6


def catalog() -> dict[str, float] | str:
    """Return what the test of the whole catalog printed, or why it did not run."""
    environment = os.environ | {"PROBE_NET": "loopback"}
    probe = [sys.executable, "-m", "probe"]
    check = subprocess.run(
        [*probe, "lab", "check", "-o", "json"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if check.returncode:
        return check.stderr.strip()
    test = str(ROOT / "tests" / "netns" / "test_catalog_whole.py")
    ran = subprocess.run(
        [
            *(*probe, "lab", "up", "--world", "small", "none", "--"),
            *(sys.executable, "-m", "pytest", "-q", "-s", "-m", "netns", test),
            *("-k", "every_endpoint_answers"),
        ],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.search(r"\{'measured'.*\}", ran.stdout)
    if found is None:
        raise RuntimeError("the test printed no figures")
    figures: dict[str, float] = ast.literal_eval(found[0])
    return figures


def main() -> list[Figure]:
    """Measure both."""
    cost = packet_us()
    rows = [
        Figure("1,400 bytes through the engine, processor", f"{cost:.0f} µs", "< 25 µs", cost < 25)
    ]
    seen = catalog()
    if isinstance(seen, str):
        return [*rows, Figure("the catalog over single packets", f"skipped: {seen}")]
    rows.append(
        Figure(
            "the catalog over single packets",
            f"{seen['measured']:.0f} endpoints, none failed, {seen['seconds']:.0f} s, "
            f"{seen['bytes'] / 1e6:.1f} MB, {seen['MB resident']:.0f} MiB resident",
        )
    )
    return rows


if __name__ == "__main__":
    for figure in main():
        print(figure.row())
