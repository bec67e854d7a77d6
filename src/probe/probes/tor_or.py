"""Kind ``tor-or``: TLS to a relay, VERSIONS, and its certificates; no circuit is ever made.

Source: tor-spec, "Negotiating and initializing connections". The relay's certificate in TLS is
its own and changes; the CERTS cell inside says whose it is. NETINFO is read and dropped: it tells
us our own address.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from probe.model.measurement import Proof
from probe.model.target import Trust
from probe.net.base import NetFailure
from probe.probes.exchange import Heard, Line, converse
from probe.probes.naming import each_address
from probe.probes.options import UNSET
from probe.probes.peer import HTTP_ALPN, Peer
from probe.probes.session import Session, ascii_host
from probe.probes.tcp import connect
from probe.probes.tls import shake_hands
from probe.wire.errors import Fault, WireError
from probe.wire.tor_cells import (
    Cell,
    Command,
    common_version,
    looks_like_versions,
    read_versions,
    split_cell,
    versions_cell,
)
from probe.wire.tor_certs import CertKind, LinkCertificate, RelayIdentity, read_certs, verify_certs

__all__ = ["PROTOCOL", "probe_tor_or"]

PROTOCOL = "tor"
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
_OPENING = 3  # circuit 0 and the command
_WIDE_SINCE = 4  # link version with circuit ids of 4 bytes
_CELLS = 8
"""A relay sends four; padding may stand between them."""


async def probe_tor_or(session: Session) -> None:
    """Resolve, connect, shake hands, and open a link as far as the relay's NETINFO.

    With a neutral name (a follow-up) the handshake is a browser's, and nothing is said in it: it
    tells a filter of Tor's kind of hello from one of the address.
    """
    port = session.endpoint.port or 443
    neutral = session.options.sni is not UNSET
    known = session.env.roots.keys.relay or session.endpoint.identity

    async def attempt(address: str) -> bool:
        stream = await connect(session, address, port)
        if stream is None:
            return False
        try:
            step, inside = await shake_hands(session, stream, address, port, _peer(session))
            if inside is None or neutral:
                return inside is not None
            shown = hashlib.sha256(step.chain[0]).digest() if step.chain else b""
            link = _Link(shown, known, session.env.clock.now())
            asked = await converse(session, inside, address, port, PROTOCOL, link.ask)
        finally:
            await stream.aclose()
        return asked.failure is None

    await each_address(session, attempt)


def _peer(session: Session) -> Peer:
    """Return whom to expect: anybody. Tor sends ``www.``, 8 to 20 letters and digits, ``.com``."""
    chosen = session.options.sni
    if chosen is not UNSET:
        sni = None if chosen is None else ascii_host(chosen)
        return Peer(sni=sni, name=sni or "", alpn=HTTP_ALPN, trust=Trust.NONE)
    rng = session.env.rng
    label = "".join(rng.choice(_LETTERS) for _ in range(rng.randint(8, 20)))
    sni = session.endpoint.sni or f"www.{label}.com"
    return Peer(sni=sni, name=sni, alpn=session.endpoint.alpn, trust=Trust.NONE)


@dataclass(slots=True)
class _Link:
    """One link: ``shown`` is the digest of the certificate in TLS, ``known`` a fingerprint."""

    shown: bytes
    known: str | None
    at: datetime

    async def ask(self, line: Line) -> Heard:
        """Send VERSIONS and read cells up to NETINFO; what came before a cut counts."""
        await line.send(versions_cell())
        while len(line.buffer) < _OPENING:
            await line.more()
        if not looks_like_versions(line.buffer):  # else a whole cell of it would be waited for
            raise WireError(Fault.FORMAT, "no link of Tor's")
        cells = [await self._cell(line, 2)]
        wide = common_version(read_versions(cells[0])) >= _WIDE_SINCE
        try:
            while cells[-1].command != Command.NETINFO and len(cells) < _CELLS:
                cells.append(await self._cell(line, 4 if wide else 2))
        except (NetFailure, WireError):
            pass  # the versions alone are Tor's; who it is stays open
        return Heard(" ".join(_name(cell) for cell in cells), self._proof(cells))

    async def _cell(self, line: Line, circuit_bytes: int) -> Cell:
        while (found := split_cell(line.buffer, circuit_bytes)) is None:
            await line.more()
        cell, line.buffer = found
        return cell

    def _proof(self, cells: list[Cell]) -> Proof:
        certs = next((cell for cell in cells if cell.command == Command.CERTS), None)
        if certs is None:
            return Proof.FORM
        try:
            certificates = read_certs(certs)
        except WireError:
            return Proof.FORM
        try:
            identity = self._identity(certificates, self.shown)
        except WireError:
            return Proof.OTHER_IDENTITY if self._behind_another(certificates) else Proof.FORM
        if self.known is None:
            return Proof.ECHO
        same = identity.rsa_fingerprint == self.known
        return Proof.IDENTITY if same else Proof.OTHER_IDENTITY

    def _identity(self, certs: Sequence[LinkCertificate], shown: bytes) -> RelayIdentity:
        return verify_certs(certs, tls_sha256=shown, at=self.at)

    def _behind_another(self, certs: Sequence[LinkCertificate]) -> bool:
        """Return whether the chain holds for the relay's own TLS, which is not what we see."""
        link = next((c.body for c in certs if c.kind == CertKind.TLS_LINK), b"")
        try:
            self._identity(certs, link[7:39])
        except WireError:
            return False
        return True


def _name(cell: Cell) -> str:
    try:
        return Command(cell.command).name
    except ValueError:
        return f"cell {cell.command}"
