"""The network of the lab's namespaces: the machine's sockets, where no way leads out.

Nobody is contacted there but servers of the lab, so no consent is needed; and there is no such
network unless ``probe lab`` has put this process into one.
"""

from probe.errors import ForbiddenNetwork
from probe.net import guard
from probe.net.machine import MachineNet

__all__ = ["LabNet"]


class LabNet(MachineNet):
    """Real sockets in the lab, as long as this process is there."""

    def __init__(self) -> None:
        """Open the lab's network to this process.

        Raises:
            ForbiddenNetwork: this process is not in the namespace that ``PROBE_NET`` names.

        """
        guard.install()
        if not guard.in_lab():
            raise ForbiddenNetwork("this is not the lab: start it with probe lab up")
        super().__init__()
