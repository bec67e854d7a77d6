"""What ``probe lab up`` was asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from probe.lab.rules import Scenario
from probe.model.target import Service

__all__ = ["CONTROL_VARIABLE", "LabRequest"]

CONTROL_VARIABLE = "PROBE_LAB"
"""Names the control socket to whoever runs in the lab."""


@dataclass(frozen=True, kw_only=True)
class LabRequest:
    """A scenario, the world that it is played in, and the command that is run there.

    ``at`` is what time it is in the lab at the start; ``real`` the machine's own, in which
    certificates have to hold, too. ``server`` may listen at any address of the world, at ports that
    nothing of the world uses.
    """

    scenario: Scenario
    services: tuple[Service, ...]
    command: tuple[str, ...]
    server: tuple[str, ...] = ()  # run where the servers are, for as long
    at: datetime
    real: datetime
    environment: Mapping[str, str] = field(default_factory=dict)
    pcap: Path | None = None
    daemons: tuple[str, ...] = ()
    seed: int = 1
    tun: bool = True  # without, the wires are veth pairs and AF_PACKET
    sysfs: bool = True
    pids: bool = True  # process ids of their own: whatever is left behind ends with the lab
