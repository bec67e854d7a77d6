"""TLS alerts by the names of RFC 8446 section 6, from OpenSSL's words or from the wire."""

import ssl

from probe.model.failure import Failure

__all__ = ["ALERTS", "alert_failure", "alert_name", "plaintext_alert"]

ALERTS: dict[int, str] = {
    0: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    21: "decryption_failed",
    22: "record_overflow",
    30: "decompression_failure",
    40: "handshake_failure",
    41: "no_certificate",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    60: "export_restriction",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    90: "user_canceled",
    100: "no_renegotiation",
    109: "missing_extension",
    110: "unsupported_extension",
    111: "certificate_unobtainable",
    112: "unrecognized_name",
    113: "bad_certificate_status_response",
    114: "bad_certificate_hash_value",
    115: "unknown_psk_identity",
    116: "certificate_required",
    120: "no_application_protocol",
}
"""Alert descriptions; those that RFC 8446 dropped keep the names of RFC 5246 and RFC 6066."""

_NAMES = frozenset(ALERTS.values())
_SPELLINGS = {"user_cancelled": "user_canceled"}
_PREFIXES = ("SSLV3_ALERT_", "TLSV1_ALERT_", "TLSV13_ALERT_", "SSLV3_", "TLSV13_", "TLSV1_")


def alert_name(exc: ssl.SSLError) -> str | None:
    """Return the alert that the peer sent, if that is what ended the handshake.

    OpenSSL names a received alert ``SSLV3_ALERT_HANDSHAKE_FAILURE``, ``TLSV1_UNRECOGNIZED_NAME``
    and the like; what it found wrong by itself carries no such prefix.
    """
    reason = exc.reason or ""
    for prefix in _PREFIXES:
        if reason.startswith(prefix):
            name = reason.removeprefix(prefix).lower()
            name = _SPELLINGS.get(name, name)
            return name if name in _NAMES else None
    return None


def plaintext_alert(tail: bytes) -> str | None:
    """Return the fatal alert that ``tail`` ends with, when it is an unencrypted record.

    A record of type 21, version 3.x, two bytes long, level 2 (RFC 8446 section 5.1).
    """
    record = tail[-7:]
    if len(record) == 7 and record[:2] == b"\x15\x03" and record[3:6] == b"\x00\x02\x02":
        return ALERTS.get(record[6])
    return None


def alert_failure(name: str | None) -> Failure:
    """Return the failure of a handshake that an alert (or something unnamed) ended."""
    return "ssl_invalid_hostname" if name == "unrecognized_name" else "ssl_failed_handshake"
