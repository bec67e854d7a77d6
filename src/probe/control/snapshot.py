"""Control snapshots: what a trusted line saw, in a signed file that travels by any means.

The file has two lines of JSON: a seal (format, public key, signature), and the snapshot. The
signature is Ed25519 (RFC 8032) over a fixed prefix and the second line's bytes, so that what is
checked is exactly what is read. A snapshot says what answers look like, never that a service
is up now.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from probe.errors import InputError
from probe.model.codec import decode, encode
from probe.model.control import ControlObservation, ControlSnapshot
from probe.schedule.files import write_whole
from probe.wire.sealing import Seal, check_seal, sealed

__all__ = ["FORMAT", "Seal", "load_snapshot", "new_snapshot", "read_seal", "write_snapshot"]

FORMAT = "probe-control-snapshot-1"
VALID_FOR = timedelta(days=30)
"""Certificates and addresses of large services change within weeks."""

_MAX_BYTES = 32 * 1024 * 1024
_FUTURE = timedelta(days=1)
"""How far a snapshot may be ahead of a clock that is a little wrong."""


def new_snapshot(
    observations: Sequence[ControlObservation],
    *,
    now: datetime,
    catalog_digest: str,
    country: str,
    valid_for: timedelta = VALID_FOR,
) -> ControlSnapshot:
    """Return a snapshot dated ``now``; its id is its date and a part of its digest."""
    import hashlib

    ordered = tuple(sorted(observations, key=lambda item: item.endpoint))
    digest = hashlib.sha256(encode(ordered)).hexdigest()[:12]
    return ControlSnapshot(
        id=f"{now:%Y%m%dT%H%M%SZ}-{digest}",
        created=now,
        expires=now + valid_for,
        catalog_digest=catalog_digest,
        country=country,
        observations=ordered,
    )


def write_snapshot(
    snapshot: ControlSnapshot, private_key: bytes, path: Path, *, mode: int = 0o644
) -> Seal:
    """Sign ``snapshot`` with a raw Ed25519 key and put the file in place in one step.

    Raises:
        StoreError: the file cannot be written.

    """
    body = encode(snapshot)
    seal = sealed(body, private_key, FORMAT)
    write_whole(path, encode(seal) + b"\n" + body + b"\n", mode=mode)
    return seal


def read_seal(path: Path) -> tuple[Seal, bytes]:
    """Return the seal and the sealed bytes of ``path``, unchecked.

    Raises:
        InputError: the file is missing, too large, cut short or of another format.

    """
    try:
        with path.open("rb") as file:
            raw = file.read(_MAX_BYTES + 1)
    except OSError as exc:
        raise InputError(f"cannot be read: {exc.strerror}", file=str(path)) from exc
    if len(raw) > _MAX_BYTES:
        raise InputError("larger than 32 MB: not a control snapshot", file=str(path))
    head, newline, rest = raw.partition(b"\n")
    body, end, _ = rest.partition(b"\n")
    try:
        seal = decode(head, Seal)
    except InputError as exc:
        raise InputError("not a control snapshot", file=str(path), line=1) from exc
    if seal.format != FORMAT:
        raise InputError(
            f"format {seal.format[:60]!r} is not {FORMAT!r}",
            file=str(path),
            field="format",
            mend="make it anew with: probe control snapshot",
        )
    if not newline or not end or not body:
        raise InputError("cut short", file=str(path), mend="copy the file again")
    return seal, body


def load_snapshot(path: Path, *, keys: Collection[str], now: datetime) -> ControlSnapshot:
    """Return the snapshot of ``path`` if one of ``keys`` signed it and it is in force at ``now``.

    Raises:
        InputError: it is damaged, signed by somebody else, expired, or from the future.

    """
    seal, body = read_seal(path)
    try:
        check_seal(seal, body, FORMAT)
    except InputError as exc:
        raise InputError(
            "the signature is wrong: the file was changed or damaged", file=str(path)
        ) from exc
    if seal.key not in keys:
        raise InputError(
            f"signed by a key that is not trusted: {seal.key[:64]}",
            file=str(path),
            mend="if whoever gave you the file names this key, run: probe control trust KEY",
        )
    try:
        snapshot = decode(body, ControlSnapshot)
    except InputError as exc:
        raise InputError("incomplete or of another version", file=str(path), line=2) from exc
    if snapshot.expires <= now:
        raise InputError(
            f"expired on {snapshot.expires:%Y-%m-%d}", file=str(path), mend="ask for a newer one"
        )
    if snapshot.created > now + _FUTURE:
        raise InputError(
            f"made on {snapshot.created:%Y-%m-%d}, which is in the future",
            file=str(path),
            mend="set this machine's clock",
        )
    return snapshot
