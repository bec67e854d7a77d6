"""Reading the server name as a censor does."""

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.lab.client_hello import MAX_HELLO, NotTls, read_client_hello


def hello(sni: str | None) -> bytes:
    """Return the ClientHello that OpenSSL sends."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    outgoing = ssl.MemoryBIO()
    tls = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=sni)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


REAL = hello("www.Example.org")


def split(data: bytes, size: int) -> bytes:
    """Cut one handshake record into several."""
    body = data[5:]
    parts = [body[i : i + size] for i in range(0, len(body), size)]
    return b"".join(data[:3] + len(part).to_bytes(2, "big") + part for part in parts)


def test_the_name_of_a_real_hello_is_read_in_lower_case() -> None:
    """OpenSSL's ClientHello gives its name; one without a name gives none."""
    found = read_client_hello(REAL)
    assert found is not None
    assert found.sni == "www.example.org"
    nameless = read_client_hello(hello(None))
    assert nameless is not None
    assert nameless.sni is None


def test_a_hello_in_several_records_is_read() -> None:
    """Records that split the hello are joined first."""
    found = read_client_hello(split(REAL, 40))
    assert found is not None
    assert found.sni == "www.example.org"


@given(st.integers(0, len(REAL) - 1))
def test_every_prefix_waits_for_more(length: int) -> None:
    """A hello that has not wholly arrived is neither accepted nor refused."""
    assert read_client_hello(REAL[:length]) is None


@given(st.binary(max_size=600))
def test_rubbish_never_raises_anything_else(data: bytes) -> None:
    """Any bytes are a hello, incomplete, or no TLS."""
    try:
        read_client_hello(data)
    except NotTls:
        return


@given(st.binary(max_size=300))
def test_a_handshake_record_of_rubbish_never_raises_anything_else(body: bytes) -> None:
    """The same inside a well-formed record that claims to be a ClientHello."""
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    try:
        read_client_hello(b"\x16\x03\x01" + len(message).to_bytes(2, "big") + message)
    except NotTls:
        return


def test_a_hello_that_never_ends_is_refused() -> None:
    """More bytes than a ClientHello may have are not waited for."""
    endless = b"\x16\x03\x01\x00\x01\x01" * (MAX_HELLO // 6 + 2)
    with pytest.raises(NotTls):
        read_client_hello(endless)
    with pytest.raises(NotTls):
        read_client_hello(b"GET / HTTP/1.1\r\n")
