"""What is seen over UDP, in short words, and the scenes that an expert judged."""

from dataclasses import replace
from typing import Any

from verdict_bundles import (
    GOOD,
    OTHER,
    STRANGE,
    Scene,
    cert,
    control,
    dns,
    endpoint,
    look,
    snapshot,
    tcp,
    thrice,
    tls,
    udp,
)

from probe.model.measurement import ExchangeStep, Measurement, Step, TlsStep, UdpStep, Variant
from probe.model.target import Endpoint, Kind, Purpose, Wrap
from probe.wire.published import responder_public_key

__all__ = [
    "BY_TCP",
    "NOBODY_OVER_UDP",
    "QUIC",
    "QUIC_NEUTRAL",
    "RANDOM_IS_REFUSED",
    "RANDOM_IS_SILENT",
    "RANDOM_PASSES",
    "RELAY",
    "RESPONDER",
    "SECRET_VPN",
    "STUN",
    "UDP_SCENES",
    "hello",
    "quic",
]

TIMEOUT = "generic_timeout_error"
STUN = endpoint(Kind.STUN, port=3478)
QUIC = endpoint(Kind.QUIC, tls=True, alpn=("h3",))
IKE = endpoint(Kind.IKEV2, port=500)
PLAIN_VPN = endpoint(Kind.OPENVPN, port=1194, wrap=Wrap.NONE)
SECRET_VPN = endpoint(Kind.OPENVPN, port=1194, wrap=Wrap.TLS_AUTH)
SECRET_TCP = endpoint(Kind.OPENVPN, port=443, wrap=Wrap.TLS_AUTH, transport="tcp")
RELAY = endpoint(Kind.WIREGUARD, port=51_820)
RESPONDER = endpoint(Kind.WIREGUARD, port=51_820, key=responder_public_key())


def hello(failure: str | None = None, address: str = GOOD, **more: Any) -> UdpStep:
    """Return a handshake of QUIC."""
    reply = None if failure else "handshake"
    return udp(more.pop("reply", reply), failure, address, protocol="quic")


def quic(
    versions: str | None = None,
    handshake: str | None = None,
    ping: str | None = None,
    address: str = GOOD,
) -> tuple[Step, ...]:
    """Return the steps of a look at QUIC, each by its failure; what comes after one is left out."""
    asked = udp(None if versions else "version_negotiation", versions, address, "quic-versions")
    if handshake:
        return asked, hello(handshake, address)
    shaken: TlsStep = tls(address)
    pong = udp(None if ping else "pong", ping, address, "quic-ping")
    return asked, hello(None, address), shaken, pong


def exchange(failure: str) -> ExchangeStep:
    """Return a question over a connection that got no answer."""
    return ExchangeStep(
        t0_s=0.2, t_s=0.3, failure=failure, address=GOOD, port=443, protocol="openvpn"
    )


def random_bytes(step: Step) -> Measurement:
    """Return the look with another payload."""
    return look(step, variant=Variant.COMPARISON)


RANDOM_PASSES = random_bytes(udp("anything"))
RANDOM_IS_REFUSED = random_bytes(udp(None, "connection_refused"))
RANDOM_IS_SILENT = random_bytes(udp(None, TIMEOUT))
QUIC_NEUTRAL = look(
    udp("version_negotiation", protocol="quic-versions"), hello(), variant=Variant.NEUTRAL_SNI
)
BY_TCP = look(tcp(), tls(), variant=Variant.BY_TCP)
_DEAD = udp(None, TIMEOUT, STRANGE)
NOBODY_OVER_UDP = (
    look(_DEAD, variant=Variant.OTHER_UDP),
    look(_DEAD, variant=Variant.OTHER_UDP),
)
MUTE = udp(None, TIMEOUT)
FAR: dict[str, Any] = control(TIMEOUT, "udp")
FARTHER: dict[str, Any] = control(TIMEOUT, "udp", source="farther")


def _protocol(at: Endpoint, *steps: Step) -> tuple[Scene, Scene]:
    """Return the scene of a filter, and the same where a control says besides that it is up."""
    kind = at.kind
    alone = Scene(
        f"{kind} is dropped, random bytes are not",
        f"udp.protocol.{kind}",
        f"blocked udp.protocol.{kind} unknown likely",
        (*thrice(*steps), RANDOM_PASSES),
        endpoint=at,
    )
    return alone, replace(alone, controls=(control(addresses=(GOOD,), address=GOOD),))


def _strange(name: str, at: Endpoint, step: Step, **more: Any) -> Scene:
    rule = "udp.no_reply_expected"
    verdict = "inconclusive no_reply_expected unknown weak"
    return Scene(name, rule, verdict, (look(step),), endpoint=at, **more)


UDP_SCENES: tuple[Scene, ...] = (
    Scene(
        "a handshake over QUIC with the service's certificate",
        "ok.handshake",
        "ok none unknown likely",
        (look(dns(GOOD), *quic()),),
        endpoint=QUIC,
    ),
    Scene(
        "a handshake over QUIC with a stranger's certificate",
        "tls.mitm.alone",
        "inconclusive tls.mitm unknown weak",
        (
            look(
                udp("version_negotiation", protocol="quic-versions"),
                hello(),
                tls(certificate=cert("ssl_unknown_authority", issuer="CN=x")),
            ),
        ),
        endpoint=QUIC,
    ),
    Scene(
        "versions of QUIC, and no aioquic to shake hands with",
        "unproven.quic_versions",
        "inconclusive quic.versions_only unknown weak",
        (look(dns(GOOD), udp("version_negotiation", protocol="quic-versions")),),
        endpoint=QUIC,
    ),
    Scene(
        "a server of calls that wants credentials",
        "ok.udp",
        "ok none unknown likely",
        (look(udp("error")),),
        endpoint=STUN,
    ),
    _strange("a relay that knows its peers", RELAY, MUTE),
    _strange("a relay, and random bytes are ignored, too", RELAY, MUTE, controls=(FAR,)),
    _strange("a server whose key is a secret", SECRET_VPN, MUTE, controls=(FAR,)),
    _strange("a relay that is silent to two controls", RELAY, MUTE, controls=(FAR, FARTHER)),
    _strange("a server with a secret key hangs up", SECRET_TCP, exchange("eof_error")),
    _strange("and so it does when it resets", SECRET_TCP, exchange("connection_reset")),
    Scene(
        "a stranger's packets vanish where random ones are refused",
        "udp.stranger",
        "blocked udp.protocol unknown weak",
        (look(MUTE), RANDOM_IS_REFUSED),
        endpoint=RELAY,
        controls=(FAR,),
    ),
    Scene(
        "whom it answered in the morning is no stranger",
        "udp.silence.expected",
        "inconclusive udp.silence unknown weak",
        (look(MUTE), RANDOM_IS_SILENT),
        endpoint=SECRET_VPN,
        controls=(snapshot(addresses=(GOOD, OTHER)),),
    ),
    Scene(
        "and who is answered elsewhere is none either",
        "udp.silence.live",
        "blocked udp.silence unknown weak",
        (look(MUTE),),
        endpoint=SECRET_VPN,
        controls=(control(addresses=(GOOD, OTHER)),),
    ),
    *_protocol(STUN, MUTE),
    Scene(
        "each protocol is dropped by its looks, and random bytes are not",
        "udp.protocol.udp-stun",
        "blocked udp.protocol.udp-stun unknown likely",
        (*thrice(MUTE), RANDOM_PASSES, *NOBODY_OVER_UDP),
        endpoint=STUN,
    ),
    *_protocol(IKE, MUTE),
    *_protocol(PLAIN_VPN, MUTE),
    *_protocol(RESPONDER, MUTE),
    *_protocol(QUIC, *quic(TIMEOUT, TIMEOUT)),
    Scene(
        "an alert in a handshake over QUIC",
        "quic.alert",
        "inconclusive quic.alert unknown weak",
        thrice(*quic()[:1], hello("ssl_failed_handshake", reply="alert handshake_failure")),
        endpoint=QUIC,
        controls=(control(addresses=(GOOD,)),),
    ),
    Scene(
        "an alert that the name is unknown is one, and no certificate",
        "quic.alert",
        "inconclusive quic.alert unknown weak",
        thrice(*quic()[:1], hello("ssl_invalid_hostname", reply="alert unrecognized_name")),
        endpoint=QUIC,
        controls=(control(addresses=(GOOD,)),),
    ),
    Scene(
        "another service at the port",
        "udp.unexpected",
        "inconclusive udp.unexpected unknown weak",
        thrice(udp(None, "unknown_failure: a reply that is not of ikev2")),
        endpoint=IKE,
        controls=(control(addresses=(GOOD,)),),
    ),
    Scene(
        "noise for everybody",
        "down.one",
        "down down server weak",
        thrice(udp(None, "unknown_failure: a reply that is not of ikev2")),
        endpoint=IKE,
        controls=(control("unknown_failure: a reply that is not of ikev2", "udp"),),
    ),
    Scene(
        "a neutral host's datagram cannot be blocked",
        "control.failed",
        "inconclusive control.failed unknown weak",
        thrice(MUTE),
        endpoint=endpoint(Kind.STUN, port=3478, purpose=Purpose.CONTROL),
    ),
)
