"""Small pieces of plain words: addresses, times, failures; what strangers wrote is made safe."""

from collections.abc import Iterable, Sequence

from probe.analysis.endings import FailureClass, Layer, class_of
from probe.model.address import NOWHERE, NOWHERE_6, family_of
from probe.model.failure import Failure
from probe.model.measurement import Step, TlsStep

__all__ = ["clean", "count", "counted", "failed", "joined", "minutes", "quoted", "took", "where"]

_SHOWN = 3


def clean(text: str, limit: int = 80) -> str:
    """Return what somebody else wrote, short, on one line, without control characters."""
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text).strip()
    return shown if len(shown) <= limit else shown[: limit - 1].rstrip() + "…"


def quoted(text: str | None, limit: int = 60) -> str:
    """Return a stranger's words in quotes."""
    return f"“{clean(text or '', limit)}”"


def where(address: str) -> str:
    """Return an address with its family, since people know of IPv4 and IPv6 apart."""
    if address in (NOWHERE, NOWHERE_6):
        return "its address, which is not kept"
    return f"{address} (IPv{family_of(address)})" if family_of(address) else clean(address)


def joined(parts: Iterable[str]) -> str:
    """Return ``a``, ``a and b`` or ``a, b and c``."""
    words = list(parts)
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def counted(parts: Sequence[str]) -> str:
    """Return the first few of a list, and how many more there are."""
    more = len(parts) - _SHOWN
    return joined([*parts[:_SHOWN], f"{more} more"]) if more > 0 else joined(parts)


def count(number: int, one: str, many: str | None = None) -> str:
    """Return ``1 look`` or ``3 looks``."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def took(step: Step) -> str:
    """Return how long a step took."""
    seconds = step.t_s - step.t0_s
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def minutes(seconds: float) -> str:
    """Return a wait as people say it."""
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes"


_WORDS: dict[FailureClass, str] = {
    FailureClass.TIMEOUT: "silence: nothing came back in the time allowed",
    FailureClass.REFUSED: "a refusal: whoever answered says that nothing is offered there",
    FailureClass.RESET: "it was cut off in the middle",
    FailureClass.UNREACHABLE: "a message that there is no way there",
    FailureClass.CERTIFICATE: "a certificate that does not hold for this name",
    FailureClass.ALERT: "an alert: a formal refusal in the middle of the handshake",
    FailureClass.LOCAL: "this machine itself did not let it out",
    FailureClass.NXDOMAIN: "“there is no such name”",
    FailureClass.NO_ANSWER: "an answer without any address",
    FailureClass.SERVFAIL: "“I could not find out”",
    FailureClass.BOGON: "an address that no public service can have",
    FailureClass.OTHER: "it failed in an unusual way",
}


def failed(failure: Failure | None, layer: Layer, step: Step | None = None) -> str:
    """Return plain words for a failure at ``layer``."""
    kind = class_of(failure)
    if kind is None:
        return "it worked"
    if (
        isinstance(step, TlsStep)
        and step.alert is not None
        and kind is not FailureClass.CERTIFICATE
    ):
        kind = FailureClass.ALERT
    if layer is Layer.DNS and failure == "dns_refused_error":
        return "“I will not answer that”"
    if layer is Layer.TCP and kind is FailureClass.RESET:
        return "it was cut off as it opened (a “reset”)"
    return _WORDS[kind]
