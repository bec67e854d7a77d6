"""The lab's own servers of OpenVPN, WireGuard and IKEv2, as far as their first answer.

They answer what the real ones answer and are silent where those are: an OpenVPN server with a
wrapping to whoever has not its key, a WireGuard server to whoever is not its peer. The one with
the published test keys also sends other datagrams back, so that a filter of the protocol can be
told from a filter of the address.
"""

import hashlib
import random
from typing import TYPE_CHECKING

from probe.lab.wire import Application, Wire
from probe.model.target import Endpoint, Wrap
from probe.wire.errors import WireError
from probe.wire.ikev2 import NON_ESP_MARKER, marked, read_request, sa_answer
from probe.wire.noise import public_key
from probe.wire.openvpn import ControlPacket, Opcode, frame, server_reset, split_frame
from probe.wire.openvpn_key import StaticKey
from probe.wire.openvpn_wrap import Digest, Plain, Replay, TlsAuth, TlsCrypt, Wrapping
from probe.wire.published import TEST_PEER, TEST_RESPONDER, responder_public_key, static_key
from probe.wire.wireguard_responder import read_initiation, response

if TYPE_CHECKING:
    from probe.lab.protocols import DatagramSpeaker
    from probe.lab.situation import Situation
    from probe.lab.speakers import Place
    from probe.lab.world import Host

__all__ = [
    "OpenVpnStream",
    "client_wrapping",
    "echo_of",
    "ikev2_server",
    "openvpn_server",
    "secret_key",
    "server_wrapping",
    "wireguard_server",
]


def _rng(situation: "Situation", host: "Host", port: int) -> random.Random:
    return random.Random(f"{host.address}/{port}/{situation.now:%Y}")  # noqa: S311 - no secret


def echo_of(packet: bytes) -> bytes:
    """Return what a responder for tests says to a packet of no protocol.

    It is never more than came: nothing to amplify, whoever's address was written on it.
    """
    return hashlib.sha256(packet).digest()[: len(packet)]


def secret_key(endpoint: Endpoint) -> StaticKey:
    """Return the key of a server that does not publish any: the lab's alone."""
    digest = hashlib.shake_256(f"the lab's key of {endpoint.host}".encode()).digest(256)
    return StaticKey(digest)


def server_wrapping(endpoint: Endpoint) -> Wrapping:
    """Return how a server of this endpoint wraps; the key is the published one, else its own."""
    if endpoint.wrap in (None, Wrap.NONE):
        return Plain()
    key = secret_key(endpoint) if endpoint.key is None else static_key(endpoint.key)
    if endpoint.wrap is Wrap.TLS_CRYPT:
        return TlsCrypt(key, server=True)
    return TlsAuth(key, Digest(endpoint.digest), direction=0)


def client_wrapping(endpoint: Endpoint) -> Wrapping:
    """Return how a client wraps that knows the server's key, be it the lab's alone."""
    if endpoint.wrap in (None, Wrap.NONE):
        return Plain()
    key = secret_key(endpoint) if endpoint.key is None else static_key(endpoint.key)
    return (
        TlsCrypt(key) if endpoint.wrap is Wrap.TLS_CRYPT else TlsAuth(key, Digest(endpoint.digest))
    )


class _OpenVpn:
    """One server: a reset for a reset."""

    def __init__(self, situation: "Situation", host: "Host", port: int, transport: str) -> None:
        endpoint = host.terms.get((transport, port))
        self._wrapping = Plain() if endpoint is None else server_wrapping(endpoint)
        self._situation = situation
        self._rng = _rng(situation, host, port)

    def answer(self, packet: bytes) -> bytes | None:
        """Return the answer to a packet, ``None`` for silence."""
        try:
            opened: ControlPacket = self._wrapping.open(packet)
        except WireError:
            return None
        if opened.opcode is not Opcode.HARD_RESET_CLIENT_V2:
            return None
        replay = Replay(1, int(self._situation.now.timestamp()))
        return self._wrapping.seal(server_reset(self._rng.randbytes(8), opened), replay)


def openvpn_server(situation: "Situation", host: "Host", port: int) -> "DatagramSpeaker":
    """Return who answers hard resets over UDP."""
    server = _OpenVpn(situation, host, port, "udp")

    def speak(packet: bytes, seen: tuple[str, int]) -> tuple[bytes, ...]:
        del seen
        answer = server.answer(packet)
        return () if answer is None else (answer,)

    return speak


class OpenVpnStream(Application):
    """The same over TCP: it hangs up on whatever it cannot read, as the real one does."""

    def __init__(self, wire: Wire, place: "Place") -> None:
        """Serve ``place`` over ``wire``."""
        self._wire = wire
        self._server = _OpenVpn(place.situation, place.host, place.port, "tcp")
        self._buffer = b""

    def feed(self, data: bytes) -> None:
        """Take bytes; answer the first packet when it is whole."""
        self._buffer += data
        try:
            found = split_frame(self._buffer)
        except WireError:
            self._wire.close()
            return
        if found is None:
            return
        packet, self._buffer = found
        answer = self._server.answer(packet)
        if answer is None:
            self._wire.close()
        else:
            self._wire.write(frame(answer))


def wireguard_server(situation: "Situation", host: "Host", port: int) -> "DatagramSpeaker":
    """Return who answers initiations: the test responder to its peer, anybody else to nobody."""
    endpoint = host.terms.get(("udp", port))
    ours = endpoint is not None and endpoint.key == responder_public_key()
    rng = _rng(situation, host, port)
    peer = public_key(TEST_PEER)

    def speak(packet: bytes, seen: tuple[str, int]) -> tuple[bytes, ...]:
        del seen
        if not ours:
            return ()
        try:
            request = read_initiation(packet, TEST_RESPONDER)
            known = request.static_public == peer
            made = response(request, ephemeral_private=rng.randbytes(32), sender=rng.randbytes(4))
        except WireError:
            return (echo_of(packet),)
        return (made,) if known else ()

    return speak


def ikev2_server(situation: "Situation", host: "Host", port: int) -> "DatagramSpeaker":
    """Return who takes any proposal; on all ports but 500 behind the marker."""
    rng = _rng(situation, host, port)
    plain = port == 500

    def speak(packet: bytes, seen: tuple[str, int]) -> tuple[bytes, ...]:
        del seen
        if not plain and not packet.startswith(NON_ESP_MARKER):
            return ()
        try:
            request, _ = read_request(packet if plain else packet[len(NON_ESP_MARKER) :])
            spi, nonce, value = (rng.randbytes(size) for size in (8, 32, 32))
            made = sa_answer(request, spi=spi, nonce=nonce, public_value=value)
        except WireError:
            return ()
        return (made if plain else marked(made),)

    return speak
