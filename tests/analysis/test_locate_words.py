"""What a trace says to people: the hop, whose it is, and no more than was found."""

import msgspec
import pytest

from probe.analysis.locate_words import sentence
from probe.model.trace import Effect, Finding, HopRow, Located, Placement, Trigger

HOPS = (
    HopRow(ttl=3, asn=64500, as_name="Provider", country="XX", inside=True),
    HopRow(ttl=4),
    HopRow(ttl=5, asn=64510, country="XA", inside=False),
)
FOUND = Located(
    finding=Finding.NETWORK,
    effect=Effect.RESET,
    first=5,
    last=5,
    placement=Placement.ON_PATH,
    specific=True,
    rounds=3,
    of=3,
)


def said(located: Located, trigger: Trigger = Trigger.TLS) -> str:
    return sentence(located, HOPS, trigger, "www.example.org")


def test_a_hop_of_the_network() -> None:
    """Where, what, how often, whose, beside the path, about the name."""
    text = said(FOUND)
    assert text.startswith("From hop 5 on, the handshake with the name www.example.org is answered")
    for part in ("3 of 3 rounds", "AS64510, outside the country", "beside the path", "neutral one"):
        assert part in text


def test_a_hop_that_nobody_knows_stands_between_two_that_are() -> None:
    """The hop itself said nothing, or is in no database."""
    text = said(msgspec.structs.replace(FOUND, first=4, last=4))
    assert "hop 3, before it, is in AS64500 Provider, inside the country" in text
    assert "hop 5, behind it, is in AS64510, outside the country" in text


def test_a_link_between_two_networks_may_be_of_either() -> None:
    """Its far end answers with an address of one of them: nobody is accused alone."""
    rows = (HOPS[0], HopRow(ttl=4, asn=64510, country="XA", inside=False))
    found = msgspec.structs.replace(FOUND, first=4, last=4)
    text = sentence(found, rows, Trigger.TLS, "www.example.org")
    assert "That hop is in AS64510, outside the country." in text
    assert "on the link to it, from hop 3, in AS64500 Provider, inside the country" in text
    same = (HOPS[0], HopRow(ttl=4, asn=64500, country="XX", inside=True))
    assert "link" not in sentence(found, same, Trigger.TLS, "www.example.org")


def test_without_a_database_nothing_is_said_of_owners() -> None:
    """No guess."""
    text = sentence(FOUND, (), Trigger.TLS, "www.example.org")
    assert "no database here says" in text


def test_a_range_is_a_range() -> None:
    """Not its middle."""
    assert "one of the hops 4 to 5" in said(msgspec.structs.replace(FOUND, first=4))


def test_not_about_the_name() -> None:
    """The neutral twin fares alike."""
    assert "not what it is about" in said(msgspec.structs.replace(FOUND, specific=False))


def test_the_server_is_no_network() -> None:
    """No hop of the network is accused."""
    found = Located(finding=Finding.SERVER, effect=Effect.RESET, first=7, last=7)
    text = said(found)
    assert "passes every hop of the network" in text
    assert "hop 7, where the server is" in text


@pytest.mark.parametrize("trigger", list(Trigger))
@pytest.mark.parametrize("finding", list(Finding))
@pytest.mark.parametrize("effect", [*Effect, None])
def test_every_finding_has_words(trigger: Trigger, finding: Finding, effect: Effect | None) -> None:
    """Whatever was found, and notes are sentences of their own."""
    found = Located(finding=finding, effect=effect, first=4, last=4, notes=("a note",))
    text = said(found, trigger)
    assert text.endswith("A note.")
    assert "None" not in text
