"""Consent: versioned text, two questions, a stored record; no packet before it."""

from datetime import datetime

import msgspec

__all__ = ["Consent"]


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """A given consent: the policy version, a hash of the text shown, the day, what it covers."""

    version: str
    text_sha256: str
    given: datetime
    categories: tuple[str, ...]
