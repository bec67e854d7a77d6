"""Mutation test of the rule table: ``python tests/analysis/mutate_rules.py [part of a rule's id]``.

Each mutant of the table is put in the true one's place, and the judge's tests are run as plain
functions in this process until one fails. A mutant that none fails for has survived: something
that the table says is tested by nothing. Ends with 1 if any survives.
"""

import inspect
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from crossed_scenes import crossed
from rule_mutants import Mutant, distinct, mutants
from verdict_bundles import Scene

from probe.analysis import rules
from probe.analysis.features import Features
from probe.analysis.rule import Rule
from probe.clock import SystemClock

HERE = Path(__file__).parent
MODULES = ("test_verdict_*.py", "test_rule_*.py", "test_judge_*.py")
"""The tests that judge bundles; each runs in milliseconds."""

Case = tuple[str, Callable[[], object]]
Asked = Callable[[Features], Rule]


class _Collected:
    """A pytest plugin that keeps what was collected."""

    def __init__(self) -> None:
        self.items: list[pytest.Item] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.items = list(session.items)


def cases() -> list[Case]:
    """Return the judge's tests as functions; those that need a fixture, or the ids, are left."""
    kept = _Collected()
    files = sorted({str(f) for pattern in MODULES for f in HERE.glob(pattern)})
    options = ["--collect-only", "-qqq", "-p", "no:randomly", "-p", "no:cacheprovider"]
    code = pytest.main([*options, *files], plugins=[kept])
    if code != pytest.ExitCode.OK:
        raise SystemExit(f"the tests cannot be collected ({code})")
    found = [
        (item.nodeid, _bound(item))
        for item in kept.items
        if isinstance(item, pytest.Function) and _plain(item)
    ]
    if not found:
        raise SystemExit("there is no test of the judge")
    return found


def _plain(item: pytest.Function) -> bool:
    given = item.callspec.params if hasattr(item, "callspec") else {}
    about_ids = item.get_closest_marker("rule_ids") is not None
    needs = inspect.signature(item.function).parameters
    return not about_ids and set(needs) <= set(given)


def _bound(item: pytest.Function) -> Callable[[], object]:
    given = dict(item.callspec.params) if hasattr(item, "callspec") else {}
    function = item.obj
    return lambda: function(**given)


@contextmanager
def asked(first_match: Asked) -> Iterator[None]:
    """Let the judge ask ``first_match`` instead of the true table."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("probe.analysis.verdict.first_match", first_match)
        yield


def masked(table: Sequence[Rule]) -> Asked:
    """Return the first match in ``table``, under the id that the true table gives."""

    def first(features: Features) -> Rule:
        true = rules.first_match(features)
        found = next(rule for rule in table if rule.when(features))
        return replace(found, id=true.id, version=true.version)

    return first


class Baseline:
    """The tests under the true table: which rows each one asks, on which features.

    ``failing`` are those that fail even so; they would kill everything, and are left out.
    """

    def __init__(self, tests: Sequence[Case]) -> None:
        """Run them all once."""
        self.failing: list[str] = []
        self.by_rule: dict[str, list[Case]] = defaultdict(list)
        self.pool: list[Features] = []
        seen: list[Features] = []
        reach: dict[str, int] = {}

        def noted(features: Features) -> Rule:
            seen.append(features)
            return rules.first_match(features)

        for case in tests:
            seen.clear()
            with asked(noted):
                if _fails(case[1]):
                    self.failing.append(case[0])
                    continue
            fired = {rules.first_match(features).id for features in seen}
            reach[case[0]] = len(seen)
            self.pool.extend(seen)
            for rule in fired:
                self.by_rule[rule].append(case)
        for found in self.by_rule.values():  # those that judge one scene first: they are quick
            found.sort(key=lambda case: reach[case[0]])


def _fails(run: Callable[[], object]) -> bool:
    try:
        run()
    except (AssertionError, LookupError):
        return True
    return False


def survives(mutant: Mutant, baseline: Baseline) -> bool:
    """Return whether no test fails; only tests that this row decided can tell."""
    with asked(masked(mutant.table)):
        return not any(_fails(run) for _, run in baseline.by_rule[mutant.rule])


def scenes() -> list[Scene]:
    """Return every scene that the collected tests are made of."""
    from test_rule_needs import CLAIMS
    from test_rule_order import MEETINGS
    from test_verdict_grounds import ALL

    return [*ALL, *(claim.whole for claim in CLAIMS), *(found for found, _ in MEETINGS)]


def main(wanted: str = "") -> int:
    """Try every mutant, print the survivors, and return 1 if there are any."""
    clock = SystemClock()
    started = clock.monotonic_s()
    tests = cases()
    baseline = Baseline(tests)
    pool = distinct((*baseline.pool, *crossed(scenes())))
    tried, left = 0, []
    for mutant in mutants(rules.RULES, pool):
        if wanted and wanted not in mutant.rule:
            continue
        tried += 1
        if survives(mutant, baseline):
            left.append(mutant.name)
    spent = clock.monotonic_s() - started
    for name in baseline.failing:
        print(f"fails without any mutant: {name}")
    for name in left:
        print(f"survived: {name}")
    print(
        f"{tried} mutants of {len(rules.RULES)} rules, {len(left)} survived; "
        f"{len(tests)} tests, {spent:.0f} s"
    )
    return 1 if left or baseline.failing else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
