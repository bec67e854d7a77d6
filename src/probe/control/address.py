"""Where a live control is: a URL that carries a host, a port and nothing else."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from probe.errors import InputError
from probe.model.address import authority

__all__ = ["ControlAddress", "control_address"]

_HOST_CHARS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-:")


@dataclass(frozen=True, slots=True)
class ControlAddress:
    """Where a control server listens."""

    host: str
    port: int

    @property
    def place(self) -> str:
        """Return ``host:port``, by which a token is found."""
        return authority(self.host, self.port)


def control_address(url: str) -> ControlAddress:
    """Return the address in ``https://host[:port]``.

    Raises:
        InputError: it is anything else; only HTTPS is spoken, and a URL carries no token.

    """
    try:
        parts = urlsplit(url.strip())
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError as exc:
        raise InputError("is no URL", field="--control") from exc
    if parts.scheme.lower() != "https":
        raise InputError("only https:// is spoken to a control", field="--control")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise InputError(
            "a URL of a control is https://host:port and nothing more",
            field="--control",
            mend="a token belongs in PROBE_CONTROL_TOKEN, or: probe control use URL",
        )
    if parts.path not in ("", "/") or not host or not _HOST_CHARS.issuperset(host):
        raise InputError("a URL of a control is https://host:port", field="--control")
    return ControlAddress(host, port or 443)
