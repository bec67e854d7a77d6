"""Play every scenario in every stage and keep what came of it: ``make verdicts``.

Writes docs/verdicts.json, from which docs/generate.py makes docs/verdicts.md. What is not played
(because other names were given, or because this machine allows no namespaces) is kept as it was.
Each result is written at once: what was cut off can be gone on with (``--missing``).
"""

import argparse
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

import msgspec
from outcome import Outcome
from play import words_of

from probe.clock import SystemClock
from probe.lab.actions import Stage
from probe.lab.scenario import load_scenario, scenario_names

__all__ = ["FILE", "Keeper", "LossRun", "Results", "in_namespaces", "main", "read_results"]

HERE = Path(__file__).parent
FILE = HERE.parents[1] / "docs" / "verdicts.json"
KNOWN = [name for name in scenario_names() if name != "demo"]
LOSS = 0.03
AT_ONCE = 20
"""Rounds for which one lab is put up."""


class LossRun(msgspec.Struct, frozen=True, kw_only=True):
    """One scenario, played several times on a line that loses packets at random besides."""

    scenario: str
    loss: float  # share of packets, each way
    times: int
    innocent: int  # verdicts on endpoints that nobody blocks
    wrongly_blocked: int  # of these
    right: int  # rounds in which everything was as expected


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """The file."""

    made_on: str
    outcomes: tuple[Outcome, ...] = ()
    loss: tuple[LossRun, ...] = ()


def read_results(file: Path = FILE) -> Results:
    """Return what was kept last, or nothing."""
    if not file.exists():
        return Results(made_on="")
    return msgspec.json.decode(file.read_bytes(), type=Results)


class Keeper:
    """Keeps each outcome at once, so that hours of playing may be cut off at any time.

    Rounds with loss are counted together when a scenario has had all of them.
    """

    def __init__(self, file: Path = FILE, *, loss: float = 0.0, times: int = 1) -> None:
        """Keep in ``file``; with ``loss``, what comes are ``times`` rounds of each scenario."""
        self._file = file
        self._loss = loss
        self._times = times
        self._lock = Lock()
        self._rounds: dict[str, list[Outcome]] = {}
        self._there = {(name, str(stage)) for name in KNOWN for stage in load_scenario(name).stages}
        self.played = 0
        self.wrong = 0

    def __call__(self, outcome: Outcome) -> None:
        """Take one outcome, from whatever thread; say it when it is wrong."""
        with self._lock:
            self.played += 1
            if not outcome.right:
                self.wrong += 1
                sys.stderr.write(f"{outcome.stage}: {words_of(outcome)}\n")
            if not self._loss:
                self._write(outcomes=[outcome])
                return
            rounds = self._rounds.setdefault(outcome.scenario, [])
            rounds.append(outcome)
            if len(rounds) == self._times:
                self._write(loss=[_loss_run(self._rounds.pop(outcome.scenario), self._loss)])

    def _write(self, outcomes: Sequence[Outcome] = (), loss: Sequence[LossRun] = ()) -> None:
        """Put new results in the place of old ones; scenarios that are gone go."""
        before = read_results(self._file)
        found = {(one.scenario, one.stage): one for one in (*before.outcomes, *outcomes)}
        lost = {one.scenario: one for one in (*before.loss, *loss)}
        results = Results(
            made_on=SystemClock().now().date().isoformat(),
            outcomes=tuple(found[key] for key in sorted(found) if key in self._there),
            loss=tuple(
                lost[name] for name in sorted(lost) if (name, str(Stage.NETNS)) in self._there
            ),
        )
        new = self._file.with_suffix(".new")
        new.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")
        new.replace(self._file)


def _loss_run(rounds: Sequence[Outcome], loss: float) -> LossRun:
    return LossRun(
        scenario=rounds[0].scenario,
        loss=loss,
        times=len(rounds),
        innocent=sum(one.innocent for one in rounds),
        wrongly_blocked=sum(len(one.blocked) for one in rounds),
        right=sum(one.right for one in rounds),
    )


def _lines(command: Sequence[str]) -> Iterator[Outcome]:
    """Run a command and yield each outcome that it prints, as it does."""
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        for line in process.stdout or ():
            if line.startswith(b"{"):
                yield msgspec.json.decode(line, type=Outcome)


def on_loopback(names: Sequence[str], keep: Callable[[Outcome], None]) -> None:
    """Play scenarios on loopback; without a name none."""
    if names:
        for outcome in _lines([sys.executable, str(HERE / "play.py"), *names]):
            keep(outcome)


def in_namespaces(
    names: Sequence[str],
    keep: Callable[[Outcome], None],
    *,
    loss: float = 0.0,
    times: int = 1,
    labs: int = 1,
) -> None:
    """Play scenarios in namespaces, in several labs at once: they wait more than they work.

    Whoever is free takes the next few; the rounds of one are shared out if there are more labs
    than scenarios. Nothing comes where this machine allows no namespaces.
    """
    program = str(Path(sys.executable).with_name("probe"))
    lab = [program, "lab", "up", "none", "--world", "small", "--at", "2026-03-02 00:00"]
    play = ["--", sys.executable, str(HERE / "namespaces.py"), "--loss", str(loss)]

    def work(job: tuple[Sequence[str], int, int]) -> None:
        some, rounds, seed = job
        of_its_own = ["--seed", str(seed)]  # or each share would lose the same packets
        for outcome in _lines([*lab, *of_its_own, *play, "--times", str(rounds), *some]):
            keep(outcome)

    few = max(1, min(AT_ONCE // times, -(-len(names) // labs)))
    shares = max(1, min(times, labs // len(names))) if names else 1
    jobs = [
        (names[at : at + few], (times + share) // shares, share + 1)
        for share in range(shares)
        for at in range(0, len(names), few)
    ]
    with ThreadPoolExecutor(max_workers=labs) as pool:
        list(pool.map(work, jobs))


def main() -> int:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="scenarios; what was found of others is kept")
    parser.add_argument("--times", type=int, default=20, help="repetitions with loss; 0: none")
    parser.add_argument("--labs", type=int, default=2, help="labs at once")
    parser.add_argument("--no-loopback", action="store_true")
    parser.add_argument("--no-netns", action="store_true")
    parser.add_argument("--no-plain", action="store_true", help="with loss only")
    parser.add_argument("--missing", action="store_true", help="with loss: those not played yet")
    args = parser.parse_args()
    names = args.names or KNOWN
    fit = [name for name in names if Stage.NETNS in load_scenario(name).stages]
    keep = Keeper()
    loopback = () if args.no_loopback or args.no_plain else names
    packets = () if args.no_netns or args.no_plain else fit
    with ThreadPoolExecutor(max_workers=1) as beside:  # the two stages do not disturb each other
        first = beside.submit(on_loopback, loopback, keep)
        in_namespaces(packets, keep, labs=args.labs)
        first.result()
    sys.stderr.write(f"{keep.played} played, {keep.wrong} wrong\n")
    if args.times and not args.no_netns:
        done = {one.scenario for one in read_results().loss} if args.missing else set()
        left = [name for name in fit if name not in done]
        lossy = Keeper(loss=LOSS, times=args.times)
        in_namespaces(left, lossy, loss=LOSS, times=args.times, labs=args.labs)
        sys.stderr.write(f"{lossy.played} rounds with loss, {lossy.wrong} not as expected\n")
    return 1 if keep.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
