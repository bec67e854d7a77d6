"""Whatever the bytes: a value, or the one error; and the public names of each codec."""

import importlib
import pkgutil
import random
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import probe.wire
from probe.wire import (
    ikev2,
    ikev2_message,
    mtproto,
    mtproto_transport,
    openvpn,
    openvpn_key,
    openvpn_wrap,
    protobuf,
    quic,
    stun,
    tor_cells,
    tor_certs,
    websocket,
    whatsapp,
    wireguard,
    wireguard_responder,
)
from probe.wire.errors import WireError
from probe.wire.noise import public_key

KEY = openvpn_key.StaticKey(bytes(range(256)))
CLIENT_KEY = openvpn_key.ClientKey(KEY, bytes(288) + (290).to_bytes(2, "big"))
PRIVATE, ID8, ID16 = b"\x05" * 32, bytes(8), bytes(16)
INITIATION = wireguard.initiation(
    server_public=public_key(PRIVATE),
    static_private=PRIVATE,
    ephemeral_private=PRIVATE,
    sender=bytes(4),
    timestamp=wireguard.tai64n(0),
)
HELLO = whatsapp.client_hello(PRIVATE)
AT = datetime(2026, 1, 1, tzinfo=UTC)


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
    buffer = data
    while (found := tor_cells.split_cell(buffer, 2)) is not None:
        cell, buffer = found
        for read in readers:
            with suppress(WireError):
                read(cell)


def with_error(read: Callable[[bytes], object], data: bytes) -> None:
    """Call a reader; nothing but the declared error may come out of it."""
    with suppress(WireError):
        read(data)


READERS: dict[str, Callable[[bytes], object]] = {
    "openvpn": openvpn_wrap.Plain().open,
    "openvpn-auth": openvpn_wrap.TlsAuth(KEY).open,
    "openvpn-auth-512": openvpn_wrap.TlsAuth(KEY, openvpn_wrap.Digest.SHA512, None).open,
    "openvpn-crypt": openvpn_wrap.TlsCrypt(KEY).open,
    "openvpn-crypt-v2": openvpn_wrap.TlsCryptV2(CLIENT_KEY).open,
    "openvpn-reset": lambda d: openvpn_wrap.read_server_reset(d, ID8, openvpn_wrap.Plain()),
    "openvpn-tlv": lambda d: (
        openvpn.ControlPacket(openvpn.Opcode.CONTROL_V1, ID8, payload=d).wants_wrapped_key_again
    ),
    "openvpn-stream": openvpn.split_frame,
    "openvpn-key": lambda d: openvpn_key.read_static_key(d.decode("latin-1")),
    "openvpn-client-key": lambda d: openvpn_key.read_client_key(d.decode("latin-1")),
    "wireguard": lambda d: wireguard.read_answer(d, INITIATION),
    "wireguard-responder": lambda d: wireguard_responder.read_initiation(d, PRIVATE),
    "ike": lambda d: ikev2.read_answer(d, ID8),
    "ike-4500": lambda d: ikev2.read_answer(ikev2.unmarked(d), ID8),
    "ike-request": ikev2.read_request,
    "ike-notify": ikev2_message.read_notify,
    "tor-stream": _cells,
    "tor-certs": _certs,
    "tor-x509": _x509,
    "mtproto": lambda d: mtproto.read_answer(d, ID16),
    "mtproto-request": mtproto.read_req_pq,
    "mtproto-abridged": mtproto_transport.Envelope.ABRIDGED.split,
    "mtproto-intermediate": mtproto_transport.Envelope.INTERMEDIATE.split,
    "mtproto-obfuscated": mtproto_transport.read_obfuscation,
    "quic": lambda d: quic.read_version_negotiation(d, destination=ID8, source=ID8),
    "quic-header": quic.read_long_header,
    "stun": lambda d: stun.binding_answer(d, bytes(12)),
    "stun-address": lambda d: stun.mapped_address(d, bytes(12)),
    "protobuf": protobuf.fields,
    "whatsapp": lambda d: whatsapp.read_server_hello(d, HELLO),
    "whatsapp-request": whatsapp.read_client_hello,
    "whatsapp-stream": whatsapp.split_frame,
    "whatsapp-chain": lambda d: whatsapp.verify_certificate(whatsapp.ServerHello(PRIVATE, d), AT),
    "websocket": websocket.split_frame,
}

# Beginnings that lead a reader past its first check, so that random bytes get to the rest.
LEADS = {
    "openvpn": [b"\x40" + ID8 + b"\x01" + bytes(4) + ID8, b"\x28" + ID8],
    "openvpn-reset": [b"\x40" + ID8 + b"\x01" + bytes(4) + ID8],
    "openvpn-client-key": [b"-----BEGIN OpenVPN tls-crypt-v2 client key-----"],
    "openvpn-key": [b"-----BEGIN OpenVPN Static key V1-----"],
    "wireguard": [b"\x02\x00\x00\x00" + bytes(8), b"\x03\x00\x00\x00" + bytes(4)],
    "wireguard-responder": [b"\x01\x00\x00\x00"],
    "ike": [bytes(16) + bytes.fromhex("2920222000000000")],
    "ike-request": [ID8 + ID8 + bytes.fromhex("2120220800000000")],
    "tor-stream": [b"\x00\x00\x07\x00\x04", b"\x00\x00\x82\x00\x28"],
    "tor-certs": [b"\x04\x02\x00\x10", b"\x01\x04\x00\x20\x01\x04"],
    "tor-x509": [b"\x01\x04", b"\x30\x82\x01\xb9"],
    "mtproto": [bytes(20) + bytes.fromhex("63241605") + ID16 + ID16],
    "quic": [b"\x80\x00\x00\x00\x00\x08" + ID8 + b"\x08" + ID8],
    "stun": [bytes.fromhex("0101000c2112a442") + bytes(12)],
    "stun-address": [bytes.fromhex("0101000c2112a442") + bytes(12)],
    "whatsapp": [bytes.fromhex("1a") + b"\x60" + b"\x0a\x20" + PRIVATE],
    "whatsapp-chain": [b"\x12\x50\x0a\x0a"],
    "websocket": [b"\x82\x7e", b"\x82\xff"],
}


@pytest.mark.parametrize("name", sorted(READERS))
@settings(max_examples=25)
@given(data=st.data(), body=st.binary(max_size=300))
def test_no_bytes_raise_anything_but_the_one_error(
    name: str, data: st.DataObject, body: bytes
) -> None:
    """Property: from the first byte on, and behind beginnings that are right."""
    lead = data.draw(st.sampled_from([b"", *LEADS.get(name, [])]))
    with_error(READERS[name], lead + body)


NUMBERS = st.integers(-(2**70), 2**70)
SOME = st.binary(max_size=300)
BUILDERS: dict[str, st.SearchStrategy[object]] = {
    "openvpn": st.builds(
        openvpn.ControlPacket,
        st.sampled_from(openvpn.Opcode),
        SOME,
        st.tuples(NUMBERS),
        SOME,
        st.none() | NUMBERS,
        SOME,
        NUMBERS,
    ),
    "openvpn-replay": st.builds(openvpn_wrap.Replay, NUMBERS, NUMBERS).map(lambda r: r.encode()),
    "openvpn-auth": st.builds(openvpn_wrap.TlsAuth, st.just(KEY), direction=NUMBERS),
    "openvpn-key": st.builds(openvpn_key.ClientKey, st.just(KEY), SOME),
    "wireguard": st.builds(
        wireguard.initiation,
        server_public=SOME,
        static_private=SOME,
        ephemeral_private=SOME,
        sender=SOME,
        timestamp=SOME,
        psk=SOME,
    ),
    "wireguard-time": st.builds(wireguard.tai64n, NUMBERS, NUMBERS),
    "wireguard-cookie": st.builds(wireguard.with_cookie, st.just(INITIATION), SOME),
    "wireguard-mac2": st.builds(
        wireguard_responder.read_initiation, st.just(INITIATION.packet), st.just(PRIVATE), SOME
    ),
    "ike": st.builds(ikev2.sa_init, spi=SOME, nonce=SOME, public_value=SOME, cookie=SOME),
    "ike-notify": st.builds(ikev2_message.Notify, NUMBERS, SOME).map(ikev2_message.encode_notify),
    "ike-message": st.builds(
        ikev2_message.Message,
        st.just(ID8),
        SOME,
        NUMBERS,
        st.tuples(st.builds(ikev2_message.Payload, NUMBERS, SOME)),
        NUMBERS,
        NUMBERS,
        NUMBERS,
    ).map(ikev2_message.encode_message),
    "tor": st.builds(tor_cells.Cell, NUMBERS, SOME, NUMBERS).map(tor_cells.encode_cell),
    "tor-versions": st.builds(tor_cells.versions_cell, st.tuples(NUMBERS)),
    "mtproto": st.builds(mtproto.req_pq_multi, SOME, NUMBERS),
    "mtproto-answer": st.builds(
        mtproto.res_pq, SOME, st.builds(mtproto.ResPq, SOME, NUMBERS, st.tuples(NUMBERS)), NUMBERS
    ),
    "mtproto-time": st.builds(mtproto.message_id, NUMBERS),
    "mtproto-envelope": st.builds(
        mtproto_transport.Envelope.wrap, st.sampled_from(mtproto_transport.Envelope), SOME, SOME
    ),
    "mtproto-obfuscated": st.builds(
        mtproto_transport.obfuscation,
        st.just(random.Random(1)),
        secret=SOME,
        data_centre=NUMBERS,
    ),
    "quic": st.builds(
        quic.version_probe, destination=SOME, source=SOME, filler=SOME, version=NUMBERS
    ),
    "quic-answer": st.builds(
        quic.version_negotiation,
        st.just(quic.LongHeader(1, ID8, ID8)),
        st.tuples(NUMBERS),
        NUMBERS,
    ),
    "stun": st.builds(stun.binding_request, SOME),
    "protobuf": st.builds(protobuf.encode_field, NUMBERS, SOME | NUMBERS),
    "whatsapp": st.builds(whatsapp.client_hello, SOME),
    "websocket": st.builds(
        websocket.encode_frame,
        st.builds(websocket.Frame, st.sampled_from(websocket.FrameKind), SOME, st.booleans()),
        SOME,
    ),
}


@pytest.mark.parametrize("name", sorted(BUILDERS))
@settings(max_examples=25)
@given(data=st.data())
def test_no_argument_raises_anything_but_the_one_error(name: str, data: st.DataObject) -> None:
    """Property: lengths and numbers out of range are refused by name, never by accident."""
    with suppress(WireError):
        data.draw(BUILDERS[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(READERS))
def test_many_bytes_raise_nothing_else_either(name: str) -> None:
    """The same with thousands of packets a reader, of all lengths, by a fixed seed."""
    rng = random.Random(name)
    for _ in range(5_000):
        lead = rng.choice([b"", *LEADS.get(name, [])])
        with_error(READERS[name], lead + rng.randbytes(int(rng.expovariate(1 / 80))))


def test_public_names_are_sorted_and_exist() -> None:
    """Each codec says what is public, in order, and has it."""
    for found in pkgutil.iter_modules(probe.wire.__path__, "probe.wire."):
        module = importlib.import_module(found.name)
        assert sorted(module.__all__, key=lambda n: (not n.isupper(), n[0].islower(), n)) == list(
            module.__all__
        ), found.name
        assert all(hasattr(module, name) for name in module.__all__), found.name
