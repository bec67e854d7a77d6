"""An object over HTTP/3, timed as over TCP; bytes are those of the datagrams that came."""

from probe.model.measurement import TlsStep, UdpStep
from probe.net.base import NetFailure
from probe.net.http import HttpRequest, HttpResult
from probe.net.http3 import Http3Answer, http3_exchange
from probe.net.quic import QuicHandshake
from probe.probes.goodput import add_transfer, download_of, is_object, peer_for
from probe.probes.http import record_answer
from probe.probes.meter import GIVE_UP_S, Meter
from probe.probes.naming import each_address
from probe.probes.peer import Peer
from probe.probes.quic import HANDSHAKE, NO_CERTIFICATE, NO_QUIC, certificate_step
from probe.probes.session import Session
from probe.probes.transfer import HAS_OBJECT, Transfer

__all__ = ["over_quic"]


async def over_quic(session: Session, transfer: Transfer) -> None:
    """Shake hands over QUIC, ask for the object, and time what comes."""
    if not session.env.quic:
        session.reason = NO_QUIC
        return
    request = download_of(session, transfer)

    async def attempt(address: str) -> bool:
        return await _Look(session, transfer, address, request).take()

    await each_address(session, attempt)


class _Look:
    """One transfer over one connection; its clock is the measurement's."""

    def __init__(
        self, session: Session, transfer: Transfer, address: str, request: HttpRequest
    ) -> None:
        self._session = session
        self._transfer = transfer
        self._address = address
        self._request = request
        self._peer: Peer = peer_for(session, transfer.server, ("h3",))
        self._meter = Meter(0.0)
        self._asked_s = 0.0
        self._shaken_s = 0.0

    async def take(self) -> bool:
        """Measure, and return whether the object came."""
        session, port = self._session, self._request.port
        env, recorder = session.env, session.recorder
        async with env.limits.destination(self._address):
            self._began_s = recorder.now_s()
            try:
                datagrams = recorder.count(await env.net.open_udp(self._address, port))
            except NetFailure as exc:
                self._handshake(QuicHandshake(failure=exc.failure))
                return False
        try:
            answer = await http3_exchange(
                datagrams,
                self._request,
                sni=self._peer.sni,
                judge=self._judge,
                heard=self._heard,
                began=self._begin,
                handshake_s=env.timeouts.tls_s,
                timeout_s=env.timeouts.transfer_s,
                silence_s=GIVE_UP_S,
                most=self._transfer.wanted,
            )
        finally:
            await datagrams.aclose()
        if not answer.asked:
            if not answer.handshake.completed:
                self._handshake(answer.handshake)
            return False
        return self._answered(answer)

    def _heard(self, size: int) -> None:
        self._meter.add(size, self._session.recorder.now_s())

    def _begin(self) -> None:
        self._asked_s = self._session.recorder.now_s()
        self._meter = Meter(self._asked_s)

    def _judge(self, told: QuicHandshake) -> bool:
        """Record the handshake and the certificate; go on where it is the one expected."""
        session, server = self._session, self._transfer.server
        self._handshake(told)
        if not told.chain:
            return False
        self._shaken_s = session.recorder.now_s()
        step: TlsStep = certificate_step(
            session, told, self._address, self._request.port, self._peer, self._shaken_s
        )
        session.recorder.add(step)
        return step.failure is None if server is None else server.is_it(told.chain)

    def _handshake(self, told: QuicHandshake) -> None:
        recorder = self._session.recorder
        recorder.add(
            UdpStep(
                t0_s=self._began_s,
                t_s=recorder.now_s(),
                failure=None if told.completed and told.chain else told.failure or NO_CERTIFICATE,
                address=self._address,
                port=self._request.port,
                protocol=HANDSHAKE,
                sent=told.sent,
                received=told.received,
                reply="handshake" if told.completed else None,
            )
        )

    def _answered(self, answer: Http3Answer) -> bool:
        session = self._session
        t_s = session.recorder.now_s()
        head = HttpResult(
            failure=answer.failure,
            protocol="HTTP/3",
            status=answer.status,
            headers=answer.headers,
        )
        if answer.status is not None:
            record_answer(session, self._address, self._request, head, self._asked_s)
            if answer.status not in HAS_OBJECT:
                return False
        if not is_object(session, self._transfer, head, answer.body_length):
            return False
        self._meter.end(t_s)
        add_transfer(
            session,
            self._transfer,
            self._meter,
            self._address,
            self._request.port,
            self._asked_s,
            t_s,
            answer.failure,
            rtt_s=self._shaken_s - self._began_s,
        )
        return answer.failure is None
