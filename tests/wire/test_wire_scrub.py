"""No spelling of one's own address is left, and what is evidence stays."""

import base64
import ipaddress
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.wire.scrub import (
    SCRUBBED,
    address_spellings,
    scrub,
    scrub_address,
    scrub_literals,
    scrub_url,
)

V4 = "203.0.113.9"
V6 = "2001:db8:12:34::9"
PACKED4 = ipaddress.ip_address(V4).packed
PACKED6 = ipaddress.ip_address(V6).packed


@pytest.mark.parametrize(
    "spelling",
    [
        V4,
        "203-0-113-9",
        "203_0_113_9",
        "9.113.0.203",
        "9-113-0-203",
        "203%2e0%2E113%2e9",
        "203.000.113.009",
        "::ffff:203.0.113.9",
        "::FFFF:cb00:7109",
        "::ffff:cb00:7109",
        "%3A%3Affff%3acb00%3a7109",
        "cb007109",
        "CB007109",
        "0xcb007109",
        str(int.from_bytes(PACKED4, "big")),
        base64.b64encode(PACKED4).decode(),
        base64.b64encode(PACKED4).decode().rstrip("="),
    ],
)
def test_each_spelling_of_an_ipv4_address_goes(spelling: str) -> None:
    """However a server writes the client's address, it is taken out, and nothing around it."""
    text = f"Your address {spelling}, is blocked (id={spelling})"
    assert scrub(text, [V4]) == f"Your address {SCRUBBED}, is blocked (id={SCRUBBED})"


@pytest.mark.parametrize(
    "spelling",
    [
        V6,
        V6.upper(),
        "2001:0db8:0012:0034:0000:0000:0000:0009",
        "2001%3adb8%3a12%3a34%3a%3a9",
        "2001-db8-12-34--9",
        PACKED6.hex(),
        PACKED6.hex().upper(),
        ".".join(reversed(PACKED6.hex())),
        base64.b64encode(PACKED6).decode(),
        base64.urlsafe_b64encode(PACKED6).decode().rstrip("="),
        str(int.from_bytes(PACKED6, "big")),
        "2001:db8:12:34:aaaa:bbbb:cccc:dddd",
    ],
)
def test_each_spelling_of_an_ipv6_address_goes(spelling: str) -> None:
    """So it is for IPv6; any address of one's own /64 is the same household."""
    assert scrub(f"from [{spelling}]", [V6]) == f"from [{SCRUBBED}]"


def test_an_address_with_an_ipv4_address_inside_hides_both() -> None:
    """A NAT64, 6to4 or mapped address of one's own carries the IPv4 address."""
    assert scrub(f"x {V4} y", [f"::ffff:{V4}"]) == f"x {SCRUBBED} y"
    assert scrub(f"x {V4} y", ["2002:cb00:7109::1"]) == f"x {SCRUBBED} y"


@pytest.mark.parametrize(
    "text",
    ["1203.0.113.9", "203.0.113.90", "acb007109f", "2001:db8:12:35::9", "the number 3405803785x"],
)
def test_longer_words_stay(text: str) -> None:
    """What only contains the digits of an address is another thing."""
    assert scrub(text, [V4, V6]) == text


@given(st.ip_addresses(), st.text(max_size=20), st.text(max_size=20))
@settings(max_examples=40)
def test_nothing_of_any_address_is_left(ip: object, before: str, after: str) -> None:
    """For every address and every spelling of it, none is left between spaces."""
    for spelling, _ in address_spellings(str(ip)):
        assert spelling not in scrub(f"{before} {spelling} {after}", [str(ip)]).split()


@given(st.text(max_size=300))
def test_without_an_own_address_nothing_changes(text: str) -> None:
    """``scrub`` takes out one's own addresses and nothing else."""
    assert scrub(text, []) == text


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Access denied for 198.51.100.7", "Access denied for [scrubbed]"),
        ("from 2001:db8::1 today", "from [scrubbed] today"),
        ("mac 02:00:5E:10:00:01 here", "mac [scrubbed] here"),
        ("mac 02-00-5e-10-00-01 here", "mac [scrubbed] here"),
        ("mac 0200.5e10.0001 here", "mac [scrubbed] here"),
        ("1.1 varnish (Varnish/7.1)", "1.1 varnish (Varnish/7.1)"),
        ("at 12:30:45 on 10.11.2026", "at 12:30:45 on 10.11.2026"),
        ("nginx/1.18.0", "nginx/1.18.0"),
        ("a::before { content: '::' }", "a::before { content: '::' }"),
        ("see 198.51.100.7.", "see [scrubbed]."),
        ("198.51.100.7:8080", "[scrubbed]:8080"),
        ("999.1.1.1", "999.1.1.1"),
    ],
)
def test_literals_go_without_knowing_ones_own(text: str, kept: str) -> None:
    """In a title or a header every address and MAC goes; versions, times and CSS stay."""
    assert scrub_literals(text) == kept


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://www.example.com/a/b", "https://www.example.com/a/b"),
        ("/login", "/login"),
        (
            "http://10.10.34.34/block?ip=203.0.113.9&mac=02:00:5e:10:00:01",
            "http://10.10.34.34/block?[scrubbed]",
        ),
        ("http://user:secret@portal.example/x#frag", "http://portal.example/x?[scrubbed]"),
        ("//user@portal.example/x", "//portal.example/x"),
        ("http://portal.example/203.0.113.9/welcome", "http://portal.example/[scrubbed]/welcome"),
        ("http://203.0.113.9/self", "http://[scrubbed]/self"),
        ("http://203-0-113-9.dyn.example/", "http://[scrubbed].dyn.example/"),
        ("http://[2001:db8:12:34::1]/x", "http://[[scrubbed]]/x"),
        ("http://portal.example/login/02005E100001/", "http://portal.example/login/[scrubbed]/"),
        ("http://portal.example/02%3A00%3A5e%3A10%3A00%3A01", "http://portal.example/[scrubbed]"),
        ("http://portal.example/100-64-7-9/x", "http://portal.example/[scrubbed]/x"),
        ("http://02-00-5e-10-00-01.portal.example/", "http://[scrubbed].portal.example/"),
        ("http://02005e100001.portal.example/", "http://[scrubbed].portal.example/"),
        ("http://www.example.com/a%20b/2026-03-01/", "http://www.example.com/a%20b/2026-03-01/"),
    ],
)
def test_a_redirect_keeps_where_and_loses_who(url: str, kept: str) -> None:
    """Host and path of a redirect are evidence; its query names a person."""
    assert scrub_url(url, [V4, V6]) == kept


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        (V4, "0.0.0.0"),
        ("192.168.1.1", "0.0.0.0"),
        (V6, "::"),
        ("2001:db8:12:34:ffff::1", "::"),
        ("fd12:3456:789a:1:200:5eff:fe10:1", "fd00::"),
        ("fe80::200:5eff:fe10:1", "fe80::"),
        ("10.10.34.34", "10.10.34.34"),
        ("198.51.100.7", "198.51.100.7"),
        ("2606:4700::1111", "2606:4700::1111"),
        ("no address", "no address"),
    ],
)
def test_an_answer_that_names_the_household_loses_who(answer: str, kept: str) -> None:
    """A router that answers every name with itself tells its address, or its MAC."""
    assert scrub_address(answer, [V4, V6, "192.168.1.1"]) == kept


@pytest.mark.parametrize(
    "text",
    [":" * 65_536, "1." * 32_768, "a:" * 32_768, "0" * 65_536, "1:2:3:4:5:6:7:8:" * 4_096],
)
def test_hostile_text_takes_no_time(text: str) -> None:
    """Scrubbing a page of any making is linear."""
    started = time.perf_counter()
    scrub_literals(text, [V4, V6])
    assert time.perf_counter() - started < 2.0
