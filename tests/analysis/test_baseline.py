"""A company's refusal told from a cut on the way, by another endpoint of the same company."""

import msgspec
import pytest
from test_rollup import ALONE, DOWN, GEO, NOT_RUN, OK, RESET, Word, verdict
from verdict_bundles import endpoint

from probe.analysis.baseline import Fate, baseline_sentence, fate_of, sentence_of
from probe.analysis.rollup import rollup
from probe.model.target import Category, Endpoint, Kind, Purpose, Service
from probe.model.verdict import Confidence, Locus, State, Verdict

SITE = endpoint(Kind.HTTP, host="www.company.example")
PRODUCT = endpoint(Kind.HTTP, host="product.company.example", baseline=SITE.id)
REFUSED_PERHAPS: Word = (
    State.INCONCLUSIVE,
    "server.geoblock",
    Confidence.WEAK,
    "server.refusal.alone",
)
NETWORK = "the network lets its servers through"


def told(product: Word, site: Word | None) -> str:
    """Return the sentence for what became of the two."""
    known: dict[str, tuple[Endpoint, Verdict]] = {}
    if site is not None:
        known[SITE.id] = (SITE, verdict(site))
    return baseline_sentence([(PRODUCT, verdict(product))], known)


@pytest.mark.parametrize(
    ("product", "site", "words"),
    [
        (GEO, OK, NETWORK),
        (REFUSED_PERHAPS, OK, NETWORK),
        (RESET, OK, "is cut, and www.company.example of the same company works here"),
        (RESET, RESET, "the whole company may be meant"),
        (RESET, GEO, "is cut before the company answers, which itself refuses"),
        (GEO, GEO, "it refuses more than this"),
        (GEO, RESET, "while www.company.example is cut on the way"),
        (GEO, DOWN, "of www.company.example, nothing is clear"),
        (RESET, ALONE, "is cut; of www.company.example of the same company, nothing is clear"),
        (RESET, NOT_RUN, "www.company.example, to compare with, was not measured"),
        (GEO, None, "www.company.example, to compare with, was not measured"),
    ],
)
def test_both_ways(product: Word, site: Word | None, words: str) -> None:
    """The refusal of a company that works otherwise is no cut; a cut beside it is no refusal."""
    sentence = told(product, site)
    assert words in sentence
    assert (NETWORK in sentence) is (words == NETWORK)


@pytest.mark.parametrize("site", [OK, RESET, GEO, None])
@pytest.mark.parametrize("product", [OK, ALONE, DOWN, NOT_RUN])
def test_what_is_neither_refused_nor_cut_is_compared_with_nothing(
    product: Word, site: Word | None
) -> None:
    """Nothing is said where nothing is explained by it."""
    assert told(product, site) == ""


def test_what_fares_alike_is_said_once() -> None:
    """Hosts are joined; many of them are counted."""
    known = {SITE.id: (SITE, verdict(OK))}
    hosts = [f"p{n}.company.example" for n in range(7)]
    products = [endpoint(Kind.HTTP, host=host, baseline=SITE.id) for host in hosts]
    few = baseline_sentence([(e, verdict(GEO)) for e in products[:2]], known)
    assert few.startswith("p0.company.example, p1.company.example are refused")
    many = baseline_sentence([(e, verdict(GEO)) for e in products], known)
    assert many.startswith("p0.company.example and 6 more hosts are refused")


def test_the_sentence_stands_in_the_services_and_changes_no_verdict() -> None:
    """The roll-up with what is known of the round says more, and decides the same."""
    service = Service(
        id="company", name="Company", category=Category.SANCTIONS, endpoints=(SITE, PRODUCT)
    )
    pairs = [(SITE, verdict(OK)), (PRODUCT, verdict(GEO))]
    plain = rollup(service, pairs)
    known = {e.id: (e, v) for e, v in pairs}
    full = rollup(service, pairs, known)
    assert full.sentence == f"{plain.sentence} {sentence_of(full.beside)}"
    assert NETWORK in full.sentence
    assert [(one.hosts, one.baseline) for one in full.beside] == [((PRODUCT.host,), SITE.host)]
    assert plain.beside == ()
    same = msgspec.structs.replace(full.verdict, sentence=plain.verdict.sentence)
    assert same == plain.verdict


def test_controls_are_compared_with_nothing() -> None:
    """Only targets can be refused or cut."""
    control = msgspec.structs.replace(PRODUCT, purpose=Purpose.CONTROL)
    assert baseline_sentence([(control, verdict(RESET))], {}) == ""


def test_an_address_of_version_six_is_named() -> None:
    """The id of a baseline holds brackets around it."""
    six = endpoint(Kind.HTTP, host="2001:db8::1")
    product = endpoint(Kind.HTTP, host="x.example", baseline=six.id)
    assert "2001:db8::1, to compare" in baseline_sentence([(product, verdict(RESET))], {})


def test_fates() -> None:
    """A degraded service is cut where the network is blamed, refused where it is the service."""
    part = msgspec.structs.replace(verdict(RESET), state=State.DEGRADED)
    assert fate_of(part) is Fate.CUT
    assert fate_of(msgspec.structs.replace(part, locus=Locus.SERVER)) is Fate.REFUSED
    assert fate_of(verdict(DOWN)) is Fate.UNCLEAR
