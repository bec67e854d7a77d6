"""Whether traces name the right hop: many runs in the lab, with loss; writes a page of figures.

``make bench-trace`` runs all cases. One alone, in the lab: ``python tests/bench/bench_trace.py CASE
--runs 100 --out FILE``; then ``--page docs/benchmarks-trace.md --from FILE...`` judges what the
runs have kept and writes the page.
"""

import argparse
import asyncio
import random
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


INTRODUCTION = """# Where on the path: how often the hop is right

Written by `make bench-trace`. The lab plays a machine on the way (or none) and loses packets on the
line, each way; `probe trace` runs three rounds, and what it says is held against what was played.
*Exactly* is one hop, the right one; *in the range* counts the runs that name several hops with the
right one among them; a *wrong hop* is a range that does not hold it, or any hop of the network
where no machine of the network reacts.

The line is the only lossy part, every router answers each time unless it is said to be silent, all
ways have one length, and the kernel (for questions: the trace) sends again what was lost. On the
open Internet routers limit their answers and flows take several ways: expect more ranges there.

The aim is the right hop in at least 95 of 100 runs at 2 % loss, and no hop where the server itself
resets.

Made on {day}.
"""


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


def page(files: list[Path]) -> str:
    """Return the page: a table for each rate of loss, judging what the runs have written."""
    told: dict[float, dict[str, Counter[str]]] = {}
    for file in files:
        for line in file.read_bytes().splitlines():
            run = msgspec.json.decode(line, type=Run)
            case = CASES[run.case]
            counts = told.setdefault(run.loss, {}).setdefault(run.case, Counter())
            counts.update(["runs", *judged(case, locate(run.shots, case.trigger))])
    parts = [INTRODUCTION.format(day=SystemClock().now().date().isoformat())]
    for loss, cases in sorted(told.items()):
        parts.append(f"## {loss:.0%} loss each way\n\n{table(cases)}\n")
    return "\n".join(parts)


def table(told: dict[str, Counter[str]]) -> str:
    """Return one table, a row a case."""
    head = ("what is played", "runs", "right finding", "hop exactly", "hop in the range")
    lines = [f"| {' | '.join((*head, 'wrong hop', 'in or on path right'))} |"]
    lines.append("|---|---|---|---|---|---|---|")
    for name, case in CASES.items():
        if name not in told:
            continue
        count, on_the_way = told[name], case.finding is Finding.NETWORK
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
    """Run one case, or write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("case", nargs="?", choices=sorted(CASES))
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--loss", type=float, default=0.02)
    parser.add_argument("--out", type=Path, default=Path("trace.jsonl"))
    parser.add_argument("--page", type=Path)
    parser.add_argument("--from", dest="files", type=Path, nargs="+", default=[])
    given = parser.parse_args()
    if given.page is not None:
        given.page.write_text(page(given.files), encoding="utf-8")
    elif given.case is None:
        print(*CASES)
    else:
        asyncio.run(study(given.case, given.runs, given.loss, given.out))


if __name__ == "__main__":
    main()
