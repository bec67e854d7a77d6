"""Where measurements are taken: never an address."""

from enum import StrEnum

import msgspec

__all__ = ["Access", "Network", "Vantage"]


class Access(StrEnum):
    """How the line reaches its network."""

    FIXED = "fixed"
    MOBILE = "mobile"
    HOSTING = "hosting"
    ACADEMIC = "academic"
    UNKNOWN = "unknown"


class Network(msgspec.Struct, frozen=True, kw_only=True):
    """One network key: series of different networks are never joined.

    ``gateway`` is an HMAC of the gateway under a local secret: it tells networks apart on this
    machine and means nothing elsewhere; it is never exported.
    """

    asn: int = 0
    name: str = ""
    access: Access = Access.UNKNOWN
    gateway: str | None = None

    @property
    def key(self) -> str:
        """Return ``AS64500/mobile``, what exports and series show."""
        return f"AS{self.asn}/{self.access}"


class Vantage(msgspec.Struct, frozen=True, kw_only=True):
    """One place that measures; ``id`` is random and says nothing."""

    id: str
    label: str = ""
    country: str = "ZZ"  # ISO 3166 alpha-2; ZZ unknown
    tz: str = "UTC"  # IANA
    access: Access = Access.UNKNOWN
