"""Who may look, and what a page may do: hosts, token, content security policy."""

import hmac
import ipaddress
import secrets
from collections.abc import Awaitable, Callable

from fastapi import Request, Response
from fastapi.responses import PlainTextResponse, RedirectResponse

from probe.errors import InputError

__all__ = ["COOKIE", "POLICY", "Gatekeeper", "is_loopback", "new_token"]

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
COOKIE = "probe_token"
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_LEAST = 16  # characters of a token that somebody chose
Next = Callable[[Request], Awaitable[Response]]


def is_loopback(host: str) -> bool:
    """Say whether an address to listen on is reached from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def new_token() -> str:
    """Return a token that cannot be guessed."""
    return secrets.token_urlsafe(24)


class Gatekeeper:
    """Turns away foreign hosts and those without the token; puts the policy on every answer.

    The name in ``Host`` must be one that we are called by, so that a foreign page cannot reach
    us by a name of its own that points here (DNS rebinding). Nothing here changes anything, so
    a request that is forged in the owner's browser gains nothing.
    """

    def __init__(self, hosts: frozenset[str], token: str | None) -> None:
        """Take the names that we are called by, and the token, ``None`` on loopback.

        Raises:
            InputError: the token is too short to be one.

        """
        if token is not None and len(token) < _LEAST:
            raise InputError(
                f"shorter than {_LEAST} characters",
                field="--token",
                mend="leave it out: one is made",
            )
        self.hosts = hosts | _LOCAL_NAMES if token is None else hosts
        self.token = token

    async def __call__(self, request: Request, call_next: Next) -> Response:
        """Answer, or let through."""
        answer = self._refusal(request)
        if answer is None:
            answer = await call_next(request)
        for name, value in _HEADERS.items():
            answer.headers.setdefault(name, value)
        return answer

    def _refusal(self, request: Request) -> Response | None:
        if request.method not in ("GET", "HEAD"):
            return PlainTextResponse("read-only\n", status_code=405, headers={"Allow": "GET, HEAD"})
        if self.hosts and _name_of(request.headers.get("host", "")) not in self.hosts:
            return PlainTextResponse("not a name of this server\n", status_code=421)
        if self.token is None:
            return None
        given = request.query_params.get("token")
        if given is not None and _same(given, self.token):
            clean = request.url.remove_query_params("token")
            to = clean.path + (f"?{clean.query}" if clean.query else "")
            answer = RedirectResponse("/" + to.lstrip("/"), status_code=303)
            answer.set_cookie(COOKIE, self.token, httponly=True, samesite="strict", path="/")
            return answer
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
        if _same(bearer, self.token) or _same(request.cookies.get(COOKIE, ""), self.token):
            return None
        text = "a token is needed: open the address that probe serve printed\n"
        return PlainTextResponse(text, status_code=401, headers={"WWW-Authenticate": "Bearer"})


def _same(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode(), token.encode())


def _name_of(host: str) -> str:
    """Return the host of a ``Host`` header without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()
