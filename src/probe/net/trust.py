"""Whether a certificate chain is valid for a name, apart from OpenSSL's own handshake.

Two opinions: the packaged Mozilla roots (or a service's own, pinned root), and the machine's
store. They differ where an interception is trusted by the machine only. Verification is
``cryptography.x509.verification`` (the rules of the CA/Browser Forum), at a time that is given.

The order of what is found wrong is that of Go's crypto/x509, which OONI reports: first the
leaf's dates, then its name, then its chain.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, cached_property
from importlib.resources import files
from typing import TYPE_CHECKING, TypeVar

from probe.model.failure import Failure
from probe.model.measurement import CertificateCheck
from probe.model.target import Trust
from probe.net.certificates import (
    MAX_CERTIFICATES,
    dates,
    issuer_name,
    issuer_spki_sha256,
    malformed,
    names_match,
    own_name,
    parse_chain,
    parse_pem,
    self_signed,
)
from probe.net.known_keys import KnownKeys, read_known_keys
from probe.net.system_roots import system_roots_pem

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.x509 import verification

__all__ = ["Roots", "default_roots", "verify_chain"]

MAX_DEPTH = 6
_REMEMBERED = 4_096
_INVALID: Failure = "ssl_invalid_certificate"
_UNKNOWN: Failure = "ssl_unknown_authority"

_NOBODY_KNOWN = (
    "no interior errors",  # no candidate for the issuer at all
    "signature does not match",  # one of the same name and another key: an impostor
)
"""What cryptography says when the chain leads to nobody that is believed.

Where a certificate breaks a rule before that is found out, it names the rule; then the issuers'
names are followed (``Believed.reached_by``): Go and OpenSSL ask who signed first.
"""

_ChainKey = tuple[bytes, Trust, int]
_Key = tuple[_ChainKey, str]


_K = TypeVar("_K")
_V = TypeVar("_V")


class Memory(OrderedDict[_K, _V]):
    """The last few thousand findings."""

    def keep(self, key: _K, value: _V) -> None:
        """Remember one more, and forget the oldest."""
        self[key] = value
        if len(self) > _REMEMBERED:
            self.popitem(last=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainFacts:
    """What holds of a chain at one hour, whatever name it is shown for.

    ``leaf`` is ``None`` when it cannot be read. ``packaged`` and ``system`` are the chain's
    failures; of a leaf out of its dates only ``within`` is known: whether the packaged roots
    had it valid in the middle of them.
    """

    leaf_sha256: str
    leaf: "x509.Certificate | None" = None
    dated: bool = False
    packaged: Failure | None = None
    system: Failure | None = None
    within: bool | None = None
    issuer: str = ""
    issuer_spki_sha256: str | None = None
    first: datetime | None = None
    last: datetime | None = None


@dataclass(frozen=True, slots=True)
class Believed:
    """The roots of one opinion, and what they are called."""

    store: "verification.Store"
    names: "frozenset[x509.Name]"

    def reached_by(self, leaf: "x509.Certificate", others: "Sequence[x509.Certificate]") -> bool:
        """Return whether the issuers' names, one after the other, lead to one of the roots."""
        issuers = {leaf.issuer}
        for _ in others:
            issuers |= {other.issuer for other in others if other.subject in issuers}
        return not self.names.isdisjoint(issuers)


@dataclass(eq=False)
class Roots:
    """Whom to believe: PEM bundles; ``system_pem`` is ``None`` where there is no such store.

    ``pinned`` holds a service's own roots, ``keys`` what is known without any. Bundles are parsed
    when first needed; a certificate in them that cannot be parsed is passed over. What was found
    is remembered: ``checks`` by name, ``chains`` for all names.
    """

    packaged_pem: bytes
    system_pem: bytes | None
    pinned: Mapping[Trust, bytes] = field(default_factory=dict)
    keys: KnownKeys = field(default_factory=KnownKeys)
    checks: Memory[_Key, CertificateCheck] = field(default_factory=Memory, init=False, repr=False)
    chains: Memory[_ChainKey, ChainFacts] = field(default_factory=Memory, init=False, repr=False)

    @cached_property
    def packaged(self) -> Believed | None:
        """Return the packaged roots, parsed; ``None`` (nobody is believed) when there are none."""
        return _believed(self.packaged_pem)

    @cached_property
    def system(self) -> Believed | None:
        """Return the machine's roots, parsed; the packaged ones where it has none to show."""
        return self.packaged if self.system_pem is None else _believed(self.system_pem)

    @cached_property
    def _pinned_stores(self) -> dict[Trust, Believed | None]:
        return {trust: _believed(pem) for trust, pem in self.pinned.items()}

    def expected(self, trust: Trust) -> Believed | None:
        """Return the roots that ``trust`` names; ``None`` believes nobody."""
        return self.packaged if trust is Trust.PUBLIC else self._pinned_stores.get(trust)


def _believed(pem: bytes) -> Believed | None:
    from cryptography.x509 import verification

    certificates = parse_pem(pem)
    if not certificates:
        return None
    names = frozenset(certificate.subject for certificate in certificates)
    return Believed(verification.Store(certificates), names)


@cache
def default_roots() -> Roots:
    """Return certifi's Mozilla roots, the machine's store, and Signal's own roots."""
    import certifi

    signal = files("probe.net").joinpath("data", "signal_root.pem").read_bytes()
    return Roots(
        packaged_pem=certifi.contents().encode("ascii"),
        system_pem=system_roots_pem(),
        pinned={Trust.SIGNAL: signal},
        keys=read_known_keys(),
    )


def verify_chain(
    chain: Sequence[bytes], name: str, roots: Roots, at: datetime, trust: Trust = Trust.PUBLIC
) -> CertificateCheck:
    """Return both opinions on ``chain`` (DER, leaf first) for ``name`` at ``at``.

    ``name`` is a host name or an IP literal. For ``Trust.NONE`` no opinion is asked for: the
    protocol's certificates are self-signed by design, both opinions are ``None``, and a reader
    has the leaf's hash to compare. What was found is remembered for an hour.

    Raises:
        ValueError: for an empty chain or a naive time; never for what a server sent.

    """
    if not chain or at.tzinfo is None:
        raise ValueError("a check needs a certificate and an aware time")
    hour = int(at.timestamp() // 3600)
    chain_key = (_digest(chain), trust, hour)
    key = (chain_key, name.lower())
    known = roots.checks.get(key)
    if known is not None:
        return known
    facts = roots.chains.get(chain_key)
    if facts is None:
        facts = _chain_facts(chain, roots, at.astimezone(UTC), trust)
    check = _for_name(facts, name, trust)
    if _steady(check, at):
        roots.chains.keep(chain_key, facts)
        roots.checks.keep(key, check)
    return check


def _digest(chain: Sequence[bytes]) -> bytes:
    digest = hashlib.sha256()
    for der in chain[:MAX_CERTIFICATES]:
        digest.update(len(der).to_bytes(4, "big"))
        digest.update(der)
    return digest.digest()


def _steady(check: CertificateCheck, at: datetime) -> bool:
    """Return whether the leaf's dates leave this check true for the whole hour."""
    edges = (check.not_before, check.not_after)
    return all(edge is None or abs((edge - at).total_seconds()) > 3600 for edge in edges)


def _for_name(facts: ChainFacts, name: str, trust: Trust) -> CertificateCheck:
    """Return the check for one name; dates outrank the name, the name outranks the chain."""
    packaged, system, within = facts.packaged, facts.system, None
    if trust is Trust.NONE:
        packaged = system = None
    elif facts.leaf is None:
        packaged = system = _INVALID
    elif not facts.dated:
        packaged = system = _INVALID
        within = None if facts.within is None else facts.within and names_match(facts.leaf, name)
    elif not names_match(facts.leaf, name):
        packaged = system = "ssl_invalid_hostname"
    return CertificateCheck(
        packaged=packaged,
        system=system,
        issuer=facts.issuer,
        issuer_spki_sha256=facts.issuer_spki_sha256,
        leaf_sha256=facts.leaf_sha256,
        not_before=facts.first,
        not_after=facts.last,
        verified_within=within,
    )


def _chain_facts(chain: Sequence[bytes], roots: Roots, at: datetime, trust: Trust) -> ChainFacts:
    leaf_sha256 = hashlib.sha256(chain[0]).hexdigest()
    leaf, *rest = parse_chain(chain)
    if leaf is None:
        return ChainFacts(leaf_sha256=leaf_sha256)
    others = [c for c in rest if c is not None and not self_signed(c)]
    first, last = dates(leaf)
    dated = first is not None and last is not None and first <= at <= last
    packaged = system = within = None
    expected = roots.expected(trust)
    if dated and trust is not Trust.NONE:
        packaged = system = _chain_failure(leaf, others, expected, at)
        if roots.system is not expected:
            system = _chain_failure(leaf, others, roots.system, at)
    elif first is not None and last is not None and first <= last < at:
        within = _chain_failure(leaf, others, expected, first + (last - first) / 2) is None
    return ChainFacts(
        leaf_sha256=leaf_sha256,
        leaf=leaf,
        dated=dated,
        packaged=packaged,
        system=system,
        within=within,
        issuer=issuer_name(leaf),
        issuer_spki_sha256=issuer_spki_sha256(leaf, others),
        first=first,
        last=last,
    )


def _chain_failure(
    leaf: "x509.Certificate",
    others: "list[x509.Certificate]",
    believed: Believed | None,
    at: datetime,
) -> Failure | None:
    """Return what is wrong with the chain, whatever the name (the leaf's own is asked for).

    ``others`` are without roots: a server's own root proves nothing, and is only believed when
    it is known already.
    """
    from cryptography.x509 import verification

    if believed is None:
        return _UNKNOWN
    subject = own_name(leaf)
    if subject is None:
        return _INVALID
    builder = verification.PolicyBuilder().store(believed.store).max_chain_depth(MAX_DEPTH)
    try:
        builder.time(at.replace(tzinfo=None)).build_server_verifier(subject).verify(leaf, others)
    except verification.VerificationError as exc:
        known = believed.reached_by(leaf, others)
        nobody = not known or any(words in str(exc) for words in _NOBODY_KNOWN)
        return _UNKNOWN if nobody else _INVALID
    except malformed():
        return _INVALID
    return None
