"""From services to what people call one thing: Tor from its authorities, bridges and website."""

from datetime import UTC, datetime

import pytest
from test_rollup import ALONE, DOWN, GEO, NOT_RUN, OK, RESET, SPOILT, Word, verdict

from probe.analysis.series import series_of
from probe.analysis.wholes import combine_whole, membership, roll_up_wholes
from probe.model.record import Judged
from probe.model.target import Category, PartOf, Role, Service, Whole
from probe.model.verdict import ServiceVerdict, State, WholeVerdict

TOR = Whole(id="tor", name="Tor")
UNKNOWN = ALONE


def services(**parts: int) -> list[Service]:
    """Return services of Tor, so many of each part."""
    return [
        Service(
            id=f"{part}-{n}",
            name=f"{part} {n}",
            category=Category.TOR,
            part_of=PartOf(whole="tor", part=part),
            endpoints=(),
        )
        for part, count in parts.items()
        for n in range(count)
    ]


def rolled(members: list[Service], said: dict[str, Word]) -> WholeVerdict:
    """Return Tor from what was said of its services."""
    given = [
        ServiceVerdict(service=name, verdict=verdict(word), roles=(), sentence="")
        for name, word in said.items()
    ]
    (whole,) = roll_up_wholes([TOR], members, given)
    return whole


def test_what_people_say_of_tor() -> None:
    """The parts in the catalog's order: a website cut, an entrance that works, two of ten."""
    members = services(website=1, Snowflake=1, authorities=10)
    said = {f"authorities-{n}": RESET for n in range(8)}
    said |= {"authorities-8": OK, "authorities-9": OK, "website-0": RESET, "Snowflake-0": OK}
    whole = rolled(members, said)
    assert whole.sentence == (
        "Tor: website: blocked; Snowflake: works; authorities: 2 of 10 reachable."
    )
    assert (whole.verdict.state, whole.verdict.mechanism) == (State.DEGRADED, "tls.reset.sni")
    authorities = whole.parts[2]
    assert authorities.verdict is not None
    assert authorities.verdict.state is State.DEGRADED
    assert (authorities.working, authorities.measured, authorities.total) == (2, 10, 10)


@pytest.mark.parametrize(
    ("words", "state"),
    [
        ((OK, OK, OK), State.OK),
        ((OK, OK, RESET), State.OK),
        ((OK, RESET, RESET), State.DEGRADED),
        ((RESET, RESET, RESET), State.BLOCKED),
        ((DOWN, DOWN, DOWN), State.DOWN),
        ((RESET, DOWN, DOWN), State.DOWN),
        ((RESET, UNKNOWN, UNKNOWN), State.INCONCLUSIVE),
        ((OK, UNKNOWN, UNKNOWN), State.INCONCLUSIVE),
        ((UNKNOWN, UNKNOWN, UNKNOWN), State.INCONCLUSIVE),
        ((SPOILT, SPOILT, SPOILT), State.INVALID),
        ((OK, NOT_RUN, NOT_RUN), State.OK),
        ((GEO, GEO, RESET), State.BLOCKED),
    ],
)
def test_services_of_one_part_stand_in_for_each_other(
    words: tuple[Word, Word, Word], state: State
) -> None:
    """Half of those that were looked at decide; one that answers among unknown ones does not."""
    said = {f"authorities-{n}": word for n, word in enumerate(words)}
    whole = rolled(services(authorities=3), said)
    assert whole.verdict.state is state


def test_parts_do_not_stand_in_for_each_other() -> None:
    """What works in one part does not hide that another is cut, nor the other way round."""
    members = services(website=1, Snowflake=1)
    assert rolled(members, {"website-0": RESET, "Snowflake-0": OK}).verdict.state is State.DEGRADED
    assert rolled(members, {"website-0": OK, "Snowflake-0": OK}).verdict.state is State.OK
    assert (
        rolled(members, {"website-0": RESET, "Snowflake-0": RESET}).verdict.state is State.BLOCKED
    )


def test_what_nobody_looked_at_is_said() -> None:
    """A part without a measurement is not measured, and the whole is judged by the others."""
    whole = rolled(services(website=1, meek=1), {"website-0": OK, "meek-0": NOT_RUN})
    assert whole.sentence == "Tor: website: works; meek: not measured."
    assert whole.verdict.state is State.OK
    nothing = rolled(services(website=1), {"website-0": NOT_RUN})
    assert nothing.verdict.mechanism == "not_measured"


def test_a_whole_of_which_nothing_is_in_the_round_is_not_told() -> None:
    """No row for Tor when no service of it was asked for."""
    assert roll_up_wholes([TOR], services(website=1), []) == ()


def test_a_whole_looks_like_a_service_with_its_parts_as_roles() -> None:
    """So that a report draws it as it draws all else."""
    found = rolled(services(website=1, authorities=2), {"website-0": RESET, "authorities-1": OK})
    shape = found.as_service()
    assert (shape.service, shape.sentence) == ("tor", found.sentence)
    assert [(role.of, role.measured, role.total) for role in shape.roles] == [
        ("website", 1, 1),
        ("authorities", 1, 2),
    ]


def row(service: str, word: Word, number: int) -> Judged:
    """Return a stored row of a service's only endpoint in one round."""
    said = verdict(word)
    return Judged(
        time=datetime(2026, 3, 1, number, tzinfo=UTC),
        round=number,
        vantage="v",
        network="AS1/fixed",
        tz="UTC",
        utc_offset_s=0,
        service=service,
        endpoint=f"{service}/tls/h:443",
        role=Role.TUNNEL,
        state=said.state,
        mechanism=said.mechanism,
        locus=said.locus,
        confidence=said.confidence,
        rule_id=said.rule_id,
    )


def test_rows_and_verdicts_agree() -> None:
    """Combining stored rows of a round says of the whole what its roll-up says."""
    members = services(website=1, authorities=3)
    parts = membership(members)
    for words in ((OK, OK, RESET, OK), (RESET, RESET, RESET, OK), (UNKNOWN, OK, UNKNOWN, UNKNOWN)):
        names = [service.id for service in members]
        said = dict(zip(names, words, strict=True))
        rows = [row(name, word, 1) for name, word in said.items()]
        combined, whole = combine_whole("tor", parts, rows), rolled(members, said)
        assert (combined.state, combined.mechanism) == (
            whole.verdict.state,
            whole.verdict.mechanism,
        )
        assert (combined.service, combined.endpoint) == ("tor", "")
    with pytest.raises(ValueError, match="nothing to combine"):
        combine_whole("tor", parts, [])


def test_a_whole_has_a_timeline_beside_those_of_its_services() -> None:
    """Each round gives Tor one sample; without parts there is no such subject."""
    members = services(website=1, Snowflake=1)
    rows = [
        row(name, word, number)
        for number, pair in enumerate(((OK, OK), (RESET, OK), (RESET, RESET)))
        for name, word in zip(("website-0", "Snowflake-0"), pair, strict=True)
    ]
    found = {s.key.subject: s for s in series_of(rows, [], parts=membership(members))}
    assert [sample.bad for sample in found["tor"].samples] == [False, True, True]
    assert {"website-0", "Snowflake-0"} <= set(found)
    assert "tor" not in {s.key.subject for s in series_of(rows, [])}
