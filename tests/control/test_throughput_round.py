"""A round that times a name at a server of one's own: planned, let out, stored, paired."""

import random
from pathlib import Path
from typing import Any

import pytest
from schedule_rounds import SECRET, START, VANTAGE, FakeProbe, catalog, endpoint, environment
from throughput_stage import NAME, Anywhere, Vps, server_at

from probe.clock import VirtualClock
from probe.model.codec import encode
from probe.model.goodput import Direction, Pairing, Transport
from probe.model.measurement import Measurement, TlsStep, Variant
from probe.model.target import Endpoint
from probe.net.machine import MachineNet
from probe.probes.env import ProbeEnv
from probe.probes.measure import measure
from probe.probes.options import ProbeOptions
from probe.schedule import goodput
from probe.schedule.choose import Wanted
from probe.schedule.session import Session
from probe.settings import Settings
from probe.store.database import MEMORY, Store

OWN = (Variant.GOODPUT_OWN, Variant.GOODPUT_OWN_NEUTRAL)


class OnlyTransfers(FakeProbe):
    """Measures transfers really, and makes up everything else."""

    async def __call__(
        self, endpoint: Endpoint, env: ProbeEnv, options: ProbeOptions, **more: Any
    ) -> Measurement:
        if options.transfer is None:
            return await super().__call__(endpoint, env, options, **more)
        return await measure(endpoint, env, options, **more)


@pytest.mark.slow
async def test_names_at_ones_own_server_become_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Download, upload and QUIC under the name and beside example.com; a call of the line's own."""
    monkeypatch.setattr(goodput, "CALL_S", 0.1)
    clock = VirtualClock(START)
    surroundings = environment(clock)
    with Store.open(MEMORY) as store:
        store.save_vantage(VANTAGE)
        async with Vps(clock=clock).open() as door:
            session = Session(
                settings=Settings(store=Path("unused.db"), country="IR"),
                catalog=catalog(endpoint("chat", NAME), endpoint("other", "unlisted.example.com")),
                env=ProbeEnv(
                    net=MachineNet(),
                    clock=clock,
                    rng=random.Random(1),
                    roots=surroundings.roots,
                    dial=Anywhere(),
                ),
                rng=random.Random(5),
                vantage=VANTAGE,
                secret=SECRET,
                store=store,
                measure=OnlyTransfers(clock),
                server=server_at(door.listener.port),
            )
            result = await session.round(Wanted(country="IR"), goodput=True)
        pairs = store.goodput()
    assert result.problems == ()
    assert door.problems == ()
    chat = {(k.transport, k.direction) for k in pairs if k.subject == "chat"}
    assert chat == {
        (Transport.TCP, Direction.DOWNLOAD),
        (Transport.TCP, Direction.UPLOAD),
        (Transport.QUIC, Direction.DOWNLOAD),
    }
    assert {k.pairing for k in pairs} == {Pairing.SAME_SERVER}
    assert [k.transport for k in pairs if k.subject == ""] == [Transport.UDP]
    for (pair,) in pairs.values():
        assert pair.target.rate
        assert len(pair.controls) == 1
    looks = [m for r in result.records for m in r.bundle if m.variant in OWN]
    kept = b"".join(encode(look) for look in looks)
    assert looks
    assert b"127.0.0.1" not in kept
    assert str(door.listener.port).encode() not in kept
    assert all(not step.chain for m in looks for step in m.steps if isinstance(step, TlsStep))
    # a name that is not on the server's list has no transfer over TLS, and so no pair
    tcp = [k for k in pairs if k.subject == "other" and k.transport is Transport.TCP]
    assert tcp == []
