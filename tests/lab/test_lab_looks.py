"""What first bytes look like to a filter of protocols, and who acts on it."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.errors import InputError
from probe.lab.client_hello import ClientHello
from probe.lab.looks import looks_of_bytes, looks_of_hello
from probe.lab.own_keys import RELAY_FINGERPRINT, lab_keys, relay_keys, signer
from probe.lab.path.opening import Speech, read_opening
from probe.lab.scenario import load_scenario
from probe.net.known_keys import KnownKeys, known_keys_text, read_known_keys
from probe.wire.comparison import comparison
from probe.wire.mtproto import req_pq_multi
from probe.wire.mtproto_transport import Envelope, obfuscation
from probe.wire.tor_certs import verify_certs
from probe.wire.tor_relay import link_certificates
from probe.wire.whatsapp import CERTIFICATE_KEY
from probe.wire.xeddsa import verify_xeddsa

RNG = random.Random(1)
QUESTION = req_pq_multi(bytes(range(16)), 1 << 34)


@pytest.mark.parametrize("envelope", [Envelope.ABRIDGED, Envelope.INTERMEDIATE])
def test_telegrams_clear_forms_are_seen(envelope: Envelope) -> None:
    """By the bytes that open them."""
    assert looks_of_bytes(envelope.value + envelope.wrap(QUESTION)) == "mtproto"


def test_telegrams_hidden_form_looks_random() -> None:
    """That is its point, and what a filter of entropy cuts."""
    for seed in range(20):
        opening = obfuscation(random.Random(seed)).opening
        assert looks_of_bytes(opening + RNG.randbytes(60)) == "random"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        bytes(64),
        b"\xff" * 64,
        RNG.randbytes(40) + b"a run of printable text" + RNG.randbytes(20),
    ],
)
def test_what_the_five_exemptions_let_pass(data: bytes) -> None:
    """Few or many bits, printable beginnings, halves and runs (Wu et al. 2023)."""
    assert looks_of_bytes(data) is None


@given(st.binary(max_size=200))
def test_no_bytes_are_too_odd_to_look_at(data: bytes) -> None:
    """Property: an answer for all bytes, and the comparison of a packet is no protocol."""
    assert looks_of_bytes(data) in (None, "mtproto", "random")
    read_opening(data)


def test_a_comparison_packet_looks_like_what_it_is_compared_with_but_for_its_protocol() -> None:
    """Same bits, other bytes."""
    packet = Envelope.ABRIDGED.value + Envelope.ABRIDGED.wrap(QUESTION)
    other = comparison(packet, RNG, lambda data: looks_of_bytes(data) == "mtproto")
    assert looks_of_bytes(other) != "mtproto"


@pytest.mark.parametrize(
    ("sni", "alpn", "looks"),
    [
        ("www.abcdefgh.com", False, "tor"),
        ("www.abcdefgh234567.net", False, "tor"),
        ("www.abcdefgh.com", True, None),
        ("www.example1.com", False, None),
        ("chat.example.org", False, None),
        (None, False, None),
    ],
)
def test_tors_hello_has_a_made_up_name_and_offers_nothing(
    sni: str | None, alpn: bool, looks: str | None
) -> None:
    """Both together; a browser offers protocols, and a name has a meaning."""
    assert looks_of_hello(ClientHello(sni, alpn)) == looks


def test_the_box_reads_looks_as_the_servers_do() -> None:
    """One reading for both stages."""
    opening = read_opening(b"\xef\x0a" + bytes(40))
    assert opening is not None
    assert (opening.speech, opening.looks) == (Speech.OTHER, "mtproto")


@pytest.mark.parametrize(
    ("who", "what", "problem"),
    [
        ("{looks: skype}", "protocol_reset", "nothing known looks like"),
        ("{looks: tor}", "sni_reset", "only first bytes look like something"),
    ],
)
def test_looks_that_can_match_nothing_are_refused(
    tmp_path: Path, who: str, what: str, problem: str
) -> None:
    """With the field that is wrong."""
    file = tmp_path / "x.yaml"
    file.write_text(
        "name: x\ndescription: x\nstarts: 2026-03-02\nworld: small\n"
        f"rules:\n  - {{id: x, who: {who}, what: {what}}}\n"
        "expect:\n  - {service: messenger, state: ok}\n"
    )
    with pytest.raises(InputError, match=problem):
        load_scenario(file)


# --- the lab's own keys


def test_the_relays_fingerprint_is_that_of_their_key() -> None:
    """It is written down, so that nobody has to compute it."""
    now = datetime(2026, 3, 2, tzinfo=UTC)
    chain = link_certificates(
        relay_keys(), tls_sha256=bytes(32), begins=now, ends=now + timedelta(days=1)
    )
    identity = verify_certs(chain, tls_sha256=bytes(32), at=now)
    assert identity.rsa_fingerprint == RELAY_FINGERPRINT == lab_keys().relay


def test_the_labs_keys_are_the_same_everywhere_and_not_the_real_ones() -> None:
    """Each name has its own; nobody takes them for WhatsApp's."""
    assert signer("static").public != signer("middle").public
    assert lab_keys().whatsapp not in (None, CERTIFICATE_KEY)
    signed = signer("middle").sign(b"words")
    verify_xeddsa(signer("middle").public, signed, b"words")


def test_known_keys_are_read_as_they_were_written(tmp_path: Path) -> None:
    """The shipped file names none: the code's and the catalog's hold."""
    assert read_known_keys() == KnownKeys()
    file = tmp_path / "keys.json"
    file.write_bytes(known_keys_text(lab_keys()))
    assert read_known_keys(file) == lab_keys()
