"""DNS over HTTPS (RFC 8484): a question in a request, over a stream that is inside TLS."""

import base64

from probe.net.dns import DnsResult, result_of
from probe.net.dnswire import Question
from probe.net.http import BROWSER_HEADERS, HttpLimits, HttpRequest, HttpResult

__all__ = ["DOH_LIMITS", "doh_request", "doh_result"]

_MEDIA = "application/dns-message"
DOH_LIMITS = HttpLimits(body=16_384, wire=65_536)
"""A DNS message over HTTPS is small; more than this is none."""


def doh_request(
    question: Question, *, host: str, port: int, path: str, method: str = "GET"
) -> HttpRequest:
    """Return the request that carries ``question``: GET with ``dns=`` in base64url, or POST."""
    agent = tuple(item for item in BROWSER_HEADERS if item[0] == "User-Agent")
    headers = (*agent, ("Accept", _MEDIA), ("Accept-Encoding", "identity"))
    if method == "POST":
        headers = (*headers, ("Content-Type", _MEDIA))
        return HttpRequest(
            method="POST", host=host, port=port, path=path, headers=headers, body=question.wire
        )
    encoded = base64.urlsafe_b64encode(question.wire).rstrip(b"=").decode("ascii")
    joint = "&" if "?" in path else "?"
    return HttpRequest(
        method="GET", host=host, port=port, path=f"{path}{joint}dns={encoded}", headers=headers
    )


def doh_result(result: HttpResult, question: Question) -> DnsResult:
    """Return the DNS result of a response; one that is no DNS message is misbehaviour."""
    if result.failure is not None:
        return DnsResult(result.failure)
    media = (result.header("content-type") or "").partition(";")[0].strip().lower()
    if result.status != 200 or media != _MEDIA or result.truncated:
        return DnsResult("dns_server_misbehaving")
    return result_of(bytes(result.body), question)
