"""Questions and replies: what counts as an answer, what is passed over, what is a race."""

import asyncio
import base64
import random
from collections.abc import Callable, Iterable

import dns.message
import dns.rdatatype
import pytest
from dns_answers import answer_to
from hypothesis import given
from hypothesis import strategies as st
from loopback_servers import LOOPBACK, closed_port, saying, tcp_server, udp_server

from probe.errors import InputError
from probe.model.failure import check_failure
from probe.net.dns import DnsResult, LateReply, UdpExchange, ask_stream
from probe.net.dnswire import BadReply, Question, question, read_reply, reply_failure
from probe.net.doh import doh_request, doh_result
from probe.net.fake import FakeDatagrams, FakeStream, Tcp, Udp
from probe.net.http import HttpResult
from probe.net.sockets import dial_tcp, dial_udp

NAME = "www.Example.com"


def asking(name: str = NAME, qtype: str = "A", *, mix_case: bool = False) -> Question:
    return question(name, qtype, random.Random(7), mix_case=mix_case)


async def ask(
    answer: Callable[[bytes], Iterable[bytes]], *, qtype: str = "A", timeout_s: float = 1.0
) -> DnsResult:
    """Ask a scripted resolver; silence costs no time."""
    exchange = UdpExchange(FakeDatagrams(Udp(answer)), asking(qtype=qtype, mix_case=True))
    return await exchange.ask(timeout_s=timeout_s)


@pytest.mark.parametrize(("timeout_s", "sent"), [(1.0, 1), (5.0, 1), (9.9, 1), (21.0, 4)])
async def test_within_a_long_deadline_a_silent_resolver_is_asked_again(
    timeout_s: float, sent: int
) -> None:
    """Datagrams get lost on slow lines; within the usual deadline one question is one datagram."""
    questions: list[bytes] = []

    def silent(data: bytes) -> Iterable[bytes]:
        questions.append(data)
        return ()

    result = await ask(silent, timeout_s=timeout_s)
    assert result == DnsResult("generic_timeout_error")
    assert len(questions) == sent
    assert len(set(questions)) == 1


async def test_the_answer_to_a_repeated_question_counts() -> None:
    """The first datagram was lost, the second is answered, and no third is sent."""
    asked: list[bytes] = []

    def second(data: bytes) -> Iterable[bytes]:
        asked.append(data)
        return [answer_to(data, "192.0.2.1")] if len(asked) == 2 else ()

    result = await ask(second, timeout_s=20.0)
    assert result.reply is not None
    assert result.reply.addresses == ("192.0.2.1",)
    assert len(asked) == 2


def test_a_question_is_what_dnspython_reads() -> None:
    """The bytes that we make are a query with EDNS, as a full implementation reads them."""
    made = asking(qtype="AAAA", mix_case=True)
    read = dns.message.from_wire(made.wire)
    assert read.id == made.id
    assert read.edns == 0
    assert read.payload == 1232
    assert read.question[0].name.to_text().lower() == "www.example.com."
    assert read.question[0].rdtype == dns.rdatatype.AAAA
    assert dns.message.from_wire(question(NAME, "A", random.Random(1), edns=False).wire).edns == -1


def test_the_case_of_a_question_is_mixed() -> None:
    """0x20: different questions for one name differ in case, and only in that."""
    rng = random.Random(3)
    names = {question("example.com", "A", rng, mix_case=True).name for _ in range(20)}
    assert len(names) > 5
    assert {name.lower() for name in names} == {b"\x07example\x03com\x00"}


@pytest.mark.parametrize("name", ["a" * 64 + ".com", "a..b", ".".join(["abcdefgh"] * 40)])
def test_a_name_that_dns_cannot_carry_is_our_mistake(name: str) -> None:
    """Such a name comes from a catalog, not from the network."""
    with pytest.raises(InputError):
        question(name, "A", random.Random(1))


async def test_an_answer_over_udp() -> None:
    """Addresses, the alias and the code are read from a real socket."""
    async with udp_server(
        lambda q: [answer_to(q, "192.0.2.1", "192.0.2.2", cname="cdn.example.net")]
    ) as port:
        datagrams = await dial_udp(LOOPBACK, port)
        result = await UdpExchange(datagrams, asking(mix_case=True)).ask(timeout_s=5)
        await datagrams.aclose()
    assert result.failure is None
    assert result.reply is not None
    assert set(result.reply.addresses) == {"192.0.2.1", "192.0.2.2"}
    assert result.reply.cnames == ("cdn.example.net",)
    assert result.reply.rcode == 0


async def test_ipv6_addresses_are_read() -> None:
    """AAAA records give IPv6 addresses, compressed."""
    result = await ask(lambda q: [answer_to(q, "2001:db8:0:0::1")], qtype="AAAA")
    assert result.reply is not None
    assert result.reply.addresses == ("2001:db8::1",)


@pytest.mark.parametrize(
    ("rcode", "failure"),
    [
        (0, "dns_no_answer"),
        (1, "dns_server_misbehaving"),
        (2, "dns_servfail_error"),
        (3, "dns_nxdomain_error"),
        (4, "dns_server_misbehaving"),
        (5, "dns_refused_error"),
    ],
)
async def test_each_code_has_its_failure(rcode: int, failure: str) -> None:
    """Response codes become OONI's failures; a reply without an address is ``dns_no_answer``."""
    result = await ask(lambda q: [answer_to(q, rcode=rcode)])
    assert result.failure == failure
    assert result.reply is not None
    assert result.reply.rcode == rcode


async def test_a_private_answer_is_an_answer() -> None:
    """A bogon is recorded as it came; what it means is judged elsewhere."""
    result = await ask(lambda q: [answer_to(q, "10.10.34.35")])
    assert result.failure is None
    assert result.reply is not None
    assert result.reply.addresses == ("10.10.34.35",)


async def test_silence_is_a_timeout() -> None:
    """A resolver that never answers gives ``generic_timeout_error``."""
    assert (await ask(lambda q: [])).failure == "generic_timeout_error"


async def test_a_closed_port_is_refused() -> None:
    """The ICMP answer of a closed port is seen."""
    import socket

    datagrams = await dial_udp(LOOPBACK, closed_port(socket.SOCK_DGRAM))
    result = await UdpExchange(datagrams, asking()).ask(timeout_s=5)
    await datagrams.aclose()
    assert result.failure == "connection_refused"


def wrong_id(query: bytes) -> bytes:
    reply = bytearray(answer_to(query, "192.0.2.66"))
    reply[0] ^= 0xFF
    return bytes(reply)


async def test_a_reply_with_another_id_is_passed_over() -> None:
    """An injector that guesses the id is not believed; the real answer that follows is."""
    result = await ask(lambda q: [wrong_id(q), b"garbage", q, answer_to(q, "192.0.2.1")])
    assert result.reply is not None
    assert result.reply.addresses == ("192.0.2.1",)


async def test_nothing_but_wrong_ids() -> None:
    """When nothing better comes, what came is named."""
    assert (await ask(lambda q: [wrong_id(q)])).failure == "dns_reply_with_wrong_query_id"


@pytest.mark.parametrize(
    "reply",
    [
        lambda q: b"",
        lambda q: b"\x00",
        lambda q: q,
        lambda q: q[:2] + b"\x81\x80" + q[4:11],
        lambda q: answer_to(q, "192.0.2.1")[:-13],
        lambda q: answer_to(asking("other.example").wire, "192.0.2.1")[:2] and other_question(q),
        lambda q: q[:2] + b"\x81\x80\0\0\0\1\0\0\0\0",
    ],
    ids=["empty", "byte", "echo", "short", "cut", "other-name", "no-question"],
)
async def test_garbage_is_misbehaviour(reply: Callable[[bytes], bytes]) -> None:
    """Bytes that are no reply to this question give ``dns_server_misbehaving``."""
    assert (await ask(lambda q: [reply(q)])).failure == "dns_server_misbehaving"


def other_question(query: bytes) -> bytes:
    """Return a reply with the right id to a question that was not asked."""
    reply = answer_to(asking("other.example.com").wire, "192.0.2.1")
    return query[:2] + reply[2:]


async def test_an_error_without_its_question_counts() -> None:
    """Some servers leave the question out of a refusal."""
    result = await ask(lambda q: [q[:2] + b"\x81\x85\0\0\0\0\0\0\0\0"])
    assert result.failure == "dns_refused_error"


async def test_other_letters_count_only_when_nothing_better_comes() -> None:
    """A reply in other case is kept aside: the same letters win, even if they come later."""

    def lower(query: bytes, address: str) -> bytes:
        reply = answer_to(query, address)
        name = question(NAME, "A", random.Random(7), mix_case=True).name
        return reply.replace(name, name.lower())

    one = await ask(lambda q: [lower(q, "192.0.2.66"), answer_to(q, "192.0.2.1")])
    two = await ask(lambda q: [lower(q, "192.0.2.66")])
    assert one.reply is not None
    assert one.reply.addresses == ("192.0.2.1",)
    assert two.reply is not None
    assert two.reply.addresses == ("192.0.2.66",)
    assert not two.reply.same_case


async def late_after(answers: Callable[[bytes], list[bytes]]) -> tuple[LateReply, ...]:
    datagrams = FakeDatagrams(Udp(answers))
    exchange = UdpExchange(datagrams, asking(mix_case=True))
    await exchange.ask(timeout_s=1)
    return await exchange.late(listen_s=5)


async def test_a_second_different_answer_is_a_race() -> None:
    """Both answers to one question are kept; a repetition of the first is none."""
    late = await late_after(
        lambda q: [
            answer_to(q, "10.0.0.1"),
            answer_to(q, "10.0.0.1"),
            wrong_id(q),
            b"garbage",
            answer_to(q, "192.0.2.1"),
            answer_to(q, rcode=3),
        ]
    )
    assert [(one.reply.rcode, one.reply.addresses) for one in late] == [
        (0, ("192.0.2.1",)),
        (3, ()),
    ]


async def test_an_order_of_addresses_is_no_difference() -> None:
    """Round robin is not a race."""
    late = await late_after(
        lambda q: [answer_to(q, "192.0.2.1", "192.0.2.2"), answer_to(q, "192.0.2.2", "192.0.2.1")]
    )
    assert late == ()


async def test_late_answers_are_bounded() -> None:
    """A flood of answers is not kept whole, and ends."""
    late = await late_after(lambda q: [answer_to(q, f"192.0.2.{i}") for i in range(200)])
    assert len(late) == 8


async def test_listening_ends_in_time() -> None:
    """A resolver that answers once costs the listening time and no more."""
    async with udp_server(lambda q: [answer_to(q, "192.0.2.1")]) as port:
        datagrams = await dial_udp(LOOPBACK, port)
        exchange = UdpExchange(datagrams, asking())
        await exchange.ask(timeout_s=5)
        async with asyncio.timeout(5):
            assert await exchange.late(listen_s=0.02) == ()
        await datagrams.aclose()


def framed(wire: bytes) -> bytes:
    return len(wire).to_bytes(2, "big") + wire


async def test_an_answer_over_tcp() -> None:
    """TCP carries two bytes of length before the message."""
    made = asking()
    async with tcp_server(saying(framed(answer_to(made.wire, "192.0.2.1")))) as port:
        stream = await dial_tcp(LOOPBACK, port, timeout_s=5)
        result = await ask_stream(stream, made, timeout_s=5)
        await stream.aclose()
    assert result.reply is not None
    assert result.reply.addresses == ("192.0.2.1",)


@pytest.mark.parametrize(
    ("said", "failure"),
    [
        (b"", "eof_error"),
        (b"\x00", "eof_error"),
        (b"\xff\xff12345", "eof_error"),
        (framed(b"garbage of more than twelve"), "dns_server_misbehaving"),
        (framed(b""), "dns_server_misbehaving"),
        (framed(wrong_id(asking().wire)), "dns_reply_with_wrong_query_id"),
    ],
)
async def test_garbage_over_tcp(said: bytes, failure: str) -> None:
    """A stream that ends or lies has a name too."""
    stream = FakeStream(Tcp(replies=(said,), then="eof_error"))
    assert (await ask_stream(stream, asking(), timeout_s=1)).failure == failure


def test_doh_carries_the_question_in_the_url_or_the_body() -> None:
    """GET has ``dns=`` in base64url without padding, POST the message (RFC 8484)."""
    made = question(NAME, "A", random.Random(1), identity=0)
    get = doh_request(made, host="dns.example", port=443, path="/dns-query")
    post = doh_request(made, host="dns.example", port=443, path="/dns-query", method="POST")
    encoded = get.path.partition("?dns=")[2]
    assert base64.urlsafe_b64decode(encoded + "==") == made.wire
    assert post.body == made.wire
    assert made.wire[:2] == b"\0\0"


@pytest.mark.parametrize(
    ("status", "media", "failure"),
    [
        (200, "application/dns-message", None),
        (200, "Application/DNS-Message; charset=x", None),
        (200, "text/html", "dns_server_misbehaving"),
        (403, "application/dns-message", "dns_server_misbehaving"),
    ],
)
def test_a_page_is_no_dns_message(status: int, media: str, failure: str | None) -> None:
    """Only a 200 of the right media type is believed: all else is a middlebox or a refusal."""
    made = question(NAME, "A", random.Random(1), identity=0)
    body = bytearray(answer_to(made.wire, "192.0.2.1"))
    answer = HttpResult(status=status, headers=(("content-type", media),), body=body)
    assert doh_result(answer, made).failure == failure


def failure_of(wire: bytes, made: Question) -> str | None:
    """Return what a reply comes to, whether it can be read or not."""
    try:
        return reply_failure(read_reply(wire, made))
    except BadReply as exc:
        return exc.failure


@given(st.binary(max_size=200))
def test_no_bytes_of_a_resolver_raise(tail: bytes) -> None:
    """A reply of any bytes is read, or is a failure of the vocabulary."""
    made = asking()
    good = answer_to(made.wire, "192.0.2.1")
    for wire in (tail, made.wire[:2] + b"\x81\x80" + tail, good + tail):
        check_failure(failure_of(wire, made))


@given(st.data())
def test_a_damaged_reply_never_raises(data: st.DataObject) -> None:
    """One byte changed anywhere in a reply leaves it readable, or makes it a failure."""
    made = asking()
    wire = bytearray(answer_to(made.wire, "192.0.2.1", cname="cdn.example.net"))
    wire[data.draw(st.integers(0, len(wire) - 1))] ^= data.draw(st.integers(1, 255))
    check_failure(failure_of(bytes(wire), made))


def test_an_alias_that_ends_in_a_pointer_is_read() -> None:
    """Servers shorten an alias's target by a pointer wherever it shares an end with a name."""
    made = asking()
    wire = answer_to(made.wire, "192.0.2.1", cname=f"edge.{NAME}")
    pointed = b"\x04edge\xc0\x0c"  # the name of the question begins at byte 12
    assert pointed in wire
    reply = read_reply(wire, made)
    assert reply.cnames == (f"edge.{NAME.lower()}",)
    assert reply.addresses == ("192.0.2.1",)


def test_pointers_that_loop_end() -> None:
    """A compression pointer to itself, in an owner name or a target, does not hang."""
    made = asking()
    head = made.wire[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + made.wire[12 : 12 + len(made.name) + 4]
    here = len(head).to_bytes(2, "big")
    loop = bytes([0xC0 | here[0], here[1]])
    record = loop + b"\0\5\0\1\0\0\0\x3c\0\2" + loop
    with pytest.raises(BadReply):
        read_reply(head + record, made)
