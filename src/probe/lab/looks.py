"""What the first bytes of a connection look like to a filter of protocols.

Sources: core.telegram.org/mtproto/mtproto-transports; tor-spec for the hello of old clients (a
name made up of base32, no ALPN); for bytes that look random, Wu et al., "How the Great Firewall of
China Detects and Blocks Fully Encrypted Traffic", USENIX Security 2023, whose five exemptions are
those of ``_looks_random``.
"""

import re

from probe.lab.client_hello import ClientHello
from probe.wire.mtproto_transport import looks_like_mtproto
from probe.wire.openvpn import Opcode

__all__ = ["LOOKS", "looks_of_bytes", "looks_of_hello"]

MTPROTO, OPENVPN, RANDOM, TOR = "mtproto", "openvpn", "random", "tor"
LOOKS = (MTPROTO, OPENVPN, RANDOM, TOR)

_MADE_UP = re.compile(r"www\.[a-z2-7]{8,20}\.(?:com|net)")
_PRINTABLE = frozenset(range(0x20, 0x7F))
_FIRST = 6
_RUN = 20
_LEAST_OPENVPN = 16


def looks_of_hello(hello: ClientHello) -> str | None:
    """Return ``tor`` for a hello like those of Tor's clients."""
    made_up = hello.sni is not None and _MADE_UP.fullmatch(hello.sni) is not None
    return TOR if made_up and not hello.alpn else None


def looks_of_bytes(data: bytes) -> str | None:
    """Return what bytes that are no TLS look like, ``None`` for nothing known."""
    if looks_like_mtproto(data):
        return MTPROTO
    if _looks_like_openvpn(data):
        return OPENVPN
    return RANDOM if _looks_random(data) else None


def _looks_like_openvpn(data: bytes) -> bool:
    """Return whether a client's reset of OpenVPN stands behind its length in two bytes."""
    whole = len(data) >= _LEAST_OPENVPN and int.from_bytes(data[:2], "big") == len(data) - 2
    return whole and data[2] in (Opcode.HARD_RESET_CLIENT_V2 << 3, Opcode.HARD_RESET_CLIENT_V3 << 3)


def _looks_random(data: bytes) -> bool:
    if not data:
        return False
    bits = sum(byte.bit_count() for byte in data) / len(data)
    printable = [byte in _PRINTABLE for byte in data]
    run = longest = 0
    for one in printable:
        run = run + 1 if one else 0
        longest = max(longest, run)
    exempt = (
        not 3.4 < bits < 4.6,
        len(data) >= _FIRST and all(printable[:_FIRST]),
        2 * sum(printable) > len(data),
        longest > _RUN,
    )
    return not any(exempt)
