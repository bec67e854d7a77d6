"""Small integers for the closed vocabularies: what a narrow column holds.

A code is written once and means the same for ever: append, never reuse, never renumber.
"""

from enum import StrEnum
from typing import Final, Generic, TypeVar

from probe.errors import StoreError
from probe.model.measurement import Outcome, Variant
from probe.model.record import NoteKind
from probe.model.target import Kind, Role
from probe.model.vantage import Access
from probe.model.verdict import Confidence, Locus, Reason, State

__all__ = [
    "ACCESS",
    "CONFIDENCE",
    "KIND",
    "LOCUS",
    "NOTE",
    "OUTCOME",
    "REASON",
    "ROLE",
    "STATE",
    "VARIANT",
    "Codes",
]

E = TypeVar("E", bound=StrEnum)


class Codes(Generic[E]):
    """Both directions between the members of one enumeration and their codes."""

    def __init__(self, members: dict[E, int]) -> None:
        """Take the pinned table.

        Raises:
            ValueError: when two members share a code.

        """
        self.code: Final = members
        self._member = {code: member for member, code in members.items()}
        if len(self._member) != len(members):
            raise ValueError("two members share a code")

    def member(self, code: int) -> E:
        """Return the member that ``code`` stands for.

        Raises:
            StoreError: when the row was written by a newer probe, or is damaged.

        """
        try:
            return self._member[code]
        except KeyError:
            raise StoreError(f"the store holds a code that is not known: {code}") from None


STATE = Codes(
    {
        State.OK: 0,
        State.BLOCKED: 1,
        State.DEGRADED: 2,
        State.DOWN: 3,
        State.INCONCLUSIVE: 4,
        State.INVALID: 5,
    }
)
LOCUS = Codes({Locus.NETWORK: 0, Locus.SERVER: 1, Locus.LOCAL: 2, Locus.UNKNOWN: 3})
CONFIDENCE = Codes({Confidence.CONFIRMED: 0, Confidence.LIKELY: 1, Confidence.WEAK: 2})
REASON = Codes({Reason.SANCTIONS_STATED: 0, Reason.LEGAL_ORDER_STATED: 1, Reason.UNSTATED: 2})
OUTCOME = Codes(
    {
        Outcome.MEASURED: 0,
        Outcome.NOT_RUN: 1,
        Outcome.NOT_MEASURED_YET: 2,
        Outcome.INTERRUPTED: 3,
    }
)
VARIANT = Codes(
    {
        Variant.MAIN: 0,
        Variant.RETEST: 1,
        Variant.DOH: 2,
        Variant.OTHER_RESOLVER: 3,
        Variant.NEUTRAL_SNI: 4,
        Variant.OTHER_HOST: 5,
        Variant.OTHER_ADDRESS: 6,
        Variant.OTHER_FAMILY: 7,
        Variant.NEIGHBOUR: 8,
        Variant.ANCHOR: 9,
        Variant.COMPARISON: 10,
        Variant.CONNECT: 11,
        Variant.BY_TCP: 12,
        Variant.OTHER_UDP: 13,
        Variant.OTHER_STOREFRONT: 14,
        Variant.GOODPUT: 15,
        Variant.GOODPUT_SNI: 16,
        Variant.GOODPUT_NEUTRAL: 17,
        Variant.GOODPUT_ABROAD: 18,
        Variant.GOODPUT_OWN: 19,
        Variant.GOODPUT_OWN_NEUTRAL: 20,
    }
)
ROLE = Codes(
    {
        Role.SIGN_IN: 0,
        Role.SIGN_UP: 1,
        Role.MESSAGES: 2,
        Role.MEDIA: 3,
        Role.CALL: 4,
        Role.DOWNLOAD: 5,
        Role.UPDATE: 6,
        Role.WEB: 7,
        Role.OTHER: 8,
        Role.API: 9,
        Role.LISTING: 10,
        Role.TUNNEL: 11,
    }
)
KIND = Codes(
    {
        Kind.DNS: 0,
        Kind.RESOLVER: 1,
        Kind.DOH: 2,
        Kind.DOT: 3,
        Kind.TCP: 4,
        Kind.TLS: 5,
        Kind.HTTP: 6,
        Kind.QUIC: 7,
        Kind.STUN: 8,
        Kind.OPENVPN: 9,
        Kind.WIREGUARD: 10,
        Kind.IKEV2: 11,
        Kind.TOR_OR: 12,
        Kind.TOR_DIR: 13,
        Kind.OBFS4: 14,
        Kind.SIGNAL_PROXY: 15,
        Kind.MTPROTO: 16,
        Kind.WHATSAPP: 17,
    }
)
ACCESS = Codes(
    {
        Access.FIXED: 0,
        Access.MOBILE: 1,
        Access.HOSTING: 2,
        Access.ACADEMIC: 3,
        Access.UNKNOWN: 4,
    }
)
NOTE = Codes(
    {
        NoteKind.CALL_FAILED: 0,
        NoteKind.SMS_CODE_MISSING: 1,
        NoteKind.APP_REMOVED: 2,
        NoteKind.SLOW: 3,
        NoteKind.NO_INTERNET: 4,
        NoteKind.WORKS_AGAIN: 5,
        NoteKind.OTHER: 6,
    }
)
