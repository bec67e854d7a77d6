"""The network that the line of a scenario is usually on."""

from probe.lab.registry import LINE_ASN
from probe.model.vantage import Access, Network
from probe.schedule.secret import keyed

__all__ = ["SECRET", "usual_network"]

SECRET = b"scenario"


def usual_network() -> Network:
    """Return the network that the line was on yesterday."""
    return Network(
        asn=LINE_ASN,
        name="Simulated Telecom",
        access=Access.FIXED,
        gateway=keyed(SECRET, "192.168.1.1"),
    )
