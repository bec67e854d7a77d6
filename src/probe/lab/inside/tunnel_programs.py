"""How the programs that speak over UDP are configured, started and found to answer."""

import os
import random
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from probe.lab.certificates import Certificates
from probe.lab.inside.keys import write_keys
from probe.lab.inside.program import Program, ProgramError, find_program
from probe.lab.inside.tunnels import CHARON, OPENVPN, TURNSERVER, Stand
from probe.lab.tunnels import client_wrapping, secret_key
from probe.model.address import family_of
from probe.model.target import Endpoint, Wrap
from probe.wire.ikev2 import marked, sa_init
from probe.wire.noise import public_key
from probe.wire.openvpn import frame, hard_reset
from probe.wire.openvpn_wrap import Replay
from probe.wire.published import TEST_PEER, TEST_RESPONDER, static_key
from probe.wire.stun import binding_request
from probe.wire.wireguard import initiation, tai64n

__all__ = ["start_tunnel"]

_ANSWER_S = 0.2
_STRONGSWAN = "nonce random aes sha1 sha2 hmac kdf openssl gmp kernel-netlink socket-default"
_RUN = "/run/wireguard"
_OWN_RUN = 'mount -t tmpfs none /run && exec "$@"'
"""These programs keep files in /run, whatever they are told: it is a folder of their own there."""


@dataclass(frozen=True, slots=True)
class _Made:
    """What to run, and how to see that it answers; ``then`` finishes what it is to be told."""

    name: str
    arguments: tuple[str, ...]
    ready: Callable[[], bool]
    then: Callable[[Program], bool] = lambda _: True


async def start_tunnel(
    stand: Stand, number: int, folder: Path, certificates: Certificates
) -> Program:
    """Start the program of ``stand`` in ``folder`` and wait until it answers.

    Raises:
        ProgramError: it ended, or does not answer in time.

    """
    made = _MAKERS.get(stand.program, _wireguard)(stand, number, folder, certificates)
    program = Program(made.name, made.arguments, folder, stand.program)
    await program.start_until(lambda: made.then(program) and made.ready())
    return program


def _path(name: str) -> str:
    found = find_program(name)
    if found is None:
        raise ProgramError(f"{name} is not installed")
    return found


def _asked(door: tuple[str, int], carrier: str, packet: bytes) -> bool:
    """Return whether anything comes back for ``packet``."""
    family = socket.AF_INET6 if family_of(door[0]) == 6 else socket.AF_INET
    kind = socket.SOCK_STREAM if carrier == "tcp" else socket.SOCK_DGRAM
    with socket.socket(family, kind) as sock:
        sock.settimeout(_ANSWER_S)
        try:
            sock.connect(door)
            sock.sendall(packet)
            return bool(sock.recv(4096))
        except OSError:
            return False


# --- OpenVPN


def _openvpn(stand: Stand, number: int, folder: Path, certificates: Certificates) -> _Made:
    address, port = stand.doors[0]
    endpoint = stand.endpoint
    keys = write_keys(folder, "server", (address,), certificates)
    six = "6" if family_of(address) == 6 else ""
    proto = f"tcp{six}-server" if stand.carrier == "tcp" else f"udp{six}"
    words = f"--dev tun{number} --mode server --tls-server --dh none --verb 1 --proto {proto}"
    where = ("--local", address, "--port", str(port))
    files = ("--ca", str(keys.chain), "--cert", str(keys.chain), "--key", str(keys.key))
    arguments = (*words.split(), *where, *files, *_wrapping(endpoint, folder))
    return _Made(_path(OPENVPN), arguments, lambda: _answers_reset(stand))


def _wrapping(endpoint: Endpoint, folder: Path) -> tuple[str, ...]:
    if endpoint.wrap is Wrap.NONE:
        return ()
    key = secret_key(endpoint) if endpoint.key is None else static_key(endpoint.key)
    digits = key.material.hex()
    lines = "\n".join(digits[at : at + 32] for at in range(0, len(digits), 32))
    file = folder / "static.key"
    file.touch(mode=0o600)
    file.write_text(
        f"-----BEGIN OpenVPN Static key V1-----\n{lines}\n-----END OpenVPN Static key V1-----\n",
        encoding="ascii",
    )
    if endpoint.wrap is Wrap.TLS_CRYPT:
        return ("--tls-crypt", str(file))
    return ("--tls-auth", str(file), "0", "--auth", endpoint.digest.upper())


def _answers_reset(stand: Stand) -> bool:
    packet = client_wrapping(stand.endpoint).seal(hard_reset(os.urandom(8)), Replay(1, 1))
    said = frame(packet) if stand.carrier == "tcp" else packet
    return _asked(stand.doors[0], stand.carrier, said)


# --- WireGuard


def _wireguard(stand: Stand, number: int, folder: Path, certificates: Certificates) -> _Made:
    del folder, certificates
    interface = f"wg{number}"
    shell = ("-m", "sh", "-c", _OWN_RUN, "sh", _path(stand.program), "-f", interface)
    port = stand.doors[0][1]

    def tell(program: Program) -> bool:
        return _configured(Path(f"/proc/{program.pid}/root{_RUN}/{interface}.sock"), port)

    return _Made(_path("unshare"), shell, lambda: _answers_initiation(stand), tell)


def _configured(path: Path, port: int) -> bool:
    """Tell a running wireguard-go its key, its port and its one peer; by its control socket."""
    settings = {
        "private_key": TEST_RESPONDER.hex(),
        "listen_port": str(port),
        "public_key": public_key(TEST_PEER).hex(),
        "allowed_ip": "0.0.0.0/0",
    }
    lines = "".join(f"{name}={value}\n" for name, value in settings.items())
    with socket.socket(socket.AF_UNIX) as control:
        control.settimeout(1.0)
        try:
            control.connect(str(path))
            control.sendall(f"set=1\n{lines}\n".encode())
            return b"errno=0" in control.recv(4096)
        except OSError:
            return False


def _answers_initiation(stand: Stand) -> bool:
    rng = random.SystemRandom()
    sent = initiation(
        server_public=public_key(TEST_RESPONDER),
        static_private=TEST_PEER,
        ephemeral_private=rng.randbytes(32),
        sender=rng.randbytes(4),
        timestamp=tai64n(1),
    )
    return _asked(stand.doors[0], "udp", sent.packet)


# --- IKEv2 and STUN


def _charon(stand: Stand, number: int, folder: Path, certificates: Certificates) -> _Made:
    del number, certificates
    quiet = ("install_routes = no", "install_virtual_ip = no", "routing_table = 0")
    lines = (f"load = {_STRONGSWAN}", *quiet)  # a rule of routing would hide the lab's addresses
    file = folder / "strongswan.conf"
    file.write_text("charon {\n" + "\n".join(lines) + "\n}\n", encoding="ascii")
    shell = ("-m", "sh", "-c", _OWN_RUN, "sh", "env", f"STRONGSWAN_CONF={file}", _path(CHARON))
    address, port = stand.doors[0]
    request = sa_init(spi=os.urandom(7) + b"\1", nonce=os.urandom(32), public_value=os.urandom(32))
    packet = request if port == 500 else marked(request)
    return _Made(_path("unshare"), shell, lambda: _asked((address, port), "udp", packet))


def _turnserver(stand: Stand, number: int, folder: Path, certificates: Certificates) -> _Made:
    del number, certificates
    lines = [
        *(f"listening-ip={address}" for address, _ in stand.doors),
        f"listening-port={stand.doors[0][1]}",
        "no-tls",
        "no-dtls",
        "no-tcp",
        "no-cli",
        "no-multicast-peers",
        "lt-cred-mech",
        "realm=lab.example",
        "user=nobody:nothing",
        "simple-log",
        f"log-file={folder}/turn.log",
        f"pidfile={folder}/turn.pid",
        f"userdb={folder}/turn.db",
    ]
    file = folder / "turnserver.conf"
    file.write_text("\n".join(lines) + "\n", encoding="ascii")
    packet = binding_request(os.urandom(12))
    door = stand.doors[0]
    return _Made(_path(TURNSERVER), ("-c", str(file)), lambda: _asked(door, "udp", packet))


_MAKERS = {OPENVPN: _openvpn, CHARON: _charon, TURNSERVER: _turnserver}
