"""The pages behind nginx and caddy: HTTP/1.1 over a unix socket.

The web server in front puts into the path which host was asked at which port by whom, since the
answer depends on it: ``/33.1.2.3/443/29.4.5.6/what?was=asked``.
"""

import asyncio
from pathlib import Path

from probe.lab.inside.geography import Geography
from probe.lab.pages import WebResponse
from probe.lab.situation import Situation
from probe.lab.speakers import Http1, Place

__all__ = ["Origin", "origin_path"]


def origin_path(address: str, port: str, client: str) -> str:
    """Return the prefix that a web server puts before the path that it was asked for."""
    return f"/{address}/{port}/{client}"


class Behind:
    """Answers requests that came through a web server."""

    def __init__(self, situation: Situation, geography: Geography) -> None:
        """Serve every host of ``situation``."""
        self.world = situation.world
        self._situation = situation
        self._geography = geography

    def web(
        self, method: str, host: str | None, target: str, body: bytes, part: str | None = None
    ) -> WebResponse:
        """Return the response to a request with the prefix of ``origin_path``."""
        parts = target.split("/", 4)
        if len(parts) != 5 or not parts[2].isdecimal():
            return WebResponse(502)
        _, address, port, client, rest = parts
        known = self.world.hosts.get(address)
        if known is None:
            return WebResponse(502)
        place = Place(
            self._situation,
            known,
            int(port),
            control=self._geography.abroad(client),
            sealed=port == "443",
        )
        return place.web(method, host, f"/{rest}", body, part)


class _Connection(asyncio.Protocol):
    """One connection of a web server."""

    def __init__(self, behind: Behind) -> None:
        self._behind = behind
        self._transport: asyncio.WriteTransport | None = None
        self._http: Http1 | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.WriteTransport):
            self._transport = transport
            self._http = Http1(self, self._behind)

    def data_received(self, data: bytes) -> None:
        if self._http is not None:
            self._http.feed(data)

    def write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def reset(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    cut = close


class Origin:
    """The socket that the web servers ask."""

    def __init__(self, situation: Situation, path: Path) -> None:
        """Serve ``situation`` at ``path``."""
        self.path = path
        self._behind = Behind(situation, Geography(situation.world))
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen, unless it does already."""
        if self._server is not None:
            return
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(
            lambda: _Connection(self._behind), str(self.path)
        )

    async def close(self) -> None:
        """Stop listening; connections end with the web servers that hold them."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.path.unlink(missing_ok=True)
