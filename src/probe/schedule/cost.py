"""What a measurement is expected to cost: bytes on the wire and seconds, by kind.

The figures are sums of what the protocols need, headers included, and are meant to be a little
high: a budget that is kept too early costs a sample, one that is kept too late costs a
volunteer money. They are used before a round; during it, what really crossed the wire counts.
"""

from collections.abc import Iterable
from typing import NamedTuple

from probe.model.address import parse_ip
from probe.model.goodput import Transport
from probe.model.target import Endpoint, Kind, Role
from probe.probes.transfer import Transfer
from probe.wire.media import PACKET

__all__ = [
    "HEADER_SHARE",
    "MEASURED_KINDS",
    "Cost",
    "cost_of",
    "follow_up_bytes",
    "on_the_wire",
    "total_bytes",
    "transfer_bytes",
]

HEADER_SHARE = 1.3
"""Bytes on the wire for each byte of payload. A TLS check carries some 5 kB in 14 packets
(15 % of TCP and IP headers), a DNS exchange 150 bytes in two (40 %); the mix lies between."""

_PACKET = 52  # IPv4 20 + TCP 20 + timestamps 12 (RFC 9293, RFC 7323)
_DATAGRAM = 28  # IPv4 20 + UDP 8
_DNS_EXCHANGE = 2 * _DATAGRAM + 45 + 110  # a question of 45 bytes, an answer with a CNAME or two
_LOOKUP = 2 * _DNS_EXCHANGE  # by the system's resolver, and by UDP
_TCP = 7 * _PACKET  # SYN, SYN+ACK, ACK; FIN, ACK, FIN, ACK
_TLS = 600 + 4_300 + 14 * _PACKET  # ClientHello and Finished; ServerHello, chain; packets, ACKs
_HTTP = 350 + 600 + 4 * _PACKET  # a request; the head of an answer
_LINK = 11 + 2_800 + 6 * _PACKET  # VERSIONS; a relay's four cells: certificates, 514 of NETINFO
_SMALL_BODY = 1_000  # a control page: 204, or one line of text
_BODY = 24_000  # a front page: reading stops at 64 KiB decoded, 16 to 64 KiB compressed

_QUIC_PACKET = 1_200 + _DATAGRAM  # RFC 9000 section 14.1: as large as an Initial has to be
_SIZES: dict[Kind, int] = {
    Kind.STUN: 20 + _DATAGRAM,
    Kind.OPENVPN: 86 + _DATAGRAM,  # in the longest wrapping
    Kind.WIREGUARD: 148 + _DATAGRAM,
    Kind.IKEV2: 156 + _DATAGRAM,
    Kind.QUIC: _QUIC_PACKET,
}
"""What one datagram of a protocol takes, with its headers."""

_TRIES = 3
_UDP_SILENCE_S = 6.0

_TRANSFER = 1.06  # bytes on the wire for each of a file: TLS records, packets, acknowledgements
_PLAIN_READ = 65_536  # decoded, as far as a page is read
_PACKED = 3  # a page is so many times smaller on the wire; 3 to 5 is usual for HTML

_ROLES_OF_MACHINES = frozenset(
    {
        Role.API,
        Role.CALL,
        Role.MEDIA,
        Role.MESSAGES,
        Role.SIGN_IN,
        Role.TUNNEL,
        Role.UPDATE,
    }
)
"""What apps talk to, not people: without credentials it answers a line, not a page."""

FAILING_SHARE = 0.2
"""Share of targets that is expected to fail and so to ask for follow-ups."""


class Cost(NamedTuple):
    """Expected bytes on the wire, seconds when it answers, and seconds when it is silent."""

    bytes: int
    seconds: float
    silent_seconds: float


_COSTS: dict[Kind, Cost] = {
    Kind.DNS: Cost(_LOOKUP, 0.3, 10.0),
    Kind.RESOLVER: Cost(_DNS_EXCHANGE, 0.2, 5.0),
    Kind.DOH: Cost(_TCP + _TLS + _HTTP, 0.6, 20.0),
    Kind.DOT: Cost(_TCP + _TLS + 2 * _PACKET + 300, 0.5, 20.0),
    Kind.TCP: Cost(_TCP, 0.3, 10.0),
    Kind.TLS: Cost(_TCP + _TLS, 0.5, 20.0),
    Kind.HTTP: Cost(_TCP + _TLS + _HTTP, 0.8, 35.0),
    Kind.TOR_OR: Cost(_TCP + _TLS + _LINK, 0.8, 30.0),
    Kind.TOR_DIR: Cost(_TCP + _HTTP + 4_000 + 4 * _PACKET, 0.6, 25.0),
    Kind.OBFS4: Cost(_TCP, 0.3, 10.0),
    Kind.SIGNAL_PROXY: Cost(_TCP + 2 * _TLS, 0.8, 30.0),
    Kind.MTPROTO: Cost(_TCP + 42 + 110 + 4 * _PACKET, 0.4, 20.0),
    Kind.WHATSAPP: Cost(_TCP + _TLS + _HTTP + 49 + 400 + 4 * _PACKET, 1.0, 45.0),
    Kind.QUIC: Cost(7 * _QUIC_PACKET, 0.6, _UDP_SILENCE_S + 10.0),  # versions, hellos, PING
    Kind.STUN: Cost(2 * _DATAGRAM + 20 + 56, 0.2, _UDP_SILENCE_S),
    Kind.OPENVPN: Cost(_TRIES * _SIZES[Kind.OPENVPN], 0.3, _UDP_SILENCE_S),
    Kind.WIREGUARD: Cost(_TRIES * _SIZES[Kind.WIREGUARD], _UDP_SILENCE_S, _UDP_SILENCE_S),
    Kind.IKEV2: Cost(_SIZES[Kind.IKEV2] + _DATAGRAM + 300, 0.3, _UDP_SILENCE_S),
}

MEASURED_KINDS = frozenset(_COSTS)
"""Kinds that have a probe; the others are reported "not measured yet" and cost nothing."""


def cost_of(endpoint: Endpoint) -> Cost:
    """Return what the main measurement of ``endpoint`` is expected to cost."""
    cost = _COSTS.get(endpoint.kind)
    if cost is None:
        return Cost(0, 0.0, 0.0)
    size = cost.bytes
    if endpoint.kind is Kind.OPENVPN and endpoint.transport == "tcp":
        size += _TCP
    if endpoint.kind is Kind.HTTP:
        size += _body(endpoint) - (0 if endpoint.tls else _TLS)
    resolves = endpoint.kind not in (Kind.DNS, Kind.RESOLVER) and parse_ip(endpoint.host) is None
    return cost._replace(bytes=size + (_LOOKUP if resolves else 0))


def _body(endpoint: Endpoint) -> int:
    if endpoint.range_bytes is not None:
        return round(endpoint.range_bytes * _TRANSFER)
    if endpoint.role is Role.LISTING:
        return round((endpoint.read_bytes or _PLAIN_READ) / _PACKED)
    expect = endpoint.expect
    if endpoint.method == "HEAD" or (expect is not None and 204 in expect.status):
        return 0
    small = (
        endpoint.method == "POST"
        or endpoint.role in _ROLES_OF_MACHINES
        or (endpoint.path or "/").endswith((".txt", ".json", ".ico", ".xml"))
    )
    return _SMALL_BODY if small or (expect is not None and expect.body_contains) else _BODY


def follow_up_bytes(endpoint: Endpoint) -> int:
    """Return what all follow-ups of a failing ``endpoint`` may cost together."""
    doh = _TCP + _TLS + _HTTP
    if endpoint.kind is Kind.DNS:
        return 3 * _LOOKUP + doh
    if endpoint.kind in (Kind.TCP, Kind.OBFS4):  # two retests, another address, a neighbour
        return 4 * _TCP + doh
    if endpoint.kind is Kind.QUIC:  # two retests and a neutral name, each with its versions
        return 3 * 2 * _TRIES * _QUIC_PACKET + _TRIES * _QUIC_PACKET + _TCP + _TLS
    if endpoint.kind in _SIZES:  # random bytes, two retests, another address, another service
        tunnel = endpoint.transport == "tcp"
        return 3 * _TCP if tunnel else 5 * _TRIES * _SIZES[endpoint.kind]
    if endpoint.role is Role.LISTING:  # another storefront, and whatever a failure asks for
        return cost_of(endpoint).bytes + 8 * (_TCP + _TLS) + doh
    if endpoint.kind in MEASURED_KINDS:
        # two retests, three neutral names, other host, another address, a neighbour
        return 8 * (_TCP + _TLS) + doh
    return 0


def transfer_bytes(transfer: Transfer) -> int:
    """Return what one timed transfer is expected to cost; a call's datagrams come back as well."""
    if transfer.transport is Transport.UDP:
        return round(2 * transfer.wanted * (1 + _DATAGRAM / PACKET))
    begin = _LOOKUP + _TCP + _TLS + _HTTP
    return begin + round(transfer.wanted * _TRANSFER)


def total_bytes(endpoints: Iterable[Endpoint]) -> int:
    """Return the expected bytes of a round over ``endpoints``, follow-ups at their share."""
    items = tuple(endpoints)
    main = sum(cost_of(endpoint).bytes for endpoint in items)
    return main + round(FAILING_SHARE * sum(follow_up_bytes(endpoint) for endpoint in items))


def on_the_wire(payload_bytes: int) -> int:
    """Return ``payload_bytes`` as counted by the probes, with headers."""
    return round(payload_bytes * HEADER_SHARE)
