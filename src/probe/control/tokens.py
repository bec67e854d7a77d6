"""Tokens: who may ask a live control. The server keeps hashes, a line keeps the token itself."""

import hashlib
import hmac
import os
import re
import secrets
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

from probe.errors import InputError, StoreError
from probe.schedule.files import write_whole

__all__ = [
    "TOKEN_VARIABLE",
    "access_path",
    "add_token",
    "checked_token",
    "find_token",
    "known_tokens",
    "read_access",
    "save_access",
    "tokens_path",
]

TOKEN_VARIABLE = "PROBE_CONTROL_TOKEN"  # noqa: S105 - the name of a variable
_TOKEN = re.compile(r"[A-Za-z0-9_-]{32,128}")
_HASH = re.compile(r"[0-9a-f]{64}")
_MAX_BYTES = 100_000
_MAX_TOKENS = 500


def tokens_path(store: Path) -> Path:
    """Return the server's list of hashes, beside the store."""
    return store.with_name(store.name + ".control-tokens")


def access_path(store: Path) -> Path:
    """Return a line's own tokens, beside the store (``probe store wipe`` removes them too)."""
    return store.with_name(store.name + ".control-access")


def add_token(path: Path) -> str:
    """Make a token of 256 bits, add its hash to the list, and return it: it is shown once.

    Raises:
        StoreError: the list cannot be read or written.
        InputError: it is damaged, or full.

    """
    known = known_tokens(path)
    if len(known) >= _MAX_TOKENS:
        raise InputError(f"there are {_MAX_TOKENS} tokens already", file=str(path))
    token = secrets.token_urlsafe(32)
    lines = "".join(f"{one}\n" for one in (*known, _hash(token)))
    write_whole(path, lines.encode(), mode=0o600)
    return token


def known_tokens(path: Path) -> tuple[str, ...]:
    """Return the hashes of the tokens that are let in; deleting a line ends one.

    Raises:
        StoreError: the list cannot be read.
        InputError: it is damaged.

    """
    found: list[str] = []
    for number, line in enumerate(_lines(path), 1):
        if not _HASH.fullmatch(line):
            raise InputError("is no hash of a token", file=str(path), line=number)
        found.append(line)
    return tuple(dict.fromkeys(found))


def find_token(token: str, known: Sequence[str]) -> int | None:
    """Return the place of a token in the list, comparing with all of it in constant time."""
    given = _hash(token).encode()
    place: int | None = None
    for number, one in enumerate(known):
        if hmac.compare_digest(given, one.encode()):
            place = number
    return place


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def checked_token(text: str, origin: str) -> str:
    """Return ``text`` as a token; ``origin`` says where it came from, for the error.

    Raises:
        InputError: it is none. The text itself is not repeated.

    """
    token = text.strip()
    if not _TOKEN.fullmatch(token):
        raise InputError("is no token of a control server", field=origin, mend="ask who gave it")
    return token


def read_access(path: Path, place: str, environ: Mapping[str, str]) -> str | None:
    """Return the token for a server (``host:port``): the environment's, else the file's.

    Raises:
        InputError: it is no token, or others may read the file.
        StoreError: the file cannot be read.

    """
    named = environ.get(TOKEN_VARIABLE)
    if named:
        return checked_token(named, TOKEN_VARIABLE)
    return _own_access(path).get(place)


def save_access(path: Path, place: str, token: str) -> None:
    """Keep the token for a server in a file that only its owner can read.

    Raises:
        StoreError: it cannot be written.
        InputError: it is damaged.

    """
    known = {**_own_access(path), place: token}
    lines = "".join(f"{server} {one}\n" for server, one in sorted(known.items()))
    write_whole(path, lines.encode(), mode=0o600)


def _own_access(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    if os.name == "posix" and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise InputError("others can read it", file=str(path), mend=f"chmod 600 {path}")
    found: dict[str, str] = {}
    for number, line in enumerate(_lines(path), 1):
        place, _, token = line.partition(" ")
        if not _TOKEN.fullmatch(token):
            raise InputError("is no server with its token", file=str(path), line=number)
        found[place] = token
    return found


def _lines(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        return []
    except OSError as exc:
        raise StoreError(f"{path}: cannot be read: {exc.strerror}") from exc
    if len(data) > _MAX_BYTES:
        raise InputError("is too large", file=str(path))
    lines = data.decode("ascii", "replace").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]
