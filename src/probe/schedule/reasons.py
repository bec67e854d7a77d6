"""Why an endpoint was not measured, in words that end the sentence "... was not measured:"."""

from probe.model.context import GateId

__all__ = [
    "DAY_BYTES",
    "DOWNLOADS",
    "FAR",
    "INTERRUPTED",
    "METERED",
    "MONTH_BYTES",
    "NEARBY",
    "RESTING",
    "RUN_BYTES",
    "RUN_SECONDS",
    "STOOD_STILL",
    "UNCOUNTED",
    "under_gate",
]

RUN_BYTES = "the run's budget of bytes is spent"
DAY_BYTES = "the day's budget of bytes is spent"
MONTH_BYTES = "the month's budget of bytes is spent"
RUN_SECONDS = "the run's time is over"
DOWNLOADS = "it was downloaded often enough today"
UNCOUNTED = "nobody counts a day's downloads without a store"
METERED = "every byte is paid for on this line (metered)"
NEARBY = "it was answered from inside the country, so that it crossed no border"
FAR = "it was answered from another country, so that it crossed a border"
STOOD_STILL = "this machine stood still meanwhile, so that its time says nothing"
INTERRUPTED = "the run was interrupted"
RESTING = "its address rests after a failure, and a quick run does not wait"

_GATES = {
    GateId.VPN_ON: "a tunnel (VPN) is on",
    GateId.OFFLINE_LOCAL: "this machine is not connected",
    GateId.CAPTIVE_PORTAL: "a login page stands before the network",
    GateId.OFFLINE_UPSTREAM: "nothing beyond this line answers, so only the core is looked at",
    GateId.DOMESTIC_ONLY: "only domestic sites answer, so only the core is looked at",
    GateId.CLOCK: "this machine's clock is wrong, so only the core is looked at",
}


def under_gate(gate: GateId) -> str:
    """Return why an endpoint is left alone while ``gate`` is closed."""
    return _GATES.get(gate, f"the line was not fit for it ({gate})")
