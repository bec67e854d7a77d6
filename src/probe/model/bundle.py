"""A bundle: rounds on their way from one store to another, in a signed ZIP file.

Four members: ``seal.json`` (who signed ``manifest.json``), ``manifest.json`` (what is in the
others, with their SHA-256), ``rounds.jsonl`` (a round a line) and ``chain.jsonl`` (the links of
the vantage's hash chain, all of them).
"""

from typing import Annotated, Final

import msgspec

from probe.model.context import RoundContext
from probe.model.moment import Moment
from probe.model.record import Record
from probe.model.vantage import Network, Vantage

__all__ = [
    "CHAIN",
    "FORMAT",
    "MANIFEST",
    "ROUNDS",
    "SEAL",
    "BundledLink",
    "BundledRound",
    "Manifest",
]

FORMAT: Final = "probe-bundle-1"
SEAL: Final = "seal.json"
MANIFEST: Final = "manifest.json"
ROUNDS: Final = "rounds.jsonl"
CHAIN: Final = "chain.jsonl"

_Digest = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]


class BundledRound(msgspec.Struct, frozen=True, kw_only=True):
    """One round with its records; ``digest`` is its link in the chain, by which it is known."""

    digest: _Digest
    plan: str
    catalog_digest: str
    started: Moment
    ended: Moment
    network: Network
    tz: str
    context: RoundContext | None = None
    opening: RoundContext | None = None
    records: tuple[Record, ...] = ()


class BundledLink(msgspec.Struct, frozen=True, kw_only=True):
    """One link: ``digest`` is SHA-256 of the digest before it and ``content``."""

    content: _Digest
    digest: _Digest


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a bundle holds; this is what is signed."""

    format: str
    created: Moment
    version: str
    vantage: Vantage
    rounds: int
    records: int
    rounds_sha256: _Digest
    chain_sha256: _Digest
    chain_head: _Digest
