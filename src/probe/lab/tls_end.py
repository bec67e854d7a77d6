"""The server's end of TLS, and what is spoken inside it."""

import contextlib
import ssl

from probe.lab.actions import Action, Layer
from probe.lab.protocols import inside_of
from probe.lab.speakers import DnsStream, Http1, Http2, Place
from probe.lab.wire import Application, Wire

__all__ = ["TlsEnd"]

_READ = 65_536


class TlsEnd:
    """The server's end of TLS: an application on the plain side, the wire of another inside."""

    def __init__(
        self, plain: Wire, place: Place, context: ssl.SSLContext, sni: str | None = None
    ) -> None:
        """Answer with ``context`` whoever asked for ``sni``."""
        self._sni = sni
        self._left: int | None = None  # bytes that still pass, of what is frozen or cut
        self._ends = False  # the connection ends behind them
        self._plain = plain
        self._place = place
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._inner: Application | None = None

    def feed(self, data: bytes) -> None:
        """Take ciphertext; hand plaintext to what is spoken inside."""
        self._incoming.write(data)
        try:
            if self._inner is None:
                self._tls.do_handshake()
                self._inner = self._chosen()
            while True:
                plain = self._tls.read(_READ)
                if not plain:
                    self._plain.close()
                    return
                self._inner.feed(plain)
        except ssl.SSLWantReadError:
            self._flush()
        except ssl.SSLError:  # an alert of the client, or no TLS
            self._flush()
            self._plain.close()

    def _chosen(self) -> Application:
        if self._place.port == 853:
            return DnsStream(self, self._place)
        if self._tls.selected_alpn_protocol() == "h2":
            return Http2(self, self._place)
        own = inside_of(self._place.host.speaks.get(self._place.port))
        if own is None:
            return Http1(self, self._place)
        self._hamper()
        return (self._place.speaker(own) or own)(self, self._place)

    def _hamper(self) -> None:
        """Let a censor who reads nothing say after how many bytes nothing passes any more."""
        place = self._place
        situation = place.situation
        seen = situation.about_name(
            Layer.HTTP, place.host, place.port, self._sni, control=place.control, sealed=True
        )
        rule = situation.decide(seen)
        if rule is not None and rule.action in (Action.FREEZE, Action.TRUNCATE):
            self._left, self._ends = rule.what.bytes, rule.action is Action.TRUNCATE

    def write(self, data: bytes) -> None:
        """Encrypt and send."""
        if self._left is not None:
            over = len(data) > self._left
            data, self._left = data[: self._left], max(0, self._left - len(data))
            if over and self._ends:
                self._seal(data)
                self.cut()
                return
        self._seal(data)

    def _seal(self, data: bytes) -> None:
        if not data:
            return
        try:
            self._tls.write(data)
        except ssl.SSLError:
            return
        self._flush()

    def close(self) -> None:
        """Say goodbye and close."""
        with contextlib.suppress(ssl.SSLError):
            self._tls.unwrap()
        self._flush()
        self._plain.close()

    def cut(self) -> None:
        """Send FIN under the TLS."""
        self._plain.cut()

    def reset(self) -> None:
        """Send RST under the TLS."""
        self._plain.reset()

    def _flush(self) -> None:
        data = self._outgoing.read()
        if data:
            self._plain.write(data)
