"""Tor itself, as an authority that is a relay, and as a bridge behind obfs4proxy, asked by us.

Each is in a namespace with nothing but a loopback of its own: whatever it tries, no packet leaves.
"""

import asyncio
import os
import random
import socket
import subprocess
from datetime import date
from pathlib import Path
from typing import Any, Literal

import pytest
from wire_daemons import eventually, in_namespace, program, running

from probe.clock import SystemClock
from probe.lab.inside.tor import bridge_config, write_identity
from probe.lab.own_keys import RELAY_FINGERPRINT
from probe.model.codec import encode
from probe.model.measurement import ExchangeStep, HttpStep, Measurement, Proof, TcpStep, Variant
from probe.model.target import Endpoint, Kind, Trust
from probe.net.base import NetFailure
from probe.net.mapped import MappedNet
from probe.net.trust import Roots
from probe.probes.env import ProbeEnv, Timeouts
from probe.probes.measure import measure
from probe.probes.options import PLAIN, ProbeOptions

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
PLACE, OR_PORT, DIR_PORT, PT_PORT = "93.184.216.34", 9001, 9030, 9443


class Map:
    """The public address is this namespace's loopback, at the same ports."""

    async def locate(
        self, transport: Literal["tcp", "udp"], address: str, port: int
    ) -> tuple[str, int]:
        if (transport, address) != ("tcp", PLACE):
            raise NetFailure("network_unreachable")
        return "127.0.0.1", port

    def nameservers(self) -> tuple[str, ...]:
        return ()


def endpoint(kind: Kind, port: int, **more: Any) -> Endpoint:
    """Return an endpoint at the daemon."""
    values = {"source": "test", "checked_on": date(2026, 1, 1), "trust": Trust.NONE}
    return Endpoint(service="tor", kind=kind, host=PLACE, port=port, **{**values, **more})


def asked(*targets: Endpoint, options: ProbeOptions = PLAIN) -> list[Measurement]:
    """Measure each, over real sockets."""
    env = ProbeEnv(
        net=MappedNet(Map()),
        clock=SystemClock(),
        rng=random.Random(1),
        roots=Roots(b"", None),
        timeouts=Timeouts(exchange_s=3.0),
    )

    async def work() -> list[Measurement]:
        return [await measure(target, env, options) for target in targets]

    return asyncio.run(work())


def authority_of(folder: Path) -> list[str]:
    """Return the command of an authority that is the lab's relay, with keys made for it."""
    write_identity(folder)
    keys = folder / "data" / "keys"
    subprocess.run(
        [
            program("tor-gencert"), "--create-identity-key", "-m", "12",
            "-a", f"127.0.0.1:{DIR_PORT}",
            "-i", str(keys / "authority_identity_key"), "-s", str(keys / "authority_signing_key"),
            "-c", str(keys / "authority_certificate"), "--passphrase-fd", "0",
        ],
        input=b"none\n",
        capture_output=True,
        check=True,
    )  # fmt: skip
    lines = (keys / "authority_certificate").read_text().splitlines()
    (v3ident,) = [line.split()[1] for line in lines if line.startswith("fingerprint ")]
    authority = f"orport={OR_PORT} v3ident={v3ident} 127.0.0.1:{DIR_PORT} {RELAY_FINGERPRINT}"
    text = [
        f"DataDirectory {folder / 'data'}", "Address 127.0.0.1", "Nickname lab",
        f"ORPort 127.0.0.1:{OR_PORT}", f"DirPort 127.0.0.1:{DIR_PORT}", "SocksPort 0",
        "ContactInfo none", "ExitRelay 0", "TestingTorNetwork 1", "AuthoritativeDirectory 1",
        "V3AuthoritativeDirectory 1", f"DirAuthority lab {authority}", "PublishServerDescriptor 0",
        "AssumeReachable 1", "Log notice stdout",
    ]  # fmt: skip
    (folder / "torrc").write_text("\n".join(text) + "\n")
    return [program("tor"), "-f", str(folder / "torrc"), "--defaults-torrc", os.devnull]


def _open(port: int) -> bool | None:
    socket.create_connection(("127.0.0.1", port), timeout=2).close()
    return True


def test_an_authority_is_recognised_as_relay_and_as_directory(tmp_path: Path) -> None:
    """Its key over the link; a document of its own at its directory port; nothing of our address.

    Asked for a consensus that it does not have, it says 404, which is not what is expected of one.
    """
    relay = endpoint(Kind.TOR_OR, OR_PORT, tls=True, identity=RELAY_FINGERPRINT)
    other = endpoint(Kind.TOR_OR, OR_PORT, tls=True, identity="A" * 40)
    keys = endpoint(Kind.TOR_DIR, DIR_PORT, path="/tor/keys/authority.z")
    consensus = endpoint(Kind.TOR_DIR, DIR_PORT)
    closed = endpoint(Kind.TOR_OR, 9, tls=True)
    command = authority_of(tmp_path)

    def work() -> list[Measurement]:
        with running(command, tmp_path) as tor:
            eventually(lambda: _open(OR_PORT), tor, tmp_path)
            found = asked(relay, other, keys, consensus, closed)
            neutral = ProbeOptions(variant=Variant.NEUTRAL_SNI, sni="example.com")
            return found + asked(relay, options=neutral)

    looks = in_namespace(work)
    steps = [look.steps[-1] for look in looks]
    first, second = steps[0], steps[1]
    assert isinstance(first, ExchangeStep)
    assert isinstance(second, ExchangeStep)
    assert (first.failure, first.proof) == (None, Proof.IDENTITY)
    assert first.reply == "VERSIONS CERTS AUTH_CHALLENGE NETINFO"
    assert (second.failure, second.proof) == ("ssl_unknown_authority", Proof.OTHER_IDENTITY)
    pages = [s for s in steps if isinstance(s, HttpStep)]
    assert [(s.status, s.expected) for s in pages] == [(200, True), (404, False)]
    assert [look.failure for look in looks[4:]] == ["connection_refused", None]
    assert b"127.0.0.1" not in encode(looks)


def test_a_link_at_a_directorys_port_and_a_directory_at_a_relays(tmp_path: Path) -> None:
    """The wrong service of the same program: neither is taken for the other."""
    command = authority_of(tmp_path)
    swapped = (
        endpoint(Kind.TOR_OR, DIR_PORT, tls=True),
        endpoint(Kind.TOR_DIR, OR_PORT),
        endpoint(Kind.MTPROTO, OR_PORT),
    )

    def work() -> list[Measurement]:
        with running(command, tmp_path) as tor:
            eventually(lambda: _open(OR_PORT), tor, tmp_path)
            return asked(*swapped)

    looks = in_namespace(work)
    assert all(look.failure is not None for look in looks), [look.failure for look in looks]
    assert [isinstance(look.steps[0], TcpStep) for look in looks] == [True] * 3


def test_a_bridge_takes_connections_and_says_nothing_to_strangers(tmp_path: Path) -> None:
    """obfs4 as it is: what the probe does, a connection, is all that can be had without its key."""
    bridge = endpoint(Kind.OBFS4, PT_PORT)
    stranger = endpoint(Kind.MTPROTO, PT_PORT)
    write_identity(tmp_path)
    torrc = tmp_path / "torrc"
    torrc.write_text(bridge_config(("127.0.0.1", PT_PORT), tmp_path, program("obfs4proxy")))
    command = [program("tor"), "-f", str(torrc), "--defaults-torrc", os.devnull]

    def work() -> list[Measurement]:
        with running(command, tmp_path) as tor:
            eventually(lambda: _open(PT_PORT), tor, tmp_path)
            return asked(bridge, stranger)

    connected, silent = in_namespace(work)
    assert (connected.failure, len(connected.steps)) == (None, 1)
    assert silent.failure in ("generic_timeout_error", "eof_error", "connection_reset")
    last = silent.steps[-1]
    assert isinstance(last, ExchangeStep)
    assert last.bytes_received == 0
