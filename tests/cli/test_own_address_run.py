"""After runs in which everybody told this line its own address, it is nowhere.

Told by relays (NETINFO), directories (``X-Your-Address-Is``), STUN servers, an edge's trace, a
block page and a redirect to one, in every spelling that is known, of both families.
"""

import base64
import ipaddress
import sys
import zipfile
from pathlib import Path

import pytest
from test_private_run import DONE, command, home, told

from probe.lab.rules import Scenario
from probe.lab.scenario import load_scenario
from probe.lab.world import World, build_world
from probe.model.codec import encode
from probe.model.measurement import ExchangeStep, HttpStep, Proof, Step, UdpStep
from probe.model.target import Kind
from probe.store.database import Store
from probe.wire.scrub import SCRUBBED, address_spellings

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.skipif(sys.platform == "win32", reason="the same as on other systems"),
]
__all__ = ["home"]


WORLD = """name: told
description: Everybody tells the line its address, in every way.
zone: UTC
country: XX
starts: 2026-03-02
line: {ipv6: works}
services:
  - id: relay
    name: Relay
    category: messaging
    endpoints:
      - {kind: tor-or, host: relay.told.example, port: 443, tls: true, trust: none, role: other}
      - {kind: tor-dir, host: directory.told.example, port: 9030, role: other}
  - id: talk
    name: Talk
    category: messaging
    endpoints:
      - {kind: udp-stun, host: stun.told.example, port: 3478, role: call}
      - {kind: http, host: edge.told.example, tls: true, path: /cdn-cgi/trace, role: web}
      - {kind: http, host: sent.told.example, path: /, role: web}
  - id: anchors
    name: Neutral hosts
    category: control
    endpoints:
      - {kind: http, host: one.anchor.example, tls: true, path: /, purpose: control, anchor: true, operator: One}
      - {kind: http, host: two.anchor.example, tls: true, path: /, purpose: control, anchor: true, operator: Two}
      - {kind: http, host: three.anchor.example, tls: true, path: /, purpose: control, anchor: true, operator: Three}
"""  # noqa: E501 - a scenario as one writes it

PAGES = """  - id: pages
    name: Pages
    category: news
    endpoints:
"""


def told_world(file: Path) -> tuple[Scenario, World]:
    """Write the scenario whose block pages and redirect say the line's addresses.

    Of a title 200 characters are kept, so each page has some of the spellings in its own.
    """
    file.write_text(WORLD)
    bare = load_scenario(file)
    world = build_world(bare.services or (), bare.country, cdn=bare.cdn)
    said = spellings_of(world)
    parts = [" ".join(said[n : n + 2]) for n in range(0, len(said), 2)]
    assert max(map(len, parts)) < 200
    hosts = [f"cut{number}.told.example" for number, _ in enumerate(parts)]
    rules = [
        f"  - {{id: {host}, who: {{host: {host}}}, "
        f'what: {{action: block_page, title: "{part}"}}}}\n'
        for host, part in zip(hosts, parts, strict=True)
    ]
    where = redirect_for(world)
    rules.append(
        "  - {id: sent, who: {host: sent.told.example},"
        f' what: {{action: redirect, location: "{where}"}}}}\n'
    )
    lines = "".join(f"      - {{kind: http, host: {host}, path: /, role: web}}\n" for host in hosts)
    marker = "  - id: anchors\n"
    file.write_text(WORLD.replace(marker, PAGES + lines + marker) + "rules:\n" + "".join(rules))
    made = load_scenario(file)
    assert build_world(made.services or (), made.country).own_address == world.own_address
    return made, world


def redirect_for(world: World) -> str:
    """Return where a portal sends this line: its addresses in the path and in the query."""
    own = world.own_address
    encoded = base64.urlsafe_b64encode(ipaddress.ip_address(own).packed).decode()
    return f"http://page.told.example/{own}/{encoded}?client={own}&six={world.own_address_v6}"


def spellings_of(world: World) -> list[str]:
    """Return every way to write the addresses of the line."""
    found = [
        spelling
        for address in (world.own_address, world.own_address_v6)
        for spelling, _ in address_spellings(address)
    ]
    assert len(found) > 20
    return found


def own_spellings() -> list[str]:
    """Return every way to write the line's addresses of that world."""
    scenario = load_scenario("protocols-none")
    return spellings_of(build_world(scenario.services or (), scenario.country, cdn=scenario.cdn))


def test_no_spelling_of_the_own_address_is_left(home: Path) -> None:
    """NETINFO and ``X-Your-Address-Is`` came, from relays and a directory, and are not kept."""
    store = home / "artefacts" / "probe.db"
    run = ("run", "--lab", "protocols-none", "--store", str(store), "--output", "json")
    said = list(command(home, *run).communicate(timeout=200))
    report = ("report", "--private", "--out", str(home / "artefacts" / "private.html"))
    said += told(home, *report)
    with Store.open(store, create=False) as opened:
        (row,) = opened.rounds()
        records = opened.records(row.id)
    last = {r.bundle[0].kind: r.bundle[0].steps[-1] for r in records}
    link, page = last[Kind.TOR_OR], last[Kind.TOR_DIR]
    assert isinstance(link, ExchangeStep)
    assert "NETINFO" in (link.reply or "")
    assert link.proof is Proof.IDENTITY
    assert isinstance(page, HttpStep)
    assert page.expected is True
    kept = [*said, encode(row), *(encode(record) for record in records)]
    kept += [f.read_bytes() for f in (home / "artefacts").rglob("*") if f.is_file()]
    whole = b"\n".join(kept).lower()
    assert [s for s in own_spellings() if s.lower().encode() in whole] == []


def test_nobody_who_tells_it_has_it_kept(home: Path) -> None:
    """Five tellers in one run: not in the database, on the screen, in reports or in exports."""
    scenario, world = told_world(home / "told.yaml")
    kept = home / "artefacts"
    run = ("run", "--lab", str(home / "told.yaml"), "--store", str(kept / "probe.db"))
    said = list(command(home, *run, "--output", "json").communicate(timeout=200))
    for words in (
        ("report", "--private", "--out", str(kept / "private.html")),
        ("report", "--out", str(kept / "public.html")),
        ("export", "measurements", "--out", str(kept / "csv")),
        ("export", "measurements", "--format", "jsonl", "--out", str(kept / "jsonl")),
        ("export", "measurements", "--format", "ooni"),
        ("export", "verdicts", "--format", "json"),
        ("export", "--bundle", str(kept / "line.zip")),
        ("timeline", "--output", "json"),
    ):
        said += told(home, *words)
    diagnosis = ("diagnose", "talk", "--lab", str(home / "told.yaml"), "--verbose")
    looking = command(home, *diagnosis)
    said += looking.communicate(timeout=100)
    assert looking.returncode in DONE, said[-1]
    with Store.open(kept / "probe.db", create=False) as opened:
        (row,) = opened.rounds()
        records = opened.records(row.id)
    hosts = {e.id: e.host.partition(".")[0] for s in scenario.services or () for e in s.endpoints}
    last = {hosts[r.endpoint]: r.bundle[0].steps[-1] for r in records}
    assert_told(last)
    whole = [*said, encode(row), *(encode(record) for record in records)]
    whole += [part for file in kept.rglob("*") if file.is_file() for part in inside(file)]
    everything = b"\n".join(whole).lower()
    assert [s for s in spellings_of(world) if s.lower().encode() in everything] == []


def assert_told(last: dict[str, Step]) -> None:
    """See that each of them answered, so that there was something to drop."""
    stun, link, page = last["stun"], last["relay"], last["directory"]
    assert isinstance(stun, UdpStep)
    assert stun.reply == "success"
    assert isinstance(link, ExchangeStep)
    assert "NETINFO" in (link.reply or "")
    assert isinstance(page, HttpStep)
    assert page.expected is True
    edge, sent = last["edge"], last["sent"]
    assert isinstance(edge, HttpStep)
    assert (edge.status, edge.title) == (200, None)
    cut = [step for name, step in last.items() if name.startswith("cut")]
    assert len(cut) > 10
    for step in cut:
        assert isinstance(step, HttpStep)
        assert step.status == 403
        assert SCRUBBED in (step.title or "")
    assert isinstance(sent, HttpStep)
    assert dict(sent.headers)["location"].startswith("http://page.told.example/")


def inside(file: Path) -> list[bytes]:
    """Return a file, and what is packed in it."""
    if not zipfile.is_zipfile(file):
        return [file.read_bytes()]
    with zipfile.ZipFile(file) as packed:
        return [packed.read(name) for name in packed.namelist()]
