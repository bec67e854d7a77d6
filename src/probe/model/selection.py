"""Which of the stored rows are meant: the filters that exports and pages share."""

from datetime import datetime

import msgspec

from probe.model.verdict import State

__all__ = ["Selection"]


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for; ``None`` is all of it, an empty set is nothing.

    ``since`` is included, ``until`` is not. ``networks`` holds network keys (``AS64500/fixed``)
    or AS numbers (``AS64500``), ``states`` the states that were said of a record.
    """

    since: datetime | None = None
    until: datetime | None = None
    services: frozenset[str] | None = None
    networks: frozenset[str] | None = None
    vantages: frozenset[str] | None = None
    states: frozenset[State] | None = None
