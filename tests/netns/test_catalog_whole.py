"""The whole shipped catalog in the lab: every endpoint answers, nothing is cut."""

import asyncio
import json
import resource
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
import pytest_asyncio

from probe.analysis.verdict import JudgeFacts, judge
from probe.control.observe import observation_of
from probe.lab.netns.attached import AttachedLab
from probe.lab.scenario import load_scenario
from probe.model.control import ControlKind
from probe.model.measurement import Measurement, Outcome
from probe.model.target import Category, Endpoint, Kind, Purpose
from probe.model.verdict import State
from probe.net import guard
from probe.probes.env import ProbeEnv, Timeouts
from probe.probes.measure import MEASURED_KINDS, measure
from probe.probes.options import ProbeOptions
from probe.targets.load import load_catalog, load_fingerprints
from probe.wire.published import responder_public_key
from probe.wire.stun import binding_request, mapped_address

pytestmark = [
    pytest.mark.netns,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not guard.in_lab(), reason="not in a lab: run make test-netns"),
]

AT_ONCE = 16
_ABSENT = {Kind.SIGNAL_PROXY, Kind.IKEV2}
"""Kinds that people's own servers have: the one is a template, of the other no source names any."""

_BARE = (Kind.TCP, Kind.OBFS4)
"""Kinds of which a connection is all that is looked at."""

PATIENT = Timeouts(dns_s=20.0, tcp_s=20.0, tls_s=20.0, http_s=30.0)
"""Nothing is silent here: only a busy machine uses them up."""


@pytest_asyncio.fixture
async def lab() -> AsyncIterator[AttachedLab]:
    """Return the lab with the shipped catalog as its world; the small one is put back."""
    none = load_scenario("none")
    async with await AttachedLab.attach() as lab:
        await lab.play(none, load_catalog().services)
        try:
            yield lab
        finally:
            await lab.play(none, none.services)


async def all_of(lab: AttachedLab) -> list[tuple[Endpoint, Measurement]]:
    """Measure every endpoint of the catalog by the kind's own probe."""
    env = ProbeEnv(net=lab.net(), clock=lab.clock, rng=Random(1), roots=lab.roots, timeouts=PATIENT)
    places = asyncio.Semaphore(AT_ONCE)
    options = ProbeOptions(families=(4,), keep_listening=False)

    async def one(endpoint: Endpoint) -> tuple[Endpoint, Measurement]:
        async with places:
            return endpoint, await measure(endpoint, env, options)

    living = [s for s in lab.services if s.retired_on is None]
    named = [e for s in living for e in s.endpoints if "{" not in e.host]
    return await asyncio.gather(*(one(e) for e in named))


def faults(measurement: Measurement) -> list[str]:
    """Return what failed, or was not as the catalog expects it."""
    failed = [step.failure for step in measurement.steps if step.failure is not None]
    odd = [step for step in measurement.steps if getattr(step, "expected", None) is False]
    return failed + ["not as expected"] * len(odd)


def owes_nothing(endpoint: Endpoint) -> bool:
    """Return whether it is silent to all whose key it does not know: WireGuard by its design."""
    return endpoint.kind is Kind.WIREGUARD and endpoint.key != responder_public_key()


async def test_every_endpoint_answers_as_the_catalog_says(lab: AttachedLab) -> None:
    """All kinds that have a probe, over single packets; IPv6 literals are not on this line."""
    started = asyncio.get_running_loop().time()
    found = await all_of(lab)
    took_s = asyncio.get_running_loop().time() - started
    looked_at = [(e, m) for e, m in found if m.outcome is Outcome.MEASURED]
    assert {e.kind for e, _ in looked_at} == MEASURED_KINDS - _ABSENT
    measured = [(e, m) for e, m in looked_at if ":" not in e.host and not owes_nothing(e)]
    assert len(measured) > 650
    assert {e.id: faults(m) for e, m in measured if faults(m)} == {}
    six = [m for e, m in looked_at if ":" in e.host]
    assert all(faults(m) == ["network_unreachable"] for m in six)
    strangers = [m for e, m in looked_at if ":" not in e.host and owes_nothing(e)]
    assert [faults(m) for m in strangers] == [["generic_timeout_error"]] * len(strangers)
    counts = await lab.counters()
    figures: dict[str, float] = {
        "measured": len(measured),
        "seconds": round(took_s, 1),
        "bytes": sum(m.bytes_sent + m.bytes_received for _, m in measured),
        "MB resident": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "HTTP/2": sum(_http2(m) for _, m in measured),
        **{name: counts[name] for name in ("tcp", "tls", "http", "authority") if name in counts},
    }
    print(figures)


async def test_every_target_is_judged_to_work(lab: AttachedLab) -> None:
    """What needs a comparison is compared with a look from abroad.

    A bare connection stays ``tcp_only`` whatever is known: it proves no service. Silence of who
    owes no answer stays that.
    """
    services = {service.id: service for service in lab.services}
    found = [(e, m) for e, m in await all_of(lab) if e.purpose is Purpose.TARGET]
    targets = [(e, m) for e, m in found if ":" not in e.host and m.outcome is Outcome.MEASURED]
    facts = JudgeFacts(fingerprints=load_fingerprints())
    unclear: list[tuple[Endpoint, Measurement]] = []
    for endpoint, measurement in targets:
        service = services[endpoint.service]
        verdict = judge(endpoint, service, [measurement], context=None, facts=facts)
        if endpoint.kind in _BARE:
            assert verdict.mechanism == "tcp_only"
        if verdict.state is not State.OK:
            unclear.append((endpoint, measurement))
    assert len(unclear) < len(targets) / 2
    seen = await asyncio.gather(*(lab.observe(e, PATIENT) for e, _ in unclear))
    left: dict[str, str] = {}
    for (endpoint, measurement), abroad in zip(unclear, seen, strict=True):
        control = observation_of(abroad, source="abroad", kind=ControlKind.LIVE, country="XA")
        controls = () if control is None else (control,)
        service = services[endpoint.service]
        verdict = judge(
            endpoint, service, [measurement], context=None, controls=controls, facts=facts
        )
        front = verdict.mechanism == "front_only"  # nothing sourced says what is behind it
        if verdict.state is not State.OK and endpoint.kind not in _BARE and not front:
            left[endpoint.id] = f"{verdict.state} {verdict.mechanism}"
    silent = {e.id for e, _ in targets if owes_nothing(e)}
    assert left == dict.fromkeys(silent, "inconclusive no_reply_expected")


async def test_probe_itself_finds_nothing_blocked(lab: AttachedLab, tmp_path: Path) -> None:
    """``probe run --all`` as a user types it: nothing is blocked and no gate is closed.

    Without a control from abroad a bare connection and a bare name prove little: those, and
    kinds without a probe, are all that is not said to work.
    """
    command = [sys.executable, "-m", "probe", "run", "--all", "--country", "IR", "--no-store"]
    ran = await asyncio.to_thread(
        subprocess.run,
        [*command, "--output", "jsonl"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    rows = [json.loads(line) for line in ran.stdout.splitlines()]
    assert len(rows) > 200
    assert sum(row["state"] == "ok" for row in rows) > len(rows) * 0.9
    assert {row["mechanism"] for row in rows if row["state"] != "ok"} <= {
        "not_measured",
        "dns.unverified",
        "tcp_only",
        "front_only",
        "no_reply_expected",
        "service.retired",
    }
    assert all(row["gates"] == [] for row in rows)


EVERYTHING = ("--all", "--bytes", "40000000", *(f"--include={c}" for c in Category))


async def probe_run(folder: Path, *words: str) -> list[dict[str, Any]]:
    """Run ``probe run`` as a user types it, in this lab; return the rows of its JSON."""
    command = [sys.executable, "-m", "probe", "run", *words, "--country", "IR", "--output", "json"]
    ran = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, cwd=folder, check=False
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    rows: list[dict[str, Any]] = json.loads(ran.stdout)
    return rows


def allowed_by(dry: dict[str, Any], lab: AttachedLab) -> set[str]:
    """Return the destinations that a dry run announced, as the box writes them."""
    places: set[tuple[str, int]] = set()
    for row in dry["endpoints"]:
        site = lab.world.site(row["host"])
        at = (row["host"],) if site is None else (*site.addresses, *site.elsewhere)
        places |= {(address, row["port"]) for address in at}
    own = "this system's own"
    for resolver in dry["contacts"]["resolvers"]:
        address, _, port = resolver.rpartition(":")
        places.add((lab.world.nameserver, 53) if resolver == own else (address, int(port)))
    return {f"{name} {address} {port}" for name in ("tcp", "udp") for address, port in places}


async def test_a_full_run_goes_where_its_dry_run_said_and_costs_no_more(
    lab: AttachedLab, tmp_path: Path
) -> None:
    """Every opt-in included: what the box between the line and all else saw is the proof."""
    (dry,) = await probe_run(tmp_path, *EVERYTHING, "--dry-run")
    assert dry["bytes"] <= 40_000_000
    before, (up_before, down_before) = await lab.sought()
    rows = await probe_run(tmp_path, *EVERYTHING, "--yes", "--no-store")
    after, (up_after, down_after) = await lab.sought()
    sought = Counter(after) - Counter(before)
    up, down = up_after - up_before, down_after - down_before
    assert set(sought) - allowed_by(dry, lab) == set()
    assert sum(sought.values()) > 5_000
    assert 0 < up + down <= dry["bytes"]
    kinds = {e.id: e.kind for e in load_catalog().endpoints()}
    ends = [end for row in rows for end in row.get("endpoints", ())]
    assert len(ends) > 600
    yet = {end["endpoint"] for end in ends if end["outcome"] == "not_measured_yet"}
    assert {kinds[name] for name in yet} & MEASURED_KINDS == set()
    print({"packets": sum(sought.values()), "places": len(sought), "MB": (up + down) / 1e6,
           "announced MB": dry["bytes"] / 1e6})  # fmt: skip


async def test_stun_tells_the_address_behind_the_home_router(lab: AttachedLab) -> None:
    """The line has a private address; servers see the public one, and say so."""
    stun = [(h, p) for h in lab.world.hosts.values() for p, k in h.speaks.items() if k is Kind.STUN]
    for host, port in stun[:6]:
        if ":" in host.address:
            continue
        transaction = bytes(range(12))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(5)
            sock.connect((host.address, port))
            sock.send(binding_request(transaction))
            reply = await asyncio.to_thread(sock.recv, 2000)
        assert mapped_address(reply, transaction) == lab.world.own_address


def _http2(measurement: Measurement) -> bool:
    return any(getattr(step, "alpn", None) == "h2" for step in measurement.steps)
