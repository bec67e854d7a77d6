"""strongSwan's charon: it answers IKE_SA_INIT on both ports, without any connection configured."""

import os
import socket
from pathlib import Path

import pytest
from wire_daemons import ask_udp, eventually, in_namespace, program, running

from probe.wire.ikev2 import Answer, AnswerKind, Group, marked, read_answer, sa_init, unmarked

pytestmark = pytest.mark.slow
_PLUGIN_FOLDER = Path("/usr/lib/ipsec/plugins")
_PLUGINS = "nonce random aes sha1 sha2 hmac kdf openssl gmp kernel-netlink socket-default"
_OWN_RUN = ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /run && exec "$@"', "sh")
"""charon starts only where /run holds no other charon's number: two tests may run at once."""


def _ask(port: int, group: Group, cookie: bytes = b"", own: bytes = b"") -> Answer | None:
    """Ask, with a cookie only for the request that ``own`` made all else of."""
    own = own or os.urandom(8 + 32 + group.size - 1) + b"\x01"
    spi, nonce, value = own[:8], own[8:40], own[40:]
    packet = sa_init(spi=spi, nonce=nonce, public_value=value, group=group, cookie=cookie)
    reply = ask_udp(port, marked(packet) if port != 500 else packet)
    if reply is None:
        return None
    return read_answer(unmarked(reply) if port != 500 else reply, spi)


def _command(folder: Path, plugins: str, *settings: str) -> list[str]:
    """Write a configuration and return what starts charon with it."""
    lines = (f"load = {plugins}", "install_routes = no", "install_virtual_ip = no", *settings)
    (folder / "strongswan.conf").write_text("charon {\n" + "\n".join(lines) + "\n}\n")
    return [*_OWN_RUN, "env", f"STRONGSWAN_CONF={folder / 'strongswan.conf'}", program("charon")]


@pytest.mark.parametrize("port", [500, 4500])
@pytest.mark.parametrize("group", list(Group))
def test_charon_answers_and_the_answer_is_read(tmp_path: Path, port: int, group: Group) -> None:
    """Without a connection it says NO_PROPOSAL_CHOSEN: proof that it was reached."""
    command = _command(tmp_path, _PLUGINS)

    def work() -> Answer:
        with running(command, tmp_path) as daemon:
            return eventually(lambda: _ask(port, group), daemon, tmp_path)

    assert in_namespace(work).kind is AnswerKind.NO_PROPOSAL


def _load_connection(path: Path, *proposals: str) -> bool | None:
    """Give charon a connection by its control socket (vici); ``None`` while there is none."""
    if not path.exists():
        return None

    def section(name: str, *inside: bytes) -> bytes:
        return b"\x01" + _short(name) + b"".join(inside) + b"\x02"

    def listed(name: str, *values: str) -> bytes:
        items = b"".join(b"\x05" + _long(value) for value in values)
        return b"\x04" + _short(name) + items + b"\x06"

    def pair(name: str, value: str) -> bytes:
        return b"\x03" + _short(name) + _long(value)

    message = section(
        "probe",
        pair("version", "2"),
        listed("local_addrs", "127.0.0.1"),
        listed("proposals", *proposals),
        section("local", pair("auth", "psk")),
        section("remote", pair("auth", "psk")),
    )
    request = b"\x00" + _short("load-conn") + message
    with socket.socket(socket.AF_UNIX) as control:
        control.connect(str(path))
        control.sendall(len(request).to_bytes(4, "big") + request)
        with control.makefile("rb") as answers:
            answer = answers.read(int.from_bytes(answers.read(4), "big"))
        return b"success" + _long("yes") in answer


def _short(text: str) -> bytes:
    return bytes([len(text)]) + text.encode()


def _long(text: str) -> bytes:
    return len(text).to_bytes(2, "big") + text.encode()


def test_charon_takes_the_proposal_and_then_wants_a_cookie(tmp_path: Path) -> None:
    """Accepted; with one half open, a cookie; the same request with that cookie is accepted."""
    for plugin in ("vici", "curve25519"):
        if not (_PLUGIN_FOLDER / f"libstrongswan-{plugin}.so").exists():
            pytest.skip(f"strongSwan's plugin {plugin} is not installed")
    path = tmp_path / "vici"
    command = _command(
        tmp_path,
        f"{_PLUGINS} vici",
        "cookie_threshold = 1",
        "block_threshold = 0",
        f"plugins {{\n vici {{\n socket = unix://{path}\n }}\n }}",
    )
    own = os.urandom(8 + 32 + 31) + b"\x01"

    def work() -> list[Answer | None]:
        with running(command, tmp_path) as daemon:
            proposals = ("aes256-sha256-curve25519", "aes256-sha256-modp2048")
            assert eventually(lambda: _load_connection(path, *proposals), daemon, tmp_path)
            first = eventually(lambda: _ask(500, Group.CURVE_25519), daemon, tmp_path)
            wants = _ask(500, Group.CURVE_25519, own=own)
            assert wants is not None
            return [first, wants, _ask(500, Group.CURVE_25519, wants.cookie, own)]

    kinds = [answer and answer.kind for answer in in_namespace(work)]
    assert kinds == [AnswerKind.ACCEPTED, AnswerKind.COOKIE, AnswerKind.ACCEPTED]
