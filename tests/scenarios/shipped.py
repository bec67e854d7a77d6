"""The shipped scenarios, each read once a process: reading YAML with its lines takes a while."""

from functools import cache

import msgspec

from probe.lab.actions import Stage
from probe.lab.rules import Scenario
from probe.lab.scenario import load_scenario, scenario_names

__all__ = ["loaded", "played_on", "world_of"]

loaded = cache(load_scenario)
"""A scenario by its name; the values are frozen."""


def played_on(stage: Stage) -> tuple[str, ...]:
    """Return what plays in single rounds on a stage; the demo's fortnight has its own tests."""
    names = (name for name in scenario_names() if name != "demo")
    return tuple(name for name in names if stage in loaded(name).stages)


def world_of(scenario: Scenario) -> bytes:
    """Return what tells worlds apart: scenarios of one world can be played in one lab."""
    return msgspec.json.encode((scenario.country, scenario.cdn, scenario.services))
