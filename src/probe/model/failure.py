"""The closed vocabulary of network failures: OONI's failure strings (ooni/spec df-007)."""

__all__ = ["FAILURES", "Failure", "check_failure", "unknown_failure"]

Failure = str

_UNKNOWN = "unknown_failure: "

FAILURES: frozenset[str] = frozenset(
    """
    address_family_not_supported address_in_use address_not_available already_connected
    android_dns_cache_no_data bad_address bad_file_descriptor connection_aborted
    connection_already_closed connection_already_in_progress connection_refused connection_reset
    destination_address_required dns_bogon_error dns_no_answer dns_non_recoverable_failure
    dns_nxdomain_error dns_refused_error dns_reply_with_wrong_query_id dns_server_misbehaving
    dns_servfail_error dns_temporary_failure eof_error generic_timeout_error host_unreachable
    http_invalid_redirect_location_host http_request_failed http_unexpected_redirect_url
    http_unexpected_status_code interrupted invalid_argument json_parse_error message_size
    network_down network_reset network_unreachable no_buffer_space no_protocol_option not_a_socket
    not_connected operation_would_block permission_denied protocol_not_supported
    quic_incompatible_version ssl_failed_handshake ssl_invalid_certificate ssl_invalid_hostname
    ssl_unknown_authority timed_out wrong_protocol_type
    """.split()  # noqa: SIM905 - a list of words reads better as one
)
"""Names that current probe-cli emits (``internal/netxlite/errno.go``) and df-007 adds."""


def unknown_failure(text: str) -> Failure:
    """Return the open-ended member of the vocabulary, one line, at most 200 characters."""
    return _UNKNOWN + " ".join(text.split())[:200]


def check_failure(name: Failure | None) -> Failure | None:
    """Return ``name`` if it belongs to the vocabulary (``None`` is success).

    Raises:
        ValueError: for any other string.

    """
    if name is None or name in FAILURES or name.startswith(_UNKNOWN):
        return name
    raise ValueError(f"not a failure name: {name!r}")
