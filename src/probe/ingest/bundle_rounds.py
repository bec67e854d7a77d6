"""A bundle's rounds into a store: each once, under the name of whoever signed them."""

from datetime import datetime, timedelta
from typing import NamedTuple

from probe.errors import InputError
from probe.ingest.bundle import Bundle
from probe.model.bundle import BundledRound
from probe.model.selection import Selection
from probe.store.database import Store
from probe.store.foreign import digest_in, known_as

__all__ = ["Kept", "keep"]

_AHEAD = timedelta(hours=1)  # what a clock may be wrong by


class Kept(NamedTuple):
    """What came of it; ``gone`` rounds came before and are not in the chain any more."""

    stored: int
    known: int
    gone: int


def keep(store: Store, bundle: Bundle, *, now: datetime) -> Kept:
    """Store the rounds that are new, each in one transaction: broken off, it goes on next time.

    Raises:
        InputError: the vantage is this store's own or known from another source, or a round lies
            in the future or cannot be stored.

    """
    _check_vantage(store, bundle)
    vantage = bundle.manifest.vantage.id
    held = store.known_rounds()
    gone = _gone(store, bundle)
    stored = known = 0
    for found in bundle.rounds():
        name = known_as(vantage, found.digest, None)
        if name in held:
            known += 1
            continue
        _store(store, bundle, found, now + _AHEAD)
        held.add(name)
        stored += 1
    return Kept(stored, known, gone)


def _check_vantage(store: Store, bundle: Bundle) -> None:
    """Refuse rounds in the name of a line that somebody else speaks for."""
    name = bundle.manifest.vantage.id
    own, sources = store.vantage(), store.sources()
    if own is not None and own.id == name:
        raise InputError(
            "these are rounds of this store's own vantage",
            file=str(bundle.file),
            mend="join stores of one vantage with: probe store merge",
        )
    if name in store.measured_vantages() and sources.get(name) != bundle.source:
        raise InputError(
            f"vantage {name[:60]} is known from another source",
            file=str(bundle.file),
            field="vantage",
            mend="keep this bundle in a store of its own (--store)",
        )


def _gone(store: Store, bundle: Bundle) -> int:
    """Count rounds that were handed out before and are not in the chain beside these."""
    chosen = Selection(vantages=frozenset({bundle.manifest.vantage.id}))
    origins = [facts.imported_from or "" for facts in store.scan.rounds(chosen)]
    earlier = {digest_in(origin) for origin in origins if origin.startswith(bundle.source)}
    return len(earlier - bundle.digests)


def _store(store: Store, bundle: Bundle, found: BundledRound, latest: datetime) -> None:
    if found.started > latest:
        raise InputError(
            "a round that lies in the future",
            file=str(bundle.file),
            field="started",
            mend="mend the clock here, or there",
        )
    try:
        store.import_round(
            vantage=bundle.manifest.vantage,
            network=found.network,
            plan=found.plan,
            started=found.started,
            ended=found.ended,
            records=found.records,
            imported_from=f"{bundle.source}:{found.digest}",
            context=found.context,
            opening=found.opening,
            catalog_digest=found.catalog_digest,
            tz=found.tz,
        )
    except (OverflowError, ValueError) as exc:  # a number that no database holds, no look
        raise InputError(
            f"round {found.digest[:16]} cannot be stored: {exc}", file=str(bundle.file)
        ) from exc
