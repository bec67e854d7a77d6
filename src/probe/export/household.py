"""Certificates that name a household are taken out of whatever leaves the machine.

A chain is stored as it was sent. Where a router, a modem's page or a machine at home answered in
the place of a service, its certificate may hold the line's own address, a dynamic DNS name, a
serial number, and its hash finds the same box in scans of the internet. The own address is not
known any more when an export is made, so this goes by structure: a chain that the packaged roots
do not vouch for, in which a name is an IP literal, a MAC address, a name of a dynamic DNS
service or one that means something only at home.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from probe.model.address import is_public, parse_ip
from probe.model.context import RoundContext, RoundInputs
from probe.model.measurement import Answer, DnsStep, Measurement, Step, TlsStep
from probe.model.record import Record
from probe.wire.scrub import SCRUBBED

if TYPE_CHECKING:
    from cryptography import x509

__all__ = [
    "household_certificate",
    "household_name",
    "shown",
    "shown_context",
    "shown_record",
    "shown_step",
]

_DYNAMIC: Final = frozenset(
    """
    asuscomm.com changeip.com chickenkiller.com cloudns.ph ddns.me ddns.net ddnsfree.com
    ddnsgeek.com ddnss.de diskstation.me dlinkddns.com dns-cloud.net dnsalias.com dnsalias.net
    dnsalias.org dnsdojo.com dnshome.de dscloud.biz dscloud.me dscloud.mobi dsmynas.com
    dtdns.net duckdns.org dy.fi dyn-o-saur.com dynalias.com dynalias.net dynalias.org
    dyndns.biz dyndns.info dyndns.org dyndns.tv dynip.online dynns.com dynu.net dynv6.net
    familyds.com feste-ip.net freeddns.org freemyip.com goip.de gotdns.com gotdns.org hldns.ru
    homedns.org homeip.net homelinux.com homelinux.net homelinux.org homeunix.com homeunix.net
    homeunix.org hopto.me hopto.org i234.me id.ui.direct keenetic.io keenetic.link
    keenetic.name keenetic.pro kozow.com mooo.com my-firewall.org my-gateway.de my-router.de
    myddns.me myddns.rocks myds.me myfritz.net mynetgear.com mynetname.net myqnapcloud.com
    myvnc.com nip.io no-ip.biz no-ip.com no-ip.info no-ip.org noip.me noip.us now-dns.net
    plex.direct redirectme.net remotewd.com s3curity.de selfhost.bz selfhost.de selfhost.eu
    servebeer.com serveblog.net servecounterstrike.com serveftp.com serveftp.net servegame.com
    servehttp.com servemp3.com spdns.de spdns.eu spdns.org spdyn.de sslip.io sytes.net
    synology.me tplinkdns.com twilightparadox.com us.to viewdns.net wd2go.com webhop.me
    webhop.net webhop.org xip.io zapto.org
    """.split()  # noqa: SIM905 - a list of words reads better as one
)
"""Zones in which anybody may name a machine at home."""

_LOCAL: Final = frozenset(
    """
    arpa box corp domain gateway home intranet internal invalid ip lan local localdomain
    localhost modem private router test
    """.split()  # noqa: SIM905 - a list of words reads better as one
)
"""Last labels that mean something only inside (RFC 6762, RFC 8375, and what routers use)."""

_AT_HOME: Final = frozenset(
    """
    asusrouter.com dlinkrouter.com homerouter.cpe linksyssmartwifi.com mywifiext.net miwifi.com
    orbilogin.com router.asus.com routerlogin.com routerlogin.net tendawifi.com tplinklogin.net
    tplinkmodem.net tplinkwifi.net
    """.split()  # noqa: SIM905 - a list of words reads better as one
)
_MAC: Final = re.compile(r"(?<![0-9A-Fa-f])(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}(?![0-9A-Fa-f])")
_BARE_MAC: Final = re.compile(r"(?<![0-9A-Za-z])[0-9A-Fa-f]{12}(?![0-9A-Za-z])")
_ADDRESS: Final = re.compile(r"(?<![0-9.])(?:[0-9]{1,3}[.-]){3}[0-9]{1,3}(?![0-9]|\.[0-9])")
_QUOTED: Final = 80
"""Letters of an issuer's name that a verdict's sentence quotes."""

_NAME: Final = re.compile(r"[^\s,=/+;:\"'<>]+")


def household_name(text: str) -> bool:
    """Say whether a name, or one inside a text, is of a household: see the module."""
    if _MAC.search(text) or _BARE_MAC.search(text) or _ADDRESS.search(text):
        return True
    return parse_ip(text) is not None or any(_of_home(name) for name in _NAME.findall(text))


def _of_home(name: str) -> bool:
    labels = name.lower().strip(".").removeprefix("*.").split(".")
    if len(labels) < 2:
        return False
    ends = {".".join(labels[place:]) for place in range(len(labels))}
    return labels[-1] in _LOCAL or not ends.isdisjoint(_DYNAMIC | _AT_HOME)


@lru_cache(maxsize=2_048)
def household_certificate(der: bytes, dialled: str = "") -> bool:
    """Say whether a certificate names a household; one that cannot be read is taken for such.

    The public address that was dialled may stand in it: that is the server's, and not ours.
    """
    from cryptography import x509

    try:
        certificate = x509.load_der_x509_certificate(der)
        names = [*_names(certificate), *_alternatives(certificate)]
    except (ValueError, TypeError, x509.UnsupportedGeneralNameType, x509.DuplicateExtension):
        return True
    server = dialled if is_public(dialled) else None
    return any(name != server and household_name(name) for name in names)


def _names(certificate: "x509.Certificate") -> list[str]:
    """Return every part of the subject and the issuer."""
    parts = (*certificate.subject, *certificate.issuer)
    return [part.value if isinstance(part.value, str) else part.value.hex() for part in parts]


def _alternatives(certificate: "x509.Certificate") -> list[str]:
    from cryptography import x509

    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return [str(getattr(name, "value", name)) for name in found.value]


def shown(measurement: Measurement) -> Measurement:
    """Return a measurement fit to leave: no household's certificate, no neighbour's address."""
    steps = tuple(shown_step(step) for step in measurement.steps)
    return measurement if steps == measurement.steps else replace(measurement, steps=steps)


def shown_record(record: Record) -> Record:
    """Return a record fit to leave: its looks, and the sentence that may quote an issuer."""
    bundle = tuple(shown(one) for one in record.bundle)
    if bundle == record.bundle:
        return record
    sentence = record.verdict.sentence
    for issuer in _issuers(record.bundle) - _issuers(bundle):
        sentence = _unnamed(sentence, issuer)
    return replace(record, bundle=bundle, verdict=replace(record.verdict, sentence=sentence))


def _issuers(bundle: Iterable[Measurement]) -> set[str]:
    steps = (s for one in bundle for s in one.steps if isinstance(s, TlsStep))
    return {s.certificate.issuer for s in steps if s.certificate is not None}


def _unnamed(sentence: str, issuer: str) -> str:
    """Return a sentence without an issuer, or the part of its name that sentences show."""
    values = {part.partition("=")[2] for part in issuer.split(",")} | {issuer}
    for value in sorted(values - {""}, key=len, reverse=True):
        quoted = value[:_QUOTED].replace("{", "(").replace("}", ")")
        sentence = sentence.replace(quoted, SCRUBBED)
    return sentence


def shown_context(context: RoundContext) -> RoundContext:
    """Return what is known of the line, fit to leave: no host of a portal, no issuer at home."""
    opened = context.opened
    if opened is not None:
        opened = replace(opened, inputs=_shown_inputs(opened.inputs))
    return replace(context, inputs=_shown_inputs(context.inputs), opened=opened)


def _shown_inputs(inputs: RoundInputs) -> RoundInputs:
    issuers = tuple(SCRUBBED if household_name(one) else one for one in inputs.neutral_issuers)
    return replace(inputs, captive_redirect=None, neutral_issuers=issuers)


def shown_step(step: Step) -> Step:
    """Return a step fit to leave the machine."""
    if isinstance(step, TlsStep):
        return _shown_tls(step)
    if isinstance(step, DnsStep) and any(answer.local for answer in step.answers):
        answers = tuple(_nowhere(a) if a.local else a for a in step.answers)
        return replace(step, answers=answers)
    return step


def _nowhere(answer: Answer) -> Answer:
    """Return "this host" (RFC 1122) in place of a machine of this line's own network."""
    nothing = "::" if ":" in answer.address else "0.0.0.0"  # noqa: S104 - nothing is bound to it
    return replace(answer, address=nothing)


def _shown_tls(step: TlsStep) -> TlsStep:
    check = step.certificate
    if check is not None and check.packaged is None:
        return step  # the packaged roots vouch for it: a public name of a public service
    risky = any(household_certificate(der, step.address) for der in step.chain)
    if not risky and not (check is not None and household_name(check.issuer)):
        return step
    if check is not None:
        check = replace(check, issuer=SCRUBBED, issuer_spki_sha256=None, leaf_sha256="")
    return replace(step, chain=(), certificate=check)
