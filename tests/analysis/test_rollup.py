"""From endpoints to a service by roles; stored rows and fresh verdicts agree."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from verdict_bundles import NOW, endpoint, service

from probe.analysis.rollup import combine, rollup
from probe.model.record import Judged
from probe.model.target import Endpoint, Kind, Purpose, Role
from probe.model.verdict import Confidence, Locus, ServiceVerdict, State, Verdict

OK = (State.OK, "none", Confidence.CONFIRMED, "ok.answer")
RESET = (State.BLOCKED, "tls.reset.sni", Confidence.LIKELY, "tls.reset.sni.three_way")
HINT = (State.BLOCKED, "tcp.timeout", Confidence.WEAK, "tcp.timeout.expected")
OPENS = (State.INCONCLUSIVE, "tcp_only", Confidence.WEAK, "unproven.tcp_only")
ALONE = (State.INCONCLUSIVE, "tcp.timeout", Confidence.WEAK, "tcp.timeout.alone")
DOWN = (State.DOWN, "down", Confidence.WEAK, "down.one")
NOT_RUN = (State.INCONCLUSIVE, "not_run", Confidence.CONFIRMED, "round.not_run")
SPOILT = (State.INVALID, "offline.upstream", Confidence.CONFIRMED, "gate.offline.upstream")
RETIRED = (State.DOWN, "service.retired", Confidence.CONFIRMED, "service.retired")
GEO = (State.BLOCKED, "server.geoblock", Confidence.LIKELY, "server.refusal.live")

Word = tuple[State, str, Confidence, str]
Pair = tuple[Endpoint, Verdict]


def verdict(word: Word) -> Verdict:
    """Return a verdict."""
    state, mechanism, confidence, rule = word
    return Verdict(
        state=state,
        mechanism=mechanism,
        locus=Locus.SERVER if mechanism.startswith("server") else Locus.NETWORK,
        confidence=confidence,
        rule_id=rule,
        rule_version=1,
        sentence="Chat, said.",
    )


def pairs(*said: tuple[Role, Word], purpose: Purpose = Purpose.TARGET) -> list[Pair]:
    """Return endpoints of their own with these verdicts."""
    return [
        (endpoint(Kind.TCP, host=f"h{i}.example", role=role, purpose=purpose), verdict(word))
        for i, (role, word) in enumerate(said)
    ]


def rolled(*said: tuple[Role, Word]) -> ServiceVerdict:
    """Return the service's verdict."""
    found = pairs(*said)
    return rollup(service(*(e for e, _ in found)), found)


def rows(*said: tuple[Role, Word]) -> list[Judged]:
    """Return the same as stored rows."""
    return [
        Judged(
            time=NOW,
            round=7,
            vantage="v",
            network="AS1/fixed",
            tz="UTC",
            utc_offset_s=0,
            service="chat",
            endpoint=e.id,
            role=e.role,
            state=v.state,
            mechanism=v.mechanism,
            locus=v.locus,
            confidence=v.confidence,
            rule_id=v.rule_id,
        )
        for e, v in pairs(*said)
    ]


M, C, W, S = Role.MESSAGES, Role.CALL, Role.WEB, Role.SIGN_IN

CASES: tuple[tuple[str, tuple[tuple[Role, Word], ...], str], ...] = (
    ("everything works", ((M, OK), (C, OK), (W, OK)), "ok none"),
    ("everything is blocked", ((M, RESET), (C, HINT)), "blocked tls.reset.sni"),
    ("messages work, calls do not", ((M, OK), (C, RESET)), "degraded tls.reset.sni"),
    ("one dead host of three", ((M, OK), (M, OK), (M, HINT)), "ok none"),
    ("half of the hosts", ((M, OK), (M, RESET)), "degraded tls.reset.sni"),
    ("all hosts of a role", ((M, RESET), (M, RESET), (M, HINT)), "blocked tls.reset.sni"),
    ("open connections only", ((M, OPENS), (M, OPENS)), "inconclusive tcp_only"),
    ("open connections beside a page", ((M, OPENS), (W, OK)), "ok none"),
    ("open connections beside a block", ((M, OPENS), (W, RESET)), "blocked tls.reset.sni"),
    (
        "a block among open connections",
        ((M, RESET), (M, OPENS), (M, OPENS)),
        "degraded tls.reset.sni",
    ),
    (
        "most failed with nothing to compare",
        ((M, OK), (M, ALONE), (M, ALONE)),
        "inconclusive tcp.timeout",
    ),
    ("one failed with nothing to compare", ((M, OK), (M, OK), (M, ALONE)), "ok none"),
    ("messages failed with nothing to compare", ((M, ALONE), (W, OK)), "inconclusive tcp.timeout"),
    ("calls failed with nothing to compare", ((C, ALONE), (W, OK)), "ok none"),
    ("nothing was measured", ((M, NOT_RUN), (C, NOT_RUN)), "inconclusive not_run"),
    ("some were not measured", ((M, OK), (C, NOT_RUN)), "ok none"),
    ("the line was cut", ((M, SPOILT), (C, SPOILT)), "invalid offline.upstream"),
    ("down", ((M, DOWN), (C, DOWN)), "down down"),
    ("down in part", ((M, DOWN), (C, OK)), "degraded down"),
    ("retired", ((M, RETIRED), (C, RETIRED)), "down service.retired"),
    ("refused by the service", ((W, GEO),), "blocked server.geoblock"),
    ("most roles are not known", ((M, OK), (C, OPENS), (W, OPENS)), "inconclusive tcp_only"),
    (
        "one role works, the others are spoilt",
        ((S, OK), (M, SPOILT), (C, SPOILT)),
        "invalid offline.upstream",
    ),
)


@pytest.mark.parametrize(("name", "said", "expected"), CASES, ids=[c[0] for c in CASES])
def test_service(name: str, said: tuple[tuple[Role, Word], ...], expected: str) -> None:
    """A service is what its roles make of it; rows from the store say the same."""
    row = combine(rows(*said))
    assert f"{row.state} {row.mechanism}" == expected
    if name != "nothing was measured":
        whole = rolled(*said).verdict
        assert f"{whole.state} {whole.mechanism}" == expected
        assert (whole.confidence, whole.locus) == (row.confidence, row.locus)
        assert whole.rule_id == row.rule_id


_WORDS = st.sampled_from([OK, RESET, HINT, OPENS, ALONE, DOWN, NOT_RUN, SPOILT, GEO])
_SAID = st.lists(st.tuples(st.sampled_from([M, C, W]), _WORDS), min_size=1, max_size=9)


@given(_SAID)
def test_rows_and_verdicts_agree(said: list[tuple[Role, Word]]) -> None:
    """Combining stored rows is rolling up, for any service."""
    row, whole = combine(rows(*said)), rolled(*said).verdict
    assert row.state is whole.state
    if whole.rule_id != "rollup.none":
        assert (row.mechanism, row.confidence) == (whole.mechanism, whole.confidence)


@given(_SAID)
def test_what_works_is_never_blocked(said: list[tuple[Role, Word]]) -> None:
    """A service of which anything works is not blocked; one with nothing proven is not ok."""
    whole = rolled(*said).verdict
    states = {word[0] for _, word in said}
    if State.OK in states:
        assert whole.state is not State.BLOCKED
    else:
        assert whole.state is not State.OK
    if State.BLOCKED not in states:
        assert whole.state is not State.BLOCKED


@given(_SAID)
def test_confidence_comes_from_below(said: list[tuple[Role, Word]]) -> None:
    """A service is never more certain than what it was made from."""
    whole = rolled(*said).verdict
    if whole.rule_id != "rollup.none":
        same = [word for _, word in said if word[1] == whole.mechanism]
        order = [Confidence.WEAK, Confidence.LIKELY, Confidence.CONFIRMED]
        assert order.index(whole.confidence) <= max(order.index(w[2]) for w in same)


def test_the_side_of_most_is_blamed() -> None:
    """One page that refuses does not explain connections that are cut, nor the other way round."""
    cut = rolled((M, GEO), *((M, HINT),) * 4).verdict
    assert (cut.mechanism, cut.locus, cut.headline) == ("tcp.timeout", Locus.NETWORK, False)
    refused = rolled((M, RESET), *((M, GEO),) * 2).verdict
    assert (refused.mechanism, refused.locus) == ("server.geoblock", Locus.SERVER)


def test_a_block_beside_what_is_not_known_makes_no_headline() -> None:
    """The website is blocked; of messages, or of most roles, nothing is known: perhaps blocked."""
    for said in (((W, RESET), (M, OPENS)), ((M, RESET), (C, OPENS), (W, ALONE))):
        assert rolled(*said).verdict.state is State.BLOCKED
        assert not rolled(*said).verdict.headline
        assert combine(rows(*said)).confidence is Confidence.WEAK
    assert rolled((M, RESET), (C, OPENS)).verdict.headline
    assert rolled((W, RESET), (C, RESET)).verdict.headline


def test_sentence_says_what_works_and_what_does_not() -> None:
    """Messages work, calls do not, and signing in was not measured: all three are said."""
    found = pairs((M, OK), (C, RESET))
    more = endpoint(Kind.TCP, host="login.example", role=Role.SIGN_IN)
    whole = rollup(service(*(e for e, _ in found), more), found)
    assert whole.sentence == ("Chat: works: messages; blocked: calls; not measured: signing in.")
    (sign_in,) = [r for r in whole.roles if r.role is Role.SIGN_IN]
    assert (sign_in.verdict, sign_in.measured, sign_in.total) == (None, 0, 1)


def test_a_refusal_is_not_called_a_block() -> None:
    """What the service refuses itself, and what is only a hint, are worded as such."""
    assert "refused by the service: the website" in rolled((W, GEO), (M, OK)).sentence
    assert "perhaps blocked: calls" in rolled((C, HINT), (M, OK)).sentence


def test_controls_never_speak_for_a_service() -> None:
    """Controls and domestic endpoints are left out."""
    for purpose in (Purpose.CONTROL, Purpose.DOMESTIC):
        whole = rollup(service(), pairs((M, RESET), purpose=purpose))
        assert (whole.verdict.rule_id, whole.roles) == ("rollup.none", ())


def test_retired_is_said_and_not_counted() -> None:
    """A retired service keeps its mechanism, by which series leave it out."""
    whole = rolled((M, RETIRED))
    assert not whole.verdict.bad
    assert date(2025, 5, 5) < NOW.date()


def test_nothing_to_combine() -> None:
    """No row is an error of the caller."""
    with pytest.raises(ValueError, match="nothing"):
        combine([])
