"""IKE_SA_INIT: the request's bytes, every answer that proves reachability, and the rest."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.wire.errors import Fault, WireError
from probe.wire.ikev2 import (
    Answer,
    AnswerKind,
    Group,
    marked,
    notify_answer,
    read_answer,
    read_request,
    sa_answer,
    sa_init,
    unmarked,
)
from probe.wire.ikev2_message import (
    Message,
    Notify,
    Payload,
    PayloadKind,
    decode_message,
    encode_message,
    read_notify,
)

SPI, NONCE, VALUE = bytes(range(1, 9)), bytes(range(32)), bytes(range(32))

# A responder's answer in a real exchange (wireshark's test capture
# ikev2-decrypt-aes128ccm12.pcap, quoted in scapy's test/contrib/ikev2.uts).
CAPTURED_ANSWER = (
    b'\xeahM!Yz\xfd6\xd9\xfe*\xb2-\xac#\xac! " \x00\x00\x00\x00\x00\x00\x00\xf0"\x00\x00(\x00\x00'
    b"\x00$\x01\x01\x00\x03\x03\x00\x00\x0c\x01\x00\x00\x0f\x80\x0e\x00\x80\x03\x00\x00\x08\x02"
    b"\x00\x00\x05\x00\x00\x00\x08\x04\x00\x00\x13(\x00\x00H\x00\x13\x00\x00,f\xbe\xad\xb6\xce"
    b"\x855\xd6!\x8c\xb4\x01\xaaZ\x1e\xb4\x03[\x97\xca\xdd\xaf67J\x97\x9c\x04F\xb8\x80\x05\x06"
    b"\xbf\x9do\x95\tR2k\xf3\x01\x19\x13\xda\x93\xbb\x8e@\xf8\x157k\xe1\xa0h\x01\xc0\xa6>;T)"
    b"\x00\x00$\x9e]&sy\xe6\x81\xe7\xd3\x8d\x81\xc7\x10\xd3\x83@\x1d\xe7\xe3`{\x92m\x90\xa9\x95"
    b"\x8a\xdc\xb5(1\xaa)\x00\x00\x1c\x00\x00@\x04z\x07\x85'=Y 8)\xa6\x97U\x0f1\xcb\xb9N\xb7+C)"
    b"\x00\x00\x1c\x00\x00@\x05\xc3\xe5\x8a\x8c\xc9\x93<\xe0\xb7\x8f*P\xe8\xde\x80\x13N\x12\xce1"
    b"\x00\x00\x00\x08\x00\x00@\x14"
)
CAPTURED_SPI = bytes.fromhex("ea684d21597afd36")


def request(cookie: bytes = b"") -> bytes:
    """Return the request of these tests."""
    return sa_init(spi=SPI, nonce=NONCE, public_value=VALUE, cookie=cookie)


def test_the_request_has_the_documented_bytes() -> None:
    """152 bytes: header, one proposal (AES-256-CBC, SHA-256 twice, group 31), key, nonce."""
    packet = request()
    assert len(packet) == 152
    assert packet[:28] == SPI + bytes(8) + bytes.fromhex("2120220800000000") + bytes([0, 0, 0, 152])
    assert packet[28:76].hex() == (
        "22000030"
        "0000002c01010004"
        "0300000c0100000c800e0100"
        "0300000802000005"
        "030000080300000c"
        "000000080400001f"
    )
    assert packet[76:84].hex() == "28000028001f0000"
    assert packet[116:120].hex() == "00000024"


def test_a_captured_answer_is_read() -> None:
    """A responder that took the proposal: its SPI is there."""
    answer = read_answer(CAPTURED_ANSWER, CAPTURED_SPI)
    assert answer == Answer(AnswerKind.ACCEPTED, bytes.fromhex("d9fe2ab22dac23ac"))
    message = decode_message(CAPTURED_ANSWER)
    assert [p.kind for p in message.payloads] == [33, 34, 40, 41, 41, 41]
    assert [read_notify(p.body).kind for p in message.payloads[3:]] == [16388, 16389, 16404]
    assert encode_message(message) == CAPTURED_ANSWER


@pytest.mark.parametrize(
    ("notify", "wanted"),
    [
        (Notify(14), Answer(AnswerKind.NO_PROPOSAL, bytes(8))),
        (Notify(17, b"\x00\x0e"), Answer(AnswerKind.OTHER_GROUP, bytes(8), group=14)),
        (Notify(16390, b"secret"), Answer(AnswerKind.COOKIE, bytes(8), cookie=b"secret")),
        (Notify(7), Answer(AnswerKind.OTHER_ERROR, bytes(8), notify=7)),
    ],
)
def test_each_refusal_is_an_answer(notify: Notify, wanted: Answer) -> None:
    """RFC 7296 section 2.6 and 3.10.1: whatever a responder refuses, it was reached."""
    asked, _ = read_request(request())
    packet = notify_answer(asked, notify)
    assert read_answer(packet, SPI) == wanted


def test_no_proposal_chosen_is_36_bytes_as_charon_sends_it() -> None:
    """Seen of strongSwan 5.9.8: header and a notification alone."""
    packet = notify_answer(read_request(request())[0], Notify(14))
    assert (len(packet), packet[19]) == (36, 0x20)


def test_a_cookie_goes_first_and_comes_back() -> None:
    """RFC 7296 section 2.6: the same request with the cookie before all else."""
    again = request(b"cookie of the responder")
    assert decode_message(again).payloads[0].kind == PayloadKind.NOTIFY
    assert decode_message(again).payloads[1:] == decode_message(request()).payloads
    assert read_request(again)[1] == b"cookie of the responder"
    assert read_request(request())[1] == b""


def test_a_responder_of_ours_is_read_as_well() -> None:
    """The lab's answer has what a real one has."""
    asked, _ = read_request(request())
    packet = sa_answer(asked, spi=bytes([9]) * 8, nonce=NONCE, public_value=VALUE)
    assert read_answer(packet, SPI) == Answer(AnswerKind.ACCEPTED, bytes([9]) * 8)


def test_port_4500_has_a_marker() -> None:
    """RFC 7296 section 2.23: four zero bytes, so that it is no ESP packet."""
    assert marked(request())[:4] == bytes(4)
    assert unmarked(marked(request())) == request()
    for datagram in (b"\xff", request()):
        with pytest.raises(WireError) as problem:
            unmarked(datagram)
        assert problem.value.fault is Fault.FORMAT


def test_an_answer_to_another_spi_is_foreign() -> None:
    """8 random bytes that a blind injector does not know."""
    with pytest.raises(WireError) as problem:
        read_answer(CAPTURED_ANSWER, SPI)
    assert problem.value.fault is Fault.FOREIGN


@pytest.mark.parametrize(
    ("packet", "fault"),
    [
        (request(), Fault.FORMAT),  # our own, sent back
        (CAPTURED_ANSWER[:-1], Fault.SHORT),
        (CAPTURED_ANSWER + b"\x00", Fault.FORMAT),
        (CAPTURED_ANSWER[:17] + b"\x10" + CAPTURED_ANSWER[18:], Fault.FORMAT),  # IKEv1
        (CAPTURED_ANSWER[:18] + b"\x23" + CAPTURED_ANSWER[19:], Fault.FORMAT),  # IKE_AUTH
        (CAPTURED_ANSWER[:8] + bytes(8) + CAPTURED_ANSWER[16:], Fault.FORMAT),  # no SPI
        (encode_message(Message(CAPTURED_SPI, bytes(8), 0x20, ())), Fault.FORMAT),
        (b"", Fault.SHORT),
    ],
)
def test_what_is_no_answer_is_refused(packet: bytes, fault: Fault) -> None:
    """Reflected, cut, lengthened, another version or exchange, an answer that says nothing."""
    with pytest.raises(WireError) as problem:
        read_answer(packet, CAPTURED_SPI)
    assert problem.value.fault is fault


@pytest.mark.parametrize("body", [b"", b"\x00"])
def test_a_broken_wish_is_refused(body: bytes) -> None:
    """INVALID_KE_PAYLOAD without a group, COOKIE without a cookie."""
    asked, _ = read_request(request())
    for kind in (17, 16390):
        if kind == 16390 and body:
            continue
        with pytest.raises(WireError):
            read_answer(notify_answer(asked, Notify(kind, body)), SPI)


@pytest.mark.parametrize(
    "changed",
    [
        {"spi": bytes(7)},
        {"spi": bytes(8)},
        {"nonce": bytes(15)},
        {"nonce": bytes(257)},
        {"public_value": bytes(31)},
        {"cookie": bytes(65)},
        {"group": Group.MODP_2048},
    ],
)
def test_what_cannot_be_asked_is_refused(changed: dict[str, bytes]) -> None:
    """Lengths of RFC 7296; a public value of another group."""
    arguments = {"spi": SPI, "nonce": NONCE, "public_value": VALUE} | changed
    with pytest.raises(WireError) as problem:
        sa_init(**arguments)  # type: ignore[arg-type]
    assert problem.value.fault is Fault.ARGUMENT


MESSAGES = st.builds(
    Message,
    st.binary(min_size=8, max_size=8),
    st.binary(min_size=8, max_size=8),
    st.integers(0, 255),
    st.lists(
        st.builds(Payload, st.integers(1, 255), st.binary(max_size=20), st.booleans()), max_size=5
    ).map(tuple),
    st.integers(0, 255),
    st.integers(0, 2**32 - 1),
)


@settings(max_examples=50)
@given(MESSAGES)
def test_every_message_comes_back(message: Message) -> None:
    """Property: what is written is read."""
    assert decode_message(encode_message(message)) == message
