"""DNS replies made with dnspython's message classes, apart from the code under test."""

import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset


def answer_to(
    query: bytes,
    *addresses: str,
    rcode: int = 0,
    cname: str | None = None,
    truncated: bool = False,
) -> bytes:
    """Return the reply to a query: ``addresses`` of the type that was asked for."""
    asked = dns.message.from_wire(query)
    reply = dns.message.make_response(asked)
    reply.set_rcode(dns.rcode.Rcode(rcode))
    reply.flags |= dns.flags.RA
    if truncated:
        reply.flags |= dns.flags.TC
    name = asked.question[0].name
    if cname is not None:
        reply.answer.append(dns.rrset.from_text(name, 60, "IN", "CNAME", cname + "."))
    kind = dns.rdatatype.to_text(asked.question[0].rdtype)
    fitting = [a for a in addresses if (":" in a) == (kind == "AAAA")]
    if fitting:
        reply.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *fitting))
    return reply.to_wire()
