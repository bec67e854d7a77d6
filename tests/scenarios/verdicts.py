"""Play every scenario in every stage and keep what came of it: ``make verdicts``.

Writes docs/verdicts.json, from which docs/generate.py makes docs/verdicts.md. What is not played
(because other names were given, or because this machine allows no namespaces) is kept as it was.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
from outcome import Outcome
from play import words_of

from probe.clock import SystemClock
from probe.lab.actions import Stage
from probe.lab.scenario import load_scenario, scenario_names

__all__ = ["FILE", "LossRun", "Results", "in_namespaces", "main", "read_results"]

HERE = Path(__file__).parent
FILE = HERE.parents[1] / "docs" / "verdicts.json"
LOSS = 0.03


class LossRun(msgspec.Struct, frozen=True, kw_only=True):
    """All scenarios, several times each, on a line that loses packets at random."""

    loss: float  # share of packets, each way
    times: int
    scenarios: int
    rounds: int
    innocent: int  # verdicts on endpoints that nobody blocks
    wrongly_blocked: int  # of these
    right: int  # rounds in which everything was as expected

    @property
    def share(self) -> float:
        """Return the share of innocent endpoints that were called blocked."""
        return self.wrongly_blocked / self.innocent if self.innocent else 0.0


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """The file."""

    made_on: str
    outcomes: tuple[Outcome, ...]
    loss: LossRun | None = None


def read_results(file: Path = FILE) -> Results:
    """Return what was kept last, or nothing."""
    if not file.exists():
        return Results(made_on="", outcomes=())
    return msgspec.json.decode(file.read_bytes(), type=Results)


def _lines(command: Sequence[str]) -> Iterator[Outcome]:
    """Run a command and yield each outcome that it prints, as it does."""
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        for line in process.stdout or ():
            if line.startswith(b"{"):
                yield msgspec.json.decode(line, type=Outcome)


def on_loopback(names: Sequence[str]) -> Iterator[Outcome]:
    """Play scenarios on loopback."""
    return _lines([sys.executable, str(HERE / "play.py"), *names])


def in_namespaces(
    names: Sequence[str], *, loss: float = 0.0, times: int = 1, labs: int = 1
) -> Iterator[Outcome]:
    """Play scenarios in namespaces, in several labs at once: they wait more than they work.

    Nothing comes where this machine allows no namespaces.
    """
    program = str(Path(sys.executable).with_name("probe"))
    up = [program, "lab", "up", "none", "--world", "small", "--at", "2026-03-02 00:00", "--"]
    options = ["--loss", str(loss), "--times", str(times)]
    play = [*up, sys.executable, str(HERE / "namespaces.py"), *options]
    shares = [share for share in (names[n::labs] for n in range(labs)) if share]
    with ThreadPoolExecutor(max_workers=labs) as pool:
        for found in pool.map(lambda share: list(_said(_lines([*play, *share]))), shares):
            yield from found


def _said(outcomes: Iterator[Outcome]) -> Iterator[Outcome]:
    """Yield outcomes, and say which are wrong meanwhile."""
    for outcome in outcomes:
        if not outcome.right:
            sys.stderr.write(f"{outcome.stage}: {words_of(outcome)}\n")
        yield outcome


def lossy(names: Sequence[str], times: int, labs: int) -> LossRun | None:
    """Play every scenario several times on a line that loses packets besides."""
    found = list(in_namespaces(names, loss=LOSS, times=times, labs=labs))
    if not found:
        return None
    return LossRun(
        loss=LOSS,
        times=times,
        scenarios=len({outcome.scenario for outcome in found}),
        rounds=len(found),
        innocent=sum(outcome.innocent for outcome in found),
        wrongly_blocked=sum(len(outcome.blocked) for outcome in found),
        right=sum(outcome.right for outcome in found),
    )


def main() -> int:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="scenarios; what was found of others is kept")
    parser.add_argument("--times", type=int, default=20, help="repetitions with loss; 0: none")
    parser.add_argument("--labs", type=int, default=2, help="labs at once")
    parser.add_argument("--lossy", nargs="*", help="only these scenarios with loss")
    parser.add_argument("--no-loopback", action="store_true")
    parser.add_argument("--no-netns", action="store_true")
    parser.add_argument("--no-plain", action="store_true", help="with loss only")
    args = parser.parse_args()
    known = [name for name in scenario_names() if name != "demo"]
    names = args.names or known
    fit = [name for name in args.lossy or known if Stage.NETNS in load_scenario(name).stages]
    played: list[Outcome] = []
    if not (args.no_loopback or args.no_plain):
        played += _said(on_loopback(names))
    if not (args.no_netns or args.no_plain):
        played += in_namespaces(names, labs=args.labs)
    loss = lossy(fit, args.times, args.labs) if args.times and not args.no_netns else None
    before = read_results()  # only now: others may have played other scenarios meanwhile
    found = {(one.scenario, one.stage): one for one in (*before.outcomes, *played)}
    there = {(name, str(stage)) for name in known for stage in load_scenario(name).stages}
    outcomes = tuple(found[key] for key in sorted(found) if key in there)
    results = Results(
        made_on=SystemClock().now().date().isoformat(), outcomes=outcomes, loss=loss or before.loss
    )
    FILE.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")
    right = all(outcome.right for outcome in outcomes)
    sys.stderr.write(f"{len(played)} played; {'all is right' if right else 'not all is right'}\n")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
