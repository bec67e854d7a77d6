"""What each protocol's probe is put to: six cases a protocol, as data.

Played in the lab by ``test_protocol_cases`` and by ``tests/scenarios/protocols.py``, which writes
docs/protocols.json; docs/protocols.md is made of that.
"""

from dataclasses import dataclass
from enum import StrEnum

from probe.model.target import Kind

__all__ = ["Case", "CaseName"]


class CaseName(StrEnum):
    """What is done to the protocol."""

    REACHABLE = "reachable"
    PORT_CLOSED = "port closed"
    DROPPED = "silently dropped"
    AWARE = "cut by a censor that knows it"
    WRONG_SERVICE = "wrong service on the port"
    GARBAGE = "garbage"


@dataclass(frozen=True, slots=True)
class Case:
    """One case: ``setup`` is a rule of the scenario language, empty where nobody interferes.

    ``service`` and ``host`` are of the lab's ``world``. ``seen`` is what the last step of the
    first look says: its reply, or else its failure, or how that begins. ``verdict`` is state and
    mechanism, with a live control and all follow-ups. ``title`` tells apart what is spoken in
    several ways; ``server`` is the program of the real world that answers in namespaces.
    """

    protocol: Kind
    case: CaseName
    service: str
    host: str
    setup: str
    seen: str
    verdict: str
    world: str = "protocols"
    title: str = ""
    server: str | None = None

    @property
    def name(self) -> str:
        """Return what a test calls it."""
        return f"{self.shown}: {self.case}"

    @property
    def shown(self) -> str:
        """Return what the protocol is called on the page."""
        return self.title or str(self.protocol)
