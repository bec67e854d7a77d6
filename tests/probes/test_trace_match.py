"""Which packet is whose: what must be known to be believed, and what is made of it."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.model.trace import AnswerKind, Arm, Shot, Trigger
from probe.net.first_bytes import first_bytes
from probe.net.raw import Heard, Quote
from probe.probes.trace_match import Fired, matched

OWN, HOST, ROUTER = "192.168.1.23", "33.1.2.3", "29.8.8.8"
PORT, OWN_PORT = 443, 50_000
TRIGGER = b"x" * 517
FIRST, DUE = 1_000, 7_000
"""Sequence numbers: of the trigger's first byte, and of what the server would say next."""


def fired(trigger: Trigger | None = Trigger.TLS, **more: Any) -> Fired:
    """Return one shot that was sent at second 10."""
    values: dict[str, Any] = {
        "round": 1,
        "arm": Arm.TARGET,
        "ttl": 4,
        "trigger": trigger,
        "address": HOST,
        "port": PORT,
        "own": OWN,
        "own_port": OWN_PORT,
        "sent_s": 10.0,
    }
    return Fired(**values | more)


def tcp(*, out: bool = False, **more: Any) -> Heard:
    """Return a segment of ours (``out``) or in the server's name."""
    source, target = (OWN, HOST) if out else (HOST, OWN)
    ports = (OWN_PORT, PORT) if out else (PORT, OWN_PORT)
    values: dict[str, Any] = {"ttl": 58, "ident": 1, "flags": "A"}
    return Heard(
        source,
        target,
        protocol="tcp",
        source_port=ports[0],
        target_port=ports[1],
        **values | more,
    )


def udp(payload: bytes = b"answer", *, source_port: int = PORT, ttl: int = 58) -> Heard:
    """Return a datagram in the server's name."""
    return Heard(
        HOST,
        OWN,
        ttl,
        1,
        "udp",
        source_port=source_port,
        target_port=OWN_PORT,
        payload=payload,
    )


def icmp(quote: Quote, *, source: str = ROUTER, expired: bool = True, code: int = 0) -> Heard:
    """Return an error about one of our packets."""
    return Heard(source, OWN, 61, 1, "icmp", about=quote, expired=expired, code=code)


SENT = tcp(out=True, flags="PA", sequence=FIRST, acknowledgement=DUE, payload=TRIGGER)
MINE = Quote(OWN, HOST, OWN_PORT, PORT, FIRST)


def story(*heard: Heard, shot: Fired | None = None) -> Shot:
    """Return the shot with what came, a millisecond apart."""
    times = ((10.0 + number / 1000, packet) for number, packet in enumerate(heard))
    return matched([shot or fired()], times)[0]


# --- routers


def test_the_router_that_quotes_the_trigger_is_believed() -> None:
    """Its address is the hop's."""
    assert story(SENT, icmp(MINE)).router == ROUTER


@pytest.mark.parametrize(
    "quote",
    [
        Quote(OWN, HOST, OWN_PORT, PORT, FIRST - 1),  # before the trigger: the handshake
        Quote(OWN, HOST, OWN_PORT, PORT, FIRST + len(TRIGGER)),  # behind it
        Quote(OWN, HOST, OWN_PORT + 1, PORT, FIRST),
        Quote(OWN, HOST, OWN_PORT, PORT + 1, FIRST),
        Quote(OWN, "33.1.2.4", OWN_PORT, PORT, FIRST),
        Quote("192.168.1.24", HOST, OWN_PORT, PORT, FIRST),
    ],
)
def test_another_quote_is_not_believed(quote: Quote) -> None:
    """Who does not know our address, port and number cannot have seen the packet."""
    assert story(SENT, icmp(quote)).router is None


def test_before_the_trigger_no_quote_is_believed() -> None:
    """Nothing of ours has died yet."""
    assert story(icmp(MINE), SENT).router is None


def test_a_second_segment_of_the_trigger_counts() -> None:
    """A long hello comes in two; the error may quote the second, also across 2**32."""
    start = (1 << 32) - 100
    one = tcp(out=True, flags="A", sequence=start, payload=b"x" * 200)
    two = tcp(out=True, flags="PA", sequence=100, payload=b"x" * 50)
    quote = Quote(OWN, HOST, OWN_PORT, PORT, 120)
    assert story(one, two, icmp(quote)).router == ROUTER


def test_prohibited_is_an_answer_with_its_router() -> None:
    """Code 13 of a router on the way is no sign that the packet died of age."""
    shot = story(SENT, icmp(MINE, expired=False, code=13))
    assert (shot.router, shot.taken) == (None, None)
    assert [a.kind for a in shot.answers] == [AnswerKind.UNREACHABLE]
    assert shot.answers[0].says == f"{ROUTER} code 13"


def test_the_hosts_own_unreachable_shows_that_it_was_reached() -> None:
    """A closed port of the traced address itself."""
    quote = Quote(OWN, HOST, OWN_PORT, PORT)
    shot = story(icmp(quote, source=HOST, expired=False, code=3), shot=fired(Trigger.QUIC))
    assert shot.taken == 61


# --- the server's name


def test_a_reset_after_the_trigger() -> None:
    """When it came, how it looks, and how far ahead of what was due."""
    shot = story(SENT, tcp(flags="RA", ttl=91, ident=7, window=14_600, sequence=DUE + 1_460))
    (answer,) = shot.answers
    assert (answer.kind, answer.after_ms) == (AnswerKind.RESET, 1.0)
    looks = answer.looks
    assert (looks.ttl, looks.ident, looks.window, looks.flags) == (91, 7, 14_600, "RA")
    assert looks.ahead == 1_460
    assert shot.taken is None  # a reset acknowledges for nobody


def test_a_number_behind_is_negative() -> None:
    """A stale number is not four thousand million ahead."""
    shot = story(SENT, tcp(flags="R", sequence=DUE - 1))
    assert shot.answers[0].looks.ahead == -1


def test_what_came_before_the_trigger_is_no_answer() -> None:
    """The handshake shows how the server looks; a reset then has another cause."""
    opened = tcp(flags="SA", ttl=58, options=("MSS",), window=65_160)
    shot = story(opened, tcp(flags="R"), SENT)
    assert shot.answers == ()
    assert shot.server is not None
    assert (shot.server.ttl, shot.server.options) == (58, ("MSS",))


def test_an_acknowledgement_of_the_trigger() -> None:
    """It was taken, by who has that TTL; one of the handshake alone is none."""
    early = tcp(acknowledgement=FIRST)
    assert story(SENT, early).taken is None
    late = tcp(acknowledgement=FIRST + len(TRIGGER), ttl=57)
    assert story(SENT, early, late).taken == 57


@pytest.mark.parametrize(
    ("flags", "kind"), [("PA", AnswerKind.DATA), ("FPA", AnswerKind.FIN), ("RA", AnswerKind.RESET)]
)
def test_kinds_of_answers(flags: str, kind: AnswerKind) -> None:
    """Bytes, an end, a reset."""
    shot = story(SENT, tcp(flags=flags, payload=b"\x15\x03\x03\x00\x02\x02\x70"))
    assert shot.answers[0].kind is kind


def test_an_alert_is_told() -> None:
    """What a TLS answer says in the clear."""
    shot = story(SENT, tcp(flags="FPA", payload=b"\x15\x03\x03\x00\x02\x02\x70"))
    assert shot.answers[0].says == "alert unrecognized_name"


def test_a_status_line_is_told_without_control_characters() -> None:
    """What an answer in plain text says must not drive a terminal."""
    line = b"HTTP/1.1 403 \x1b[31mGone\r\nX: y\r\n"
    shot = story(SENT, tcp(flags="PA", payload=line), shot=fired(Trigger.HTTP))
    assert shot.answers[0].says == "HTTP/1.1 403 [31mGone"


def test_a_status_line_that_greets_us_by_our_address_does_not_tell_it() -> None:
    """Behind a NAT nobody here knows the line's public address: every literal goes."""
    line = b"HTTP/1.1 403 client=198.51.100.77 is blocked\r\n\r\n"
    shot = story(SENT, tcp(flags="PA", payload=line), shot=fired(Trigger.HTTP))
    assert "198.51.100.77" not in shot.answers[0].says
    assert "is blocked" in shot.answers[0].says


def test_another_port_is_another_shot() -> None:
    """A datagram from elsewhere is nobody's answer."""
    shot = story(udp(source_port=53), shot=fired(Trigger.QUIC))
    assert shot.answers == ()


def test_answers_are_bounded() -> None:
    """A flood is not kept."""
    shot = story(SENT, *(tcp(flags="R") for _ in range(100)))
    assert len(shot.answers) == 8


# --- questions, SYNs


def test_a_dns_answer_says_its_addresses() -> None:
    """The true answer and a forged one differ in what they say; nonsense says so."""
    asked = first_bytes(Trigger.DNS, "www.example.org", random.Random(1), six=False).asked
    assert asked is not None
    record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x21\x8f\x0d\x1c"
    header = asked.id.to_bytes(2, "big") + b"\x81\x80\0\1\0\1\0\0\0\0"
    reply = header + asked.name + b"\0\1\0\1" + record
    shot = story(udp(reply), udp(b"\0"), shot=fired(Trigger.DNS, asked=asked))
    assert [answer.says for answer in shot.answers] == ["33.143.13.28", "dns_server_misbehaving"]


def test_a_syn() -> None:
    """SYN/ACK and RST are its answers; an error must quote its number."""
    syn = tcp(out=True, flags="S", sequence=5)
    opened = story(syn, tcp(flags="SA", ttl=57), shot=fired(Trigger.SYN))
    assert (opened.taken, opened.answers[0].kind) == (57, AnswerKind.DATA)
    assert opened.server is not None
    refused = story(syn, tcp(flags="RA"), shot=fired(Trigger.SYN))
    assert (refused.taken, refused.answers[0].kind) == (None, AnswerKind.RESET)
    died = story(syn, icmp(Quote(OWN, HOST, OWN_PORT, PORT, 5)), shot=fired(Trigger.SYN))
    assert died.router == ROUTER
    lied = story(syn, icmp(Quote(OWN, HOST, OWN_PORT, PORT, 6)), shot=fired(Trigger.SYN))
    assert lied.router is None


def test_a_shot_that_never_left_gets_nothing() -> None:
    """Its failure stands, whatever comes to a port of that number."""
    shot = story(SENT, tcp(flags="R"), shot=fired(failure="connection_reset", own_port=0))
    assert (shot.failure, shot.answers) == ("connection_reset", ())


PACKETS = st.builds(
    Heard,
    source=st.sampled_from([OWN, HOST, ROUTER]),
    target=st.sampled_from([OWN, HOST]),
    ttl=st.integers(0, 255),
    ident=st.none() | st.integers(0, 65_535),
    protocol=st.sampled_from(["tcp", "udp", "icmp", "sctp"]),
    source_port=st.sampled_from([PORT, OWN_PORT]),
    target_port=st.sampled_from([PORT, OWN_PORT]),
    flags=st.text("FSRPAU", max_size=6),
    sequence=st.integers(0, (1 << 32) - 1),
    acknowledgement=st.integers(0, (1 << 32) - 1),
    payload=st.binary(max_size=40),
    about=st.none() | st.just(MINE) | st.just(Quote(OWN, HOST, OWN_PORT, PORT)),
    expired=st.booleans(),
)


@given(
    heard=st.lists(PACKETS, max_size=12),
    trigger=st.sampled_from([*Trigger, None]),
    begun=st.booleans(),
)
def test_any_packets(heard: list[Heard], trigger: Trigger | None, begun: bool) -> None:
    """Packets that contradict each other are matched or dropped, never raised."""
    packets = [SENT, *heard] if begun else heard
    shot = story(*packets, shot=fired(trigger))
    assert len(shot.answers) <= 8
