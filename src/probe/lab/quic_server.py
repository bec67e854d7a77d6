"""The lab's own QUIC server: versions to everybody, a handshake where aioquic is installed.

On loopback nothing is lost, so it needs no timers: it says something only when it is spoken to.
"""

import asyncio
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from probe.wire.errors import WireError
from probe.wire.quic import LongHeader, read_long_header, version_negotiation

if TYPE_CHECKING:
    from probe.lab.protocols import DatagramSpeaker
    from probe.lab.situation import Situation
    from probe.lab.world import Host

__all__ = ["VERSIONS", "quic_server"]

VERSIONS = (0x0000_0001, 0x6B33_43CF)
_SMALLEST = 1200
_ID_BYTES = 8
_MOST = 256
"""Connections that a server remembers; the oldest go first."""

_SOMEBODY = ("192.0.2.2", 40_000)


def quic_server(situation: "Situation", host: "Host", port: int) -> "DatagramSpeaker":
    """Return who speaks QUIC for ``host``."""
    return _Server(situation, host, port).speak


class _Server:
    """Connections by the ids that their packets carry."""

    def __init__(self, situation: "Situation", host: "Host", port: int) -> None:
        self._situation = situation
        self._host = host
        self._endpoint = host.terms.get(("udp", port))
        self._connections: dict[bytes, Any] = {}
        self._able = find_spec("aioquic") is not None
        if self._able:  # now, and not while somebody waits for a first answer
            import_module("aioquic.quic.connection")

    def speak(self, datagram: bytes, seen: tuple[str, int]) -> tuple[bytes, ...]:
        """Answer one datagram."""
        del seen
        header = _long_header(datagram)
        if header is not None and header.version not in VERSIONS:
            whole = len(datagram) >= _SMALLEST and header.version
            return (version_negotiation(header, VERSIONS),) if whole else ()
        known = header.destination if header is not None else datagram[1 : 1 + _ID_BYTES]
        connection = self._connections.get(known)
        if connection is None:
            if header is None or not self._able or len(datagram) < _SMALLEST:
                return ()
            connection = self._accepted(header)
        now_s = asyncio.get_running_loop().time()
        connection.receive_datagram(datagram, _SOMEBODY, now=now_s)
        for made in _new_ids(connection):
            self._keep(made, connection)
        return tuple(data for data, _ in connection.datagrams_to_send(now=now_s))

    def _accepted(self, header: LongHeader) -> Any:
        from aioquic.quic.connection import QuicConnection

        connection = QuicConnection(
            configuration=self._configuration(),
            original_destination_connection_id=header.destination,
        )
        self._keep(header.destination, connection)
        self._keep(connection.host_cid, connection)
        return connection

    def _keep(self, identity: bytes, connection: Any) -> None:
        while len(self._connections) >= _MOST:
            del self._connections[next(iter(self._connections))]
        self._connections[identity] = connection

    def _configuration(self) -> Any:
        """Return a configuration with the certificate of all names that the host serves."""
        from aioquic.quic.configuration import QuicConfiguration
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
        from cryptography.x509 import load_pem_x509_certificates

        names = [name for name in self._host.names if name != self._host.address]
        leaf = self._situation.certificates.leaf((*names, self._host.address))
        chain = load_pem_x509_certificates(leaf.chain)
        asked = self._endpoint.alpn if self._endpoint is not None else ()
        return QuicConfiguration(
            is_client=False,
            alpn_protocols=list(asked or ("h3",)),
            certificate=chain[0],
            certificate_chain=chain[1:],
            private_key=load_pem_private_key(leaf.key, password=None),
            connection_id_length=_ID_BYTES,
        )


def _long_header(datagram: bytes) -> LongHeader | None:
    try:
        return read_long_header(datagram)
    except WireError:
        return None


def _new_ids(connection: Any) -> Iterator[bytes]:
    from aioquic.quic.events import ConnectionIdIssued

    while (event := connection.next_event()) is not None:
        if isinstance(event, ConnectionIdIssued):
            yield event.connection_id
