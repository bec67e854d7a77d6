"""Only addresses on the public internet may be probed."""

import pytest

from probe.model.address import authority, embedded_ipv4, family_of, is_public, parse_ip

PUBLIC = ["1.1.1.1", "8.8.8.8", "149.154.175.50", "2606:4700:4700::1111", "64:ff9b::101:101"]
NOT_PUBLIC = [
    "127.0.0.1",
    "0.0.0.0",
    "10.10.34.35",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "192.0.2.1",
    "198.18.0.1",
    "203.0.113.9",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fc00::1",
    "ff02::1",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "2002:7f00:1::1",
    "::192.168.1.1",
    "::ffff:0:192.168.1.1",
    "fec0::1",
    "4000::1",
    "3fff::1",
    "192.0.0.192",
    "168.63.129.16",
    "example.org",
    "",
    "1.1.1.1 ",
    "0x7f.1",
    "2130706433",
]


@pytest.mark.parametrize("text", PUBLIC)
def test_public(text: str) -> None:
    """Global unicast addresses may be probed, NAT64 forms of them as well."""
    assert is_public(text)


@pytest.mark.parametrize("text", NOT_PUBLIC)
def test_not_public(text: str) -> None:
    """Loopback, private, metadata, reserved, and IPv6 wrappings of them may not."""
    assert not is_public(text)


def test_brackets_and_families() -> None:
    """A bracketed literal is an address; a name has no family."""
    assert str(parse_ip("[2606:4700::1]")) == "2606:4700::1"
    assert (family_of("1.2.3.4"), family_of("::1"), family_of("a.b")) == (4, 6, None)


def test_embedded_ipv4_of_each_wrapping() -> None:
    """The IPv4 address inside is found in mapped, NAT64 and 6to4 forms, and only there."""
    forms = ["::ffff:1.2.3.4", "64:ff9b::1.2.3.4", "2002:102:304::"]
    for form in forms:
        ip = parse_ip(form)
        assert ip is not None
        assert str(embedded_ipv4(ip)) == "1.2.3.4"
    plain = parse_ip("2606:4700::1")
    assert plain is not None
    assert embedded_ipv4(plain) is None


def test_a_port_stands_apart_from_an_address_with_colons() -> None:
    """An IPv6 literal is put in brackets, with a port and without; nothing else is."""
    assert authority("2606:4700::1", 443) == "[2606:4700::1]:443"
    assert authority("2606:4700::1") == "[2606:4700::1]"
    assert authority("1.1.1.1", 53) == "1.1.1.1:53"
    assert authority("a.example.com") == "a.example.com"
