"""What is told of a look: every scene of the judge's tests, put into words that fit its verdict."""

import re
from collections.abc import Iterator

import msgspec
import pytest
from exchange_scenes import (
    ANSWERED_HIDDEN,
    CLEAR,
    RELAY,
    TOR_HELLO_ONLY,
    exchange,
    silent,
    unsigned,
)
from listing_scenes import LISTINGS
from test_verdict_scenes import SCENES
from udp_scenes import BY_TCP, QUIC, QUIC_NEUTRAL, quic
from verdict_bundles import (
    ANTIVIRUS_CA,
    GOOD,
    MARKS,
    NOT_RUN,
    OTHER,
    Scene,
    again,
    around,
    cert,
    control,
    dns,
    doh,
    endpoint,
    http,
    look,
    plain,
    tcp,
    thrice,
    tls,
    via_doh,
)

from probe.analysis.marks import JudgeFacts
from probe.analysis.narrative.conclusion import headline
from probe.analysis.narrative.tell import narrate
from probe.analysis.narrative.values import Chapter, Finding, Narrative
from probe.analysis.rule import Need
from probe.analysis.rules import RULES
from probe.model.context import Gate, GateId
from probe.model.control import ControlObservation
from probe.model.measurement import Proof, Variant
from probe.model.record import Record
from probe.model.verdict import Confidence, Locus, State, Verdict

RESET = "connection_reset"
STRANGERS = re.compile("“[^”]*”")


def told(scene: Scene) -> Narrative:
    """Return the narrative of a scene."""
    ep = scene.endpoint
    bundle = tuple(msgspec.structs.replace(m, endpoint=ep.id, kind=ep.kind) for m in scene.bundle)
    controls = tuple(ControlObservation(**{"endpoint": ep.id, **c}) for c in scene.controls)
    record = Record(
        endpoint=ep.id,
        service=ep.service,
        role=ep.role,
        bundle=bundle,
        verdict=scene.judge(),
        controls=controls,
    )
    return narrate(
        ep,
        scene.service,
        record,
        context=scene.context,
        controls=controls,
        facts=JudgeFacts(MARKS),
    )


def sentences(narrative: Narrative) -> Iterator[str]:
    """Yield what a volunteer reads."""
    for step in narrative.steps:
        yield from (step.title, step.did, step.came, step.means)
        yield from (text for text in (step.rules_out, step.remains) if text is not None)
    end = narrative.conclusion
    yield from (end.headline, end.sure, *end.why_not_surer, *end.next_steps)


@pytest.mark.parametrize("scene", SCENES, ids=lambda s: s.name)
def test_every_sentence_is_whole(scene: Scene) -> None:
    """No gap, no program's word, no blame beyond the verdict; and the verdict is the last word."""
    narrative = told(scene)
    for text in sentences(narrative):
        ours = STRANGERS.sub("it", text)
        assert text == text.strip() != ""
        assert not re.search(r"None|[{}]|  |\.\.|ssl_|generic_|\bdns_|_error", ours), text
        assert "censor" not in text.lower()
    assert narrative.conclusion.sentence == narrative.verdict.sentence
    assert narrative.conclusion.next_steps


@pytest.mark.parametrize("scene", SCENES, ids=lambda s: s.name)
def test_the_step_that_decided_is_not_told_as_fine(scene: Scene) -> None:
    """Whoever reads that something is wrong finds the step at which it went wrong."""
    narrative = told(scene)
    if narrative.verdict.bad and narrative.verdict.mechanism != "service.retired":
        assert any(s.finding in (Finding.FAILED, Finding.ODD) for s in narrative.steps)
    if narrative.verdict.state is State.INVALID:
        assert [s.chapter for s in narrative.steps] == [Chapter.LINE, Chapter.TARGET]


def test_chapters_come_in_order_and_once() -> None:
    """Line first, then the way outward, then comparisons, then others."""
    for scene in SCENES:
        chapters = [s.chapter for s in told(scene).steps]
        assert chapters == sorted(set(chapters), key=list(Chapter).index), scene.name
        assert chapters[0] is Chapter.LINE


def test_every_need_has_words() -> None:
    """Why a claim is not surer is said in words of this page's own, not in the table's."""
    from probe.analysis.narrative import conclusion

    assert {need.name for need in Need} == set(conclusion._NEEDS)


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.id)
def test_a_headline_says_no_more_than_its_rule(rule: object) -> None:
    """Few words for each rule: "blocked" only where it says so, "perhaps" where it is weak."""
    from probe.analysis.rule import Rule

    assert isinstance(rule, Rule)
    verdict = Verdict(
        state=rule.state,
        mechanism=rule.mechanism,
        locus=rule.locus,
        confidence=rule.confidence,
        rule_id=rule.id,
        rule_version=rule.version,
    )
    words = headline(verdict)
    server = rule.state is State.BLOCKED and rule.locus is Locus.SERVER
    assert ("is blocked here" in words) is (rule.state is State.BLOCKED and not server)
    assert ("refuses" in words) is server
    weak = rule.confidence is Confidence.WEAK and verdict.bad
    assert words.startswith("Perhaps") is weak


def test_why_it_is_not_surer_names_what_is_missing() -> None:
    """One look alone: not seen again is the reason, and trying again is the advice."""
    failing = (dns(GOOD), tcp(GOOD, RESET))
    once = told(Scene("", "", "", (look(*failing),), controls=(control(addresses=(GOOD, OTHER)),)))
    assert "two of three tries" in " ".join(once.conclusion.why_not_surer)
    assert any("--quick" in step for step in once.conclusion.next_steps)


def test_without_a_control_one_is_advised_and_with_one_not() -> None:
    """Nobody is sent for what is there already."""
    failing = thrice(dns(GOOD), tcp(GOOD, RESET))
    alone = told(Scene("", "", "", failing))
    seen = told(Scene("", "", "", failing, controls=(control(addresses=(GOOD, OTHER)),)))
    assert any("--control" in step for step in alone.conclusion.next_steps)
    assert not any("--control" in step for step in seen.conclusion.next_steps)


def test_a_page_over_its_own_certificate_needs_no_control() -> None:
    """The certificate is the proof; nothing is left open at the end."""
    narrative = told(Scene("", "", "", (look(dns(GOOD), tcp(), tls(), http()),)))
    last = narrative.steps[-1]
    assert last.chapter is Chapter.ELSEWHERE
    assert last.remains is None
    assert narrative.conclusion.why_not_surer == ()


def test_a_gate_is_explained_with_its_mend() -> None:
    """Under a closed gate only the line is told, and what to do about it."""
    gate = Gate(id=GateId.VPN_ON, invalidates=True, detail="the default route is a tunnel")
    scene = Scene("", "", "", (NOT_RUN,), context=around(gate, tunnel=True))
    narrative = told(scene)
    assert narrative.steps[0].finding is Finding.FAILED
    assert "default route is a tunnel" in narrative.steps[0].means
    assert any("VPN" in step for step in narrative.conclusion.next_steps)


def test_a_program_of_ones_own_is_told_as_such() -> None:
    """An antivirus is named as what it is, and nobody is blamed for blocking."""
    bad = cert("ssl_unknown_authority", system=None, issuer=ANTIVIRUS_CA)
    narrative = told(Scene("", "", "", thrice(dns(GOOD), tcp(), tls(certificate=bad))))
    step = narrative.step(Chapter.ENCRYPTION)
    assert step is not None
    assert "antivirus" in step.means
    assert any("password" in advice for advice in narrative.conclusion.next_steps)


def test_what_strangers_wrote_stays_in_quotes_and_on_one_line() -> None:
    """A title with escapes, braces and newlines is short, printable and marked as theirs."""
    evil = "\x1b[2J{service}\n" + "x" * 500
    page = plain(200, title=evil, body_length=9)
    scene = Scene(
        "", "", "", (look(dns(GOOD), tcp(), page),), endpoint=endpoint(tls=False, port=80)
    )
    text = " ".join([*sentences(told(scene)), *(d for s in told(scene).steps for d in s.details)])
    assert "\x1b" not in text
    assert "\n" not in text
    assert "x" * 90 not in text


def test_the_line_s_own_resolver_is_not_spelled_out() -> None:
    """A router's address is the line's own: engineers read whose it is, not where."""
    own = dns(GOOD, resolver="192.168.1.1:53", engine="udp")
    open_one = dns(GOOD, resolver="8.8.8.8:53", engine="udp")
    narrative = told(Scene("", "", "", (look(dns(GOOD), own, open_one, tcp(), tls(), http()),)))
    details = " ".join(d for s in narrative.steps for d in s.details)
    assert "192.168.1.1" not in details
    assert "the line's own" in details
    assert "8.8.8.8:53" in details


def test_engineers_get_every_attempt_once() -> None:
    """Each step of each look has one line, in its chapter."""
    failing = (dns(GOOD), tcp(), tls(failure=RESET))
    elsewhere = look(tcp(OTHER), tls(OTHER, RESET), variant=Variant.OTHER_ADDRESS)
    by_doh = via_doh(doh(GOOD), *failing[1:])
    for bundle in ((look(*failing), again(*failing), by_doh, elsewhere), (look(*failing), by_doh)):
        narrative = told(Scene("", "", "", bundle))
        lines = [d.split()[0] for s in narrative.steps for d in s.details if d.startswith("m")]
        assert sorted(lines) == sorted(
            f"m{index}.s{place}" for index, m in enumerate(bundle) for place in range(len(m.steps))
        )


def test_a_repeated_failure_rules_out_a_passing_fault_and_one_does_not() -> None:
    """The same three times is told apart from once, and from a failure that went away."""
    failing = (dns(GOOD), tcp(GOOD, RESET))
    fine = (dns(GOOD), tcp(), tls(), http())

    def again_in(*bundle: object) -> str | None:
        step = told(Scene("", "", "", bundle)).step(Chapter.AGAIN)  # type: ignore[arg-type]
        assert step is not None
        return step.rules_out

    assert again_in(*thrice(*failing)) == "A passing fault."
    assert again_in(look(*failing)) is None
    assert again_in(look(*failing), again(*fine), again(*fine)) == "That it is cut for good."


def test_a_certificate_that_does_not_hold_is_a_reason_not_to_sign_in() -> None:
    """Whoever reads along on neutral names reads passwords as well, whatever the verdict is."""
    bad = cert("ssl_unknown_authority")
    unproved = told(Scene("", "", "", thrice(dns(GOOD), tcp(), tls(certificate=bad))))
    assert any("sign in" in a or "password" in a for a in unproved.conclusion.next_steps)
    fine = told(Scene("", "", "", (look(dns(GOOD), tcp(), tls(), http()),)))
    cut = told(Scene("", "", "", thrice(dns(GOOD), tcp(GOOD, RESET))))
    for narrative in (fine, cut):
        assert not any("sign in" in a or "password" in a for a in narrative.conclusion.next_steps)


UDP_WORDS = (
    ("a relay that knows its peers", "reply", "answers only those whom it knows"),
    ("versions of QUIC, and no aioquic to shake hands with", "reply", "lacks what it takes"),
    ("another service at the port", "reply", "Another service may stand at that port"),
    ("an alert in a handshake over QUIC", "reply", "answers a question without a name"),
    ("ikev2 is dropped, random bytes are not", "datagrams", "something drops this protocol"),
    ("a stranger's packets vanish where random ones are refused", "datagrams", "what is in the"),
    ("a server with a secret key hangs up", "reply", "the server may refuse"),
)


@pytest.mark.parametrize(("name", "chapter", "words"), UDP_WORDS)
def test_datagrams_are_told_in_plain_words(name: str, chapter: str, words: str) -> None:
    """What silence means depends on who owes an answer, and on what other packets met."""
    scene = next(s for s in SCENES if s.name == name)
    step = told(scene).step(Chapter(chapter))
    assert step is not None
    assert words.lower() in f"{step.came} {step.means}".lower()


LISTING_WORDS = {
    "listing.listed": (Finding.FINE, "from here finds the app"),
    "listing.removed": (Finding.ODD, "missing here and offered elsewhere"),
    "listing.gone": (Finding.ODD, "missing there as well"),
    "listing.absent": (Finding.ODD, ("missing here; nobody", "contradict each other")),
    "listing.unclear": (Finding.OPEN, "can be read either way"),
}


@pytest.mark.parametrize("scene", LISTINGS, ids=lambda s: s.name)
def test_a_listing_is_told_as_the_verdict_has_it(scene: Scene) -> None:
    """Each mechanism has its words; of a store that did not answer nothing is said of the app."""
    narrative = told(scene)
    step = narrative.step(Chapter.LISTING)
    assert step is not None
    rule = narrative.verdict.rule_id
    known = next((w for name, w in LISTING_WORDS.items() if rule.startswith(name)), None)
    finding, words = known or (Finding.OPEN, "cannot be told as long as the store")
    assert step.finding is finding
    assert any(w in step.means for w in (words if isinstance(words, tuple) else (words,)))


def test_what_is_no_listing_has_no_such_step() -> None:
    """A page of a messenger is no store."""
    assert (
        told(Scene("", "", "", (look(dns(GOOD), tcp(), tls(), http()),))).step(Chapter.LISTING)
        is None
    )


def test_the_look_at_the_other_storefront_is_told_in_its_step() -> None:
    """Where it was looked, and what was found there."""
    scene = next(s for s in LISTINGS if s.name == "missing here, offered in another storefront")
    step = told(scene).step(Chapter.LISTING)
    assert step is not None
    assert "in the storefront of US" in step.did
    assert "In the other storefront: it is offered." in step.came
    assert any("other_storefront" in line for line in step.details)


def test_quic_is_compared_in_its_own_chapter() -> None:
    """A neutral name in QUIC is no handshake of TLS: it is told once, beside the other packets."""
    looked = (
        *thrice(*quic(handshake="generic_timeout_error")),
        QUIC_NEUTRAL,
        BY_TCP,
    )
    narrative = told(Scene("quic", "", "", looked, endpoint=QUIC))
    assert narrative.step(Chapter.NEUTRAL_NAME) is None
    step = narrative.step(Chapter.DATAGRAMS)
    assert step is not None
    assert "With a neutral name a handshake was answered." in step.came
    assert "the name makes the difference" in step.means


def test_a_relays_hello_is_not_told_as_its_name() -> None:
    """Its name is made up each time: what is compared is the kind of hello."""
    steps = (tcp(), unsigned(failure=RESET))
    scene = Scene("", "", "", (*thrice(*steps), TOR_HELLO_ONLY), endpoint=RELAY)
    narrative = told(scene)
    (step,) = [s for s in narrative.steps if s.chapter is Chapter.NEUTRAL_NAME]
    assert step.title == "Is it the kind of hello?"
    assert "the name makes the difference" not in " ".join(sentences(narrative))
    other = Scene("", "", "", (*thrice(*steps), TOR_HELLO_ONLY), endpoint=endpoint())
    assert "the name makes the difference" in " ".join(sentences(told(other)))


def test_an_exchange_is_told_with_its_proof_and_its_comparison() -> None:
    """What was spoken, what came, what it shows; and whether it is the looks."""
    good = told(Scene("", "", "", (look(tcp(), exchange(proof=Proof.ECHO)),), endpoint=CLEAR))
    (reply,) = [s for s in good.steps if s.chapter is Chapter.REPLY]
    assert reply.finding is Finding.FINE
    assert "read our question" in reply.means
    cut = (*thrice(tcp(), exchange(RESET)), ANSWERED_HIDDEN, silent())
    told_of = {s.chapter: s for s in told(Scene("", "", "", cut, endpoint=CLEAR)).steps}
    assert told_of[Chapter.REPLY].finding is Finding.FAILED
    assert told_of[Chapter.OTHER_FORM].came == "It opened. That was answered."
    lone = (*thrice(tcp(), exchange(RESET)), silent(RESET))
    told_of = {s.chapter: s for s in told(Scene("", "", "", lone, endpoint=CLEAR)).steps}
    assert told_of[Chapter.OTHER_FORM].came == "It did not open any more."
