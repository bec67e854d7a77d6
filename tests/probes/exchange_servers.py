"""Servers of protocols of their own, as conversations of the fake network."""

import hashlib
import ipaddress
import zlib
from collections.abc import Callable
from datetime import timedelta

from made_certificates import NOW, leaf

from probe.lab.own_keys import relay_keys, signer
from probe.lab.whatsapp import _chain
from probe.net.fake import Conversation, TlsServer
from probe.wire.mtproto import TELEGRAM_KEY, ResPq, read_req_pq, res_pq
from probe.wire.mtproto_transport import INIT_BYTES, Envelope, read_obfuscation
from probe.wire.tor_relay import link_certificates, relay_hello
from probe.wire.websocket import Frame, FrameKind, accept_value, encode_frame, split_frame
from probe.wire.whatsapp import read_client_hello, server_hello

__all__ = ["OWN", "chat", "data_centre", "directory", "inside", "mt_proxy", "proxy", "relay"]

OWN = "198.51.100.7"
"""What every one of them takes for the line's own address, and says so where its protocol does."""

SHOWN = leaf("relay.example")
_DAY = timedelta(days=1)


def once(answer: Callable[[bytes], bytes]) -> Conversation:
    """Answer whatever has come so far, once ``answer`` finds something to say."""
    heard = bytearray()
    said = False

    def talk(data: bytes, /) -> bytes:
        nonlocal said
        heard.extend(data)
        found = b"" if said or not heard else answer(bytes(heard))
        said = said or bool(found)
        return found

    return talk


def inside(talk: Callable[[], Conversation], *names: str, by: str = "Test Root") -> Conversation:
    """Speak inside TLS, with a certificate for ``names``."""
    return TlsServer(leaf(*names, by=by).server_context(), talk())


def relay(*, shown: bytes | None = None, cells: int = 4, broken: bool = False) -> Conversation:
    """Return a relay inside TLS; ``shown`` is the digest of another TLS's certificate.

    A ``broken`` one says that its CERTS cell holds more certificates than it does.
    """
    digest = shown or hashlib.sha256(SHOWN.chain[0]).digest()
    certificates = link_certificates(
        relay_keys(), tls_sha256=digest, begins=NOW - _DAY, ends=NOW + _DAY
    )
    hello = relay_hello(
        certificates,
        challenge=bytes(32),
        clock_unix_s=int(NOW.timestamp()),
        their_address=ipaddress.ip_address(OWN).packed,
        our_address=ipaddress.ip_address("93.184.216.34").packed,
    )
    versions = 2 + 1 + 2 + 6  # bytes of that cell
    kept = hello if cells == 4 else hello[:versions]
    if broken:
        count = versions + 4 + 1 + 2
        kept = hello[:count] + bytes([hello[count] + 1]) + hello[count + 1 :]
    return TlsServer(SHOWN.server_context(), once(lambda _: kept))


def data_centre(nonce: bytes | None = None, error: int = 0) -> Conversation:
    """Return Telegram's answer to the abridged question; ``nonce`` is another than was asked."""

    def answer(heard: bytes) -> bytes:
        if error:
            return Envelope.ABRIDGED.wrap((-error).to_bytes(4, "little", signed=True))
        return Envelope.ABRIDGED.wrap(_res_pq(heard[2:], nonce))

    return once(answer)


def mt_proxy(secret: bytes = b"") -> Conversation:
    """Return the same behind an obfuscated opening, with a proxy's ``secret``."""

    def answer(heard: bytes) -> bytes:
        streams = read_obfuscation(heard, secret)
        found = streams.envelope.split(streams.decrypt(heard[INIT_BYTES:]))
        assert found is not None
        return streams.encrypt(streams.envelope.wrap(_res_pq(found[0], None)))

    return once(answer)


def _res_pq(question: bytes, nonce: bytes | None) -> bytes:
    said = ResPq(server_nonce=bytes(16), pq=15, fingerprints=(TELEGRAM_KEY,))
    return res_pq(nonce or read_req_pq(question), said, 1)


def chat(*, refusal: bytes = b"", accept: str | None = None, garbled: bool = False) -> Conversation:
    """Return WhatsApp's web socket, without the TLS around it."""
    heard = bytearray()
    switched = False

    def talk(data: bytes, /) -> bytes:
        nonlocal switched
        heard.extend(data)
        if not switched:
            if b"\r\n\r\n" not in heard:
                return b""
            head, _, rest = bytes(heard).partition(b"\r\n\r\n")
            key = head.partition(b"Sec-WebSocket-Key: ")[2].partition(b"\r\n")[0].decode()
            switched = True
            heard[:] = rest
            return refusal or _switch(accept or accept_value(key))
        found = split_frame(bytes(heard))
        if found is None:
            return b""
        hello = server_hello(
            read_client_hello(found[0].payload),
            ephemeral_private=signer("ephemeral").private,
            static_private=signer("static").private,
            certificate=_chain(int(NOW.timestamp())),
        )
        sent = hello[:-1] + bytes([hello[-1] ^ 1]) if garbled else hello
        ping = encode_frame(Frame(FrameKind.PING, b""))
        return ping + encode_frame(Frame(FrameKind.BINARY, sent))

    return talk


def _switch(accept: str) -> bytes:
    return (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept}\r\n\r\n"
    ).encode()


def proxy(by: str) -> Conversation:
    """Return a Signal proxy inside TLS, leading to a server whose certificate is ``by``."""
    behind = TlsServer(leaf("chat.signal.org", by=by).server_context(), lambda _: b"")
    return TlsServer(leaf("www.example.com").server_context(), behind)


def directory(body: bytes = b"network-status-version 3\n" * 9_000) -> bytes:
    """Return a directory's answer with its header about us."""
    packed = zlib.compress(body)
    head = (
        f"HTTP/1.0 200 OK\r\nContent-Type: application/octet-stream\r\n"
        f"X-Your-Address-Is: {OWN}\r\nContent-Length: {len(packed)}\r\n\r\n"
    )
    return head.encode() + packed
