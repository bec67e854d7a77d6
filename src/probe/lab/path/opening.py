"""What the first bytes of a connection say, as a censor reads them: TLS, HTTP, or something."""

import re
from dataclasses import dataclass
from enum import StrEnum

from probe.lab.client_hello import NotTls, read_client_hello
from probe.lab.looks import looks_of_bytes, looks_of_hello
from probe.lab.pages import bare_host

__all__ = ["Opening", "Speech", "read_opening"]

MAX_HEAD = 16_384
_HANDSHAKE = 0x16
_METHOD = re.compile(rb"[A-Z]{1,16}(?: |\Z)")


class Speech(StrEnum):
    """What is spoken."""

    TLS = "tls"
    HTTP = "http"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Opening:
    """The name and, of a plain request, the target that the bytes carry."""

    speech: Speech
    name: str | None = None
    target: str | None = None
    looks: str | None = None


def read_opening(data: bytes) -> Opening | None:
    """Return what ``data`` opens, ``None`` while more bytes are needed to say so."""
    if not data:
        return None
    if data[0] == _HANDSHAKE:
        try:
            hello = read_client_hello(data)
        except NotTls:
            return Opening(Speech.OTHER)
        if hello is None:
            return None
        return Opening(Speech.TLS, hello.sni, looks=looks_of_hello(hello))
    if _METHOD.match(data) is None:
        return Opening(Speech.OTHER, looks=looks_of_bytes(data))
    return _read_request(data)


def _read_request(data: bytes) -> Opening | None:
    """Read the request line and the Host header; the rest of the head is of no interest."""
    lines = data[:MAX_HEAD].split(b"\n")
    complete = lines[:-1]  # the last one has no end yet
    if not complete:
        return Opening(Speech.OTHER) if len(data) >= MAX_HEAD else None
    words = complete[0].split()
    if len(words) != 3 or not words[2].startswith(b"HTTP/"):
        return Opening(Speech.OTHER)
    target = words[1].decode("latin-1")
    for line in complete[1:]:
        field, _, value = line.partition(b":")
        if field.strip().lower() == b"host":
            name = bare_host(value.strip().decode("latin-1"))
            return Opening(Speech.HTTP, name or None, target)
        if not line.strip():
            return Opening(Speech.HTTP, None, target)
    return Opening(Speech.HTTP, None, target) if len(data) >= MAX_HEAD else None
