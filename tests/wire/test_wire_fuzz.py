"""Whatever the bytes: a value, or the one error; and the public names of each codec."""

import importlib
import pkgutil
import random
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wire_readers import ID8, INITIATION, KEY, PRIVATE, WIRE_READERS

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
    websocket,
    whatsapp,
    wireguard,
    wireguard_responder,
)
from probe.wire.errors import WireError


@pytest.mark.parametrize("name", sorted(WIRE_READERS))
@settings(max_examples=25)
@given(data=st.data(), body=st.binary(max_size=300))
def test_no_bytes_raise_anything_but_the_one_error(
    name: str, data: st.DataObject, body: bytes
) -> None:
    """Property: from the first byte on, and behind beginnings that are right."""
    lead = data.draw(st.sampled_from([b"", *WIRE_READERS[name].seeds]))
    WIRE_READERS[name](lead + body)


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
@pytest.mark.parametrize("name", sorted(WIRE_READERS))
def test_many_bytes_raise_nothing_else_either(name: str) -> None:
    """The same with thousands of packets a reader, of all lengths, by a fixed seed."""
    rng = random.Random(name)
    for _ in range(5_000):
        lead = rng.choice([b"", *WIRE_READERS[name].seeds])
        WIRE_READERS[name](lead + rng.randbytes(int(rng.expovariate(1 / 80))))


def test_public_names_are_sorted_and_exist() -> None:
    """Each codec says what is public, in order, and has it."""
    for found in pkgutil.iter_modules(probe.wire.__path__, "probe.wire."):
        module = importlib.import_module(found.name)
        assert sorted(module.__all__, key=lambda n: (not n.isupper(), n[0].islower(), n)) == list(
            module.__all__
        ), found.name
        assert all(hasattr(module, name) for name in module.__all__), found.name
