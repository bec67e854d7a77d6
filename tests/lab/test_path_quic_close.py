"""The end of a QUIC connection that a stranger made up, as a client of its own reads it."""

import pytest

from probe.lab.path.quic import QuicOpening
from probe.lab.path.quic_close import closing_datagram

pytest.importorskip("aioquic")

from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection, QuicConnectionState

SERVER = ("192.0.2.1", 443)
VERSIONS = (0x0000_0001, 0x6B33_43CF)


def opened(version: int) -> tuple[QuicConnection, QuicOpening]:
    """Return a client that has said hello, and what somebody on the way has heard of it."""
    configuration = QuicConfiguration(
        is_client=True,
        server_name="web.messenger.example",
        original_version=version,
        supported_versions=list(VERSIONS),
    )
    client = QuicConnection(configuration=configuration)
    client.connect(SERVER, now=0.0)
    said = QuicOpening()
    hellos = [said.add(data) for data, _ in client.datagrams_to_send(now=0.0)]
    assert any(hello is not None for hello in hellos)
    return client, said


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("alert", [40, 112])
def test_a_client_takes_it_for_its_servers(version: int, alert: int) -> None:
    """In both versions a client drains on it, with the alert as the error."""
    client, said = opened(version)
    client.receive_datagram(closing_datagram(said, alert), SERVER, now=0.0)
    assert client._state is QuicConnectionState.DRAINING
    event = client._close_event
    assert event is not None
    assert event.error_code == 0x100 + alert


def test_it_is_made_for_one_connection() -> None:
    """Another client, with ids of its own, pays no heed."""
    _, said = opened(1)
    other, _ = opened(1)
    other.receive_datagram(closing_datagram(said, 40), SERVER, now=0.0)
    assert other._close_event is None
