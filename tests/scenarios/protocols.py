"""Play what each protocol must show, in both stages: ``python tests/scenarios/protocols.py``.

Writes docs/protocols.json, from which docs/generate.py makes docs/protocols.md. The rows are
``tests/probes/protocol_cases.py``; names of protocols may be given, and what was found of others
is kept. ``--inside`` plays in the lab that this process is in, and prints a JSON line a row.
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
from namespaces import Namespaces
from stage import Ground, Loopback, Stage

from probe.clock import SystemClock
from probe.lab.actions import Stage as Where
from probe.lab.inside.program import find_program
from probe.lab.netns.attached import AttachedLab
from probe.lab.process import Lab
from probe.lab.rules import Scenario
from probe.lab.scenario import load_scenario
from probe.model.measurement import (
    DnsStep,
    ExchangeStep,
    HttpStep,
    Measurement,
    Step,
    TcpStep,
    UdpStep,
)
from probe.model.target import Endpoint
from probe.model.verdict import Verdict

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "probes"))

from datagram_cases import DATAGRAM_CASES  # noqa: E402 - it lies in another folder
from protocol_cases import Case, CaseName  # noqa: E402
from stream_cases import STREAM_CASES  # noqa: E402

__all__ = ["FILE", "Page", "Row", "main", "read_page"]

CASES: tuple[Case, ...] = (*DATAGRAM_CASES, *STREAM_CASES)
PROTOCOLS = tuple(dict.fromkeys(case.shown for case in CASES))
"""In the order of the page."""

FILE = HERE.parents[1] / "docs" / "protocols.json"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One case in one stage: what was expected, and what was found."""

    protocol: str
    situation: str
    stage: str
    server: str  # who answered for the service
    seen: str  # each step's reply or failure
    verdict: str
    expected: str
    right: bool


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """The file."""

    made_on: str
    rows: tuple[Row, ...] = ()


def read_page(file: Path = FILE) -> Page:
    """Return what was kept last, or nothing."""
    return msgspec.json.decode(file.read_bytes(), type=Page) if file.exists() else Page(made_on="")


class _One(Stage):
    """A stage on which one endpoint is measured, and the neutral hosts around it."""

    wanted: Case

    def _targets(self) -> list[Endpoint]:
        case = self.wanted
        mine = [e for e in super()._targets() if e.service == case.service]
        return [e for e in mine if (e.kind, e.host) == (case.protocol, case.host)]


def scenario_of(case: Case, folder: Path) -> Scenario:
    """Return the case as a scenario, read and checked as a person's file is."""
    rules = f"rules:\n  - {case.setup}\n" if case.setup else ""
    file = folder / "case.yaml"
    file.write_text(
        "name: case\ndescription: a case\nstarts: 2026-03-02\ncountry: XX\n"
        f"stages: [loopback, netns]\nworld: {case.world}\n{rules}",
        encoding="utf-8",
    )
    return load_scenario(file)


async def rows_on(ground: Ground, cases: Sequence[Case], folder: Path) -> AsyncIterator[Row]:
    """Play ``cases``, which share a world, on ``ground``."""
    stage = _One(ground, folder, "XX")
    try:
        for case in cases:
            scenario = scenario_of(case, folder)
            stage.wanted = case
            (played,) = await stage.play(scenario)
            (record,) = played.at_host(case.service, case.host)
            yield _row(case, str(ground.where), record.main, record.verdict)
    finally:
        stage.close()


def _row(case: Case, stage: str, main: Measurement, verdict: Verdict) -> Row:
    state, mechanism = verdict.state, verdict.mechanism
    wanted_state, _, node = case.verdict.partition(" ")
    right = (
        str(state) == wanted_state
        and f"{mechanism}.".startswith(f"{node}.")
        and _told(main.steps[-1]).startswith(case.seen)
    )
    return Row(
        protocol=case.shown,
        situation=str(case.case),
        stage=stage,
        server=_server(case, stage),
        seen=_seen(main),
        verdict=f"{state} {mechanism}",
        expected=case.verdict,
        right=right,
    )


def _server(case: Case, stage: str) -> str:
    """Return who answers: what is done on demand, only the lab's own servers do."""
    ours = case.case in (CaseName.GARBAGE, CaseName.WRONG_SERVICE)
    if stage != str(Where.NETNS) or ours or case.server is None:
        return "the lab's own"
    return case.server if find_program(case.server) else "the lab's own"


def _seen(main: Measurement) -> str:
    """Return the steps after the name's, each by what came."""
    told = []
    for step in main.steps:
        name = getattr(step, "protocol", None) if isinstance(step, UdpStep | ExchangeStep) else None
        if not isinstance(step, DnsStep):
            kind = name or type(step).__name__.removesuffix("Step").lower()
            told.append(f"{kind}: {_told(step)}")
    return "; ".join(told)


def _told(step: Step) -> str:
    """Return what one step says: its reply, or else its failure, or that it passed."""
    reply = step.reply if isinstance(step, UdpStep | ExchangeStep) else None
    if reply is not None or step.failure is not None:
        return reply or step.failure or ""
    if isinstance(step, HttpStep):
        return f"status {step.status}"
    return "connected" if isinstance(step, TcpStep) else "ok"


async def _on_loopback(cases: Sequence[Case], keep: "Keeper") -> None:
    with tempfile.TemporaryDirectory(prefix="probe-protocols-") as folder:
        async with AsyncExitStack() as stack:
            first = scenario_of(cases[0], Path(folder))
            lab = await stack.enter_async_context(Lab(first, http2=False))
            async for row in rows_on(Loopback(lab), cases, Path(folder)):
                keep(row)


async def _inside(cases: Sequence[Case]) -> None:
    with tempfile.TemporaryDirectory(prefix="probe-protocols-") as folder:
        async with await AttachedLab.attach() as lab:
            async for row in rows_on(Namespaces(lab), cases, Path(folder)):
                sys.stdout.write(msgspec.json.encode(row).decode() + "\n")
                sys.stdout.flush()


def _in_namespaces(world: str, names: Sequence[str], keep: "Keeper") -> None:
    program = str(Path(sys.executable).with_name("probe"))
    up = [program, "lab", "up", "none", "--world", world, "--at", "2026-03-02 00:00", "--"]
    play = [*up, sys.executable, str(HERE / "protocols.py"), "--inside", "--world", world]
    with subprocess.Popen([*play, *names], stdout=subprocess.PIPE) as process:
        for line in process.stdout or ():
            if line.startswith(b"{"):
                keep(msgspec.json.decode(line, type=Row))


class Keeper:
    """Writes each row at once, in the place of what was found before."""

    def __init__(self, file: Path = FILE) -> None:
        """Keep in ``file``."""
        self._file = file
        self.wrong = 0

    def __call__(self, row: Row) -> None:
        """Take one row; say it when it is wrong."""
        if not row.right:
            self.wrong += 1
            sys.stderr.write(f"{row.stage}: {row.protocol}, {row.situation}: {row.verdict}")
            sys.stderr.write(f" ({row.seen}); expected {row.expected}\n")
        known = {(c.shown, str(c.case)): n for n, c in enumerate(CASES)}
        rows = {(r.protocol, r.situation, r.stage): r for r in (*read_page(self._file).rows, row)}
        kept = sorted(
            (r for r in rows.values() if (r.protocol, r.situation) in known),
            key=lambda r: (known[r.protocol, r.situation], r.stage),
        )
        page = Page(made_on=SystemClock().now().date().isoformat(), rows=tuple(kept))
        new = self._file.with_suffix(".new")
        new.write_bytes(msgspec.json.format(msgspec.json.encode(page), indent=1) + b"\n")
        new.replace(self._file)


def main() -> int:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="protocols (default: all)")
    parser.add_argument("--inside", action="store_true")
    parser.add_argument("--world", default="")
    parser.add_argument("--no-netns", action="store_true")
    parser.add_argument("--no-loopback", action="store_true")
    args = parser.parse_args()
    names = args.names or PROTOCOLS
    cases = [c for c in CASES if c.shown in names and args.world in ("", c.world)]
    if args.inside:
        asyncio.run(_inside(cases))
        return 0
    keep = Keeper()
    for world in sorted({case.world for case in cases}):
        mine = [case for case in cases if case.world == world]
        if not args.no_loopback:
            asyncio.run(_on_loopback(mine, keep))
        if not args.no_netns:
            _in_namespaces(world, names, keep)
    return 1 if keep.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
