"""The lab's middlebox, packet by packet: no sockets, no clock, no dice of its own."""

from probe.lab.path.middle import Middle
from probe.lab.path.plumbing import Hop, Plumbing, Sent, Side, standard_hops

__all__ = ["Hop", "Middle", "Plumbing", "Sent", "Side", "standard_hops"]
