"""How a round is shown: a whole above its parts, a store's word as the store's."""

import json
from datetime import UTC, datetime

import pytest

from probe.analysis.wholes import roll_up_wholes
from probe.cli.options import Output
from probe.cli.results import show_result
from probe.model.context import RoundContext, RoundInputs
from probe.model.target import Catalog, Category, Endpoint, Kind, PartOf, Role, Service, Whole
from probe.model.vantage import Network
from probe.model.verdict import Confidence, Locus, ServiceVerdict, State, Verdict
from probe.schedule.runner import RoundResult

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def service(name: str, category: Category, part: str | None = None) -> Service:
    """Return a service with one endpoint."""
    one = Endpoint(
        service=name, kind=Kind.TLS, host=f"{name}.example", port=443, source="t",
        checked_on=NOW.date(), role=Role.LISTING if category is Category.LISTING else Role.WEB,
    )  # fmt: skip
    of = None if part is None else PartOf(whole="tor", part=part)
    return Service(id=name, name=name.capitalize(), category=category, part_of=of, endpoints=(one,))


SERVICES = (
    service("site", Category.TOR, "website"),
    service("flake", Category.TOR, "Snowflake"),
    service("chat", Category.MESSAGING),
    service("listing-chat", Category.LISTING),
)
CATALOG = Catalog(services=SERVICES, digest="d", wholes=(Whole(id="tor", name="Tor"),))


def said(name: str, state: State, mechanism: str, locus: Locus) -> ServiceVerdict:
    """Return a service's verdict."""
    verdict = Verdict(
        state=state,
        mechanism=mechanism,
        locus=locus,
        confidence=Confidence.LIKELY,
        rule_id="r",
        rule_version=1,
    )
    return ServiceVerdict(service=name, verdict=verdict, roles=(), sentence=f"About {name}.")


def result() -> RoundResult:
    """Return a round in which one part of Tor is cut and a store leaves the app out."""
    services = (
        said("chat", State.OK, "none", Locus.UNKNOWN),
        said("site", State.BLOCKED, "tls.reset.sni", Locus.NETWORK),
        said("flake", State.OK, "none", Locus.UNKNOWN),
        said("listing-chat", State.BLOCKED, "listing.removed", Locus.SERVER),
    )
    context = RoundContext(
        started=NOW, tz="UTC", utc_offset_s=0, network=Network(), country="IR",
        inputs=RoundInputs(), gates=(),
    )  # fmt: skip
    return RoundResult(
        context=context,
        records=(),
        services=services,
        wholes=roll_up_wholes(CATALOG.wholes, SERVICES, services),
        round_id=None,
        interrupted=False,
        bytes=0,
        seconds=1.0,
    )


def test_a_whole_stands_above_its_parts(capsys: pytest.CaptureFixture[str]) -> None:
    """One line for Tor, its services indented below it, and none of them twice."""
    show_result(result(), CATALOG, Output.TABLE)
    lines = capsys.readouterr().out.splitlines()
    named = [line for line in lines if "Tor" in line or "Site" in line or "Flake" in line]
    assert "Tor: website: blocked; Snowflake: works." in named[0]
    assert "works in part" in named[0]
    assert sum("Site" in line for line in lines) == 1
    assert sum("Flake" in line for line in lines) == 1
    assert lines.index(named[0]) < min(lines.index(line) for line in named[1:])


def test_a_removal_is_the_stores(capsys: pytest.CaptureFixture[str]) -> None:
    """Never "blocked": nobody stood between the line and the store."""
    show_result(result(), CATALOG, Output.TABLE)
    line = next(x for x in capsys.readouterr().out.splitlines() if "Listing-chat" in x)
    assert "left out by the stores" in line
    assert "blocked" not in line


def test_programs_get_the_parts_and_whose_parts_they_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The whole's row has its parts, and each service says of what it is a part."""
    show_result(result(), CATALOG, Output.JSON)
    rows = {row["service"]: row for row in json.loads(capsys.readouterr().out)}
    assert [part["part"] for part in rows["tor"]["parts"]] == ["website", "Snowflake"]
    assert rows["tor"]["parts"][0] == {
        "part": "website", "state": "blocked", "services": ["site"],
        "working": 0, "measured": 1, "total": 1,
    }  # fmt: skip
    assert (rows["site"]["part_of"], rows["chat"]["part_of"]) == ("tor", None)
