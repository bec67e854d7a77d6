"""OpenVPN's own server, in its four modes and over both transports."""

import datetime as dt
import os
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from wire_daemons import ask_tcp, ask_udp, eventually, in_namespace, program, running

from probe.clock import SystemClock
from probe.wire.openvpn import Opcode, frame, hard_reset, split_frame
from probe.wire.openvpn_key import StaticKey, read_client_key, read_static_key
from probe.wire.openvpn_wrap import (
    Digest,
    Plain,
    Replay,
    TlsAuth,
    TlsCrypt,
    TlsCryptV2,
    Wrapping,
    early_replay_id,
    read_server_reset,
)

pytestmark = pytest.mark.slow
PORT = 1194


def _credentials(folder: Path) -> None:
    """Write a key and a self-signed certificate; they are never used for a handshake."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "vpn.example")])
    now = SystemClock().now()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(certificate.public_bytes(pem))
    kind = serialization.PrivateFormat.PKCS8
    (folder / "key.pem").write_bytes(key.private_bytes(pem, kind, serialization.NoEncryption()))


def _server(folder: Path, transport: str, *options: str) -> list[str]:
    proto = "tcp-server" if transport == "tcp" else "udp"
    common = "--dev tun --mode server --tls-server --local 127.0.0.1 --dh none --verb 4"
    files = "--ca cert.pem --cert cert.pem --key key.pem"
    where = f"--proto {proto} --port {PORT}"
    return [program("openvpn"), *f"{common} {files} {where}".split(), *options]


def _exchange(
    folder: Path,
    transport: str,
    wrapping: Wrapping,
    options: list[str],
    opcode: Opcode,
    replay: int,
) -> bytes:
    """Return the server's raw answer to a hard reset, after checking that it verifies."""

    def attempt() -> bytes | None:
        session = os.urandom(8)
        packet = wrapping.seal(
            hard_reset(session, opcode), Replay(replay, int(SystemClock().now().timestamp()))
        )
        if transport == "udp":
            answer = ask_udp(PORT, packet)
        else:
            got = split_frame(ask_tcp(PORT, frame(packet)))
            answer = got[0] if got else None
        if answer is not None:
            read_server_reset(answer, session, wrapping)
        return answer

    def work() -> bytes:
        with running(_server(folder, transport, *options), folder) as server:
            return eventually(attempt, server, folder)

    _credentials(folder)
    return in_namespace(work)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize(
    ("mode", "size"), [("plain", 26), ("sha1", 54), ("sha512", 98), ("crypt", 66)]
)
def test_openvpn_answers_and_the_answer_verifies(
    tmp_path: Path, transport: str, mode: str, size: int
) -> None:
    """The four modes, with the sizes of reply that were seen of openvpn 2.6.14."""
    key = os.urandom(256)
    text = key.hex()
    lines = "\n".join(text[n : n + 32] for n in range(0, 512, 32))
    block = f"-----BEGIN OpenVPN Static key V1-----\n{lines}\n-----END OpenVPN Static key V1-----\n"
    (tmp_path / "ta.key").write_text(block)
    assert read_static_key(block) == StaticKey(key)
    modes: dict[str, tuple[Wrapping, list[str]]] = {
        "plain": (Plain(), []),
        "sha1": (TlsAuth(StaticKey(key)), ["--tls-auth", "ta.key", "0", "--auth", "SHA1"]),
        "sha512": (
            TlsAuth(StaticKey(key), Digest.SHA512),
            ["--tls-auth", "ta.key", "0", "--auth", "SHA512"],
        ),
        "crypt": (TlsCrypt(StaticKey(key)), ["--tls-crypt", "ta.key"]),
    }
    wrapping, options = modes[mode]
    answer = _exchange(
        tmp_path, transport, wrapping, options, Opcode.HARD_RESET_CLIENT_V2, replay=1
    )
    assert len(answer) == size


@pytest.mark.parametrize("early", [True, False])
def test_openvpn_answers_a_client_key_of_its_own(tmp_path: Path, early: bool) -> None:
    """tls-crypt-v2: the V3 reset carries the wrapped key, with early negotiation and without."""

    def make(*options: str) -> None:
        with running([program("openvpn"), *options], tmp_path) as maker:
            assert maker.wait(10) == 0

    make("--genkey", "tls-crypt-v2-server", "server.key")
    make("--tls-crypt-v2", "server.key", "--genkey", "tls-crypt-v2-client", "client.key")
    key = read_client_key((tmp_path / "client.key").read_text())
    _exchange(
        tmp_path,
        "udp",
        TlsCryptV2(key),
        ["--tls-crypt-v2", "server.key"],
        Opcode.HARD_RESET_CLIENT_V3,
        early_replay_id(1) if early else 1,
    )


def test_openvpn_is_silent_to_another_key(tmp_path: Path) -> None:
    """Why silence of a server with tls-auth says nothing unless the key is the right one."""
    (tmp_path / "ta.key").write_text(
        "-----BEGIN OpenVPN Static key V1-----\n"
        + "\n".join(os.urandom(16).hex() for _ in range(16))
        + "\n-----END OpenVPN Static key V1-----\n"
    )
    right = TlsAuth(read_static_key((tmp_path / "ta.key").read_text()))
    wrong = TlsAuth(StaticKey(os.urandom(256)))

    def asked(wrapping: Wrapping, wait_s: float) -> bytes | None:
        packet = wrapping.seal(
            hard_reset(os.urandom(8)), Replay(1, int(SystemClock().now().timestamp()))
        )
        return ask_udp(PORT, packet, wait_s)

    def work() -> bytes | None:
        command = _server(tmp_path, "udp", "--tls-auth", "ta.key", "0")
        with running(command, tmp_path) as server:
            eventually(lambda: asked(right, 0.5), server, tmp_path)
            return asked(wrong, 1.0)

    _credentials(tmp_path)
    assert in_namespace(work) is None
