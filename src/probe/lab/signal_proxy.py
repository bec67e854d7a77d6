"""A Signal TLS proxy inside TLS: it leads by the name of a second handshake, and ends nothing.

Source: signalapp/Signal-TLS-Proxy (data/nginx-relay/nginx.conf): names of Signal's are led on, all
others to a closed port.
"""

from probe.lab.client_hello import NotTls, read_client_hello
from probe.lab.speakers import Place
from probe.lab.tls_end import TlsEnd
from probe.lab.wire import Application, Wire
from probe.model.target import Trust

__all__ = ["SignalProxy"]


class SignalProxy:
    """One connection to the proxy; behind it is the host of the world that has the name."""

    def __init__(self, wire: Wire, place: Place) -> None:
        """Serve ``place`` over ``wire``, which is TLS."""
        self._wire = wire
        self._place = place
        self._first = b""
        self._behind: Application | None = None

    def feed(self, data: bytes) -> None:
        """Take what is inside the outer TLS."""
        if self._behind is not None:
            self._behind.feed(data)
            return
        self._first += data
        try:
            hello = read_client_hello(self._first)
        except NotTls:
            self._wire.close()
            return
        if hello is None:
            return
        self._behind = self._lead(hello.sni)
        if self._behind is None:
            self._wire.close()
        else:
            self._behind.feed(self._first)

    def _lead(self, name: str | None) -> Application | None:
        situation = self._place.situation
        site = situation.world.site(name)
        if site is None or site.trust is not Trust.SIGNAL:
            return None
        host = situation.world.hosts[site.addresses[0]]
        behind = Place(situation, host, 443, control=self._place.control, sealed=True)
        context = situation.certificates.honest(situation.world, host, name)
        return TlsEnd(self._wire, behind, context)
