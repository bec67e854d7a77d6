"""Tests that one lab, or one long preparation, serves go to one worker."""

from collections import Counter

import pytest
from shipped import loaded, played_on, world_of
from together import AT_ONCE, ONE_LAB, ONE_PREPARATION, ONE_WORLD, Together

from probe.lab.actions import Stage


def of_worlds() -> list[tuple[str, str]]:
    """Return the names of tests of scenarios, each with its scenario."""
    names = played_on(Stage.LOOPBACK)
    return [(f"{test}{name}]", name) for test in ONE_WORLD for name in names]


def test_scenarios_of_one_scope_have_one_world() -> None:
    """A worker that has a scope starts one lab for it."""
    together = Together()
    worlds: dict[str, set[bytes]] = {}
    for nodeid, name in of_worlds():
        worlds.setdefault(together.scope_of(nodeid), set()).add(world_of(loaded(name)))
    assert {len(found) for found in worlds.values()} == {1}
    assert len(worlds) > len(set().union(*worlds.values()))


def test_no_worker_is_given_too_much_at_once() -> None:
    """The world of most scenarios is shared out in parts; few parts are less than whole."""
    together = Together()
    sizes = Counter(together.scope_of(nodeid) for nodeid, _ in of_worlds())
    assert max(sizes.values()) == AT_ONCE
    assert len(sizes) <= len(of_worlds()) / AT_ONCE + len(
        {world_of(loaded(n)) for _, n in of_worlds()}
    )


def test_a_test_is_where_it_was() -> None:
    """Who asks again is told the same: the scheduler asks when a test has ended."""
    together = Together()
    nodeids = [nodeid for nodeid, _ in of_worlds()]
    first = [together.scope_of(nodeid) for nodeid in nodeids]
    assert [together.scope_of(nodeid) for nodeid in reversed(nodeids)] == first[::-1]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (f"{ONE_LAB}test_it[tor-or: reachable]", f"{ONE_LAB}test_it[tor-or: closed]", True),
        (f"{ONE_LAB}test_it[tor-or: reachable]", f"{ONE_LAB}test_it[obfs4: reachable]", False),
        (f"{ONE_PREPARATION[0]}test_a", f"{ONE_PREPARATION[0]}test_b", True),
        (f"{ONE_PREPARATION[0]}test_a", f"{ONE_PREPARATION[1]}test_a", False),
        ("tests/a/test_a.py::test_a", "tests/a/test_a.py::test_b", False),
    ],
)
def test_what_is_prepared_once_stays_together(one: str, other: str, *, same: bool) -> None:
    """A protocol's lab, a long preparation; all else goes to whoever is free."""
    together = Together()
    assert (together.scope_of(one) == together.scope_of(other)) is same


def test_the_names_are_those_of_tests(request: pytest.FixtureRequest) -> None:
    """A test that was renamed would be shared out as any other, and nobody would notice."""
    root = request.config.rootpath
    for name in (*ONE_PREPARATION, ONE_LAB, *ONE_WORLD):
        file, *parts = name.strip(":[").split("::")
        text = (root / file).read_text(encoding="utf-8")
        assert all(part in text for part in parts), name
