"""An app's listings: no store stands in for another, and a store out of reach lists nothing."""

import pytest
from test_rollup import ALONE, GEO, HINT, NOT_RUN, OK, RESET, Word, verdict
from verdict_bundles import NOW, endpoint

from probe.analysis.rollup import combine, rollup
from probe.model.record import Judged
from probe.model.target import Category, Endpoint, Kind, Role, Service
from probe.model.verdict import Confidence, ServiceVerdict, State, Verdict
from probe.report.data import Subject
from probe.report.findings import finding_of
from probe.report.words import said_of as reported

LISTED: Word = (State.OK, "none", Confidence.CONFIRMED, "listing.listed")
REMOVED: Word = (State.BLOCKED, "listing.removed", Confidence.LIKELY, "listing.removed.live")
GONE: Word = (State.DOWN, "listing.gone", Confidence.WEAK, "listing.gone.everywhere")
ABSENT: Word = (State.INCONCLUSIVE, "listing.absent", Confidence.WEAK, "listing.absent.alone")
DOWN: Word = (State.DOWN, "down", Confidence.LIKELY, "down.many")


def said(word: Word) -> Verdict:
    """Return a verdict; what a store says of an app is the store's doing."""
    from msgspec.structs import replace

    from probe.model.verdict import Locus

    found = verdict(word)
    return replace(found, locus=Locus.SERVER) if word[1].startswith("listing.") else found


def pairs(words: dict[str, Word]) -> list[tuple[Endpoint, Verdict]]:
    """Return listings of one app, one a store."""
    return [
        (
            endpoint(Kind.HTTP, host=f"{n}.example", role=Role.LISTING, store=store),
            said(word),
        )
        for n, (store, word) in enumerate(words.items())
    ]


def rolled(**words: Word) -> ServiceVerdict:
    """Return the app from what was said of its listings."""
    found = pairs(words)
    app = Service(
        id="listing-chat",
        name="Chat (the app)",
        category=Category.LISTING,
        endpoints=tuple(e for e, _ in found),
    )
    return rollup(app, found)


def test_each_store_is_said_apart() -> None:
    """Listed, removed, out of reach, refused, not known: one sentence."""
    found = rolled(
        Play=LISTED, Fruit=REMOVED, Free=RESET, Third=GEO, Fourth=ABSENT, Fifth=GONE,
        Sixth=HINT, Seventh=DOWN, Eighth=NOT_RUN, Ninth=ALONE,
    )  # fmt: skip
    assert found.sentence == (
        "Chat (the app): not clear: Ninth; listed: Play; removed here: Fruit; not listed here, "
        "elsewhere not seen: Fourth; not listed anywhere: Fifth; refused by the store: Third; "
        "store unreachable: Free; store perhaps unreachable: Sixth; store down: Seventh; "
        "not measured: Eighth."
    )
    assert {role.of for role in found.roles} >= {"Play", "Ninth"}


@pytest.mark.parametrize(
    ("words", "state", "mechanism"),
    [
        ({"a": LISTED, "b": LISTED}, State.OK, "none"),
        ({"a": LISTED, "b": REMOVED}, State.DEGRADED, "listing.removed"),
        ({"a": LISTED, "b": LISTED, "c": LISTED, "d": REMOVED}, State.DEGRADED, "listing.removed"),
        ({"a": REMOVED, "b": REMOVED}, State.BLOCKED, "listing.removed"),
        ({"a": GONE, "b": GONE}, State.DOWN, "listing.gone"),
        ({"a": LISTED, "b": ABSENT}, State.OK, "none"),
        ({"a": ABSENT}, State.INCONCLUSIVE, "listing.absent"),
    ],
)
def test_no_store_stands_in_for_another(
    words: dict[str, Word], state: State, mechanism: str
) -> None:
    """One removal among many stores is a result, in fresh verdicts and in stored rows."""
    whole = rolled(**words).verdict
    assert (whole.state, whole.mechanism) == (state, mechanism)
    row = combine([_row(e, v) for e, v in pairs(words)])
    assert (row.state, row.mechanism) == (state, mechanism)


def _row(e: Endpoint, v: Verdict) -> Judged:
    return Judged(
        time=NOW,
        round=7,
        vantage="v",
        network="AS1/fixed",
        tz="UTC",
        utc_offset_s=0,
        service="listing-chat",
        endpoint=e.id,
        role=e.role,
        state=v.state,
        mechanism=v.mechanism,
        locus=v.locus,
        confidence=v.confidence,
        rule_id=v.rule_id,
    )


def test_the_report_names_the_store_and_what_it_says() -> None:
    """A removal is the store's own doing, in the report's words too."""
    subject = Subject(id="listing-chat", name="Chat (the app)", category="listing")
    finding = finding_of(subject, rolled(Play=LISTED, Fruit=REMOVED, Free=RESET), [], [])
    told = {row.of: reported(row) for row in finding.roles}
    assert told["Play"] == "works"
    assert told["Fruit"].startswith("the store itself leaves the app out here")
    assert told["Free"] == "blocked"


def test_other_roles_still_stand_in_for_each_other() -> None:
    """The exception is of listings alone."""
    app = [(endpoint(Kind.TCP, host=f"{n}.example", role=Role.MESSAGES), verdict(w))
           for n, w in enumerate((OK, OK, HINT))]  # fmt: skip
    service = Service(
        id="chat", name="Chat", category=Category.MESSAGING, endpoints=tuple(e for e, _ in app)
    )
    assert rollup(service, app).verdict.state is State.OK
