"""Any exception to OONI's failure strings: one vocabulary, one classifier.

The rules and their order are those of ooni/probe-cli ``internal/netxlite/classify.go``, as
listed in ooni/spec df-007. An exception is looked at from the outside in: itself, then what it
was raised from (``__cause__``), then what was being handled (``__context__``), then the members
of a group; the first that says something definite wins. Libraries are recognised by the name of
their classes, so that classifying imports none of them.
"""

import asyncio
import errno
import socket
import ssl
from collections.abc import Iterator

from probe.model.failure import Failure, unknown_failure
from probe.net.alerts import alert_failure, alert_name
from probe.net.base import NetFailure

__all__ = ["ERRNO_FAILURES", "classify", "getaddrinfo_failure"]

_MAX_LINKS = 32

ERRNO_FAILURES: dict[int, Failure] = {
    getattr(errno, name): failure
    for name, failure in {
        "EACCES": "permission_denied",
        "EADDRINUSE": "address_in_use",
        "EADDRNOTAVAIL": "address_not_available",
        "EAFNOSUPPORT": "address_family_not_supported",
        "EALREADY": "connection_already_in_progress",
        "EBADF": "bad_file_descriptor",
        "ECONNABORTED": "connection_aborted",
        "ECONNREFUSED": "connection_refused",
        "ECONNRESET": "connection_reset",
        "EDESTADDRREQ": "destination_address_required",
        "EFAULT": "bad_address",
        "EHOSTUNREACH": "host_unreachable",
        "EINTR": "interrupted",
        "EINVAL": "invalid_argument",
        "EISCONN": "already_connected",
        "EMSGSIZE": "message_size",
        "ENETDOWN": "network_down",
        "ENETRESET": "network_reset",
        "ENETUNREACH": "network_unreachable",
        "ENOBUFS": "no_buffer_space",
        "ENOPROTOOPT": "no_protocol_option",
        "ENOTCONN": "not_connected",
        "ENOTSOCK": "not_a_socket",
        "EPROTONOSUPPORT": "protocol_not_supported",
        "EPROTOTYPE": "wrong_protocol_type",
        "ETIMEDOUT": "timed_out",
        "EWOULDBLOCK": "operation_would_block",
        "EPIPE": unknown_failure("broken pipe"),
        "EPERM": unknown_failure("operation not permitted"),
    }.items()
    if hasattr(errno, name)
}
"""What the kernel says; EPIPE and EPERM are not in OONI's table and stay open-ended."""

_VERIFY_FAILURES: dict[int, Failure] = {
    62: "ssl_invalid_hostname",  # X509_V_ERR_HOSTNAME_MISMATCH
    64: "ssl_invalid_hostname",  # X509_V_ERR_IP_ADDRESS_MISMATCH
    18: "ssl_unknown_authority",  # self-signed leaf
    19: "ssl_unknown_authority",  # self-signed in the chain
    20: "ssl_unknown_authority",  # no local issuer
    21: "ssl_unknown_authority",  # cannot verify the leaf
}

_BY_CLASS: dict[str, Failure] = {
    # dnspython
    "dns.exception.Timeout": "generic_timeout_error",
    "dns.resolver.NXDOMAIN": "dns_nxdomain_error",
    "dns.resolver.NoAnswer": "dns_no_answer",
    "dns.resolver.NoNameservers": "dns_server_misbehaving",
    "dns.query.BadResponse": "dns_reply_with_wrong_query_id",
    "dns.query.UnexpectedSource": "dns_reply_with_wrong_query_id",
    "dns.exception.DNSException": "dns_server_misbehaving",
    # httpx and httpcore
    "httpx.TimeoutException": "generic_timeout_error",
    "httpcore.TimeoutException": "generic_timeout_error",
    "httpx.RemoteProtocolError": "http_request_failed",
    "httpcore.RemoteProtocolError": "http_request_failed",
    "httpx.LocalProtocolError": "http_request_failed",
    "httpcore.LocalProtocolError": "http_request_failed",
    "httpx.DecodingError": "http_request_failed",
    "httpx.TooManyRedirects": "http_request_failed",
    "httpx.UnsupportedProtocol": "http_request_failed",
    "httpx.InvalidURL": "http_invalid_redirect_location_host",
    "h11.ProtocolError": "http_request_failed",
    "h2.exceptions.H2Error": "http_request_failed",
    "hpack.exceptions.HPACKError": "http_request_failed",
    "hyperframe.exceptions.HyperframeError": "http_request_failed",
    "zlib.error": "http_request_failed",
    # the standard library
    "json.decoder.JSONDecodeError": "json_parse_error",
}
"""Class (by its root package and its name, or its full path) -> failure."""

_EOF_TEXTS = (
    "without sending a response",
    "without sending complete message body",
    "peer closed connection",
    "server disconnected",
    "eof occurred in violation of protocol",
    "unexpected eof",
)


def classify(exc: BaseException) -> Failure:
    """Return the failure string of an exception; ``unknown_failure: ...`` when none fits."""
    vague: Failure | None = None
    for link in _links(exc):
        failure = _definite(link)
        if failure is not None:
            return failure
        vague = vague or _by_class(link)
    return vague or unknown_failure(str(exc) or type(exc).__name__)


def getaddrinfo_failure(code: int) -> Failure:
    """Return the failure of a getaddrinfo error (OONI's rules for Unix)."""
    if code in _codes("EAI_NONAME"):
        return "dns_nxdomain_error"
    if code in _codes("EAI_NODATA", "EAI_ADDRFAMILY"):
        return "dns_no_answer"
    return "dns_server_misbehaving"


def _codes(*names: str) -> frozenset[int]:
    """Return the numbers that this platform gives to ``names`` (some lack some)."""
    return frozenset(getattr(socket, name) for name in names if hasattr(socket, name))


def _links(exc: BaseException) -> Iterator[BaseException]:
    """Yield ``exc`` and all that it was raised from, outermost first, each once."""
    seen: set[int] = set()
    queue: list[BaseException] = [exc]
    while queue and len(seen) < _MAX_LINKS:
        link = queue.pop(0)
        if id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        if link.__cause__ is not None:
            queue.append(link.__cause__)
        elif link.__context__ is not None and not link.__suppress_context__:
            queue.append(link.__context__)
        if isinstance(link, BaseExceptionGroup):
            queue.extend(link.exceptions)


def _definite(exc: BaseException) -> Failure | None:
    """Return the failure of one exception whose type and fields leave no doubt."""
    if isinstance(exc, NetFailure):
        return exc.failure
    if isinstance(exc, asyncio.CancelledError):
        return "interrupted"
    if isinstance(exc, EOFError):  # asyncio.IncompleteReadError is one
        return "eof_error"
    if isinstance(exc, socket.gaierror):
        return _gaierror(exc)
    if isinstance(exc, ssl.SSLError):
        return _ssl_error(exc)
    if isinstance(exc, OSError):  # TimeoutError is one, and has no errno when it is a deadline
        return _os_error(exc)
    return None


def _gaierror(exc: socket.gaierror) -> Failure:
    system = _codes("EAI_SYSTEM")
    if exc.errno in system:
        inner = exc.__context__.errno if isinstance(exc.__context__, OSError) else None
        return ERRNO_FAILURES.get(inner or 0, "dns_server_misbehaving")
    return getaddrinfo_failure(exc.errno or 0)


def _ssl_error(exc: ssl.SSLError) -> Failure | None:
    if isinstance(exc, ssl.SSLCertVerificationError):
        return _VERIFY_FAILURES.get(exc.verify_code, "ssl_invalid_certificate")
    if isinstance(exc, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return "eof_error"
    text = str(exc).lower()
    if any(words in text for words in _EOF_TEXTS):
        return "eof_error"
    return alert_failure(alert_name(exc))


def _os_error(exc: OSError) -> Failure | None:
    if exc.errno is not None and exc.errno in ERRNO_FAILURES:
        return ERRNO_FAILURES[exc.errno]
    winerror = getattr(exc, "winerror", None)
    if winerror in _WINERRORS:
        return _WINERRORS[winerror]
    if isinstance(exc, TimeoutError):
        return "generic_timeout_error"
    if isinstance(exc, ConnectionResetError):
        return "connection_reset"
    if isinstance(exc, ConnectionRefusedError):
        return "connection_refused"
    if isinstance(exc, ConnectionAbortedError):
        return "connection_aborted"
    return None


_WINERRORS: dict[int | None, Failure] = {
    64: "connection_reset",  # ERROR_NETNAME_DELETED, what an IOCP gives for a reset
    121: "timed_out",  # ERROR_SEM_TIMEOUT
    1225: "connection_refused",  # ERROR_CONNECTION_REFUSED
    1231: "network_unreachable",  # ERROR_NETWORK_UNREACHABLE
    1232: "host_unreachable",  # ERROR_HOST_UNREACHABLE
    1236: "connection_aborted",  # ERROR_CONNECTION_ABORTED
}


def _by_class(exc: BaseException) -> Failure | None:
    """Return the failure that a library's class stands for, by the names of its bases."""
    names = [_names(base) for base in type(exc).__mro__]
    for pair in names:
        for name in pair:
            if name in _BY_CLASS:
                text = str(exc).lower()
                eof = any(words in text for words in _EOF_TEXTS)
                return "eof_error" if eof else _BY_CLASS[name]
    return None


def _names(kind: type[BaseException] | type) -> tuple[str, str]:
    root = kind.__module__.split(".", 1)[0]
    return f"{kind.__module__}.{kind.__name__}", f"{root}.{kind.__name__}"
