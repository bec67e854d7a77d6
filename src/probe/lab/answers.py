"""What the lab's resolvers answer: true answers of the world, and the censor's lies.

dnspython is the codec; nothing here opens a socket.
"""

from dataclasses import dataclass

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
from probe.lab.situation import Situation, View
from probe.lab.world import Host
from probe.model.address import family_of

__all__ = ["Reply", "answer"]

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


def answer(
    wire: bytes, situation: Situation, host: Host, port: int, *, control: View, sealed: bool = False
) -> tuple[Reply, ...]:
    """Return the replies to one query; none for silence or for what is no query.

    ``sealed`` is a query inside TLS (DoT, DoH), which the network cannot read.
    """
    try:
        query = dns.message.from_wire(wire, one_rr_per_rrset=False)
    except (dns.exception.DNSException, ValueError):
        return ()
    if query.flags & dns.flags.QR or len(query.question) != 1:
        return ()
    situation.counts["dns"] += 1
    name = query.question[0].name.to_text(omit_final_dot=True).lower()
    request = situation.about_name(Layer.DNS, host, port, name, control=control, sealed=sealed)
    rule = situation.decide(request)
    kind = dns.rdatatype.to_text(query.question[0].rdtype)
    truth = Reply(_truth(query, situation, name, control=control))
    if rule is None or (rule.what.types and kind not in rule.what.types):
        return (truth,)
    return _lies(query, rule, situation, truth)


def _lies(
    query: dns.message.Message, rule: Rule, situation: Situation, truth: Reply
) -> tuple[Reply, ...]:
    if rule.action is Action.DNS_TIMEOUT:
        return ()
    if rule.action in _RCODES:
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        response.set_rcode(_RCODES[rule.action])
        return (Reply(response.to_wire()),)
    forged = Reply(_with_addresses(query, _forged(rule.what, situation)))
    if rule.action is Action.SECOND_ANSWER:
        return (forged, Reply(truth.wire, SECOND_ANSWER_DELAY_S))
    return (forged,)


def _forged(what: What, situation: Situation) -> tuple[str, ...]:
    if what.answers:
        return what.answers
    return BOGONS if what.action is Action.BOGON else (situation.world.block_page,)


def _truth(query: dns.message.Message, situation: Situation, name: str, *, control: View) -> bytes:
    site = situation.world.site(name)
    if site is None or not site.exists:
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        response.set_rcode(dns.rcode.NXDOMAIN)
        return response.to_wire()
    return _with_addresses(query, site.elsewhere if control and site.elsewhere else site.addresses)


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
