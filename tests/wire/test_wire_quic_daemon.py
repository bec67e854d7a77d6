"""A QUIC server that others wrote (aioquic): it answers our datagram with its versions."""

import asyncio
import os

import pytest
from wire_daemons import in_namespace

from probe.wire.quic import read_version_negotiation, version_probe

pytestmark = pytest.mark.slow
PORT = 4433


def test_aioquic_names_its_versions() -> None:
    """The well-formed datagram is understood, and the answer read: version 1 is in it."""
    server = pytest.importorskip("aioquic.asyncio.server", reason="aioquic is not installed")
    configuration = pytest.importorskip("aioquic.quic.configuration")
    ids = os.urandom(8), os.urandom(8)
    packet = version_probe(destination=ids[0], source=ids[1], filler=os.urandom(1200))

    async def exchange() -> bytes:
        loop = asyncio.get_running_loop()
        settings = configuration.QuicConfiguration(is_client=False)
        listening = await server.serve("127.0.0.1", PORT, configuration=settings)
        answers: asyncio.Queue[bytes] = asyncio.Queue()

        class Line(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: object) -> None:
                answers.put_nowait(data)

        line, _ = await loop.create_datagram_endpoint(Line, remote_addr=("127.0.0.1", PORT))
        line.sendto(packet)
        try:
            return await asyncio.wait_for(answers.get(), 5)
        finally:
            line.close()
            listening.close()

    answer = in_namespace(lambda: asyncio.run(exchange()))
    read = read_version_negotiation(answer, destination=ids[0], source=ids[1])
    assert 1 in read.versions
