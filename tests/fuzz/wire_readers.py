"""Every reader of ``probe.wire``, with messages that its own builders make."""

import random
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from hostile import Reader

from probe.errors import InputError
from probe.lab.own_keys import relay_keys, signer
from probe.lab.stun import binding_reply, unauthorized
from probe.lab.whatsapp import _chain as whatsapp_chain
from probe.targets.load import load_fingerprints
from probe.wire import (
    ikev2,
    ikev2_message,
    media,
    mtproto,
    mtproto_transport,
    noise,
    openvpn,
    openvpn_key,
    openvpn_wrap,
    pages,
    protobuf,
    published,
    quic,
    scrub,
    sealing,
    stun,
    tor_cells,
    tor_certs,
    tor_relay,
    websocket,
    whatsapp,
    wireguard,
    wireguard_responder,
    xchacha,
    xeddsa,
)
from probe.wire.errors import WireError
from probe.wire.noise import public_key

__all__ = ["AT", "ID8", "ID16", "INITIATION", "KEY", "PRIVATE", "WIRE_READERS"]

KEY = openvpn_key.StaticKey(bytes(range(256)))
CLIENT_KEY = openvpn_key.ClientKey(KEY, bytes(288) + (290).to_bytes(2, "big"))
PRIVATE, ID8, ID16 = b"\x05" * 32, bytes(8), bytes(16)
AT = datetime(2026, 1, 1, tzinfo=UTC)
AT_S = int(AT.timestamp())
_DAY = timedelta(days=1)
_ID12 = bytes(12)
_SPI = b"\x01" * 8
_OWN = ("198.51.100.7", "2001:db8:5:6::7")
INITIATION = wireguard.initiation(
    server_public=public_key(PRIVATE),
    static_private=PRIVATE,
    ephemeral_private=PRIVATE,
    sender=bytes(4),
    timestamp=wireguard.tai64n(0),
)
HELLO = whatsapp.client_hello(PRIVATE)


# --- what is read in more than one call


def _certs(data: bytes) -> None:
    """Read a CERTS cell and verify whatever is in it."""
    found = tor_certs.read_certs(tor_cells.Cell(129, data))
    tor_certs.verify_certs(found, tls_sha256=bytes(32), at=AT)


def _x509(data: bytes) -> None:
    """Verify a chain whose RSA identity is ``data``."""
    bodies = {2: data, 4: data, 5: data, 7: data}
    found = [tor_certs.LinkCertificate(kind, body) for kind, body in bodies.items()]
    tor_certs.verify_certs(found, tls_sha256=bytes(32), at=AT)


def _cells(data: bytes) -> None:
    """Read every cell of a stream as whatever it may be."""
    readers = (tor_cells.read_versions, tor_cells.read_auth_challenge, tor_cells.netinfo_clock)
    buffer, wide = data, 2
    while (found := tor_cells.split_cell(buffer, wide)) is not None:
        cell, buffer = found
        wide = 4
        for read in readers:
            with suppress(WireError):
                tor_cells.common_version(tor_cells.read_versions(cell))
            with suppress(WireError):
                read(cell)


def _page(data: bytes) -> None:
    """Take out of a page what is kept of one."""
    page = pages.decode_body(data, data[:60].decode("latin-1"))
    title = pages.page_title(page)
    marks = pages.mark_index(load_fingerprints())
    marks.find(status=200, headers=[(page[:20], page[20:60])], title=title, page=page)


def _scrubbed(data: bytes) -> None:
    text = data.decode("latin-1")
    scrub.scrub(text, _OWN)
    scrub.scrub_literals(text, _OWN)
    scrub.scrub_url(text, _OWN)
    scrub.scrub_address(text, _OWN)
    scrub.beside_own(text, _OWN)


def _seal(data: bytes) -> None:
    """Check a seal that the other side wrote, key and signature; it seals nothing."""
    key, _, signature = data.decode("latin-1").partition(" ")
    sealing.check_seal(sealing.Seal(format="form", key=key, signature=signature), b"", "form")


def _noise(data: bytes) -> None:
    state = noise.SymmetricState.start(noise.AESGCM_SHA256, b"a", b"b").mix_key(PRIVATE)
    with suppress(WireError):
        noise.agree(PRIVATE, data)
    state.decrypt(data)


def _text(read: Callable[[str], object]) -> Callable[[bytes], object]:
    return lambda data: read(data.decode("latin-1"))


# --- whole messages


def _openvpn(wrapping: openvpn_wrap.Wrapping) -> bytes:
    """Return a server's reset that answers ours."""
    asked = openvpn.ControlPacket(openvpn.Opcode.HARD_RESET_CLIENT_V2, ID8)
    return wrapping.seal(openvpn.server_reset(b"\x01" * 8, asked), openvpn_wrap.Replay(1, AT_S))


def _relay() -> tuple[bytes, bytes, bytes]:
    """Return a relay's hello, the content of its CERTS cell, and its RSA identity."""
    chain = tor_relay.link_certificates(
        relay_keys(), tls_sha256=bytes(32), begins=AT - _DAY, ends=AT + _DAY
    )
    hello = tor_relay.relay_hello(
        chain,
        challenge=bytes(32),
        clock_unix_s=AT_S,
        their_address=b"\xc6\x33\x64\x07",
        our_address=b"\xcb\x00\x71\x05",
    )
    identity = next(one.body for one in chain if one.kind == tor_certs.CertKind.RSA_IDENTITY)
    return hello, tor_relay.certs_cell(chain).payload, identity


def _ike() -> tuple[bytes, bytes, bytes]:
    """Return a request, an answer that accepts it, and one that does not."""
    asked = ikev2.sa_init(spi=_SPI, nonce=b"\x01" * 32, public_value=b"\x02" * 32)
    request, _ = ikev2.read_request(asked)
    accepted = ikev2.sa_answer(
        request, spi=b"\x03" * 8, nonce=b"\x04" * 32, public_value=b"\x05" * 32
    )
    return asked, accepted, ikev2.notify_answer(request, ikev2_message.Notify(14, b""))


def _wireguard() -> tuple[bytes, bytes]:
    """Return a response and a cookie for the initiation."""
    request = wireguard_responder.read_initiation(INITIATION.packet, PRIVATE)
    response = wireguard_responder.response(
        request, sender=b"\x01" * 4, ephemeral_private=b"\x06" * 32
    )
    cookie = wireguard_responder.cookie_reply(
        request, server_public=public_key(PRIVATE), nonce=bytes(24), cookie=ID16
    )
    return response, cookie


def _whatsapp() -> bytes:
    """Return a server's hello in its frame."""
    return whatsapp.server_hello(
        public_key(PRIVATE),
        ephemeral_private=b"\x06" * 32,
        static_private=b"\x07" * 32,
        certificate=protobuf.encode_field(1, b"certificate"),
    )


_STATIC = b"-----BEGIN OpenVPN Static key V1-----\n%b\n-----END OpenVPN Static key V1-----" % (
    bytes(range(256)).hex().encode()
)


def _binding(*, refused: bool = False) -> bytes:
    asked = stun.binding_request(_ID12)
    reply = unauthorized(asked) if refused else binding_reply(asked, _OWN[0], 4242)
    return reply or b""


def _readers() -> dict[str, Reader]:
    plain, crypt = openvpn_wrap.Plain(), openvpn_wrap.TlsCrypt(KEY, server=True)
    auth, auth_512 = (
        openvpn_wrap.TlsAuth(KEY, digest, direction)
        for digest, direction in ((openvpn_wrap.Digest.SHA1, 0), (openvpn_wrap.Digest.SHA512, None))
    )
    relay, certs, identity = _relay()
    asked, accepted, refused = _ike()
    response, cookie = _wireguard()
    hello, seal = _whatsapp(), sealing.sealed(b"", PRIVATE, "form")
    media_key = media.media_key("0" * 64)
    packets = tuple(
        media.media_packet(1, stream=2, made_s=AT_S, key=media_key, nonce=nonce)
        for nonce in (b"", ID8)
    )
    answer = mtproto.ResPq(ID16, 1_470_626_929_934_143_021, (mtproto.TELEGRAM_KEY,))
    res_pq = mtproto.res_pq(ID16, answer, 4 << 32)
    versions = quic.version_negotiation(quic.LongHeader(1, ID8, ID8), (1, 0x6B3343CF))
    rows = (
        Reader("openvpn", plain.open, seeds=(_openvpn(plain), b"\x28" + ID8)),
        Reader("openvpn-auth", openvpn_wrap.TlsAuth(KEY).open, seeds=(_openvpn(auth),)),
        Reader("openvpn-auth-512", auth_512.open, seeds=(_openvpn(auth_512),)),
        Reader("openvpn-crypt", openvpn_wrap.TlsCrypt(KEY).open, seeds=(_openvpn(crypt),)),
        Reader(
            "openvpn-crypt-v2", openvpn_wrap.TlsCryptV2(CLIENT_KEY).open, seeds=(_openvpn(crypt),)
        ),
        Reader(
            "openvpn-reset",
            lambda d: openvpn_wrap.read_server_reset(d, ID8, plain),
            seeds=(_openvpn(plain),),
        ),
        Reader(
            "openvpn-tlv",
            lambda d: (
                openvpn.ControlPacket(
                    openvpn.Opcode.CONTROL_V1, ID8, payload=d
                ).wants_wrapped_key_again
            ),
        ),
        Reader("openvpn-stream", openvpn.split_frame, seeds=(openvpn.frame(_openvpn(plain)),)),
        Reader(
            "openvpn-key",
            _text(openvpn_key.read_static_key),
            seeds=(_STATIC, _STATIC[:40]),
        ),
        Reader(
            "openvpn-client-key",
            _text(openvpn_key.read_client_key),
            seeds=(b"-----BEGIN OpenVPN tls-crypt-v2 client key-----",),
        ),
        Reader(
            "wireguard",
            lambda d: wireguard.read_answer(d, INITIATION),
            seeds=(response, cookie, b"\x02\x00\x00\x00" + ID8, b"\x03\x00\x00\x00" + bytes(4)),
        ),
        Reader(
            "wireguard-responder",
            lambda d: wireguard_responder.read_initiation(d, PRIVATE),
            seeds=(INITIATION.packet, b"\x01\x00\x00\x00"),
        ),
        Reader("ike", lambda d: ikev2.read_answer(d, _SPI), seeds=(accepted, refused)),
        Reader(
            "ike-4500",
            lambda d: ikev2.read_answer(ikev2.unmarked(d), _SPI),
            seeds=(ikev2.marked(accepted),),
        ),
        Reader("ike-request", ikev2.read_request, seeds=(asked,)),
        Reader("ike-notify", ikev2_message.read_notify, seeds=(b"\x00\x00\x00\x0e",)),
        Reader("tor-stream", _cells, seeds=(relay, b"\x00\x00\x82\x00\x28")),
        Reader("tor-certs", _certs, seeds=(certs, b"\x01\x04\x00\x20\x01\x04")),
        Reader("tor-x509", _x509, seeds=(identity, b"\x01\x04", b"\x30\x82\x01\xb9")),
        Reader("mtproto", lambda d: mtproto.read_answer(d, ID16), seeds=(res_pq,)),
        Reader("mtproto-request", mtproto.read_req_pq, seeds=(mtproto.req_pq_multi(ID16, 4),)),
        *(
            Reader(f"mtproto-{name.lower()}", one.split, seeds=(one.wrap(res_pq),))
            for name, one in mtproto_transport.Envelope.__members__.items()
        ),
        Reader(
            "mtproto-obfuscated",
            mtproto_transport.read_obfuscation,
            seeds=(mtproto_transport.obfuscation(random.Random(1)).opening,),
        ),
        Reader(
            "quic",
            lambda d: quic.read_version_negotiation(d, destination=ID8, source=ID8),
            seeds=(versions,),
        ),
        Reader("quic-header", quic.read_long_header, seeds=(versions,)),
        Reader(
            "stun",
            lambda d: stun.binding_answer(d, _ID12),
            seeds=(_binding(), _binding(refused=True)),
        ),
        Reader("stun-address", lambda d: stun.mapped_address(d, _ID12), seeds=(_binding(),)),
        Reader("protobuf", protobuf.fields, seeds=(hello[3:],)),
        Reader("whatsapp", lambda d: whatsapp.read_server_hello(d, HELLO), seeds=(hello[3:],)),
        Reader("whatsapp-request", whatsapp.read_client_hello, seeds=(HELLO.packet,)),
        Reader("whatsapp-stream", whatsapp.split_frame, seeds=(hello,)),
        Reader(
            "whatsapp-chain",
            lambda d: whatsapp.verify_certificate(
                whatsapp.ServerHello(signer("static").public, d), AT, signer("whatsapp root").public
            ),
            seeds=(whatsapp_chain(AT_S),),
        ),
        Reader(
            "websocket",
            websocket.split_frame,
            seeds=(
                websocket.encode_frame(websocket.Frame(websocket.FrameKind.BINARY, hello)),
                b"\x82\x7e",
                b"\x82\xff",
            ),
        ),
        Reader("media", lambda d: media.read_media(d, media_key), seeds=packets),
        Reader("page", _page, (), (b"<title>a</title>charset=utf-16", b"text/html; charset=gbk")),
        Reader("scrub", _scrubbed, (), tuple(one.encode() for one in _OWN)),
        Reader("seal", _seal, (InputError,), (f"{seal.key} {seal.signature}".encode(),)),
        Reader("noise", _noise),
        Reader(
            "xchacha",
            lambda d: xchacha.xchacha_open(PRIVATE, bytes(24), d, b""),
            seeds=(xchacha.xchacha_seal(PRIVATE, bytes(24), ID16, b""),),
        ),
        Reader(
            "xeddsa",
            lambda d: xeddsa.verify_xeddsa(d[:32], d[32:], b""),
            seeds=(signer("a").public + signer("a").sign(b""),),
        ),
        Reader("published-key", _text(published.static_key), seeds=(b"0" * 512,)),
        Reader("published-peer", _text(published.wireguard_key), seeds=(b"A" * 43 + b"=",)),
    )
    return {row.name: row for row in rows}


WIRE_READERS = _readers()
"""By name."""
