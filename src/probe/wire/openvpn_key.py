"""OpenVPN's pre-shared keys: the static key file and the tls-crypt-v2 client key file.

Providers publish theirs inside the configuration that every customer gets; a private server's is
a secret of the user. Neither is ever part of a ``repr``, an error or a log.
"""

import base64
import binascii
import re
from dataclasses import dataclass, field

from probe.wire.cursor import exactly
from probe.wire.errors import Fault, WireError

__all__ = ["ClientKey", "StaticKey", "read_client_key", "read_static_key"]

_SIZE = 256
_HALF = 128
_CIPHER = 64
_MAX_TEXT = 16_384
_MAX_WRAPPED = 1024  # TLS_CRYPT_V2_MAX_WKC_LEN of OpenVPN 2.5
_MIN_WRAPPED = 32 + _SIZE + 2  # tag, key, length
_STATIC = re.compile(
    r"-----BEGIN OpenVPN Static key V1-----([0-9A-Fa-f\s]*)-----END OpenVPN Static key V1-----"
)
_CLIENT = re.compile(
    r"-----BEGIN OpenVPN tls-crypt-v2 client key-----"
    r"([0-9A-Za-z+/=\s]*)"
    r"-----END OpenVPN tls-crypt-v2 client key-----"
)


@dataclass(frozen=True, slots=True)
class StaticKey:
    """2048 bits: two keys, each 64 bytes for a cipher and 64 bytes for an HMAC."""

    material: bytes = field(repr=False)

    def __post_init__(self) -> None:
        exactly(self.material, _SIZE, "an OpenVPN static key")

    def cipher(self, which: int) -> bytes:
        """Return the 64 cipher bytes of key 0 or 1."""
        return self.material[which * _HALF : which * _HALF + _CIPHER]

    def hmac(self, which: int) -> bytes:
        """Return the 64 HMAC bytes of key 0 or 1."""
        return self.material[which * _HALF + _CIPHER : (which + 1) * _HALF]


@dataclass(frozen=True, slots=True)
class ClientKey:
    """A tls-crypt-v2 key of one client, and the same key wrapped for the server (opaque)."""

    key: StaticKey
    wrapped: bytes = field(repr=False)

    def __post_init__(self) -> None:
        size = len(self.wrapped)
        if not _MIN_WRAPPED <= size <= _MAX_WRAPPED or size != int.from_bytes(
            self.wrapped[-2:], "big"
        ):
            raise WireError(Fault.ARGUMENT, "a wrapped tls-crypt-v2 key ends with its own length")


def read_static_key(text: str) -> StaticKey:
    """Return the key of a static key file, or of the ``<tls-auth>`` part of a configuration.

    Raises:
        WireError: ``FORMAT``, there is not exactly one block of 512 hexadecimal digits.

    """
    found = _STATIC.findall(text[:_MAX_TEXT])
    digits = "".join(found[0].split()) if len(found) == 1 else ""
    if len(digits) != 2 * _SIZE:
        raise WireError(Fault.FORMAT, "no OpenVPN static key of 2048 bits")
    return StaticKey(bytes.fromhex(digits))


def read_client_key(text: str) -> ClientKey:
    """Return the key of a tls-crypt-v2 client key file (openvpn-rfc, "Client-specific keys").

    Raises:
        WireError: ``FORMAT``, there is not exactly one such block, or it is not whole.

    """
    found = _CLIENT.findall(text[:_MAX_TEXT])
    try:
        raw = base64.b64decode("".join(found[0].split()), validate=True) if found else b""
    except binascii.Error as problem:
        raise WireError(Fault.FORMAT, "a tls-crypt-v2 key is base64") from problem
    if len(found) != 1 or len(raw) < _SIZE + _MIN_WRAPPED:
        raise WireError(Fault.FORMAT, "no tls-crypt-v2 client key")
    try:
        return ClientKey(StaticKey(raw[:_SIZE]), raw[_SIZE:])
    except WireError as problem:
        raise WireError(Fault.FORMAT, str(problem)) from problem
