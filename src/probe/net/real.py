"""The real network: that of this machine, and only with a consent."""

from probe.consent import Consent
from probe.net import guard
from probe.net.machine import RESOLVER_THREADS, MachineNet

__all__ = ["RESOLVER_THREADS", "RealNet"]


class RealNet(MachineNet):
    """The network of this machine; there is no way to make one without a consent.

    Under ``PROBE_NET=loopback`` it reaches loopback and nothing else, consent or not.
    """

    def __init__(self, consent: Consent) -> None:
        """Open the network to this process, as far as ``PROBE_NET`` allows."""
        guard.permit(consent)
        super().__init__()
