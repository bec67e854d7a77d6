"""What a found fingerprint means: marks by id, sinkhole addresses, intercepting authorities."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_network

from probe.model.address import parse_ip
from probe.model.fingerprint import Fingerprint, Mark, Place
from probe.model.measurement import CertificateCheck

__all__ = ["JudgeFacts"]

_Network = IPv4Network | IPv6Network


@dataclass(frozen=True)
class JudgeFacts:
    """What is known beforehand; the same facts always give the same verdict."""

    fingerprints: tuple[Fingerprint, ...] = ()
    _indexed: dict[str, Fingerprint] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the fingerprints by id."""
        self._indexed.update((f.id, f) for f in self.fingerprints)

    def marks(self, ids: Iterable[str], country: str) -> frozenset[Mark]:
        """Return what the fingerprints found mean in ``country``.

        A block page of another country proves nothing here (stale copies, mirrors). A known
        false positive takes the block page back.
        """
        found = {
            known.mark
            for known in (self._indexed.get(i) for i in ids)
            if known is not None and _holds_in(known, country)
        }
        if Mark.FALSE_POSITIVE in found:
            found.discard(Mark.BLOCKPAGE)
        return frozenset(found)

    def sinkhole(self, addresses: Iterable[str], country: str) -> str | None:
        """Return the id of a fingerprint that names one of ``addresses`` as a DNS lie's target."""
        for address in addresses:
            ip = parse_ip(address)
            for network, known in self._sinkholes if ip is not None else ():
                if ip in network and _holds_in(known, country):
                    return known.id
        return None

    def interceptor(self, check: CertificateCheck, host: str, country: str = "ZZ") -> str | None:
        """Return the id of a fingerprint that names the issuer of a certificate for ``host``.

        A state's authority that intercepts also signs sites of its own country lawfully: under
        that country's domains it is no mark, nor on a line that is known to be elsewhere.
        """
        for known in self.fingerprints:
            if known.mark is not Mark.INTERCEPTING_CA or _lawful(known, host):
                continue
            if country != "ZZ" and not _holds_in(known, country):
                continue
            if _signed_by(known, check):
                return known.id
        return None

    def local_interceptor(self, check: CertificateCheck) -> str | None:
        """Return the id of a fingerprint that names a program or appliance people chose.

        The same makers sell to states and providers: it says what opens the traffic, and only
        other lines tell whose it is.
        """
        found = (f for f in self.fingerprints if f.mark is Mark.LOCAL_INTERCEPTOR)
        return next((known.id for known in found if _signed_by(known, check)), None)

    @cached_property
    def _sinkholes(self) -> tuple[tuple[_Network, Fingerprint], ...]:
        return tuple(
            (ip_network(known.pattern, strict=False), known)
            for known in self.fingerprints
            if known.mark is Mark.SINKHOLE and known.place is Place.DNS
        )


_MORE_DOMAINS = {"RU": ("su", "xn--p1ai"), "KZ": ("xn--80ao21a",)}


def _lawful(known: Fingerprint, host: str) -> bool:
    top = host.rstrip(".").rpartition(".")[2].casefold()
    return any(top in (c.casefold(), *_MORE_DOMAINS.get(c, ())) for c in known.countries)


def _signed_by(known: Fingerprint, check: CertificateCheck) -> bool:
    if known.place is Place.SPKI:
        return known.pattern == check.issuer_spki_sha256
    return known.place is Place.ISSUER and known.pattern in check.issuer


def _holds_in(known: Fingerprint, country: str) -> bool:
    return not known.countries or country in known.countries
