"""Sockets of the lab's internet: how many there may be, and what is nowhere."""

import asyncio
import resource
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from probe.errors import ProbeError
from probe.lab.ca import YEAR, AuthorityName, make_authority
from probe.lab.certificates import Certificates
from probe.lab.connection import Connection
from probe.lab.inside.doors import raise_limit
from probe.lab.scenario import load_scenario
from probe.lab.stun import binding_reply
from probe.lab.world import build_world
from probe.wire.stun import binding_request, mapped_address

NOW = datetime(2026, 3, 2, tzinfo=UTC)
Limits = Callable[[int, int], list[tuple[int, int]]]


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> Limits:
    """Return a function that pretends the process had these limits, and lists what it sets."""

    def pretend(soft: int, hard: int) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, hard))
        monkeypatch.setattr(resource, "setrlimit", lambda _, pair: found.append(pair))
        return found

    return pretend


def test_the_limit_of_open_files_is_raised_as_far_as_needed(limits: Limits) -> None:
    """And left alone where it is high enough already."""
    found = limits(1024, 4096)
    raise_limit(3000)
    assert found == [(3000, 4096)]
    enough = limits(8192, 8192)
    raise_limit(3000)
    assert enough == []
    endless = limits(1024, resource.RLIM_INFINITY)
    raise_limit(30_000)
    assert endless == [(30_000, resource.RLIM_INFINITY)]


def test_a_world_that_is_too_large_says_so(limits: Limits) -> None:
    """A machine with a low hard limit is told the two numbers, not a traceback."""
    limits(1024, 4096)
    with pytest.raises(ProbeError, match="13000 open files, and the hard limit is 4096"):
        raise_limit(13_000)


async def test_a_connection_to_nowhere_is_reset() -> None:
    """What arrives at a shifted port for a host that has no such port is refused."""
    loop = asyncio.get_running_loop()
    open_ones: set[Connection] = set()
    server = await loop.create_server(lambda: Connection(lambda _: None, open_ones), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    with pytest.raises(ConnectionResetError):
        await reader.read(1)
    writer.close()
    server.close()
    assert open_ones == set()


def test_stun_tells_an_ipv6_address_too() -> None:
    """XOR-MAPPED-ADDRESS of IPv6 is masked with the transaction as well (RFC 8489, 14.2)."""
    transaction = bytes(range(12))
    reply = binding_reply(binding_request(transaction), "3ffe:b::7", 4000)
    assert reply is not None
    assert mapped_address(reply, transaction) == "3ffe:b::7"


def test_certificates_hold_at_the_labs_time_and_at_the_machines() -> None:
    """A browser in the lab looks at the machine's clock, a probe at the lab's."""
    public = AuthorityName.PUBLIC
    real = NOW + timedelta(days=264)
    certificates = Certificates({public: make_authority(public, NOW)}, NOW, also=real)
    leaf = x509.load_pem_x509_certificate(certificates.leaf(["a.example"]).chain)
    assert leaf.not_valid_before_utc == NOW - YEAR
    assert leaf.not_valid_after_utc == real + YEAR


def test_a_leaf_has_every_name_and_address_of_its_site() -> None:
    """A web server has one certificate for all that it is called."""
    public = AuthorityName.PUBLIC
    certificates = Certificates({public: make_authority(public, NOW)}, NOW)
    leaf = x509.load_pem_x509_certificate(
        certificates.leaf(["a.example", "b.example", "33.1.2.3", "3ffe:a::5"]).chain
    )
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["a.example", "b.example"]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == [
        "33.1.2.3",
        "3ffe:a::5",
    ]


def test_nobody_serves_where_the_vantages_stand() -> None:
    """The line and the control have addresses of their own; name servers serve only names."""
    services = load_scenario("none").services
    assert services is not None
    world = build_world(services, "XX")
    vantages = {
        world.own_address,
        world.own_address_v6,
        world.abroad_address,
        world.abroad_address_v6,
    }
    assert len(vantages) == 4
    assert not vantages & world.hosts.keys()
    assert all(world.hosts[address].ports == {53} for address in world.authority)
    assert world.open_resolver in world.hosts
