"""The table of what reads a network, broken messages for each, and the run that gives more."""

import inspect
import pkgutil
from importlib import import_module

import pytest
from hostile import Reader, hostile_bytes
from hypothesis import given, settings
from hypothesis import strategies as st
from net_readers import NET_READERS
from wire_readers import AT, WIRE_READERS

import probe.wire
from fuzz import READERS, Fuzzing, main
from probe.clock import VirtualClock
from probe.net.dns import DnsResult
from probe.net.http import HttpResult
from probe.wire.errors import Fault, WireError

BEGINNINGS = {"openvpn-client-key", "tor-x509"}
"""Readers whose messages only get past the first check: nobody here makes whole ones."""

READING = ("read_", "split_", "verify_", "unmarked", "mapped_", "binding_answer", "scrub")
WITHIN_OTHERS = {"openvpn.read_head", "openvpn.read_body"}
"""They read on from a cursor; what opens a packet calls them."""


@pytest.mark.parametrize("name", sorted(NET_READERS))
@settings(max_examples=15)
@given(data=st.data())
def test_broken_messages_raise_nothing_but_what_is_declared(name: str, data: st.DataObject) -> None:
    """Property: DNS, certificates, TLS, HTTP, web sockets and QUIC, from their first byte on."""
    NET_READERS[name](data.draw(hostile_bytes(NET_READERS[name])))


@pytest.mark.parametrize("name", sorted(n for n, r in READERS.items() if r.seeds))
def test_what_is_broken_was_whole(name: str) -> None:
    """A reader takes one of its messages at least, so what is broken gets behind every check."""
    reader = READERS[name]
    taken = 0
    for seed in reader.seeds:
        try:
            reader.read(seed)
        except reader.declared:
            continue
        taken += 1
    assert taken or name in BEGINNINGS


@pytest.mark.parametrize("name", ["dns-tcp", "dns-https", "http1", "http2", "web-socket"])
def test_whole_messages_are_no_failure(name: str) -> None:
    """Where a failure is a value, the messages that are broken are such as have none."""
    for seed in NET_READERS[name].seeds:
        found = NET_READERS[name].read(seed)
        result = found[0] if isinstance(found, tuple) else found
        assert isinstance(result, DnsResult | HttpResult)
        assert result.failure is None


def test_each_module_of_wire_that_reads_is_in_the_table() -> None:
    """A codec that is added comes with its reader, or says here why it reads nothing."""
    table = inspect.getsource(import_module("wire_readers"))
    for found in pkgutil.iter_modules(probe.wire.__path__):
        module = import_module(f"probe.wire.{found.name}")
        reads = {f"{found.name}.{name}" for name in module.__all__ if name.startswith(READING)}
        assert {name for name in reads - WITHIN_OTHERS if name not in table} == set()


def _planted(data: bytes) -> None:
    """Read as a reader with a fault would: a count that is believed."""
    if data[:1] != b"\x01":
        raise WireError(Fault.FORMAT, "no message")
    _ = data[data[1]]


def fuzzing(reader: Reader, at_a_time: int = 200) -> Fuzzing:
    return Fuzzing({reader.name: reader}, VirtualClock(AT), at_a_time)


def test_a_run_finds_a_fault_and_tells_the_smallest_bytes() -> None:
    """Two bytes make the planted reader look behind its message; no more are told."""
    fault = fuzzing(Reader("planted", _planted, seeds=(b"\x01\x02\x00",))).run(0.0)
    assert fault is not None
    assert isinstance(fault.error, IndexError)
    assert fault.reader == "planted"
    assert len(fault.data) <= 2
    assert "IndexError" in str(fault)
    assert (fault.data.hex() or "no bytes") in str(fault)


def test_the_same_seed_gives_the_same_messages() -> None:
    """A fault that was told can be had again by the seed beside it."""
    given_: list[list[bytes]] = []
    for _ in range(2):
        heard: list[bytes] = []
        fuzzing(Reader("one", heard.append, seeds=(b"abc",)), 30).run(0.0, seed=7)
        given_.append(heard)
    assert given_[0] == given_[1]
    assert len(given_[0]) >= 30


def test_a_run_without_time_goes_round_once() -> None:
    """Each reader has one turn, and what it was given is counted."""
    run = Fuzzing(dict(list(WIRE_READERS.items())[:3]), VirtualClock(AT), 5)
    assert run.run(0.0) is None
    assert set(run.messages) == set(list(WIRE_READERS)[:3])
    assert all(count <= 5 for count in run.messages.values())


def test_a_name_that_is_no_reader_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """By name, and with those that there are."""
    with pytest.raises(SystemExit):
        main(["nosuch", "--minutes", "0"])
    told = capsys.readouterr().err
    assert "nosuch" in told
    assert "dns-udp" in told


def test_the_command_says_what_it_gave(capsys: pytest.CaptureFixture[str]) -> None:
    """Zero, and a count, where nothing but declared errors came."""
    assert main(["stun", "--minutes", "0"]) == 0
    assert "nothing but declared errors" in capsys.readouterr().out
