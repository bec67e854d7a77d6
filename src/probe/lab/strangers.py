"""Who answers where another service was meant: a web server, nobody at all, or nonsense."""

import random
import re

from probe.lab.speakers import Http1, Place
from probe.lab.wire import Application, Wire

__all__ = ["Garbage", "Mute", "WebServer"]

_SIZE = 300
_METHOD = re.compile(rb"[A-Z]{3,7} ")
_BAD_REQUEST = (
    b"HTTP/1.1 400 Bad Request\r\nServer: lab\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)


class WebServer:
    """A web server at a port where something else was meant: it says 400 to what it cannot read."""

    def __init__(self, wire: Wire, place: Place) -> None:
        """Serve ``place`` over ``wire``."""
        self._wire = wire
        self._place = place
        self._web: Application | None = None

    def feed(self, data: bytes) -> None:
        """Take bytes; the first ones decide."""
        if self._web is None and _METHOD.match(data) is not None:
            self._web = Http1(self._wire, self._place)
        if self._web is not None:
            self._web.feed(data)
            return
        self._wire.write(_BAD_REQUEST)
        self._wire.cut()


class Mute:
    """Reads and says nothing: as obfs4 does to all who have not its key."""

    def __init__(self, wire: Wire, place: Place) -> None:
        """Hold the connection open."""
        del wire, place

    def feed(self, data: bytes) -> None:
        """Take bytes."""
        del data


class Garbage:
    """Answers the first bytes with 300 bytes of nothing, the same each time, and ends."""

    def __init__(self, wire: Wire, place: Place) -> None:
        """Serve over ``wire``."""
        del place
        self._wire = wire

    def feed(self, data: bytes) -> None:
        """Answer, and send FIN."""
        del data
        rng = random.Random("nothing")  # noqa: S311 - nonsense
        self._wire.write(b"\xc3\x5a" + rng.randbytes(_SIZE - 2))
        self._wire.cut()
