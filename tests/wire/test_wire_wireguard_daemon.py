"""WireGuard's own user-space server: it takes our initiation, and we take its answer."""

import fcntl
import os
import socket
import struct
from contextlib import suppress
from pathlib import Path

import pytest
from wire_daemons import ask_udp, eventually, in_namespace, program, running

from probe.clock import SystemClock
from probe.wire.noise import public_key
from probe.wire.wireguard import (
    CookieReply,
    Initiation,
    Response,
    initiation,
    read_answer,
    tai64n,
    with_cookie,
)

pytestmark = pytest.mark.slow
PORT = 51_820
CONTROL = Path("/var/run/wireguard")


def _configure(interface: str, settings: dict[str, str]) -> bool | None:
    """Configure a running server by its control socket; ``None`` while there is none."""
    path = CONTROL / f"{interface}.sock"
    if not path.exists():
        return None
    with socket.socket(socket.AF_UNIX) as control:
        control.connect(str(path))
        lines = "".join(f"{name}={value}\n" for name, value in settings.items())
        control.sendall(f"set=1\n{lines}\n".encode())
        return b"errno=0" in control.recv(4096)


def _initiation(server: bytes, static: bytes, psk: bytes) -> Initiation:
    now = SystemClock().now()
    return initiation(
        server_public=public_key(server),
        static_private=static,
        ephemeral_private=os.urandom(32),
        sender=os.urandom(4),
        timestamp=tai64n(int(now.timestamp()), now.microsecond * 1000),
        psk=psk,
    )


@pytest.mark.parametrize("psk", [bytes(32), os.urandom(32)], ids=["no-psk", "psk"])
def test_wireguard_answers_a_peer_that_it_knows_and_no_other(tmp_path: Path, psk: bytes) -> None:
    """A known peer gets a response that verifies; an unknown one silence, which says nothing."""
    if not os.access("/dev/net/tun", os.W_OK):
        pytest.skip("no TUN device")
    server, known, unknown = (os.urandom(32) for _ in range(3))
    interface = f"wg{os.getpid()}"
    settings = {
        "private_key": server.hex(),
        "listen_port": str(PORT),
        "public_key": public_key(known).hex(),
        "preshared_key": psk.hex(),
    }

    def ask(static: bytes) -> Response | None:
        sent = _initiation(server, static, psk)
        answer = ask_udp(PORT, sent.packet)
        if answer is None:
            return None
        read = read_answer(answer, sent)
        assert isinstance(read, Response)
        return read

    def work() -> tuple[Response, Response | None]:
        with running([program("wireguard-go"), "-f", interface], tmp_path) as daemon:
            eventually(lambda: _configure(interface, settings), daemon, tmp_path)
            _up(interface)
            return eventually(lambda: ask(known), daemon, tmp_path), ask(unknown)

    made = not CONTROL.exists()
    answered, silent = in_namespace(work)
    if made:
        with suppress(OSError):  # another daemon's socket lies in it by now, or its own still does
            CONTROL.rmdir()
    assert len(answered.peer_index) == 4
    assert silent is None


def _up(interface: str) -> None:
    """Bring the server's interface up, as it listens only then."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, 0x8914, struct.pack("16sh14x", interface.encode(), 0x1))


def test_a_server_under_load_gives_a_cookie_that_it_takes(tmp_path: Path) -> None:
    """The cookie opens, and an initiation with a second MAC of it is answered under load too."""
    if not os.access("/dev/net/tun", os.W_OK):
        pytest.skip("no TUN device")
    server, known = os.urandom(32), os.urandom(32)
    interface = f"wg{os.getpid()}"
    settings = {
        "private_key": server.hex(),
        "listen_port": str(PORT),
        "public_key": public_key(known).hex(),
    }

    def flood() -> bytes | None:
        """Ask so often that the server wants to know whether we are there; read the cookie."""
        sent = _initiation(server, known, bytes(32))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
            line.settimeout(0.5)
            line.connect(("127.0.0.1", PORT))
            for _ in range(5_000):
                line.send(sent.packet)
            try:
                while True:
                    read = read_answer(line.recv(2048), sent)
                    if isinstance(read, CookieReply):
                        return _used(line, read.cookie)
            except TimeoutError:
                return None

    def _used(line: socket.socket, cookie: bytes) -> bytes | None:
        """Return the index of a response to an initiation with a cookie, while under load."""
        sent = _initiation(server, known, bytes(32))
        packet = with_cookie(sent, cookie)
        line.send(packet)
        while True:
            answer = line.recv(2048)
            if len(answer) == 92 and answer[8:12] == sent.sender:
                read = read_answer(answer, sent)
                assert isinstance(read, Response)
                return read.peer_index

    def work() -> bytes:
        with running([program("wireguard-go"), "-f", interface], tmp_path) as daemon:
            eventually(lambda: _configure(interface, settings), daemon, tmp_path)
            _up(interface)
            return eventually(flood, daemon, tmp_path)

    made = not CONTROL.exists()
    assert len(in_namespace(work)) == 4
    if made:
        with suppress(OSError):  # another daemon's socket lies in it by now, or its own still does
            CONTROL.rmdir()
