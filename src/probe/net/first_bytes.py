"""The first thing that a client says, as bytes: what a trace sends with a short life.

Each call gives new ones (random values, identifiers, connection ids), as a client would.
"""

import random
import re
from dataclasses import dataclass

from probe.errors import InputError
from probe.model.trace import Trigger
from probe.net.dnswire import Question, question
from probe.net.http import BROWSER_HEADERS
from probe.net.quic import initial_datagram
from probe.net.tls import hello_bytes

__all__ = ["FirstBytes", "first_bytes"]

_ALPN = {Trigger.TLS: ("h2", "http/1.1"), Trigger.QUIC: ("h3",)}
_NAME = re.compile(r"[0-9A-Za-z_-][0-9A-Za-z._-]{0,252}")


@dataclass(frozen=True, slots=True)
class FirstBytes:
    """What is sent; ``asked`` is the question in it, for DNS."""

    data: bytes = b""
    asked: Question | None = None


def first_bytes(trigger: Trigger, name: str, rng: random.Random, *, six: bool) -> FirstBytes:
    """Return what a client says first that wants ``name``; nothing for a SYN.

    A query asks for addresses of the family that the trace runs in (``six``: IPv6).

    Raises:
        InputError: the protocol cannot carry the name, or an extra is not installed.

    """
    if trigger is Trigger.SYN:
        return FirstBytes()
    if not _NAME.fullmatch(name):
        raise InputError(f"no client asks for the name {name!r}")
    if trigger is Trigger.DNS:
        asked = question(name, "AAAA" if six else "A", rng)
        return FirstBytes(asked.wire, asked)
    if trigger is Trigger.HTTP:
        return FirstBytes(_request(name))
    if trigger is Trigger.QUIC:
        return FirstBytes(initial_datagram(name, _ALPN[trigger]))
    return FirstBytes(hello_bytes(name, _ALPN[trigger]))


def _request(name: str) -> bytes:
    fields = "".join(f"{field}: {value}\r\n" for field, value in BROWSER_HEADERS)
    return f"GET / HTTP/1.1\r\nHost: {name}\r\n{fields}\r\n".encode()
