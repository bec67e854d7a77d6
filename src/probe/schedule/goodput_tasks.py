"""A transfer that is timed, and those that are compared for one endpoint; what they cost; pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from probe.model.measurement import Variant
from probe.model.target import Endpoint
from probe.probes.options import UNSET, Unset
from probe.probes.transfer import Transfer
from probe.schedule.cost import transfer_bytes

__all__ = ["GoodputTask", "TimedLook", "cost_of_tasks"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedLook:
    """One transfer: of whose object, as what, under which name.

    ``at_target`` goes to the address at which the task's first look was.
    """

    endpoint: Endpoint
    variant: Variant
    transfer: Transfer
    sni: str | Unset | None = UNSET
    at_target: bool = False
    disguised: bool = False

    @property
    def bytes(self) -> int:
        """Return what it is expected to cost on the wire."""
        return transfer_bytes(self.transfer)

    @property
    def plain(self) -> bool:
        """Return whether it is an object as anybody would fetch it: one serves several tasks."""
        return self.transfer.server is None and self.sni is UNSET and not self.at_target


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodputTask:
    """The transfers that are compared for one endpoint, in order.

    With ``quic`` its own are repeated over QUIC where the server says that it speaks it.
    """

    endpoint: Endpoint
    looks: tuple[TimedLook, ...]
    quic: bool = False

    @property
    def bytes(self) -> int:
        """Return what it is expected to cost on the wire."""
        return sum(look.bytes for look in self.looks)

    @property
    def repeated(self) -> tuple[TimedLook, ...]:
        """Return the looks that may be taken over QUIC as well."""
        mine = tuple(look for look in self.looks if look.endpoint == self.endpoint)
        return mine if self.quic else ()

    @property
    def most_bytes(self) -> int:
        """Return what it costs where the server speaks QUIC."""
        return self.bytes + sum(look.bytes for look in self.repeated)

    @property
    def of_server(self) -> bool:
        """Return whether it is all at a server of one's own."""
        return all(look.transfer.server is not None for look in self.looks)


def cost_of_tasks(tasks: Sequence[GoodputTask], *, quic: bool = False) -> int:
    """Return the expected bytes of tasks; an object that several ask for is fetched once.

    With ``quic`` it is what they cost where every server speaks it.
    """
    looks = [look for task in tasks for look in task.looks]
    shared = {look.endpoint.id: look.bytes for look in looks if look.plain}
    again = [look for task in tasks for look in task.repeated] if quic else []
    alone = [*(look for look in looks if not look.plain), *again]
    return sum(shared.values()) + sum(look.bytes for look in alone)
