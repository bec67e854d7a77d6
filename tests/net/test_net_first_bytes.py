"""What a trace sends: what a client says first, with the name in it, new each time."""

import random

import dns.message
import pytest

from probe.errors import InputError
from probe.lab.path.opening import Speech, read_opening
from probe.lab.path.quic import QuicOpening
from probe.model.trace import Trigger
from probe.net.first_bytes import first_bytes

NAME = "web.messenger.example"


def said(trigger: Trigger, name: str = NAME, *, six: bool = False) -> bytes:
    return first_bytes(trigger, name, random.Random(1), six=six).data


def test_a_client_hello() -> None:
    """As the lab's censor reads it."""
    opening = read_opening(said(Trigger.TLS))
    assert opening is not None
    assert (opening.speech, opening.name) == (Speech.TLS, NAME)


def test_a_request() -> None:
    """As the lab's censor reads it, and as a common browser words it."""
    data = said(Trigger.HTTP)
    opening = read_opening(data)
    assert opening is not None
    assert (opening.speech, opening.name) == (Speech.HTTP, NAME)
    assert b"Firefox" in data
    assert data.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(("six", "kind"), [(False, "A"), (True, "AAAA")])
def test_a_question(six: bool, kind: str) -> None:
    """For an address of the family that is traced; it is kept, so that answers can be read."""
    made = first_bytes(Trigger.DNS, NAME, random.Random(1), six=six)
    message = dns.message.from_wire(made.data)
    assert str(message.question[0]).startswith(f"{NAME}. IN {kind}")
    assert made.asked is not None
    assert made.asked.id == message.id


def test_an_initial() -> None:
    """One datagram of the size that a server asks for, with the name under QUIC's protection."""
    data = said(Trigger.QUIC)
    hello = QuicOpening().add(data)
    assert hello is not None
    assert (hello.sni, len(data) >= 1200) == (NAME, True)


def test_nothing_for_a_syn() -> None:
    """A SYN names nobody."""
    assert said(Trigger.SYN) == b""


@pytest.mark.parametrize("trigger", [Trigger.TLS, Trigger.QUIC, Trigger.DNS])
def test_new_each_time(trigger: Trigger) -> None:
    """No two shots are the same bytes."""
    rng = random.Random(1)
    first, second = (first_bytes(trigger, NAME, rng, six=False).data for _ in range(2))
    assert first != second


@pytest.mark.parametrize("name", ["a b", "x\r\nHost: other", "", "ü.example"])
@pytest.mark.parametrize("trigger", [Trigger.TLS, Trigger.HTTP, Trigger.DNS, Trigger.QUIC])
def test_a_name_that_cannot_be_sent(trigger: Trigger, name: str) -> None:
    """It is refused before anything is sent, and slips no second line into a request."""
    with pytest.raises(InputError, match="name"):
        said(trigger, name)
