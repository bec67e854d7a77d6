"""Play scenarios on loopback: ``python tests/scenarios/play.py [--words] [NAME ...]``.

One JSON line a scenario (``Outcome``) on standard output, or with ``--words`` what is wrong.
The exit code is 1 when something is wrong.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
from outcome import Outcome
from theatre import Theatre

from probe.lab.actions import Stage
from probe.lab.scenario import load_scenario, scenario_names
from probe.steady import loop_factory

__all__ = ["loopback", "main", "words_of"]


async def loopback(names: Sequence[str]) -> AsyncIterator[Outcome]:
    """Play the scenarios that loopback can express, in the order given; each is told at once."""
    scenarios = [load_scenario(name) for name in names]
    here = [scenario for scenario in scenarios if Stage.LOOPBACK in scenario.stages]
    with tempfile.TemporaryDirectory(prefix="probe-scenarios-") as folder:
        async with AsyncExitStack() as stack:
            theatre = Theatre(stack, Path(folder))
            for scenario in here:
                yield await theatre.play(scenario)


def words_of(outcome: Outcome) -> str:
    """Return an outcome for people: one line when it is right."""
    lines = [f"{'right' if outcome.right else 'WRONG'} {outcome.scenario}"]
    lines += [
        f"    {f.about}: expected {f.expected}; found {f.found}"
        for f in outcome.findings
        if not f.right
    ]
    lines += [f"    wrongly blocked: {each}" for each in outcome.blocked]
    lines += [f"    problem: {each}" for each in outcome.problems]
    return "\n".join(lines)


def main() -> int:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="scenarios (default: all but the demo)")
    parser.add_argument("--words", action="store_true")
    args = parser.parse_args()
    names = args.names or [name for name in scenario_names() if name != "demo"]
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return 0 if runner.run(_written(names, words=args.words)) else 1


async def _written(names: Sequence[str], *, words: bool) -> bool:
    """Write each outcome; return whether all were right."""
    right = True
    async for outcome in loopback(names):
        line = words_of(outcome) if words else msgspec.json.encode(outcome).decode()
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
        right = right and outcome.right
    return right


if __name__ == "__main__":
    sys.exit(main())
