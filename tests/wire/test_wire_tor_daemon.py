"""Tor's own relay: a link opened with our cells, and its chain of certificates checked.

The relay lives in a namespace without routes, its directory authority is a closed port of that
loopback, and it publishes nothing.
"""

import hashlib
import os
import socket
import ssl
from datetime import timedelta
from pathlib import Path

import pytest
from wire_daemons import eventually, in_namespace, program, running

from probe.clock import SystemClock
from probe.wire.errors import Fault, WireError
from probe.wire.tor_cells import (
    Cell,
    Command,
    common_version,
    netinfo_clock,
    read_auth_challenge,
    read_versions,
    split_cell,
    versions_cell,
)
from probe.wire.tor_certs import read_certs, verify_certs

pytestmark = pytest.mark.slow
PORT = 9001


def _configuration(folder: Path) -> list[str]:
    authority = "127.0.0.1:9 " + "A" * 40
    lines = [
        f"DataDirectory {folder / 'data'}",
        f"ORPort 127.0.0.1:{PORT}",
        "Address 127.0.0.1",
        "SocksPort 0",
        "ContactInfo none",
        "ExitRelay 0",
        "TestingTorNetwork 1",
        f"DirAuthority nobody orport=9 v3ident={'B' * 40} {authority}",
        "PublishServerDescriptor 0",
        "AssumeReachable 1",
        "OutboundBindAddress 127.0.0.1",
        "Log notice stdout",
    ]
    (folder / "torrc").write_text("\n".join(lines) + "\n")
    return [program("tor"), "-f", str(folder / "torrc"), "--defaults-torrc", os.devnull]


def _link() -> tuple[list[Cell], bytes]:
    """Return the relay's first four cells and the certificate of its TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", PORT), timeout=2) as plain,
        context.wrap_socket(plain, server_hostname="www.example.net") as line,
    ):
        certificate = line.getpeercert(binary_form=True) or b""
        line.sendall(versions_cell())
        buffer, cells = b"", list[Cell]()
        while len(cells) < 4:
            found = split_cell(buffer, 4 if cells else 2)
            if found is None:
                more = line.recv(4096)
                if not more:
                    raise ConnectionError
                buffer += more
                continue
            cell, buffer = found
            cells.append(cell)
        return cells, certificate


def test_a_relay_says_who_it_is_and_the_chain_holds(tmp_path: Path) -> None:
    """VERSIONS, CERTS, AUTH_CHALLENGE, NETINFO; the fingerprint is the relay's own.

    A relay that is behind somebody else's TLS, or whose certificates have ended, is not believed.
    """

    def work() -> tuple[list[Cell], bytes]:
        with running(_configuration(tmp_path), tmp_path) as relay:
            return eventually(_link, relay, tmp_path)

    cells, certificate = in_namespace(work)
    kinds = [cell.command for cell in cells]
    assert kinds == [Command.VERSIONS, Command.CERTS, Command.AUTH_CHALLENGE, Command.NETINFO]
    assert common_version(read_versions(cells[0])) == 5
    assert len(read_auth_challenge(cells[2]).challenge) == 32
    assert cells[3].payload[4:] == bytes(505)
    now = SystemClock().now()
    clock = netinfo_clock(cells[3])
    assert clock == 0 or abs(clock - now.timestamp()) < 60
    certificates = read_certs(cells[1])
    digest = hashlib.sha256(certificate).digest()
    identity = verify_certs(certificates, tls_sha256=digest, at=now)
    name, fingerprint = (tmp_path / "data" / "fingerprint").read_text().split()
    assert (name, fingerprint) == ("Unnamed", identity.rsa_fingerprint)
    with pytest.raises(WireError, match="another TLS") as other:
        verify_certs(certificates, tls_sha256=bytes(32), at=now)
    with pytest.raises(WireError, match="expired") as late:
        verify_certs(certificates, tls_sha256=digest, at=now + timedelta(days=3650))
    assert other.value.fault is late.value.fault is Fault.UNPROVEN
