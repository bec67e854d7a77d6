"""TLS contexts of the lab's servers, one a certificate, made when first needed."""

import ssl
import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from probe.lab.ca import (
    YEAR,
    Authority,
    AuthorityName,
    Leaf,
    issue,
    issue_self_signed,
    make_issuer,
)
from probe.lab.world import Host, World
from probe.model.target import Trust

__all__ = ["Certificates"]

_PUBLIC_OF = {Trust.PUBLIC: AuthorityName.PUBLIC, Trust.SIGNAL: AuthorityName.SIGNAL}


class Certificates:
    """Issues and keeps; names of one host share a certificate, as they do on a real server."""

    def __init__(
        self,
        authorities: Mapping[AuthorityName, Authority],
        around: datetime,
        *,
        http2: bool = True,
        also: datetime | None = None,
    ) -> None:
        """Issue with ``authorities``, valid a year each way around ``around`` (and ``also``)."""
        self._authorities = authorities
        self._starts = min(around, also or around) - YEAR
        self._ends = max(around, also or around) + YEAR
        self._alpn = ["h2", "http/1.1"] if http2 else ["http/1.1"]
        self._contexts: dict[tuple[str, ...], ssl.SSLContext] = {}
        self._shown: dict[int, bytes] = {}  # digests of leaves, by their contexts
        self._called: dict[str, Authority] = {}  # issuers by authority and name

    def honest(self, world: World, host: Host, sni: str | None) -> ssl.SSLContext:
        """Return what the server itself answers to ``sni``.

        A name that the host does not serve gets the default certificate.
        """
        site = world.site(sni)
        if site is None or site.name not in host.names:
            site = world.default_site(host)
        if site is None:
            return self._made("self", host.address, host.address)
        if site.trust is Trust.NONE:
            return self._made("self", site.name, host.address)
        return self._made(_PUBLIC_OF[site.trust], site.name, host.address)

    def shown(self, world: World, host: Host) -> bytes:
        """Return the SHA-256 of the certificate (DER) that ``host`` itself shows to strangers."""
        return self._shown[id(self.honest(world, host, None))]

    def leaf(self, names: Sequence[str]) -> Leaf:
        """Return a certificate of the public authority for a server that keeps its own files."""
        public = self._authorities[AuthorityName.PUBLIC]
        return issue(public, names, starts=self._starts, ends=self._ends)

    def forged(
        self, authority: str, name: str, address: str, issuer: str | None = None
    ) -> ssl.SSLContext:
        """Return an interceptor's certificate for whatever name is asked for.

        ``issuer`` is what the interceptor calls itself, below ``authority``.
        """
        if issuer is None:
            return self._made(AuthorityName(authority), name, address)
        key = f"{authority}/{issuer}"
        if key not in self._called:
            above = self._authorities[AuthorityName(authority)]
            self._called[key] = make_issuer(above, issuer, self._starts)
        return self._made(key, name, address)

    def asking(self, name: str, address: str) -> ssl.SSLContext:
        """Return the server's own certificate, and ask the client for one."""
        return self._made(AuthorityName.PUBLIC, name, address, "asking")

    def expired(self, name: str, address: str) -> ssl.SSLContext:
        """Return a certificate of the public authority that ended a month ago."""
        return self._made(AuthorityName.PUBLIC, name, address, "expired")

    def misnamed(self, address: str) -> ssl.SSLContext:
        """Return a valid certificate for a name that nobody asked for."""
        return self._made(AuthorityName.PUBLIC, "another-name.example", address, "misnamed")

    def _made(self, issuer: str, name: str, address: str, flaw: str = "") -> ssl.SSLContext:
        key = (issuer, name, address, flaw)
        context = self._contexts.get(key)
        if context is None:
            leaf = self._leaf(issuer, name, address, flaw)
            context = _context(leaf, self._alpn)
            first = x509.load_pem_x509_certificates(leaf.chain)[0]
            self._shown[id(context)] = first.fingerprint(hashes.SHA256())
            if flaw == "asking":
                public = self._authorities[AuthorityName.PUBLIC].certificate
                context.load_verify_locations(cadata=public.decode())
                context.verify_mode = ssl.CERT_REQUIRED
            self._contexts[key] = context
        return context

    def _leaf(self, issuer: str, name: str, address: str, flaw: str) -> Leaf:
        starts, ends = self._starts, self._ends
        if flaw == "expired":
            ends = starts + YEAR - timedelta(days=30)
        if issuer == "self":
            return issue_self_signed(name, starts=starts, ends=ends)
        names: Sequence[str] = [name]
        if name != address and flaw != "misnamed":
            names = [name, address]
        signer = self._called.get(issuer) or self._authorities[AuthorityName(issuer)]
        return issue(signer, names, starts=starts, ends=ends)


def _context(leaf: Leaf, alpn: list[str]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.num_tickets = 0
    context.set_alpn_protocols(alpn)
    with tempfile.TemporaryDirectory(prefix="probe-lab-") as folder:
        chain, key = Path(folder) / "chain.pem", Path(folder) / "key.pem"
        chain.write_bytes(leaf.chain)
        key.write_bytes(leaf.key)
        context.load_cert_chain(chain, key)
    return context
