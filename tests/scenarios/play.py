"""Play scenarios on loopback: ``python tests/scenarios/play.py [--words] [NAME ...]``.

One JSON line a scenario (``Outcome``) on standard output, or with ``--words`` what is wrong.
The exit code is 1 when something is wrong.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
from outcome import Outcome
from theatre import Theatre

from probe.lab.actions import Stage
from probe.lab.scenario import load_scenario, scenario_names

__all__ = ["loopback", "main", "words_of"]


async def loopback(names: Sequence[str]) -> list[Outcome]:
    """Play the scenarios that loopback can express, in the order given."""
    scenarios = [load_scenario(name) for name in names]
    here = [scenario for scenario in scenarios if Stage.LOOPBACK in scenario.stages]
    with tempfile.TemporaryDirectory(prefix="probe-scenarios-") as folder:
        async with AsyncExitStack() as stack:
            theatre = Theatre(stack, Path(folder))
            return [await theatre.play(scenario) for scenario in here]


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
    outcomes = asyncio.run(loopback(names))
    for outcome in outcomes:
        line = words_of(outcome) if args.words else msgspec.json.encode(outcome).decode()
        sys.stdout.write(line + "\n")
    return 0 if all(outcome.right for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
