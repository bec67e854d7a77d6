"""What a found mark means, and where it means nothing."""

import msgspec
import pytest
from verdict_bundles import (
    ANTIVIRUS_CA,
    GOOD,
    MARKS,
    SINK,
    STATE_CA,
    around,
    cert,
    dns,
    endpoint,
    said,
    service,
    tcp,
    thrice,
    tls,
)

from probe.analysis.marks import JudgeFacts
from probe.analysis.verdict import judge
from probe.model.fingerprint import Fingerprint, Mark, Place

FACTS = JudgeFacts(MARKS)
RU = Fingerprint(
    id="ru",
    mark=Mark.INTERCEPTING_CA,
    place=Place.SPKI,
    pattern="ab" * 32,
    countries=("RU",),
    source="test",
)


def test_a_mark_holds_in_its_countries_only() -> None:
    """A block page or sinkhole of one country proves nothing in another."""
    assert FACTS.marks(["page"], "IR") == {Mark.BLOCKPAGE}
    assert FACTS.marks(["page"], "FR") == frozenset()
    assert FACTS.sinkhole([SINK], "IR") == "sink"
    assert FACTS.sinkhole([SINK], "FR") is None
    assert FACTS.sinkhole(["10.10.34.99", "no address"], "IR") is None


def test_false_positives_take_back_block_pages_only() -> None:
    """A known false positive removes the block page, and nothing else."""
    assert FACTS.marks(["page", "fp", "bot"], "IR") == {Mark.FALSE_POSITIVE, Mark.CHALLENGE}


def test_unknown_ids_mean_nothing() -> None:
    """A mark that is no longer listed is passed over."""
    assert FACTS.marks(["gone"], "IR") == frozenset()


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("chat.example.org", "ru"),
        ("bank.example.ru", None),
        ("old.example.su.", None),
        ("xn--80a.xn--p1ai", None),
        ("ru", None),
    ],
)
def test_an_authority_signs_its_own_country_lawfully(host: str, found: str | None) -> None:
    """A state's authority is a mark of interception for other countries' names only."""
    seen = cert("ssl_unknown_authority", issuer_spki_sha256="ab" * 32)
    assert JudgeFacts((RU,)).interceptor(seen, host) == found


def test_an_authority_elsewhere_is_no_mark() -> None:
    """On a line that is known to be in another country, its sites reach us lawfully signed."""
    seen = cert("ssl_unknown_authority", issuer_spki_sha256="ab" * 32)
    found = [JudgeFacts((RU,)).interceptor(seen, "x.example.org", c) for c in ("RU", "ZZ", "DE")]
    assert found == ["ru", "ru", None]


def test_an_authority_is_known_by_its_name_or_key() -> None:
    """Either the issuer's name or its key is enough; another issuer is not."""
    assert (
        FACTS.interceptor(cert("ssl_unknown_authority", issuer=STATE_CA), "chat.example.org")
        == "ca"
    )
    assert FACTS.interceptor(cert("ssl_unknown_authority"), "chat.example.org") is None


def test_a_program_of_ones_own_is_no_state() -> None:
    """An antivirus is known by its name, everywhere, and never as a state's authority."""
    seen = cert("ssl_unknown_authority", issuer=ANTIVIRUS_CA)
    assert FACTS.local_interceptor(seen) == "av"
    assert FACTS.interceptor(seen, "chat.example.org", "IR") is None
    assert FACTS.local_interceptor(cert("ssl_unknown_authority", issuer=STATE_CA)) is None


@pytest.mark.parametrize(
    ("issuer", "said_of_it"),
    [
        (ANTIVIRUS_CA, "inconclusive tls.mitm local likely"),
        (STATE_CA, "blocked tls.mitm network confirmed"),
    ],
)
def test_whose_authority_it_is_says_who_is_blamed(issuer: str, said_of_it: str) -> None:
    """A state's authority is the network's doing, an antivirus the line's own; either by name."""
    bad = cert("ssl_unknown_authority", system="ssl_unknown_authority", issuer=issuer)
    ep = endpoint()
    bundle = [
        msgspec.structs.replace(m, endpoint=ep.id)
        for m in thrice(dns(GOOD), tcp(), tls(certificate=bad))
    ]
    assert said(judge(ep, service(), bundle, context=around(), facts=FACTS)) == said_of_it
