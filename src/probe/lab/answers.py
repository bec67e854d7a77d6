"""What the lab's resolvers answer: true answers of the world, and the censor's lies.

dnspython is the codec; nothing here opens a socket.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from probe.lab.actions import Action, Layer
from probe.lab.rules import Rule, What
from probe.lab.situation import Scene, View
from probe.lab.world import Host, World
from probe.model.address import family_of

__all__ = ["Query", "Reply", "answer", "forged_addresses", "lie", "lied_about", "read_query"]

TTL_S = 60
BOGONS = ("10.10.34.34",)
SECOND_ANSWER_DELAY_S = 0.005
_RCODES = {
    Action.NXDOMAIN: dns.rcode.NXDOMAIN,
    Action.SERVFAIL: dns.rcode.SERVFAIL,
    Action.REFUSED: dns.rcode.REFUSED,
}
_FAMILIES = {dns.rdatatype.A: 4, dns.rdatatype.AAAA: 6}


@dataclass(frozen=True, slots=True)
class Reply:
    """One message to send, after a delay in seconds."""

    wire: bytes
    delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Query:
    """One question that could be read; ``name`` in lower case without the final dot."""

    message: dns.message.Message
    name: str
    kind: str


def read_query(wire: bytes) -> Query | None:
    """Return the question in ``wire``, ``None`` for what is no query."""
    try:
        message = dns.message.from_wire(wire, one_rr_per_rrset=False)
    except (dns.exception.DNSException, ValueError):
        return None
    if message.flags & dns.flags.QR or len(message.question) != 1:
        return None
    question = message.question[0]
    name = question.name.to_text(omit_final_dot=True).lower()
    return Query(message, name, dns.rdatatype.to_text(question.rdtype))


def answer(
    wire: bytes, situation: Scene, host: Host, port: int, *, control: View, sealed: bool = False
) -> tuple[Reply, ...]:
    """Return the replies to one query; none for silence or for what is no query.

    ``sealed`` is a query inside TLS (DoT, DoH), which the network cannot read.
    """
    query = read_query(wire)
    if query is None:
        return ()
    situation.counts["dns"] += 1
    request = situation.about_name(
        Layer.DNS, host, port, query.name, control=control, sealed=sealed
    )
    rule = situation.decide(request)
    truth = Reply(_truth(query.message, situation, query.name, control=control))
    if rule is None or not lied_about(query, rule):
        return (truth,)
    if rule.action is Action.DNS64:
        site = situation.world.site(query.name)
        below = () if site is None else _below_64(site.addresses)
        return (Reply(_with_addresses(query.message, below)) if below else truth,)
    forged = lie(query, rule, situation.world)
    if forged is None:
        return ()
    if rule.action is Action.SECOND_ANSWER:
        return (Reply(forged), Reply(truth.wire, SECOND_ANSWER_DELAY_S))
    return (Reply(forged),)


def _below_64(addresses: tuple[str, ...]) -> tuple[str, ...]:
    """Return the addresses, those of IPv4 as IPv6 ones for a NAT64 (RFC 6052)."""
    four = [IPv4Address(address) for address in addresses if family_of(address) == 4]
    prefix = int(IPv6Address("64:ff9b::"))
    return (*addresses, *(str(IPv6Address(prefix + int(address))) for address in four))


def lied_about(query: Query, rule: Rule) -> bool:
    """Return whether ``rule`` lies about records of the type asked for."""
    return not rule.what.types or query.kind in rule.what.types


def lie(query: Query, rule: Rule, world: World) -> bytes | None:
    """Return the forged answer that ``rule`` gives, ``None`` for silence.

    An ICMP error is the box's to send: who answers questions has none.
    """
    if rule.action in (Action.DNS_TIMEOUT, Action.DNS_PROHIBITED):
        return None
    if rule.action in _RCODES:
        response = dns.message.make_response(query.message)
        response.flags |= dns.flags.RA
        response.set_rcode(_RCODES[rule.action])
        return response.to_wire()
    return _with_addresses(query.message, forged_addresses(rule.what, world))


def forged_addresses(what: What, world: World) -> tuple[str, ...]:
    """Return the addresses that a liar answers with."""
    if what.answers:
        return what.answers
    return BOGONS if what.action is Action.BOGON else (world.block_page,)


def _truth(query: dns.message.Message, situation: Scene, name: str, *, control: View) -> bytes:
    site = situation.world.site(name)
    if site is None or not site.exists:
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        response.set_rcode(dns.rcode.NXDOMAIN)
        return response.to_wire()
    return _with_addresses(query, site.seen_from(abroad=control))


def _with_addresses(query: dns.message.Message, addresses: tuple[str, ...]) -> bytes:
    """Answer with the addresses of the family asked for; none is an empty NOERROR."""
    response = dns.message.make_response(query)
    response.flags |= dns.flags.RA
    question = query.question[0]
    family = _FAMILIES.get(question.rdtype)
    fitting = [address for address in addresses if family_of(address) == family]
    if family is not None and fitting:
        response.answer.append(
            dns.rrset.from_text(question.name, TTL_S, dns.rdataclass.IN, question.rdtype, *fitting)
        )
    return response.to_wire()
