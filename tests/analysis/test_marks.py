"""What a found mark means, and where it means nothing."""

import pytest
from verdict_bundles import MARKS, SINK, STATE_CA, cert

from probe.analysis.marks import JudgeFacts
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
