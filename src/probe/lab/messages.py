"""What the lab's processes say to each other: one JSON value a line.

On loopback over TCP between the measuring process and the servers; in namespaces over a unix
socket between the vantage and the box, and over pipes between the box and its two workers.
"""

from datetime import datetime

import msgspec

from probe.lab.ca import Authority, AuthorityName
from probe.lab.rules import Scenario
from probe.model.measurement import Measurement
from probe.model.target import Endpoint, Service
from probe.probes.env import Timeouts

__all__ = [
    "MAX_LINE",
    "Ask",
    "Describe",
    "Described",
    "Hello",
    "Locate",
    "Observe",
    "Play",
    "SetTime",
    "Start",
    "Tell",
    "Told",
]

MAX_LINE = 64_000_000
"""Bytes of one line; a full catalog is about one megabyte."""


class Hello(msgspec.Struct, frozen=True, tag="hello"):
    """The servers' first line: the token that proves who they are."""

    token: str


class Start(msgspec.Struct, frozen=True, tag="start"):
    """Build this world and serve it."""

    services: tuple[Service, ...]
    scenario: Scenario
    authorities: dict[AuthorityName, Authority]
    now: datetime
    seed: int
    http2: bool = True
    real: datetime | None = None  # the machines' own time; certificates hold then, too
    daemons: tuple[str, ...] = ()  # netns: programs of the real world that are to be started
    folder: str = ""  # netns: a private folder for the daemons' files, removed by who made it


class Locate(msgspec.Struct, frozen=True, tag="locate"):
    """Say where this address is served."""

    transport: str
    address: str
    port: int
    control: bool


class SetTime(msgspec.Struct, frozen=True, tag="time"):
    """It is now ``now``."""

    now: datetime


class Play(msgspec.Struct, frozen=True, tag="play"):
    """Put another censor into the same world, or, with ``services``, into another one."""

    scenario: Scenario
    services: tuple[Service, ...] | None = None


class Tell(msgspec.Struct, frozen=True, tag="tell"):
    """Say what was counted."""


class Observe(msgspec.Struct, frozen=True, tag="observe"):
    """Measure ``endpoint`` from the uncensored place abroad."""

    endpoint: Endpoint
    timeouts: Timeouts = Timeouts()


class Describe(msgspec.Struct, frozen=True, tag="describe"):
    """Say what is played, in which world, and whom to believe in it."""


Ask = Start | Locate | SetTime | Play | Tell | Observe | Describe


class Described(msgspec.Struct, frozen=True):
    """What is played; ``certificates`` are the authorities' roots, PEM, without their keys."""

    services: tuple[Service, ...]
    scenario: Scenario
    certificates: dict[AuthorityName, bytes]
    now: datetime
    seed: int
    frozen: bool  # whether the lab's time stands still until it is told, or runs


class Told(msgspec.Struct, frozen=True):
    """The answer to one ``Ask``, in order; ``epoch`` names the rules that the map depends on.

    A ``Locate`` without a ``host`` in its answer has no way there.
    """

    epoch: str = ""
    host: str = ""
    port: int = 0
    lasting: bool = True
    counts: dict[str, int] = {}
    sought: dict[str, int] | None = None  # netns: packets of the line by destination
    line_bytes: tuple[int, int] = (0, 0)  # netns: of IP, up and down the line
    error: str | None = None
    measurement: Measurement | None = None  # the answer to an ``Observe``
    described: Described | None = None  # the answer to a ``Describe``
