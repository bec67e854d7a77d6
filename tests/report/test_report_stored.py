"""A report out of a store: what was known in the period, of one vantage."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest

from probe.errors import InputError
from probe.model.context import Anchor, AnchorGroup, RoundContext, RoundInputs
from probe.model.measurement import Measurement
from probe.model.record import Note, NoteKind, Record
from probe.model.target import Catalog, Category, Endpoint, Kind, PartOf, Role, Service, Whole
from probe.model.vantage import Access, Network, Vantage
from probe.model.verdict import Confidence, Fate, Locus, Reason, State, Verdict
from probe.report.data import FindingKind, ReportData
from probe.report.html import render
from probe.report.stored import report_of
from probe.store.database import Store

START = datetime(2026, 5, 1, 0, 30, tzinfo=UTC)
NOW = START + timedelta(days=9)
NETWORK = Network(asn=64500, name="Secret Telecom", access=Access.FIXED)
HOME = Vantage(id="home", label="attic", country="IR", tz="Asia/Tehran", access=Access.FIXED)


def endpoint(service: str, role: Role) -> Endpoint:
    """Return an endpoint of a service."""
    return Endpoint(
        service=service,
        kind=Kind.TLS,
        host=f"{role}.{service}.example",
        port=443,
        role=role,
        source="fixture",
        checked_on=date(2026, 5, 1),
    )


def service(ident: str, *roles: Role, retired: date | None = None) -> Service:
    """Return a service with one endpoint for each role."""
    return Service(
        id=ident,
        name=ident.title(),
        category=Category.MESSAGING,
        retired_on=retired,
        endpoints=tuple(endpoint(ident, role) for role in roles),
    )


CATALOG = Catalog(
    services=(
        service("talky", Role.MESSAGES, Role.CALL),
        service("refuser", Role.WEB),
        service("old", Role.WEB, retired=date(2025, 5, 5)),
        service("unseen", Role.WEB),
    ),
    digest="cafe",
)

OK = Verdict(
    state=State.OK,
    mechanism="none",
    locus=Locus.UNKNOWN,
    confidence=Confidence.CONFIRMED,
    rule_id="ok.answer",
    rule_version=1,
)
CUT = Verdict(
    state=State.BLOCKED,
    mechanism="tls.reset.sni",
    locus=Locus.NETWORK,
    confidence=Confidence.LIKELY,
    rule_id="tls.reset.sni.three_way",
    rule_version=1,
)
REFUSED = Verdict(
    state=State.BLOCKED,
    mechanism="server.geoblock",
    locus=Locus.SERVER,
    confidence=Confidence.CONFIRMED,
    rule_id="server.refusal.stated",
    rule_version=1,
    reason=Reason.SANCTIONS_STATED,
)
UNCLEAR = Verdict(
    state=State.INCONCLUSIVE,
    mechanism="tcp.timeout",
    locus=Locus.UNKNOWN,
    confidence=Confidence.WEAK,
    rule_id="tcp.timeout.alone",
    rule_version=1,
)


def record(of: Endpoint, at: datetime, verdict: Verdict) -> Record:
    """Return one record."""
    look = Measurement(endpoint=of.id, service=of.service, kind=of.kind, started=at)
    return Record(endpoint=of.id, service=of.service, role=of.role, bundle=(look,), verdict=verdict)


def measure(store: Store, at: datetime, verdicts: dict[Endpoint, Verdict]) -> None:
    """Keep one round."""
    number = store.begin_round(
        vantage=HOME.id, plan="core", started=at, catalog_digest="cafe", network=NETWORK
    )
    store.save(number, [record(of, at, verdict) for of, verdict in verdicts.items()])
    anchor = Anchor(endpoint="a", group=AnchorGroup.INTERNATIONAL, network="A", ok=True)
    context = RoundContext(
        started=at,
        tz=HOME.tz,
        utc_offset_s=12_600,
        tzdata="2026a",
        network=NETWORK,
        country="IR",
        inputs=RoundInputs(anchors=(anchor,)),
    )
    store.end_round(number, context, at + timedelta(seconds=30))


@pytest.fixture
def store() -> Iterator[Store]:
    """Return a store of eight days: talky is cut from the fifth day on."""
    with Store.open(":memory:") as opened:
        opened.save_vantage(HOME)
        talky, refuser = CATALOG.services[0], CATALOG.services[1]
        for hour in range(0, 8 * 24, 8):
            at = START + timedelta(hours=hour)
            messages = CUT if hour >= 4 * 24 else OK
            measure(
                opened,
                at,
                {
                    talky.endpoints[0]: messages,
                    talky.endpoints[1]: OK,
                    refuser.endpoints[0]: REFUSED,
                },
            )
        opened.add_note(
            Note(time=START + timedelta(hours=3), kind=NoteKind.SLOW, text="at Leila's house")
        )
        yield opened


def kinds(data: ReportData) -> dict[str, FindingKind]:
    """Return the kinds of findings by service."""
    return {found.id: found.kind for found in data.services}


def test_a_stored_line_becomes_a_report(store: Store) -> None:
    """States, reasons, names, roles and versions all come out of store and catalog."""
    data = report_of(store, CATALOG, now=NOW)
    found = {one.id: one for one in data.services}
    assert kinds(data)["refuser"] is FindingKind.REFUSED
    assert found["refuser"].reason is Reason.SANCTIONS_STATED
    assert kinds(data)["old"] is FindingKind.RETIRED
    assert kinds(data)["unseen"] is FindingKind.NOT_MEASURED
    assert {role.role: role.state for role in found["talky"].roles} == {
        Role.MESSAGES: State.BLOCKED,
        Role.CALL: State.OK,
    }
    assert data.place.country == "IR"
    assert data.place.tz == "Asia/Tehran"
    assert data.coverage.rounds == 24
    assert ("ok.answer", 1) in data.method.rules
    assert data.method.tzdata == "2026a"
    assert data.notes_withheld == 1


def test_nothing_private_gets_out(store: Store) -> None:
    """Neither label, vantage, network nor the chain's head is on a published page."""
    page = render(report_of(store, CATALOG, now=NOW))
    for secret in ("attic", "64500", "Secret Telecom", "Leila", store.info().chain_head):
        assert secret not in page
    own = render(report_of(store, CATALOG, now=NOW, private=True))
    assert "AS64500/fixed" in own
    assert store.info().chain_head in own
    assert "attic" not in own


def test_a_report_of_the_past_says_what_was_known_then(store: Store) -> None:
    """Before the fifth day talky worked, and the report of those days says so."""
    data = report_of(store, CATALOG, now=NOW, until=START + timedelta(days=3))
    assert kinds(data)["talky"] is FindingKind.WORKS
    assert data.period.end <= START + timedelta(days=3, hours=1)


def test_an_unclear_look_does_not_hide_a_proving_one(store: Store) -> None:
    """A single unclear look after a block within a day leaves the block standing."""
    refuser = CATALOG.services[1].endpoints[0]
    measure(store, START + timedelta(days=8), {refuser: UNCLEAR})
    assert kinds(report_of(store, CATALOG, now=NOW))["refuser"] is FindingKind.REFUSED
    measure(store, START + timedelta(days=9, hours=12), {refuser: UNCLEAR})
    assert kinds(report_of(store, CATALOG, now=NOW))["refuser"] is FindingKind.UNCLEAR


def test_a_weaker_look_alike_does_not_weaken_the_proof(store: Store) -> None:
    """Follow-ups come with a change; the same seen again without them is still proven."""
    talky = CATALOG.services[0].endpoints[0]
    weak = msgspec.structs.replace(CUT, confidence=Confidence.WEAK, rule_id="tls.reset.sni.live")

    def sure() -> Confidence | None:
        data = report_of(store, CATALOG, now=NOW)
        found = next(one for one in data.services if one.id == "talky")
        return next(role.confidence for role in found.roles if role.role is Role.MESSAGES)

    measure(store, START + timedelta(days=8), {talky: weak})
    assert sure() is Confidence.LIKELY
    for day in range(9, 16):
        measure(store, START + timedelta(days=day), {talky: weak})
    assert sure() is Confidence.WEAK, "a proof older than a week has lapsed"
    measure(store, START + timedelta(days=16), {talky: CUT})
    assert sure() is Confidence.LIKELY
    measure(store, START + timedelta(days=17), {talky: OK})
    measure(store, START + timedelta(days=18), {talky: weak})
    assert sure() is Confidence.WEAK, "what worked in between is another stretch"


def test_a_round_that_did_not_run_hides_nothing(store: Store) -> None:
    """Under a gate targets are not run for days: what was known before is still shown."""
    refuser = CATALOG.services[1].endpoints[0]
    not_run = msgspec.structs.replace(UNCLEAR, mechanism="not_run", rule_id="round.not_run")
    for day in (9, 10, 11):
        measure(store, START + timedelta(days=day), {refuser: not_run})
    assert kinds(report_of(store, CATALOG, now=NOW))["refuser"] is FindingKind.REFUSED


def test_what_a_lab_measured_is_a_simulation() -> None:
    """A store that was filled by the lab cannot become a report about the world."""
    with Store.open(":memory:") as store:
        store.save_vantage(Vantage(id="lab", country="XX", tz="UTC"))
        number = store.begin_round(
            vantage="lab", plan="all", started=START, catalog_digest="", network=NETWORK
        )
        store.save(number, [record(CATALOG.services[0].endpoints[0], START, OK)])
        assert report_of(store, CATALOG, now=NOW).simulated


def test_a_service_that_no_catalog_knows_is_shown(store: Store) -> None:
    """A catalog changes; what was measured is not lost from the page."""
    empty = Catalog(services=(), digest="none")
    data = report_of(store, empty, now=NOW)
    assert set(kinds(data)) == {"talky", "refuser"}
    assert {found.category for found in data.services} == {"other"}


def test_a_report_is_about_one_vantage(store: Store) -> None:
    """Foreign rounds are left out unless they are asked for; a stranger's name is refused."""
    at = START + timedelta(days=1)
    unseen = CATALOG.services[3].endpoints[0]
    store.import_round(
        vantage=Vantage(id="far", country="RU", tz="Europe/Moscow"),
        network=Network(asn=64501),
        plan="import",
        started=at,
        ended=at,
        records=[record(unseen, at, OK)],
        imported_from="file",
    )
    assert kinds(report_of(store, CATALOG, now=NOW))["unseen"] is FindingKind.NOT_MEASURED
    far = report_of(store, CATALOG, now=NOW, vantage="far")
    assert kinds(far)["unseen"] is FindingKind.WORKS
    assert far.notes == ()
    with pytest.raises(InputError, match="no round of this vantage"):
        report_of(store, CATALOG, now=NOW, vantage="nobody")


def test_an_empty_store_makes_a_page() -> None:
    """No round at all: a page that says that nothing was measured."""
    with Store.open(":memory:") as empty:
        page = render(report_of(empty, CATALOG, now=NOW))
    assert "Nothing was measured in this period." in page


def test_the_same_store_gives_the_same_report(store: Store) -> None:
    """The window test draws the same rotations each time."""
    assert report_of(store, CATALOG, now=NOW) == report_of(store, CATALOG, now=NOW)


PARTS = (
    msgspec.structs.replace(service(part, Role.WEB), part_of=PartOf(whole="tor", part=part))
    for part in ("site", "bridge")
)
TOR = Catalog(
    services=(*PARTS, service("talky", Role.WEB)),
    wholes=(Whole(id="tor", name="Tor"),),
    digest="cafe",
)


@pytest.fixture
def tor() -> Iterator[Store]:
    """Return two days of a whole: its site is cut, its bridge works; and of another service."""
    with Store.open(":memory:") as opened:
        opened.save_vantage(HOME)
        site, bridge, talky = (one.endpoints[0] for one in TOR.services)
        for hour in range(0, 48, 4):
            at = START + timedelta(hours=hour)
            measure(opened, at, {site: CUT, bridge: OK, talky: OK})
        yield opened


def test_a_whole_is_told_of_beside_its_parts_and_counted_once(tor: Store) -> None:
    """One line for what people call one thing, its parts as roles; looks are those of parts."""
    data = report_of(tor, TOR, now=NOW)
    (whole,) = (found for found in data.services if found.id == "tor")
    assert whole.kind is FindingKind.DEGRADED
    assert [(one.of, one.state) for one in whole.roles] == [
        ("site", State.BLOCKED),
        ("bridge", State.OK),
    ]
    assert "tor" in {lane.subject for lane in data.lanes}
    assert {day.failed_share for day in data.mix} == {1 / 3}


def test_of_a_whole_its_parts_are_shown_and_of_a_part_no_whole(tor: Store) -> None:
    """A page of a whole holds its parts; a part alone says nothing of the whole."""
    assert set(kinds(report_of(tor, TOR, now=NOW, services={"tor"}))) == {"tor", "site", "bridge"}
    part = report_of(tor, TOR, now=NOW, services={"bridge"})
    assert set(kinds(part)) == {"bridge"}
    assert part.lanes == ()


def test_a_baseline_of_another_service_is_compared_with_on_a_page_of_one() -> None:
    """What was seen of it is told, though its service is not shown."""
    site, bridge = TOR.services[0], TOR.services[1]
    product = msgspec.structs.replace(bridge.endpoints[0], baseline=site.endpoints[0].id)
    catalog = msgspec.structs.replace(
        TOR, services=(site, msgspec.structs.replace(bridge, endpoints=(product,)))
    )
    with Store.open(":memory:") as opened:
        opened.save_vantage(HOME)
        measure(opened, START, {site.endpoints[0]: OK, product: REFUSED})
        data = report_of(opened, catalog, now=NOW, services={"bridge"})
    (found,) = data.services
    (compared,) = found.beside
    assert (compared.other, compared.baseline) == (Fate.WORKS, site.endpoints[0].host)
