"""Acts on protocols, one by one: what each makes a measurement end with, and who is spared."""

import random
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
import pytest_asyncio

from probe.lab.actions import Action
from probe.lab.process import Lab
from probe.lab.scenario import load_scenario
from probe.model.measurement import (
    ExchangeStep,
    HttpStep,
    Measurement,
    Proof,
    Step,
    TlsStep,
    Variant,
)
from probe.model.target import Kind
from probe.probes.env import ProbeEnv, Timeouts
from probe.probes.measure import measure
from probe.probes.options import ProbeOptions

pytestmark = pytest.mark.asyncio(loop_scope="module")
PATIENT = Timeouts(dns_s=20, tcp_s=20, tls_s=20, http_s=20, exchange_s=20, late_s=0.02)
SHORT = replace(PATIENT, tls_s=0.4, http_s=0.4, exchange_s=0.4)
NOT_IT = "unknown_failure: an answer in another protocol"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def protocols() -> AsyncIterator[Lab]:
    """Return a lab in the world of protocols."""
    async with Lab(load_scenario("protocols-none"), http2=False) as running:
        yield running


class Seen(NamedTuple):
    """How an endpoint's measurement ends under one rule."""

    host: str
    kind: Kind
    who: str
    what: str
    last: type[Step]
    failure: str | None


RELAY, CENTRE, CHAT = "relay.tor.example", "dc.telegram.example", "web.chat.example"
PROXY, PUSH = "proxy.signal.example", "courier.push.example"
ACTS: Mapping[str, Seen] = {
    "clear, reset": Seen(
        CENTRE, Kind.MTPROTO, f"host: {CENTRE}, looks: mtproto", "protocol_reset",
        ExchangeStep, "connection_reset",
    ),
    "clear, dropped": Seen(
        CENTRE, Kind.MTPROTO, "looks: [mtproto, random]", "protocol_drop",
        ExchangeStep, "generic_timeout_error",
    ),
    "hello, reset": Seen(
        RELAY, Kind.TOR_OR, "looks: tor", "protocol_reset", TlsStep, "connection_reset"
    ),
    "hello of another kind, spared": Seen(
        CHAT, Kind.WHATSAPP, "looks: tor", "protocol_reset", ExchangeStep, None
    ),
    "only what looks random, spared": Seen(
        CENTRE, Kind.MTPROTO, "looks: random", "protocol_drop", ExchangeStep, None
    ),
    "a web server": Seen(
        RELAY, Kind.TOR_OR, f"host: {RELAY}", "wrong_service", ExchangeStep, NOT_IT
    ),
    "garbage": Seen(CENTRE, Kind.MTPROTO, f"host: {CENTRE}", "garbage", ExchangeStep, NOT_IT),
    "nobody": Seen(
        RELAY, Kind.TOR_OR, f"host: {RELAY}", "mute", ExchangeStep, "generic_timeout_error"
    ),
    "too many ask": Seen(
        CENTRE, Kind.MTPROTO, f"host: {CENTRE}", "transport_flood", ExchangeStep, None
    ),
    "a certificate is wanted": Seen(
        PROXY, Kind.SIGNAL_PROXY, f"host: {PROXY}", "client_cert",
        ExchangeStep, "ssl_failed_handshake",
    ),
    "a web server where TLS was meant": Seen(
        PUSH, Kind.TLS, f"host: {PUSH}", "wrong_service", TlsStep, "ssl_failed_handshake"
    ),
    "garbage where TLS was meant": Seen(
        PUSH, Kind.TLS, f"host: {PUSH}", "garbage", TlsStep, "ssl_failed_handshake"
    ),
    "frozen after the handshake": Seen(
        CHAT, Kind.WHATSAPP, f"host: {CHAT}", "{action: freeze, bytes: 0}",
        HttpStep, "generic_timeout_error",
    ),
    "ended after the handshake": Seen(
        CHAT, Kind.WHATSAPP, f"host: {CHAT}", "{action: truncate, bytes: 0}",
        HttpStep, "eof_error",
    ),
}  # fmt: skip


async def seen(
    lab: Lab,
    act: Seen,
    folder: Path,
    *,
    control: bool = False,
    variant: Variant = Variant.MAIN,
) -> Measurement:
    """Play one rule and measure its endpoint."""
    file = folder / "act.yaml"
    file.write_text(
        "name: act\ndescription: one act\nstarts: 2026-03-02\ncountry: XX\nworld: protocols\n"
        f"rules:\n  - {{id: act, who: {{{act.who}}}, what: {act.what}}}\n"
        "expect:\n  - {service: tor, not: invalid}\n"
    )
    await lab.play(load_scenario(file))
    silent = act.failure == "generic_timeout_error" and not control
    env = ProbeEnv(
        net=lab.net(control=control),
        clock=lab.clock,
        rng=random.Random(3),
        roots=lab.control_roots if control else lab.roots,
        timeouts=SHORT if silent else PATIENT,
    )
    endpoints = (e for s in lab.services for e in s.endpoints)
    return await measure(
        next(e for e in endpoints if e.host == act.host and e.kind is act.kind),
        env,
        ProbeOptions(variant=variant),
    )


@pytest.mark.parametrize("name", ACTS)
async def test_an_act_on_a_protocol_gives_its_failure(
    protocols: Lab, name: str, tmp_path: Path
) -> None:
    """The step at which it ends, and OONI's name for it or ours."""
    act = ACTS[name]
    last = (await seen(protocols, act, tmp_path)).steps[-1]
    assert (type(last), last.failure) == (act.last, act.failure)


@pytest.mark.parametrize(
    "name", [n for n, act in ACTS.items() if act.failure and "protocol" in act.what]
)
async def test_the_control_is_spared_by_the_networks_acts(
    protocols: Lab, name: str, tmp_path: Path
) -> None:
    """What looks like something is cut on this line only."""
    last = (await seen(protocols, ACTS[name], tmp_path, control=True)).steps[-1]
    assert isinstance(last, ExchangeStep)
    assert last.proof in (Proof.ECHO, Proof.IDENTITY)


async def test_a_stranger_is_one_for_everybody(protocols: Lab, tmp_path: Path) -> None:
    """What a server is does not depend on who looks."""
    last = (await seen(protocols, ACTS["garbage"], tmp_path, control=True)).steps[-1]
    assert last.failure == NOT_IT


@pytest.mark.parametrize("variant", [Variant.MAIN, Variant.COMPARISON])
async def test_a_flood_is_told_in_every_envelope(
    protocols: Lab, tmp_path: Path, variant: Variant
) -> None:
    """In the clear and in what looks random: four bytes, which prove no more than the form."""
    flood = await seen(protocols, ACTS["too many ask"], tmp_path, variant=variant)
    last = flood.steps[-1]
    assert isinstance(last, ExchangeStep)
    assert (last.reply, last.proof) == ("transport error 429", Proof.FORM)


async def test_every_act_on_protocols_is_among_them() -> None:
    """Those that the table has for this world."""
    played = {act.what for act in ACTS.values()}
    assert {
        "protocol_reset",
        "protocol_drop",
        "wrong_service",
        "garbage",
        "mute",
        "transport_flood",
    } <= played
    assert {Action(what) for what in played if not what.startswith("{")} <= set(Action)
