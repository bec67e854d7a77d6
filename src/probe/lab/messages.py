"""What the lab's two processes say to each other: one JSON value a line, over loopback TCP."""

from datetime import datetime

import msgspec

from probe.lab.ca import Authority, AuthorityName
from probe.lab.rules import Scenario
from probe.model.target import Service

__all__ = ["MAX_LINE", "Ask", "Hello", "Locate", "Play", "SetTime", "Start", "Tell", "Told"]

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
    """Put another censor into the same world."""

    scenario: Scenario


class Tell(msgspec.Struct, frozen=True, tag="tell"):
    """Say what was counted."""


Ask = Start | Locate | SetTime | Play | Tell


class Told(msgspec.Struct, frozen=True):
    """The answer to one ``Ask``, in order; ``epoch`` names the rules that the map depends on.

    A ``Locate`` without a ``host`` in its answer has no way there.
    """

    epoch: str = ""
    host: str = ""
    port: int = 0
    lasting: bool = True
    counts: dict[str, int] = {}
    error: str | None = None
