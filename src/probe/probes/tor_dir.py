"""Kind ``tor-dir``: the head of a directory's answer, in plain HTTP.

Source: dir-spec, "General-use HTTP URLs". A consensus has megabytes; 2 KiB show what it is. The
header ``X-Your-Address-Is`` is our own address: that it came is looked at, and it is dropped.
"""

import zlib

from probe.net.base import Stream
from probe.net.http import HttpLimits, HttpResult
from probe.probes.http import request_of, send_request
from probe.probes.naming import each_address
from probe.probes.session import Session
from probe.probes.tcp import connect

__all__ = ["DEFAULT_PATH", "probe_tor_dir"]

DEFAULT_PATH = "/tor/status-vote/current/consensus.z"
BODY = 2_048
_LIMITS = HttpLimits(body=BODY, wire=16_384)
_STATUSES = (200, 304, 503)
"""It has one, it has none newer, or it is too busy: each is a directory's answer."""

_OURS = "x-your-address-is"
_DOCUMENTS = (b"network-status-version 3", b"dir-key-certificate-version 3", b"@type ")


async def probe_tor_dir(session: Session) -> None:
    """Resolve, connect, ask for the consensus, read its head."""
    endpoint = session.endpoint
    port = endpoint.port or 80
    asked = request_of(endpoint, port, path=endpoint.path or DEFAULT_PATH)

    async def attempt(address: str) -> bool:
        stream: Stream | None = await connect(session, address, port)
        if stream is None:
            return False
        try:
            result = await send_request(
                session, stream, address, asked, http2=False, limits=_LIMITS, met=_is_directory
            )
        finally:
            await stream.aclose()
        return result.failure is None

    await each_address(session, attempt)


def _is_directory(result: HttpResult, page: str) -> bool:
    """Return whether a directory of Tor's answered: its header, or a document of its own."""
    del page
    if result.status not in _STATUSES:
        return False
    return result.header(_OURS) is not None or _document(bytes(result.body))


def _document(body: bytes) -> bool:
    """Return whether a body begins like one of Tor's documents, compressed or not."""
    unpacked = zlib.decompressobj()
    try:
        plain = unpacked.decompress(body, BODY)
    except zlib.error:
        plain = body
    return plain.startswith(_DOCUMENTS)
