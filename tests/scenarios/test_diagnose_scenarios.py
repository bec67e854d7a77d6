"""Every loopback scenario, looked at as ``probe diagnose`` does, and told: nothing told is wrong.

The wording cannot be compared with a truth word by word; what can be checked is that no step
says what the verdict denies, and that the step which decided it is told as failed or odd.
"""

import functools
import json
import re
from collections.abc import Iterator

import pytest
import stage
from outcome import Outcome, outcome_of
from shipped import loaded, played_on
from stage import Played
from theatre import Theatre

from probe.analysis.narrative.tell import narrate
from probe.analysis.narrative.values import Chapter, Explained, Finding, Narrative
from probe.analysis.verdict import JudgeFacts
from probe.cli.telling import tell
from probe.lab.actions import Stage as Where
from probe.lab.world import build_world
from probe.model.record import Record
from probe.model.target import Endpoint
from probe.model.verdict import Confidence, Locus, State, Verdict
from probe.schedule.chain import FollowUps
from probe.schedule.runner import RunDeps
from probe.targets.load import load_fingerprints

one_loop = pytest.mark.asyncio(loop_scope="session")
FAST = ("none", "dns-bogon", "tls-sni-reset", "server-451", "line-domestic-only")
SLOW = tuple(name for name in played_on(Where.LOOPBACK) if name not in FAST)

MADE_UP = ("None", "{", "}", "\x1b", "\n", "  ", "..", "ssl_", "generic_", "dns_")
"""What a gap in a sentence, or a name that only programs know, looks like."""

PRIVATE = ("127.0.0.1", "192.168.1", "fe80:")
"""Where a home is: no sentence spells such an address out."""

STRANGERS = re.compile("“[^”]*”")


async def diagnosed(theatre: Theatre, name: str, monkeypatch: pytest.MonkeyPatch) -> Outcome:
    """Play a scenario with every look that a diagnosis takes, and check what is told."""
    thorough = functools.partial(RunDeps, follow_ups=FollowUps.THOROUGH)
    monkeypatch.setattr(stage, "RunDeps", thorough)
    rounds = await theatre.rounds(loaded(name))
    for played in rounds:
        narratives = [told(played, endpoint, record) for endpoint, record in played.targets()]
        assert narratives
        for narrative in narratives:
            check(narrative, own_address(played))
        printed(narratives)
    return outcome_of(loaded(name), "loopback", rounds)


def told(played: Played, endpoint: Endpoint, record: Record) -> Narrative:
    """Return the narrative of one record."""
    return narrate(
        endpoint,
        played.services[record.service],
        record,
        context=played.result.context,
        controls=record.controls,
        facts=JudgeFacts(load_fingerprints()),
    )


def printed(narratives: list[Narrative]) -> None:
    """Print all of it in each form; a bug would raise here."""
    for verbose in (False, True):
        tell("it", narratives, (), as_json=False, verbose=verbose)
    tell("it", narratives, (), as_json=True, verbose=False)


def sentences(narrative: Narrative) -> Iterator[str]:
    """Yield everything that a volunteer reads."""
    for step in narrative.steps:
        yield from (step.title, step.did, step.came, step.means)
        yield from (text for text in (step.rules_out, step.remains) if text is not None)
    end = narrative.conclusion
    yield from (end.headline, end.sentence, end.sure, *end.why_not_surer, *end.next_steps)
    if end.fooled_by is not None:
        yield end.fooled_by


def own_address(played: Played) -> str:
    """Return the measured line's address, as others see it."""
    return build_world(played.services.values(), played.scenario.country).own_address


def check(narrative: Narrative, own: str) -> None:
    """Raise where a narrative has a gap, gives something away, or denies its verdict."""
    verdict, chapters = narrative.verdict, {s.chapter: s for s in narrative.steps}
    about = (narrative.endpoint, verdict.rule_id)
    texts = list(sentences(narrative))
    for text in texts:
        assert text.strip(), about
        assert text == text.strip(), (about, text)
        ours = STRANGERS.sub("it", text)  # titles and issuers are their own words
        assert text == verdict.sentence or not any(gap in ours for gap in MADE_UP), (about, text)
        assert not any(place in text for place in PRIVATE), (about, text)
        assert "censor" not in text.lower(), (about, text)
    details = [d for s in narrative.steps for d in s.details]
    assert not [t for t in (*texts, *details) if own in t], about
    assert narrative.conclusion.sentence == verdict.sentence
    assert [s.chapter for s in narrative.steps] == sorted(chapters, key=list(Chapter).index), about
    headline_fits(narrative.conclusion.headline, verdict)
    decided(verdict, chapters)
    denies_nothing(verdict, chapters)


def headline_fits(headline: str, verdict: Verdict) -> None:
    """Raise where the few words say more, or other, than the verdict."""
    weak = verdict.confidence is Confidence.WEAK
    if verdict.state is State.OK:
        assert "works" in headline
    elif verdict.state is State.BLOCKED:
        assert ("refuses" if verdict.locus is Locus.SERVER else "blocked") in headline
        assert headline.startswith("Perhaps") is weak
    elif verdict.state is State.INVALID:
        assert "line itself" in headline
    else:
        assert "is blocked here" not in headline


SHELVES = (
    ("dns.", Chapter.NAME),
    ("tcp.", Chapter.CONNECTION),
    ("tls.", Chapter.ENCRYPTION),
    ("http.", Chapter.REQUEST),
)


def decided(verdict: Verdict, chapters: dict[Chapter, Explained]) -> None:
    """Raise where the step that the verdict rests on is told as if all were well."""
    if verdict.state is State.INVALID:
        assert Chapter.TARGET in chapters
        assert Chapter.CONNECTION not in chapters
        return
    if not verdict.bad or verdict.mechanism == "service.retired":
        return
    for prefix, chapter in SHELVES:
        if verdict.mechanism.startswith(prefix):
            told_as = chapters[chapter].finding
            by_a_stranger = verdict.mechanism == "dns.injection.other"
            assert told_as is not Finding.FINE or by_a_stranger, (verdict.rule_id, chapter)
    failed = [s for s in chapters.values() if s.finding in (Finding.FAILED, Finding.ODD)]
    assert failed, verdict.rule_id


def denies_nothing(verdict: Verdict, chapters: dict[Chapter, Explained]) -> None:
    """Raise where a step rules out what the verdict says."""
    ruled_out = " ".join(s.rules_out or "" for s in chapters.values())
    means = " ".join(s.means for s in chapters.values())
    assert "is blocked" not in means
    if verdict.state is State.DOWN:
        assert "is down for everybody" not in ruled_out, verdict.rule_id
        assert "or is down" not in ruled_out, verdict.rule_id
    if verdict.headline and verdict.locus is not Locus.SERVER:
        assert "singled out" not in ruled_out, verdict.rule_id
        assert "A passing fault." in ruled_out or verdict.confidence is Confidence.CONFIRMED
    if verdict.state is State.OK and verdict.mechanism == "none":
        own = (Chapter.NAME, Chapter.CONNECTION, Chapter.ENCRYPTION, Chapter.AGAIN)
        assert not [c for c in own if c in chapters and chapters[c].finding is Finding.FAILED]
    if verdict.locus is Locus.SERVER and verdict.state is State.BLOCKED:
        assert "itself says it" in means, verdict.rule_id
    if verdict.locus is Locus.NETWORK:
        assert "The service itself seems" not in means, verdict.rule_id
        assert "only this line's resolver" not in ruled_out, verdict.rule_id


@one_loop
@pytest.mark.parametrize("name", FAST)
async def test_what_is_told_denies_no_verdict(
    theatre: Theatre, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of each kind, with the looks of a diagnosis: the verdict stands, and the words fit."""
    outcome = await diagnosed(theatre, name, monkeypatch)
    assert outcome.right, [finding for finding in outcome.findings if not finding.right]


@one_loop
@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
async def test_what_is_told_of_the_rest_denies_no_verdict(
    theatre: Theatre, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As above, for all other scenarios that play on loopback."""
    outcome = await diagnosed(theatre, name, monkeypatch)
    assert outcome.findings
    assert not outcome.problems


def test_json_is_one_array_of_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    """A program reads the subject and the endpoints, also when there are none."""
    tell("it", (), (), as_json=True, verbose=False)
    (found,) = json.loads(capsys.readouterr().out)
    assert found == {"subject": "it", "services": [], "endpoints": []}
