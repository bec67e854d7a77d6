"""Whether traces name the right hop: many runs in the lab, with loss; figures for the docs.

Run in the lab: ``probe lab up none --world small --no-daemons -- python tests/bench/trace_hops.py
CASE --runs 100 --out FILE``; ``--table FILE...`` prints the table of docs/benchmarks.md.
"""

import argparse
import asyncio
import random
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from probe.analysis.locate import locate
from probe.clock import SystemClock
from probe.lab.actions import ACTIONS, Action, By, Position, Reach
from probe.lab.line_spec import LineSpec
from probe.lab.netns.attached import AttachedLab
from probe.lab.rules import Rule, What, Who
from probe.model.trace import Finding, Located, Placement, Shot, Trigger
from probe.net.capture import Capture
from probe.probes.trace import Aim, Pace, Tracing

WEB = "web.messenger.example"
PACE = Pace(rounds=3, spacing_s=0.05, settle_s=0.6, gap_s=0.01)


@dataclass(frozen=True)
class Case:
    """A machine on the way (or none), and what a right trace says of it."""

    about: str
    trigger: Trigger
    finding: Finding
    action: Action | None = None
    what: dict[str, Any] = field(default_factory=dict)
    hop: int | None = None
    placement: Placement = Placement.UNKNOWN
    by: By = By.NETWORK
    silent: tuple[int, ...] = ()

    def rules(self) -> tuple[Rule, ...]:
        """Return the rules to play."""
        if self.action is None:
            return ()
        spec = ACTIONS[self.action]
        whom = Who(host=(WEB,)) if self.trigger is Trigger.DNS else Who(sni=(WEB,))
        place: dict[str, Any] = (
            {} if self.by is By.SERVER or self.hop is None else {"hop": self.hop}
        )
        return (
            Rule(
                id=str(self.action),
                who=whom,
                what=What(action=self.action, **place, **self.what),
                by=self.by,
                reach=Reach.EVERYWHERE if self.by is By.SERVER else spec.reach,
                layers=spec.layers,
            ),
        )


class Run(msgspec.Struct, frozen=True):
    """One trace as it was kept."""

    case: str
    run: int
    loss: float
    shots: tuple[Shot, ...]


BESIDE: dict[str, Any] = {"position": Position.ON_PATH}
CASES = {
    "on-path-4": Case(
        "resets beside the path at hop 4",
        Trigger.TLS,
        Finding.NETWORK,
        Action.SNI_RESET,
        BESIDE,
        4,
        Placement.ON_PATH,
    ),
    "in-path-4": Case(
        "resets in the path at hop 4",
        Trigger.TLS,
        Finding.NETWORK,
        Action.SNI_RESET,
        {},
        4,
        Placement.IN_PATH,
    ),
    "drop-6": Case(
        "silent drop at hop 6",
        Trigger.TLS,
        Finding.NETWORK,
        Action.SNI_DROP,
        {},
        6,
        Placement.IN_PATH,
    ),
    "dns-3": Case(
        "forged answers beside the path at hop 3",
        Trigger.DNS,
        Finding.NETWORK,
        Action.FORGED,
        {**BESIDE, "answers": ("33.143.13.28",)},
        3,
        Placement.ON_PATH,
    ),
    "server": Case(
        "the server itself resets",
        Trigger.TLS,
        Finding.SERVER,
        Action.SNI_RESET,
        {},
        7,
        by=By.SERVER,
    ),
    "none": Case("nobody reacts", Trigger.TLS, Finding.NONE),
    "silent-hop": Case(
        "resets beside the path at hop 4, and routers 3 and 5 say nothing",
        Trigger.TLS,
        Finding.NETWORK,
        Action.SNI_RESET,
        BESIDE,
        4,
        Placement.ON_PATH,
        silent=(3, 5),
    ),
}


async def one(lab: AttachedLab, case: Case, loss: float, rng: random.Random) -> tuple[Shot, ...]:
    """Trace once."""
    line = LineSpec(loss=loss, silent_hops=case.silent)
    await lab.play(msgspec.structs.replace(lab.scenario, rules=case.rules(), line=line))
    dns = case.trigger is Trigger.DNS
    address = lab.world.nameserver if dns else lab.world.sites[WEB].addresses[0]
    aim = Aim(
        trigger=case.trigger,
        address=address,
        port=53 if dns else 443,
        target=WEB,
        neutral="comparison.example",
    )
    with Capture(aim.addresses) as capture:
        return await Tracing(aim, PACE, capture, SystemClock(), rng).run()


async def study(name: str, runs: int, loss: float, out: Path) -> None:
    """Trace ``runs`` times and write the shots of each, which can be judged again."""
    rng = random.Random(1)
    async with await AttachedLab.attach() as lab:
        for run in range(runs):
            shots = await one(lab, CASES[name], loss, rng)
            with out.open("ab") as file:
                file.write(msgspec.json.encode(Run(name, run, loss, shots)) + b"\n")


def table(files: list[Path]) -> str:
    """Return the rows of the table, judging what the runs have written."""
    told: dict[str, Counter[str]] = {name: Counter() for name in CASES}
    for file in files:
        for line in file.read_bytes().splitlines():
            run = msgspec.json.decode(line, type=Run)
            case = CASES[run.case]
            told[run.case].update(["runs", *judged(case, locate(run.shots, case.trigger))])
    head = ("what is played", "runs", "right finding", "hop exactly", "hop in the range")
    lines = [
        f"| {' | '.join((*head, 'wrong hop', 'in or on path right'))} |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, case in CASES.items():
        count = told[name]
        if not count["runs"]:
            continue
        on_the_way = case.finding is Finding.NETWORK
        hops = [
            str(count[key]) if on_the_way or key == "wrong" else "-"
            for key in ("exact", "within", "wrong", "placed")
        ]
        cells = (case.about, str(count["runs"]), str(count["found"]), *hops)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def judged(case: Case, found: Located) -> list[str]:
    """Return what is right (and wrong) about one run."""
    right = ["found"] if found.finding is case.finding else []
    if found.finding is not Finding.NETWORK:
        return right
    first, last = found.first or 0, found.last or 0
    if case.finding is not Finding.NETWORK or case.hop is None or not first <= case.hop <= last:
        return [*right, "wrong"]
    exact = ["exact"] if found.exact else []
    placed = ["placed"] if found.placement is case.placement else []
    return [*right, "within", *exact, *placed]


def main() -> None:
    """Run one case, or print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("case", nargs="?", choices=sorted(CASES))
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--loss", type=float, default=0.02)
    parser.add_argument("--out", type=Path, default=Path("trace-hops.jsonl"))
    parser.add_argument("--table", type=Path, nargs="+")
    given = parser.parse_args()
    if given.table:
        print(table(given.table))
    elif given.case is None:
        sys.exit("name a case: " + ", ".join(sorted(CASES)))
    else:
        asyncio.run(study(given.case, given.runs, given.loss, given.out))


if __name__ == "__main__":
    main()
