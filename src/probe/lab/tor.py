"""Tor's side of a link and of a directory, as far as a probe looks.

Both tell the client its own address, as Tor's do: nothing of that may be kept.
"""

import ipaddress
import random
import zlib
from datetime import timedelta

from probe.lab.own_keys import relay_keys
from probe.lab.pages import WebResponse
from probe.lab.speakers import Http1, Place
from probe.lab.wire import Wire
from probe.wire.errors import WireError
from probe.wire.tor_cells import common_version, read_versions, split_cell
from probe.wire.tor_relay import link_certificates, relay_hello

__all__ = ["TorDirectory", "TorRelay"]

_MONTH = timedelta(days=30)
_DIRECTORY = "/tor/"
_CONSENSUS = b"network-status-version 3\nvote-status consensus\n" + b"consensus-method 34\n" * 400


class TorRelay:
    """A relay inside TLS: VERSIONS is answered with four cells, all else ends the link."""

    def __init__(self, wire: Wire, place: Place) -> None:
        """Serve ``place`` over ``wire``."""
        self._wire = wire
        self._place = place
        self._buffer = b""
        self._open = False

    def feed(self, data: bytes) -> None:
        """Take bytes."""
        if self._open:
            return
        self._buffer += data
        try:
            found = split_cell(self._buffer, 2)
            if found is None:
                return
            common_version(read_versions(found[0]))
        except WireError:
            self._wire.close()
            return
        self._open = True
        self._wire.write(self._hello())

    def _hello(self) -> bytes:
        place = self._place
        situation, host = place.situation, place.host
        now = situation.now
        shown = situation.certificates.shown(situation.world, host)
        certificates = link_certificates(
            relay_keys(), tls_sha256=shown, begins=now - _MONTH, ends=now + _MONTH
        )
        rng = random.Random(shown)  # noqa: S311 - a challenge that nobody answers
        return relay_hello(
            certificates,
            challenge=rng.randbytes(32),
            clock_unix_s=int(now.timestamp()),
            their_address=ipaddress.ip_address(situation.world.own_address).packed,
            our_address=ipaddress.ip_address(host.address).packed,
        )


class TorDirectory(Http1):
    """A directory in plain HTTP: any of Tor's documents is a consensus, all else a page."""

    def __init__(self, wire: Wire, place: Place) -> None:
        """Serve ``place`` over ``wire``."""
        super().__init__(wire, _Documents(place))


class _Documents:
    """What the web of a place answers, with Tor's documents in it."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def web(
        self, method: str, host: str | None, target: str, body: bytes, part: str | None = None
    ) -> WebResponse:
        """Return the response; a censor's comes first."""
        response = self._place.web(method, host, target, body, part)
        plain = response.status == 200 and not response.reset
        if not (plain and target.startswith(_DIRECTORY)):
            return response
        headers = (
            *(pair for pair in response.headers if pair[0] != "content-type"),
            ("content-type", "application/octet-stream"),
            ("x-your-address-is", self._place.situation.world.own_address),
        )
        return WebResponse(
            200,
            headers,
            zlib.compress(_CONSENSUS),
            stop_after=response.stop_after,
            rate=response.rate,
            ends=response.ends,
        )
