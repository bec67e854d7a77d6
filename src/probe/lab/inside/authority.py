"""The name servers of all names: authoritative answers, by where one asks from.

One server plays the root, every zone and every content network's name server. It looks at the
EDNS client subnet (RFC 7871) if there is one, else at the address that asks, and gives a site's
addresses at home or elsewhere. Rules of ``by: server`` on DNS are played here: they are what a
service's own name servers do, whichever resolver asks.
"""

import asyncio
from collections.abc import Callable
from typing import cast

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from probe.lab.actions import Action, Layer
from probe.lab.answers import forged_addresses
from probe.lab.censor import Request
from probe.lab.inside.geography import Geography
from probe.lab.rules import Rule
from probe.lab.situation import Situation
from probe.lab.world import World
from probe.model.address import family_of

__all__ = ["Authority", "AuthorityDatagrams", "AuthorityStream"]

TTL_S = 60
NEGATIVE_S = 5
MAX_BUFFER = 65_537
_FAMILIES = {dns.rdatatype.A: 4, dns.rdatatype.AAAA: 6}
_RCODES = {Action.NXDOMAIN: dns.rcode.NXDOMAIN, Action.SERVFAIL: dns.rcode.SERVFAIL}
_SERVER = "ns.lab.example"
_MAILBOX = "nobody.lab.example"


class Authority:
    """Answers queries; pure but for the situation's counts and dice."""

    def __init__(self, situation: Situation, geography: Geography) -> None:
        """Serve every name of the situation's world."""
        self._situation = situation
        self._geography = geography
        self._above = _ancestors(situation.world)

    def answer(self, wire: bytes, asker: str) -> bytes | None:
        """Return the answer to ``wire`` for whoever asks from ``asker``, ``None`` for no query."""
        try:
            query = dns.message.from_wire(wire, one_rr_per_rrset=False)
        except (dns.exception.DNSException, ValueError):
            return None
        if query.flags & dns.flags.QR or len(query.question) != 1:
            return None
        self._situation.counts["authority"] += 1
        subnet = _subnet(query)
        abroad = self._geography.abroad(asker if subnet is None else subnet.address)
        response = self._answered(query, abroad=abroad)
        if subnet is not None:
            scope = subnet.srclen if self._depends(query) else 0
            option = dns.edns.ECSOption(subnet.address, subnet.srclen, scope)
            response.use_edns(0, payload=1232, options=[option])
        return response.to_wire()

    def _request(self, name: str, *, abroad: bool) -> Request:
        world = self._situation.world
        host = world.hosts[world.authority[0]]
        return self._situation.about_name(Layer.DNS, host, 53, name, control=abroad)

    def _depends(self, query: dns.message.Message) -> bool:
        """Return whether the answer is another one elsewhere."""
        name = _name(query)
        site = self._situation.world.site(name)
        here, there = (self._request(name, abroad=abroad) for abroad in (False, True))
        hitting = self._situation.hitting
        return bool(site is not None and site.elsewhere) or hitting(here) != hitting(there)

    def _answered(self, query: dns.message.Message, *, abroad: bool) -> dns.message.Message:
        name, question = _name(query), query.question[0]
        response = dns.message.make_response(query)
        response.flags |= dns.flags.AA
        rule = self._decided(name, dns.rdatatype.to_text(question.rdtype), abroad=abroad)
        addresses: tuple[str, ...] = ()
        if rule is not None and rule.action in _RCODES:
            response.set_rcode(_RCODES[rule.action])
        elif rule is not None:
            addresses = forged_addresses(rule.what, self._situation.world)
        else:
            addresses = self._true(name, abroad=abroad)
            if not addresses and name not in self._above and not self._exists(name):
                response.set_rcode(dns.rcode.NXDOMAIN)
        # where dice are thrown, nobody may keep an answer: the next one may be another
        uncertain = self._situation.uncertain(self._request(name, abroad=abroad))
        _fill(response, addresses, 0 if uncertain else TTL_S)
        return response

    def _exists(self, name: str) -> bool:
        site = self._situation.world.site(name)
        return site is not None and site.exists

    def _true(self, name: str, *, abroad: bool) -> tuple[str, ...]:
        world = self._situation.world
        if name == _SERVER:
            return world.authority
        site = world.site(name)
        return site.seen_from(abroad=abroad) if site is not None and site.exists else ()

    def _decided(self, name: str, kind: str, *, abroad: bool) -> Rule | None:
        rule = self._situation.decide(self._request(name, abroad=abroad))
        return None if rule is None or (rule.what.types and kind not in rule.what.types) else rule


def _fill(response: dns.message.Message, addresses: tuple[str, ...], ttl_s: int) -> None:
    """Put in the records that were asked for, or the reason why there are none."""
    question = response.question[0]
    family = _FAMILIES.get(question.rdtype)
    fitting = [address for address in addresses if family_of(address) == family]
    if family is not None and fitting:
        response.answer.append(
            dns.rrset.from_text(question.name, ttl_s, dns.rdataclass.IN, question.rdtype, *fitting)
        )
    elif question.name == dns.name.root and question.rdtype == dns.rdatatype.NS:
        response.answer.append(_record(dns.rdatatype.NS, f"{_SERVER}.", TTL_S))
    elif response.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        lasting = min(NEGATIVE_S, ttl_s)
        text = f"{_SERVER}. {_MAILBOX}. 1 3600 600 86400 {lasting}"
        response.authority.append(_record(dns.rdatatype.SOA, text, lasting))


def _ancestors(world: World) -> frozenset[str]:
    """Return the names that exist only because names below them do; the root is ``""``."""
    found = {"", "example", "lab.example"}
    for name in world.sites:
        labels = name.split(".")
        found |= {".".join(labels[n:]) for n in range(1, len(labels))}
    return frozenset(found)


def _name(query: dns.message.Message) -> str:
    return query.question[0].name.to_text(omit_final_dot=True).lower().rstrip(".")


def _subnet(query: dns.message.Message) -> dns.edns.ECSOption | None:
    """Return the client subnet of a query; one of no length says nothing."""
    for option in query.options:
        if isinstance(option, dns.edns.ECSOption) and option.srclen:
            return option
    return None


def _record(kind: dns.rdatatype.RdataType, text: str, ttl_s: int) -> dns.rrset.RRset:
    """Return a record of the root, whose zone holds everything here."""
    return dns.rrset.from_text(dns.name.root, ttl_s, dns.rdataclass.IN, kind, text)


class AuthorityDatagrams(asyncio.DatagramProtocol):
    """The name servers over UDP."""

    def __init__(self, find: Callable[[], Authority]) -> None:
        """Ask ``find`` for who answers just now."""
        self._find = find
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer one query."""
        answer = self._find().answer(data, addr[0])
        if answer is not None and self._transport is not None:
            self._transport.sendto(answer, addr)


class AuthorityStream(asyncio.Protocol):
    """The name servers over TCP (RFC 7766)."""

    def __init__(self, find: Callable[[], Authority]) -> None:
        """Ask ``find`` for who answers just now."""
        self._find = find
        self._transport: asyncio.Transport | None = None
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer each message that is complete."""
        transport = self._transport
        if transport is None:
            return
        self._buffer += data
        asker = str(transport.get_extra_info("peername")[0])
        while len(self._buffer) >= 2:
            length = int.from_bytes(self._buffer[:2], "big")
            if len(self._buffer) < 2 + length:
                break
            message, self._buffer = self._buffer[2 : 2 + length], self._buffer[2 + length :]
            answer = self._find().answer(message, asker)
            if answer is not None:
                transport.write(len(answer).to_bytes(2, "big") + answer)
        if len(self._buffer) > MAX_BUFFER:
            transport.abort()
