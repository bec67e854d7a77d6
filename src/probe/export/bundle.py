"""Writing a bundle: the own vantage's rounds for another store, scrubbed and signed.

What leaves is what judging again needs: records whole, contexts, exact times. What does not:
the label, the gateway's fingerprint (a letter in its place still tells networks apart), hosts of
captive portals, certificates of machines at home, own bridges, notes. The signature is by the
vantage's own Ed25519 key, and all links of its hash chain go along, so that a history that was
written anew does not fit what was handed out before.
"""

import hashlib
import os
import tempfile
import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, NamedTuple

from msgspec.structs import replace

from probe import __version__
from probe.errors import InputError, StoreError
from probe.export.household import shown_context, shown_record
from probe.model.bundle import (
    CHAIN,
    FORMAT,
    MANIFEST,
    ROUNDS,
    SEAL,
    BundledLink,
    BundledRound,
    Manifest,
)
from probe.model.codec import encode
from probe.model.context import RoundContext
from probe.model.record import Record, RoundRow
from probe.model.selection import Selection
from probe.model.vantage import Network
from probe.store.database import Store
from probe.store.scan import RoundFacts
from probe.targets.private import PRIVATE_SERVICE
from probe.wire.sealing import sealed

__all__ = ["Bundled", "bundle_key_path", "write_bundle"]

_ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # the archive's own clock says nothing of the line


class Bundled(NamedTuple):
    """How much went out; ``redacted`` handshakes lost a household's certificates."""

    rounds: int
    records: int
    redacted: int


def bundle_key_path(store: Path) -> Path:
    """Return the file of the key that signs this vantage's bundles, beside the store."""
    return store.with_name(store.name + ".vantage-key")


def write_bundle(
    store: Store, chosen: Selection, path: Path, *, private_key: bytes, now: datetime
) -> Bundled:
    """Write the own vantage's closed rounds into a new file, all of it or nothing.

    ``chosen`` bounds the time alone: a round goes whole, or not at all.

    Raises:
        InputError: the file is there already, the store has no vantage of its own, or rows were
            chosen by something else than time.
        StoreError: the store cannot be read, or the file not be written.

    """
    _check(chosen, path)
    vantage = store.vantage()
    if vantage is None:
        raise InputError("this store has no vantage of its own, so nothing to sign for")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        part = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file, _archive(file) as archive:
                writer = _Writer(store, chosen, archive)
                writer.rounds(vantage.id)
                chain_sha256, head = writer.chain()
                manifest = encode(
                    Manifest(
                        format=FORMAT,
                        created=now.replace(microsecond=0),
                        version=__version__,
                        vantage=replace(vantage, label=""),
                        rounds=writer.done.rounds,
                        records=writer.done.records,
                        rounds_sha256=writer.sha256,
                        chain_sha256=chain_sha256,
                        chain_head=head,
                    )
                )
                archive.writestr(_member(MANIFEST), manifest)
                archive.writestr(_member(SEAL), encode(sealed(manifest, private_key, FORMAT)))
            part.chmod(0o600)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as exc:
        raise StoreError(f"{path}: cannot be written: {exc.strerror or exc}") from exc
    return writer.done


def _check(chosen: Selection, path: Path) -> None:
    if path.exists():
        raise InputError(
            "it is there already, and nothing is written over",
            file=str(path),
            field="--bundle",
            mend="name a new file",
        )
    if any((chosen.services, chosen.networks, chosen.vantages, chosen.states)):
        raise InputError(
            "a bundle holds whole rounds",
            field="--bundle",
            mend="choose by --since and --until alone",
        )


def _archive(file: IO[bytes]) -> zipfile.ZipFile:
    return zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=6)


def _member(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _ZIP_DATE)
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


class _Writer:
    """Streams the members of an archive, and counts."""

    def __init__(self, store: Store, chosen: Selection, archive: zipfile.ZipFile) -> None:
        self._store = store
        self._chosen = chosen
        self._archive = archive
        self._gateways: dict[str, str] = {}
        self.done = Bundled(0, 0, 0)
        self.sha256 = ""

    def rounds(self, vantage: str) -> None:
        """Write every closed round of the vantage that was chosen."""
        hashed = hashlib.sha256()
        with self._archive.open(_member(ROUNDS), "w") as out:
            for one in self._found(vantage):
                line = encode(one) + b"\n"
                hashed.update(line)
                out.write(line)
        self.sha256 = hashed.hexdigest()

    def _found(self, vantage: str) -> Iterator[BundledRound]:
        digests = {facts.id: facts for facts in self._store.scan.rounds(Selection())}
        for row in self._store.rounds():
            network = self._told(row.network)  # lettered in order, also for what is not chosen
            facts = digests.get(row.id)
            mine = row.vantage == vantage and row.imported_from is None
            if mine and row.ended is not None and facts is not None and self._inside(row):
                yield self._round(row, facts, network)

    def _inside(self, row: RoundRow) -> bool:
        since, until = self._chosen.since, self._chosen.until
        return (since is None or row.started >= since) and (until is None or row.started < until)

    def _round(self, row: RoundRow, facts: RoundFacts, network: Network) -> BundledRound:
        held = self._store.records(row.id)
        records = tuple(self._record(one) for one in held if one.service != PRIVATE_SERVICE)
        before = self.done
        self.done = before._replace(rounds=before.rounds + 1, records=before.records + len(records))
        return BundledRound(
            digest=facts.digest,
            plan=row.plan,
            catalog_digest=row.catalog_digest,
            started=row.started,
            ended=row.ended or row.started,
            network=network,
            tz=facts.tz,
            context=None if row.context is None else self._context(row.context),
            opening=None if row.opening is None else self._context(row.opening),
            records=records,
        )

    def _record(self, record: Record) -> Record:
        told = shown_record(record)
        lost = sum(new != old for new, old in zip(told.bundle, record.bundle, strict=True))
        self.done = self.done._replace(redacted=self.done.redacted + lost)
        return told

    def _told(self, network: Network) -> Network:
        gateway = network.gateway
        if not gateway:
            return replace(network, gateway=None)
        letter = self._gateways.setdefault(gateway, f"gateway-{len(self._gateways) + 1}")
        return replace(network, gateway=letter)

    def _context(self, context: RoundContext) -> RoundContext:
        return replace(shown_context(context), network=self._told(context.network))

    def chain(self) -> tuple[str, str]:
        """Write every link of the chain; return the member's SHA-256 and the chain's head."""
        hashed = hashlib.sha256()
        head = bytes(32).hex()
        with self._archive.open(_member(CHAIN), "w") as out:
            for content, digest in self._store.scan.links():
                head = digest.hex()
                line = encode(BundledLink(content=content.hex(), digest=head)) + b"\n"
                hashed.update(line)
                out.write(line)
        return hashed.hexdigest(), head
