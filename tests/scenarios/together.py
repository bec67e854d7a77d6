"""Which tests one worker runs one after the other, where ``--dist loadgroup`` shares them out."""

from collections import Counter

from shipped import loaded, world_of

__all__ = ["AT_ONCE", "Together"]

ONE_PREPARATION = (
    "tests/analysis/test_fuzz_broken_edges.py::TestBlame::",
    "tests/lab/test_lab_demo.py::TestWholeDemo::",
    "tests/web/test_web_browser.py::",
)
"""Tests of one long preparation: worlds that are judged, a fortnight, a server with Chromium."""

ONE_LAB = "tests/probes/test_protocol_cases.py::"
"""The cases of a protocol, ``[protocol: situation]``, are played in one lab."""

ONE_WORLD = (
    "tests/scenarios/test_diagnose_scenarios.py::test_what_is_told_of_the_rest_denies_no_verdict[",
    "tests/scenarios/test_scenarios_loopback.py::test_the_verdicts_of_the_rest_are_those_expected[",
)
"""Scenarios of one world are played in one lab."""

AT_ONCE = 24
"""No more tests of one world stay together: others may start a lab of that world as well."""


class Together:
    """What is remembered of the tests of each world, in the order in which they are told."""

    def __init__(self) -> None:
        """Know no test."""
        self._met: Counter[bytes] = Counter()
        self._scopes: dict[str, str] = {}

    def scope_of(self, nodeid: str) -> str:
        """Return what a test shares with those that are to be run by the same worker."""
        scope = self._scopes.get(nodeid)
        if scope is None:
            scope = self._scopes[nodeid] = self._found(nodeid)
        return scope

    def _found(self, nodeid: str) -> str:
        for kept in ONE_PREPARATION:
            if nodeid.startswith(kept):
                return kept
        if nodeid.startswith(ONE_LAB):
            return nodeid.partition(": ")[0]
        for kept in ONE_WORLD:
            if nodeid.startswith(kept):
                return self._of_world(nodeid.removeprefix(kept).removesuffix("]"))
        return nodeid

    def _of_world(self, name: str) -> str:
        world = world_of(loaded(name))
        number = self._met[world]
        self._met[world] += 1
        first = list(self._met).index(world)
        return f"scenarios of world {first}, {number // AT_ONCE}"
