"""Sourced marks of known interference and known refusals."""

from enum import StrEnum

import msgspec

__all__ = ["Fingerprint", "Mark", "Place"]


class Mark(StrEnum):
    """What a match means."""

    BLOCKPAGE = "blockpage"  # put there by a network
    CHALLENGE = "challenge"  # a bot check by the service
    GEOBLOCK = "geoblock"  # the service says that it refuses this place
    SANCTIONS_STATED = "sanctions_stated"
    LEGAL_ORDER_STATED = "legal_order_stated"
    FALSE_POSITIVE = "false_positive"  # looks like a block page and is not one
    INTERCEPTING_CA = "intercepting_ca"  # a state's
    LOCAL_INTERCEPTOR = "local_interceptor"  # an antivirus, a company's or a school's proxy
    SINKHOLE = "sinkhole"  # an address that DNS lies point at


class Place(StrEnum):
    """Where the pattern is looked for."""

    BODY = "body"
    TITLE = "title"
    HEADER = "header"  # pattern is ``name: substring``
    STATUS = "status"
    DNS = "dns"  # an address or network
    ISSUER = "issuer"  # substring of the issuer's RFC 4514 name
    SPKI = "spki"  # SHA-256 of an issuer's SubjectPublicKeyInfo, hex


class Fingerprint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One pattern; ``countries`` empty means anywhere, ``status`` that a page must come with it."""

    id: str
    mark: Mark
    place: Place
    pattern: str
    status: int | None = None
    countries: tuple[str, ...] = ()
    source: str
    note: str | None = None
