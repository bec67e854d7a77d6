"""Every row of the failure table of facts/ooni-format.md section 8."""

import asyncio
import errno
import json
import socket
import ssl
import zlib
from collections.abc import Callable

import dns.exception
import dns.query
import dns.resolver
import h2.exceptions
import h11
import httpcore
import httpx
import pytest

from probe.model.failure import FAILURES, check_failure
from probe.net.alerts import ALERTS, alert_name, plaintext_alert
from probe.net.base import NetFailure
from probe.net.classify import ERRNO_FAILURES, classify, getaddrinfo_failure


def ssl_error(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, f"[SSL: {reason}] something (_ssl.c:1)")
    error.reason = reason
    return error


def certificate_error(code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code = code
    return error


def made(kind: Callable[[], Exception]) -> Exception:
    """Return an exception of a class that is not typed."""
    return kind()


@pytest.mark.parametrize(
    ("exc", "failure"),
    [
        (TimeoutError(), "generic_timeout_error"),
        (TimeoutError("timed out"), "generic_timeout_error"),
        (OSError(errno.ETIMEDOUT, "Connection timed out"), "timed_out"),
        (OSError(errno.ECONNREFUSED, "x"), "connection_refused"),
        (OSError(errno.ECONNRESET, "x"), "connection_reset"),
        (OSError(errno.ECONNABORTED, "x"), "connection_aborted"),
        (OSError(errno.EHOSTUNREACH, "x"), "host_unreachable"),
        (OSError(errno.ENETUNREACH, "x"), "network_unreachable"),
        (OSError(errno.ENETDOWN, "x"), "network_down"),
        (OSError(errno.ENETRESET, "x"), "network_reset"),
        (OSError(errno.EADDRNOTAVAIL, "x"), "address_not_available"),
        (OSError(errno.EAFNOSUPPORT, "x"), "address_family_not_supported"),
        (OSError(errno.EACCES, "x"), "permission_denied"),
        (OSError(errno.EINVAL, "x"), "invalid_argument"),
        (OSError(errno.EMSGSIZE, "x"), "message_size"),
        (OSError(errno.ENOBUFS, "x"), "no_buffer_space"),
        (OSError(errno.EPROTONOSUPPORT, "x"), "protocol_not_supported"),
        (OSError(errno.ENOTCONN, "x"), "not_connected"),
        (OSError(errno.EISCONN, "x"), "already_connected"),
        (OSError(errno.EALREADY, "x"), "connection_already_in_progress"),
        (OSError(errno.EBADF, "x"), "bad_file_descriptor"),
        (OSError(errno.EFAULT, "x"), "bad_address"),
        (OSError(errno.EINTR, "x"), "interrupted"),
        (OSError(errno.EPIPE, "x"), "unknown_failure: broken pipe"),
        (OSError(errno.EPERM, "x"), "unknown_failure: operation not permitted"),
        (OSError(errno.EMFILE, "Too many open files"), None),
        (EOFError(), "eof_error"),
        (asyncio.IncompleteReadError(b"", 2), "eof_error"),
        (ssl.SSLEOFError(8, "EOF occurred in violation of protocol"), "eof_error"),
        (ssl.SSLError(1, "EOF occurred in violation of protocol"), "eof_error"),
        (certificate_error(62), "ssl_invalid_hostname"),
        (certificate_error(64), "ssl_invalid_hostname"),
        (certificate_error(18), "ssl_unknown_authority"),
        (certificate_error(19), "ssl_unknown_authority"),
        (certificate_error(20), "ssl_unknown_authority"),
        (certificate_error(21), "ssl_unknown_authority"),
        (certificate_error(9), "ssl_invalid_certificate"),
        (certificate_error(10), "ssl_invalid_certificate"),
        (certificate_error(26), "ssl_invalid_certificate"),
        (ssl_error("TLSV1_UNRECOGNIZED_NAME"), "ssl_invalid_hostname"),
        (ssl_error("SSLV3_ALERT_HANDSHAKE_FAILURE"), "ssl_failed_handshake"),
        (ssl_error("WRONG_VERSION_NUMBER"), "ssl_failed_handshake"),
        (socket.gaierror(socket.EAI_NONAME, "x"), "dns_nxdomain_error"),
        (socket.gaierror(socket.EAI_AGAIN, "x"), "dns_server_misbehaving"),
        (socket.gaierror(socket.EAI_FAIL, "x"), "dns_server_misbehaving"),
        (asyncio.CancelledError(), "interrupted"),
        (NetFailure("host_unreachable"), "host_unreachable"),
        (made(dns.exception.Timeout), "generic_timeout_error"),
        (made(dns.resolver.NXDOMAIN), "dns_nxdomain_error"),
        (made(dns.query.BadResponse), "dns_reply_with_wrong_query_id"),
        (made(dns.exception.FormError), "dns_server_misbehaving"),
        (httpx.ReadTimeout("x"), "generic_timeout_error"),
        (httpcore.ConnectTimeout("x"), "generic_timeout_error"),
        (httpx.RemoteProtocolError("illegal status line"), "http_request_failed"),
        (
            httpx.RemoteProtocolError("Server disconnected without sending a response."),
            "eof_error",
        ),
        (h11.RemoteProtocolError("x"), "http_request_failed"),
        (h2.exceptions.ProtocolError("x"), "http_request_failed"),
        (zlib.error("x"), "http_request_failed"),
        (json.JSONDecodeError("x", "y", 0), "json_parse_error"),
    ],
    ids=repr,
)
def test_each_row_of_the_table(exc: BaseException, failure: str | None) -> None:
    """An exception has the failure that OONI's classifier gives to its like."""
    got = classify(exc)
    assert check_failure(got) == got
    assert got == failure if failure else got.startswith("unknown_failure: ")


def test_no_data_is_no_answer() -> None:
    """EAI_NODATA, where the platform has it, is a name without such a record."""
    code = getattr(socket, "EAI_NODATA", None)
    if code is None:
        pytest.skip("this platform has no EAI_NODATA")
    assert getaddrinfo_failure(code) == "dns_no_answer"


def test_causes_and_groups_are_walked() -> None:
    """What a library wrapped is found again, in a cause, a context or a group."""
    inner = OSError(errno.ECONNRESET, "x")
    wrapped = httpx.ReadError("read failed")
    wrapped.__cause__ = httpcore.ReadError("deeper")
    wrapped.__cause__.__context__ = inner
    assert classify(wrapped) == "connection_reset"
    assert classify(ExceptionGroup("several", [ValueError("x"), wrapped])) == "connection_reset"


def test_a_definite_cause_beats_a_vague_wrapper() -> None:
    """``http_request_failed`` is said only when nothing beneath says more."""
    wrapper = httpx.RemoteProtocolError("x")
    wrapper.__cause__ = NetFailure("generic_timeout_error")
    assert classify(wrapper) == "generic_timeout_error"


def test_a_loop_of_causes_ends() -> None:
    """Exceptions that name each other as cause do not hang the classifier."""
    one, two = RuntimeError("one"), RuntimeError("two")
    one.__cause__, two.__cause__ = two, one
    assert classify(one) == "unknown_failure: one"


def test_suppressed_context_is_not_looked_at() -> None:
    """``raise ... from None`` hides what was being handled."""
    hidden = RuntimeError("outer")
    hidden.__context__ = OSError(errno.ECONNRESET, "x")
    hidden.__suppress_context__ = True
    assert classify(hidden) == "unknown_failure: outer"


def test_what_nobody_knows_is_one_bounded_line() -> None:
    """An unknown exception gives one line of at most 200 characters of its text."""
    got = classify(RuntimeError("a\nb" * 500))
    assert "\n" not in got
    assert len(got) <= len("unknown_failure: ") + 200


def test_every_errno_is_in_the_vocabulary() -> None:
    """The table names no failure that the model does not know."""
    for failure in ERRNO_FAILURES.values():
        assert failure in FAILURES or failure.startswith("unknown_failure: ")


@pytest.mark.parametrize(
    ("reason", "name"),
    [
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", "handshake_failure"),
        ("TLSV1_ALERT_PROTOCOL_VERSION", "protocol_version"),
        ("TLSV1_ALERT_INTERNAL_ERROR", "internal_error"),
        ("TLSV1_UNRECOGNIZED_NAME", "unrecognized_name"),
        ("TLSV1_ALERT_UNRECOGNIZED_NAME", "unrecognized_name"),
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "certificate_required"),
        ("TLSV1_ALERT_USER_CANCELLED", "user_canceled"),
        ("WRONG_VERSION_NUMBER", None),
        ("SSLV3_SOMETHING_ELSE", None),
        ("", None),
    ],
)
def test_alerts_have_the_names_of_the_rfc(reason: str, name: str | None) -> None:
    """OpenSSL's words for a received alert become RFC 8446 names, its own findings do not."""
    assert alert_name(ssl_error(reason)) == name


def test_alert_read_off_the_wire() -> None:
    """A fatal, unencrypted alert record is named; a warning or anything else is not."""
    assert plaintext_alert(b"xyz\x15\x03\x03\x00\x02\x02\x28") == "handshake_failure"
    assert plaintext_alert(b"\x15\x03\x01\x00\x02\x02\x70") == ALERTS[112]
    assert plaintext_alert(b"\x15\x03\x03\x00\x02\x01\x70") is None
    assert plaintext_alert(b"\x15\x03") is None
    assert plaintext_alert(b"\x15\x03\x03\x00\x02\x02\xff") is None
