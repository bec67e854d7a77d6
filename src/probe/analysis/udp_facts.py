"""What was seen over UDP, and what another packet, another name or TCP met at the same place."""

from collections.abc import Sequence
from dataclasses import dataclass

from probe.analysis.attempts import looks
from probe.analysis.endings import ending_of
from probe.model.measurement import ExchangeStep, Measurement, TlsStep, UdpStep, Variant
from probe.model.target import Endpoint, Kind, Wrap
from probe.wire.published import responder_public_key

__all__ = ["HANDSHAKE", "UDP_KINDS", "UdpFacts", "must_answer", "speaks_udp", "udp_facts"]

UDP_KINDS = frozenset({Kind.QUIC, Kind.STUN, Kind.OPENVPN, Kind.WIREGUARD, Kind.IKEV2})

VERSIONS, HANDSHAKE, PING = "quic-versions", "quic", "quic-ping"
"""How the probe of QUIC calls its three steps."""


@dataclass(frozen=True, slots=True)
class UdpFacts:
    """Facts about datagrams to the endpoint; ``None`` is not looked at."""

    obliged: bool = True  # a server of this kind answers strangers, or we have its key
    reply: str | None = None
    versions: bool | None = None  # QUIC's question without a name was answered
    shaken: bool | None = None  # QUIC's handshake was completed
    after: bool | None = None  # ... and a packet came back after it
    neutral: bool | None = None  # QUIC's handshake with a neutral name was, at the same address
    other: bool | None = None  # another packet of that size was answered, or refused
    by_tcp: bool | None = None  # TLS over TCP at the same place, with a certificate for the name
    elsewhere: bool | None = None  # other services answer over UDP on this line


def speaks_udp(endpoint: Endpoint) -> bool:
    """Return whether an endpoint is measured by datagrams."""
    return endpoint.kind in UDP_KINDS and endpoint.transport == "udp"


def must_answer(endpoint: Endpoint) -> bool:
    """Return whether a server owes an answer to what the probe can send it.

    A WireGuard server answers the peers it knows: ours has a published test peer. An OpenVPN
    server with a wrapping answers whoever has its key; of one about which nothing is known,
    nothing can be expected.
    """
    if endpoint.kind is Kind.WIREGUARD:
        return endpoint.key == responder_public_key()
    if endpoint.kind is Kind.OPENVPN:
        return endpoint.wrap is Wrap.NONE or endpoint.key is not None
    return True


def udp_facts(endpoint: Endpoint, bundle: Sequence[Measurement]) -> UdpFacts:
    """Return the facts of ``bundle`` about datagrams, and about OpenVPN over TCP."""
    if endpoint.kind not in UDP_KINDS:
        return UdpFacts()
    main = [s for _, m in looks(bundle, Variant.MAIN) for s in m.steps]
    said = [s for s in main if isinstance(s, UdpStep)]
    replies = [s.reply for s in main if isinstance(s, UdpStep | ExchangeStep) and s.reply]
    return UdpFacts(
        obliged=must_answer(endpoint),
        reply=replies[-1] if replies else None,
        versions=_answered(said, VERSIONS),
        shaken=_answered(said, HANDSHAKE),
        after=_answered(said, PING),
        neutral=_neutral(bundle),
        other=_other(bundle),
        by_tcp=_by_tcp(bundle),
        elsewhere=_elsewhere(bundle),
    )


def _answered(steps: Sequence[UdpStep], protocol: str) -> bool | None:
    """Return how the last step of a protocol ended."""
    mine = [s for s in steps if s.protocol == protocol]
    return mine[-1].failure is None if mine else None


def _steps(bundle: Sequence[Measurement], variant: Variant) -> list[UdpStep]:
    return [s for _, m in looks(bundle, variant) for s in m.steps if isinstance(s, UdpStep)]


def _neutral(bundle: Sequence[Measurement]) -> bool | None:
    """Return whether a neutral name was answered: a handshake, or an alert, is an answer."""
    mine = [s for s in _steps(bundle, Variant.NEUTRAL_SNI) if s.protocol == HANDSHAKE]
    return any(s.reply is not None for s in mine) if mine else None


def _other(bundle: Sequence[Measurement]) -> bool | None:
    """Return whether another packet got through: an answer, or "nobody listens here"."""
    mine = _steps(bundle, Variant.COMPARISON)
    passed = any(s.failure in (None, "connection_refused") for s in mine)
    return passed if mine else None


def _by_tcp(bundle: Sequence[Measurement]) -> bool | None:
    """Return whether the service showed its certificate over TCP at the same address and port."""
    found = looks(bundle, Variant.BY_TCP)
    if not found:
        return None
    shaken = [s for _, m in found for s in m.steps if isinstance(s, TlsStep)]
    return any(s.failure is None and s.certificate is not None for s in shaken)


def _elsewhere(bundle: Sequence[Measurement]) -> bool | None:
    """Return whether others answer over UDP; two that do not are needed for a no."""
    ends = [ending_of(m).passed for _, m in looks(bundle, Variant.OTHER_UDP)]
    if any(ends):
        return True
    return False if len(ends) >= 2 else None
