"""What is written for unbound, nginx and caddy: our addresses, our folder, nothing else."""

import json
import random
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from probe.lab.ca import AuthorityName, make_authority
from probe.lab.certificates import Certificates
from probe.lab.inside.allotment import PROGRAMS, Group, allot
from probe.lab.inside.caddy import caddy_config
from probe.lab.inside.geography import Geography
from probe.lab.inside.keys import KeyFiles, write_keys
from probe.lab.inside.nginx import nginx_config
from probe.lab.inside.origin import Behind, origin_path
from probe.lab.inside.roles import served_part
from probe.lab.inside.tor import bridge_config, relay_config, write_identity
from probe.lab.inside.unbound import Resolver, unbound_config
from probe.lab.scenario import load_scenario
from probe.lab.situation import Situation
from probe.lab.world import build_world

NOW = datetime(2026, 3, 2, tzinfo=UTC)
SCENARIO = load_scenario("server-403")
FOLDER = Path("/private/folder")
GROUP = Group(("one.example", "two.example"), ("33.1.2.3", "3ffe:a::5"))
KEYS = KeyFiles(FOLDER / "site0.pem", FOLDER / "site0.key")


def paths(text: str) -> set[str]:
    """Return the absolute paths that a configuration names."""
    return set(re.findall(r"(?<![\w:/.}])(/[\w.-]+(?:/[\w.-]+)+)", text))


@pytest.fixture(scope="module")
def certificates() -> Certificates:
    name = AuthorityName.PUBLIC
    return Certificates({name: make_authority(name, NOW)}, NOW)


def test_nginx_listens_at_the_sites_addresses_and_nowhere_else() -> None:
    """Each address at 80 and 443, IPv6 in brackets; one server for all names of the site."""
    text = nginx_config([(GROUP, KEYS)], FOLDER, FOLDER / "origin.sock")
    listens = re.findall(r"listen ([^;]+);", text)
    assert listens == [
        "33.1.2.3:80",
        "33.1.2.3:443 ssl http2",
        "[3ffe:a::5]:80",
        "[3ffe:a::5]:443 ssl http2",
    ]
    assert "server_name one.example two.example;" in text
    assert text.count("{") == text.count("}")


def test_nginx_touches_no_path_but_ours() -> None:
    """Not its default logs, temporary folders or process id file; and it stays in front."""
    text = nginx_config([(GROUP, KEYS)], FOLDER, FOLDER / "origin.sock")
    assert {path for path in paths(text) if not path.startswith(str(FOLDER))} <= {"/33.1.2.3"}
    for part in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"):
        assert f"{part}_temp_path {FOLDER}/" in text
    assert "daemon off;" in text
    assert "master_process off;" in text
    assert f"pid {FOLDER}/" in text


def test_nginx_hands_on_the_labs_date() -> None:
    """A web server's own date is the machine's, and would look like a wrong clock."""
    text = nginx_config([(GROUP, KEYS)], FOLDER, FOLDER / "origin.sock")
    assert "proxy_pass_header Date;" in text


def test_caddy_speaks_http3_on_the_sites_addresses() -> None:
    """HTTP/3 where there is TLS; no automatic certificates, redirects or administration."""
    config = json.loads(caddy_config([(GROUP, KEYS)], FOLDER, FOLDER / "origin.sock"))
    servers = config["apps"]["http"]["servers"]
    listen = sorted(where for server in servers.values() for where in server["listen"])
    assert listen == ["33.1.2.3:443", "33.1.2.3:80", "[3ffe:a::5]:443", "[3ffe:a::5]:80"]
    assert servers["sealed0"]["protocols"] == ["h1", "h2", "h3"]
    assert servers["plain0"]["protocols"] == ["h1"]
    assert all(server["automatic_https"] == {"disable": True} for server in servers.values())
    assert config["admin"] == {"disabled": True, "config": {"persist": False}}
    assert config["storage"]["root"].startswith(str(FOLDER))
    assert config["apps"]["tls"]["certificates"]["load_files"] == [
        {"certificate": str(KEYS.chain), "key": str(KEYS.key)}
    ]


def resolver(**fields: object) -> Resolver:
    base: dict[str, object] = {
        "doors": [("29.1.2.3", 53)], "outgoing": "29.1.2.3", "authority": "33.9.9.9"
    }  # fmt: skip
    return Resolver(**(base | fields))  # type: ignore[arg-type]


def test_unbound_asks_only_the_labs_name_servers() -> None:
    """All names go to one address; no root key, no control port, no other account."""
    text = unbound_config(resolver(), FOLDER)
    assert re.findall(r"forward-addr: (\S+)", text) == ["33.9.9.9"]
    assert "interface: 29.1.2.3@53" in text
    assert "control-enable: no" in text
    assert 'username: ""' in text
    assert 'chroot: ""' in text
    assert 'pidfile: ""' in text
    assert "anchor" not in text
    assert paths(text) == {str(FOLDER)}


def test_only_open_resolvers_say_for_whom_they_ask() -> None:
    """The line's own stands where its clients are; the large ones pass the network on."""
    assert "client-subnet" not in unbound_config(resolver(), FOLDER)
    text = unbound_config(resolver(subnets=True, keys=KEYS), FOLDER)
    assert "send-client-subnet: 33.9.9.9" in text
    assert '"subnetcache iterator"' in text
    assert f'tls-service-pem: "{KEYS.chain}"' in text
    assert "https-port: 443" in text


@pytest.mark.skipif(shutil.which("unbound-checkconf") is None, reason="unbound is not installed")
def test_unbound_accepts_its_configuration(tmp_path: Path, certificates: Certificates) -> None:
    """The program's own checker reads it without a word."""
    keys = write_keys(tmp_path, "k", ["dns.example", "33.1.2.3"], certificates)
    file = tmp_path / "unbound.conf"
    doors = [("33.1.2.3", 53), ("33.1.2.3", 853), ("3ffe:a::5", 443)]
    file.write_text(
        unbound_config(resolver(doors=doors, subnets=True, keys=keys), tmp_path), encoding="utf-8"
    )
    checked = subprocess.run(
        ["unbound-checkconf", str(file)], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    assert "warning" not in checked.stderr


def test_keys_are_for_their_owner_only(tmp_path: Path, certificates: Certificates) -> None:
    """A private key is written with mode 0600, and belongs to the chain beside it."""
    import ssl

    files = write_keys(tmp_path, "site", ["a.example", "33.1.2.3"], certificates)
    assert files.key.stat().st_mode & 0o777 == 0o600
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(files.chain, files.key)


@pytest.fixture(scope="module")
def behind(certificates: Certificates) -> Behind:
    assert SCENARIO.services is not None
    world = build_world(SCENARIO.services, "XX")
    situation = Situation(world, served_part(SCENARIO), certificates, now=NOW, rng=random.Random(1))
    return Behind(situation, Geography(world))


def test_the_origin_answers_for_the_host_and_the_client_in_the_path(behind: Behind) -> None:
    """A service's refusal at home is not felt abroad, also through a web server in front."""
    world = behind.world
    site = world.sites["web.messenger.example"]
    statuses = {
        client: behind.web(
            "GET", site.name, f"{origin_path(site.addresses[0], '443', client)}/?q=a/b", b""
        ).status
        for client in (world.own_address, world.abroad_address, world.abroad_address_v6)
    }
    assert statuses == {
        world.own_address: 403, world.abroad_address: 200, world.abroad_address_v6: 200
    }  # fmt: skip


def test_the_origin_keeps_path_and_query(behind: Behind) -> None:
    """What was asked for arrives without the prefix."""
    world = behind.world
    site = world.sites["portal.anchor.example"]
    prefix = origin_path(site.addresses[0], "80", world.own_address)
    assert behind.web("GET", site.name, f"{prefix}/generate_204?x=1", b"").status == 204


@pytest.mark.parametrize("target", ["/", "*", "/33.1.2.3/443", "/1.2.3.4/443/1.1.1.1/", "/a/b/c/d"])
def test_the_origin_refuses_what_no_web_server_sends(behind: Behind, target: str) -> None:
    """Without a known host in the path there is nothing to answer."""
    assert behind.web("GET", "x.example", target, b"").status == 502


def test_tor_is_a_relay_of_the_labs_and_tells_nobody(tmp_path: Path) -> None:
    """All doors, one of them its own; no other authority than a closed port, nothing published."""
    doors = [("3ffe:a::5", 443), ("33.1.2.3", 443), ("33.1.2.4", 9001)]
    text = relay_config(doors, tmp_path)
    assert re.findall(r"^ORPort (.*)$", text, re.MULTILINE) == [
        "33.1.2.3:443",
        "33.1.2.4:9001 NoAdvertise",
        "[3ffe:a::5]:443 NoAdvertise",
    ]
    assert "Address 33.1.2.3\n" in text
    for line in ("SocksPort 0", "ExitRelay 0", "PublishServerDescriptor 0"):
        assert f"{line}\n" in text
    assert re.findall(r"^DirAuthority .* (127\.0\.0\.1:9) ", text, re.MULTILINE)
    assert paths(text) == {f"{tmp_path}/data"}


def test_the_bridge_has_one_door_and_a_port_of_its_own_inside(tmp_path: Path) -> None:
    """What obfs4 hides is on loopback."""
    text = bridge_config(("33.1.2.3", 27015), tmp_path, "/usr/bin/obfs4proxy")
    assert "BridgeRelay 1\n" in text
    assert "ServerTransportListenAddr obfs4 33.1.2.3:27015\n" in text
    assert "ORPort 127.0.0.1:auto\n" in text


def test_tors_key_is_the_labs_and_for_its_owner_only(tmp_path: Path) -> None:
    """So every relay of the lab has the fingerprint that is known."""
    write_identity(tmp_path)
    file = tmp_path / "data" / "keys" / "secret_id_key"
    assert file.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
    assert b"BEGIN RSA PRIVATE KEY" in file.read_bytes()


def test_every_site_of_the_small_world_is_configured() -> None:
    """What was allotted is what is written."""
    assert SCENARIO.services is not None
    world = build_world(SCENARIO.services, "XX")
    shared = allot(world, SCENARIO, PROGRAMS)
    text = nginx_config([(g, KEYS) for g in shared.nginx], FOLDER, FOLDER / "o.sock")
    assert text.count("server_name ") == len(shared.nginx) > 1
