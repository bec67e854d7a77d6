"""What an uncensored observer saw for the same endpoint."""

from enum import StrEnum
from typing import Annotated

import msgspec

from probe.model.failure import Failure
from probe.model.moment import Moment

_Asn = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
"""Bounds of what is read from others: a number that no database holds would cost the round."""

__all__ = ["ControlKind", "ControlObservation", "ControlSnapshot"]


class ControlKind(StrEnum):
    """Where a control comes from, best first."""

    LIVE = "live"  # within 30 minutes
    SNAPSHOT = "snapshot"  # expected answers, no proof that the service is up now
    OWN_PAST = "own_past"


class ControlObservation(msgspec.Struct, frozen=True, kw_only=True):
    """One endpoint as the control saw it; every field is ``None`` or empty when not observed."""

    endpoint: str
    source: str  # which control: a snapshot's id, a control server's name, "past"
    kind: ControlKind
    observed: Moment
    country: str | None = None
    failure: Failure | None = None
    failed_operation: str | None = None  # dns, tcp, tls, http
    addresses: tuple[str, ...] = ()
    address: str | None = None  # the one that was dialled last
    asns: tuple[_Asn, ...] = ()
    issuer: str | None = None
    leaf_sha256: str | None = None
    status: _Count | None = None
    title: str | None = None
    body_length: _Count | None = None
    body_sha256: str | None = None
    expected: bool | None = None  # the answer was as the catalog expects it
    absent: bool | None = None  # of a listing: the store said that it has no such app


class ControlSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Observations of one trusted line at one time, as carried in a file."""

    format: str = "probe-control-snapshot-1"
    id: str
    created: Moment
    expires: Moment
    catalog_digest: str
    country: str
    observations: tuple[ControlObservation, ...]
