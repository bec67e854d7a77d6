"""Who is expected at the other end of a TLS connection, and what is said to it first."""

from dataclasses import dataclass

from probe.model.target import Endpoint, Kind, Trust
from probe.probes.options import UNSET
from probe.probes.session import Session, ascii_host

__all__ = ["HTTP_ALPN", "Peer", "peer_of"]

HTTP_ALPN = ("h2", "http/1.1")
"""What a browser offers on the port of HTTPS."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is expected at the other end: the name to send, the name to verify, and by whom."""

    sni: str | None
    name: str
    alpn: tuple[str, ...]
    trust: Trust


def peer_of(session: Session) -> Peer:
    """Return whom to expect: the SNI is the option's, the endpoint's, or its host.

    The certificate is verified for the name that is sent; without one, for the host.
    """
    endpoint = session.endpoint
    host = ascii_host(endpoint.host)
    chosen = session.options.sni
    sni = (endpoint.sni or host) if chosen is UNSET else chosen
    sni = None if sni is None else ascii_host(sni)
    return Peer(sni=sni, name=sni or host, alpn=_alpn(endpoint), trust=endpoint.trust)


def _alpn(endpoint: Endpoint) -> tuple[str, ...]:
    if endpoint.alpn:
        return endpoint.alpn
    web = (endpoint.port or 443) == 443 and endpoint.kind is not Kind.SIGNAL_PROXY
    return HTTP_ALPN if web else ()
