"""What the box does to packets, as the kernel of the vantage reports it to a program.

Runs inside ``probe lab up`` only (``make test-netns``): real sockets, the kernel's own TCP on
both ends, the box between them.
"""

import asyncio
import errno
import os
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import dns.message
import dns.rcode
import msgspec
import pytest
import pytest_asyncio

from probe.clock import SystemClock
from probe.lab.actions import ACTIONS, Action, Limit, Position
from probe.lab.line_spec import Ipv6, LineSpec
from probe.lab.netns.attached import AttachedLab
from probe.lab.path import standard_hops
from probe.lab.rules import Rule, What, Who

pytestmark = [
    pytest.mark.netns,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif("PROBE_LAB" not in os.environ, reason="not inside probe lab up"),
]

WEB = "web.messenger.example"
PAPER = "www.newspaper.example"
NOBODY = "33.1.2.3"
SILENCE_S = 0.7
BESIDE = {"position": Position.ON_PATH}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def attached() -> AsyncIterator[AttachedLab]:
    """Return the lab that this process is in."""
    async with await AttachedLab.attach() as lab:
        scenario = lab.scenario
        yield lab
        await lab.play(scenario)


class Stage:
    """Puts rules and a line into the lab, and asks its names."""

    def __init__(self, lab: AttachedLab) -> None:
        self.lab = lab

    async def play(self, *rules: Rule, line: LineSpec | None = None) -> None:
        """Play these rules only."""
        await self.lab.play(
            msgspec.structs.replace(self.lab.scenario, rules=rules, line=line or LineSpec())
        )

    def address(self, name: str, family: int = 4) -> str:
        """Return the first address of a site."""
        site = self.lab.world.sites[name]
        return next(a for a in site.addresses if (":" in a) == (family == 6))


@pytest_asyncio.fixture(loop_scope="module")
async def stage(attached: AttachedLab) -> Stage:
    """Return a stage; each test plays its own rules."""
    return Stage(attached)


def rule(action: Action, who: Who | None = None, *, what: dict[str, Any] = {}, **more: Any) -> Rule:  # noqa: B006 - it is not changed
    """Return a rule as the parser would make it."""
    spec = ACTIONS[action]
    base = Rule(
        id=str(action),
        who=who or Who(host=(WEB, PAPER)),
        what=What(action=action, **what),
        by=spec.by,
        reach=spec.reach,
        layers=spec.layers,
    )
    return msgspec.structs.replace(base, **more)


def hello(name: str = WEB) -> bytes:
    """Return the ClientHello of this machine's own TLS."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    tls = context.wrap_bio(incoming, outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


@contextmanager
def connected(address: str, port: int = 443, timeout: float = 3.0) -> Iterator[socket.socket]:
    """Connect, and close in the end."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.settimeout(timeout)
        sock.connect((address, port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield sock


def error_of_connect(address: str, timeout: float = 3.0) -> int | None:
    """Return the errno of a connect, ``None`` when it worked."""
    try:
        with connected(address, timeout=timeout):
            return None
    except TimeoutError:
        return errno.ETIMEDOUT
    except OSError as exc:
        return exc.errno


def told(sock: socket.socket, said: bytes) -> bytes | str:
    """Say something and return what comes back, or the name of the error."""
    try:
        sock.sendall(said)
        sock.settimeout(SILENCE_S)
        return sock.recv(65_536)
    except TimeoutError:
        return "silence"
    except OSError as exc:
        return errno.errorcode[exc.errno or 0]


async def test_nothing_is_done_without_rules(stage: Stage) -> None:
    """A handshake begins: the server answers the hello with one of its own."""
    await stage.play()
    with connected(stage.address(WEB)) as sock:
        answer = told(sock, hello())
    assert isinstance(answer, bytes)
    assert answer[:1] == b"\x16"


@pytest.mark.parametrize(
    ("action", "family", "expected"),
    [
        (Action.REFUSE, 4, errno.ECONNREFUSED),
        (Action.REFUSE, 6, errno.ECONNREFUSED),
        (Action.PROHIBITED, 4, errno.EHOSTUNREACH),
        (Action.PROHIBITED, 6, errno.EACCES),
        (Action.DROP, 4, errno.ETIMEDOUT),
        (Action.DROP, 6, errno.ETIMEDOUT),
    ],
)
async def test_a_syn_is_answered_as_a_kernel_understands(
    stage: Stage, action: Action, family: int, expected: int
) -> None:
    """RST is refused, ICMP prohibited is unreachable (IPv6: no access), silence times out."""
    await stage.play(rule(action), line=LineSpec(ipv6=Ipv6.WORKS))
    address = stage.address(WEB, family)
    found = error_of_connect(address, timeout=SILENCE_S if action is Action.DROP else 3)
    assert found == expected
    assert error_of_connect(stage.address("one.anchor.example", family)) is None


@pytest.mark.parametrize("what", [{}, BESIDE])
@pytest.mark.parametrize("action", [Action.SNI_RESET, Action.RST])
async def test_a_reset_is_a_reset(stage: Stage, action: Action, what: dict[str, Any]) -> None:
    """Forged RSTs are believed by both kernels, in the path and beside it."""
    await stage.play(rule(action, what=what))
    for _ in range(5):
        try:
            with connected(stage.address(WEB)) as sock:
                if action is Action.RST:
                    await asyncio.sleep(0.05)
                assert told(sock, hello()) in ("ECONNRESET", "EPIPE")
        except ConnectionResetError:
            assert action is Action.RST  # the RST was there before connect looked


async def test_a_hello_in_small_pieces_is_reset(stage: Stage) -> None:
    """The name is put together from segments; other names in pieces pass."""
    await stage.play(rule(Action.SNI_RESET))
    for name, expected in ((WEB, "ECONNRESET"), ("other.example", "answer")):
        with connected(stage.address(WEB)) as sock:
            said = hello(name)
            for at in range(0, len(said) - 60, 60):
                sock.sendall(said[at : at + 60])
                await asyncio.sleep(0.002)
            rest = said[(len(said) - 61) // 60 * 60 + 60 :]
            found = told(sock, rest)
            assert (found if isinstance(found, str) else "answer") == expected


@pytest.mark.parametrize("action", [Action.SNI_DROP, Action.STALL])
async def test_silence_after_the_syn_ack(stage: Stage, action: Action) -> None:
    """The connection stands for the client; the hello is never answered."""
    await stage.play(rule(action))
    with connected(stage.address(WEB)) as sock:
        assert told(sock, hello()) == "silence"


async def test_an_end_of_file_in_the_servers_name(stage: Stage) -> None:
    """FIN after the hello: end of file, and the client's own end is acknowledged."""
    await stage.play(rule(Action.SNI_FIN))
    with connected(stage.address(WEB)) as sock:
        assert told(sock, hello()) == b""
        sock.sendall(b"more")
        sock.shutdown(socket.SHUT_WR)
        for _ in range(100):
            state = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
            if state == 7:  # TCP_CLOSE: the FIN was acknowledged
                break
            await asyncio.sleep(0.01)
        assert state == 7


@pytest.mark.parametrize("what", [{}, BESIDE])
async def test_a_forged_alert_is_read_by_openssl(stage: Stage, what: dict[str, Any]) -> None:
    """A TLS library reports the alert that the box made up."""
    await stage.play(rule(Action.ALERT, what=what))
    with connected(stage.address(WEB)) as sock:
        context = ssl.create_default_context()
        with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized.name"):
            context.wrap_socket(sock, server_hostname=WEB)


@pytest.mark.parametrize("what", [{}, BESIDE])
async def test_a_request_is_reset(stage: Stage, what: dict[str, Any]) -> None:
    """A plain request with the keyword dies, one without is answered."""
    who = Who(host=(PAPER,), keyword=("forbidden",))
    await stage.play(rule(Action.HTTP_RESET, who, what=what))
    for target, expected in (("/forbidden", "ECONNRESET"), ("/", b"HTTP/1.1 200")):
        with connected(stage.address(PAPER), 80) as sock:
            found = told(sock, f"GET {target} HTTP/1.1\r\nHost: {PAPER}\r\n\r\n".encode())
            assert (found if isinstance(found, str) else found[:12]) == expected


async def test_after_a_hit_the_server_is_silent_for_a_while(stage: Stage) -> None:
    """Residual: a new connection times out, until the lab's time has moved on."""
    await stage.play(rule(Action.SNI_RESET, what={"residual": 60.0}))
    address = stage.address(WEB)
    await stage.lab.set_time(stage.lab.clock.now())
    with connected(address) as sock:
        assert told(sock, hello()) == "ECONNRESET"
    assert error_of_connect(address, SILENCE_S) == errno.ETIMEDOUT
    await stage.lab.set_time(stage.lab.clock.now() + timedelta(seconds=61))
    assert error_of_connect(address) is None


def ask(server: str, name: str = WEB, *, wait: float = SILENCE_S) -> list[dns.message.Message]:
    """Ask once by UDP from a connected socket, and return all that comes back in time."""
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    found = []
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.connect((server, 53))
        sock.send(dns.message.make_query(name, "A").to_wire())
        ends = SystemClock().monotonic_s() + wait
        while (left := ends - SystemClock().monotonic_s()) > 0:
            sock.settimeout(left)
            try:
                found.append(dns.message.from_wire(sock.recv(4096)))
            except TimeoutError:
                break
    return found


def given(message: dns.message.Message) -> set[str]:
    """Return the addresses in an answer."""
    return {str(item) for rrset in message.answer for item in rrset}


@pytest.mark.parametrize(
    ("action", "what", "answers"),
    [
        (Action.FORGED, {"answers": ("10.10.34.34",)}, 1),
        (Action.FORGED, {"answers": ("10.10.34.34",)} | BESIDE, 2),
        (Action.SECOND_ANSWER, {"answers": ("10.10.34.34",)}, 2),
    ],
)
async def test_a_race_gives_two_answers(
    stage: Stage, action: Action, what: dict[str, Any], answers: int
) -> None:
    """In the path one lie; beside it the lie and then the truth."""
    await stage.play(rule(action, what=what))
    found = ask(stage.lab.world.nameserver)
    assert len(found) == answers
    assert given(found[0]) == {"10.10.34.34"}
    if answers == 2:
        truth = {a for a in stage.lab.world.sites[WEB].addresses if ":" not in a}
        assert given(found[1]) <= truth


async def test_nobody_answers_only_with_an_injector_or_an_interceptor(stage: Stage) -> None:
    """An address without a server is silent; an injector lies there, an interceptor answers."""
    await stage.play()
    assert ask(NOBODY) == []
    await stage.play(rule(Action.NXDOMAIN, what=BESIDE))
    assert [m.rcode() for m in ask(NOBODY)] == [dns.rcode.NXDOMAIN]
    await stage.play(rule(Action.DNS_INTERCEPT, Who()))
    (found,) = ask(NOBODY)
    assert given(found) <= set(stage.lab.world.sites[WEB].addresses)


@pytest.mark.parametrize(
    ("action", "expected"),
    [(Action.REFUSE, errno.ECONNREFUSED), (Action.PROHIBITED, errno.EHOSTUNREACH)],
)
async def test_a_datagram_is_refused(stage: Stage, action: Action, expected: int) -> None:
    """ICMP errors quote the datagram so that the kernel finds its socket behind the NAT."""
    await stage.play(rule(action, Who(port=(443,))))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((stage.address(WEB), 443))
        assert told(sock, b"x") == errno.errorcode[expected]


async def test_hops_answer_in_order(stage: Stage) -> None:
    """A traceroute: home router, provider, border, transit; then the server's closed port."""
    await stage.play()
    offenders = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.IPPROTO_IP, 11, 1)  # IP_RECVERR
        sock.settimeout(2)
        for ttl in range(1, 8):
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
            try:
                sock.sendto(b"x", (stage.address(WEB), 33_434))
            except OSError:  # the last error, which the queue told before: it is not sent then
                sock.sendto(b"x", (stage.address(WEB), 33_434))
            for _ in range(200):
                try:
                    _, extra, _, _ = sock.recvmsg(512, 512, 0x2000)  # MSG_ERRQUEUE
                    break
                except BlockingIOError:
                    await asyncio.sleep(0.005)
            data = extra[0][2]
            offenders.append((data[5], socket.inet_ntoa(struct.unpack_from("4s", data, 20)[0])))
    hops = [hop.address_v4 for hop in standard_hops()]
    assert offenders == [
        (11, "192.168.1.1"),
        *((11, hop) for hop in hops),
        (3, stage.address(WEB)),
    ]


@pytest.mark.parametrize(("hop", "what"), [(4, {}), (4, BESIDE), (3, {"hop": 3})])
async def test_the_censors_hop_can_be_found(stage: Stage, hop: int, what: dict[str, Any]) -> None:
    """A hello with a TTL that ends before the censor draws nothing, one hop more draws the RST."""
    await stage.play(rule(Action.SNI_RESET, what=what))
    for ttl, expected in ((hop - 1, "silence"), (hop, "ECONNRESET")):
        with connected(stage.address(WEB)) as sock:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
            assert told(sock, hello()) == expected


async def test_latency_is_felt_both_ways(stage: Stage) -> None:
    """A handshake takes a round trip."""
    await stage.play(line=LineSpec(latency_ms=60))
    start = SystemClock().monotonic_s()
    assert error_of_connect(stage.address(WEB)) is None
    assert 0.12 <= SystemClock().monotonic_s() - start < 1


def fetch(address: str, wait: float) -> tuple[int, float]:
    """Return the bytes of a plain page that came, and how long they took."""
    start, count, last = SystemClock().monotonic_s(), 0, 0.0
    with connected(address, 80) as sock:
        sock.sendall(f"GET / HTTP/1.1\r\nHost: {PAPER}\r\nConnection: close\r\n\r\n".encode())
        sock.settimeout(wait)
        try:
            while part := sock.recv(65_536):
                count += len(part)
                last = SystemClock().monotonic_s() - start
        except TimeoutError:
            return count, -1.0
    return count, last


async def test_a_frozen_answer_stops(stage: Stage) -> None:
    """Nothing of an answer that exceeds the bytes, and no end either."""
    await stage.play(rule(Action.FREEZE, what={"bytes": 100}))
    assert fetch(stage.address(PAPER), 1.0) == (0, -1.0)


@pytest.mark.parametrize("limit", list(Limit))
async def test_a_throttled_answer_comes_late_but_whole(stage: Stage, limit: Limit) -> None:
    """A page at a fraction of the speed; TCP repairs what policing drops."""
    await stage.play()
    whole, fast = fetch(stage.address(PAPER), 5)
    await stage.play(rule(Action.THROTTLE, what={"rate": 1000, "limit": limit}))
    slowed, slow = fetch(stage.address(PAPER), 20)
    assert slowed == whole
    if limit is Limit.SHAPED:
        assert slow > max(fast, whole / 1000 * 0.8)


async def test_a_lossy_slow_line_still_works(stage: Stage) -> None:
    """Loss, latency and rates together: a page arrives whole."""
    await stage.play()
    whole, _ = fetch(stage.address(PAPER), 5)
    line = LineSpec(latency_ms=20, loss=0.05, down_kbit=500, up_kbit=200)
    await stage.play(line=line)
    assert fetch(stage.address(PAPER), 20)[0] == whole
