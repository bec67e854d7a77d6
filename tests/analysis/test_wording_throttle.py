"""What is said of a throttling: each scope, shape and way in its words, and never too much."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from paired_transfers import SINCE

from probe.analysis.explain import explain
from probe.analysis.wording_throttle import throttle_sentence
from probe.model.event import Event, EventKind, Instant, Label
from probe.model.goodput import Direction, Pairing, Transport
from probe.model.throttle import Grade, Shape, Throttle, ThrottleScope

SAID = Throttle(
    grade=Grade.THROTTLED,
    scope=ThrottleScope.TARGETED,
    shape=Shape.POLICED,
    ratio=4.2,
    at_least=3.9,
    at_most=4.6,
    level_kbps=140.2,
    level_interval=(133.1, 147.9),
    before_kbps=600.0,
    rounds=12,
    baseline=40,
    pairing=Pairing.NEUTRAL,
    direction=Direction.DOWNLOAD,
    transport=Transport.TCP,
    family=4,
)
EVENT = Event(
    kind=EventKind.THROTTLE,
    series="forum",
    vantage="v",
    network="AS64500/fixed",
    label=Label.ESTABLISHED,
    start=Instant(at=SINCE, earliest=SINCE - timedelta(minutes=8), latest=SINCE),
    tz="Asia/Tehran",
    p=1e-6,
    q=1e-5,
    signal="goodput",
    throttle=SAID,
)


def sentence(said: Throttle, name: str = "The Forum") -> str:
    return throttle_sentence(replace(EVENT, throttle=said), name)


def test_a_period_is_said_whole() -> None:
    """Ratio, level, both with intervals; since when in local time; how; what else it could be."""
    assert sentence(SAID) == (
        "The Forum was about 4.2 times (3.9 to 4.6) slower than before, beside its controls since "
        "2 March 2026 03:30 (within 8 min) and still was at the last look (Asia/Tehran; by chance "
        "alone 1 time in 1,000,000). It was held to 140 kbit/s (19 times in 20 the truth lies "
        "between 133 and 148); before, it was 600. It came at one level and in jerks, consistent "
        "with a limit that drops what exceeds it. Seen on this line only; a server that serves "
        "this network less looks the same."
    )


@pytest.mark.parametrize(
    ("said", "part"),
    [
        (replace(SAID, scope=ThrottleScope.GENERAL), "All that was tried on this line was about"),
        (replace(SAID, scope=ThrottleScope.GENERAL), "a spent data allowance"),
        (replace(SAID, scope=ThrottleScope.BORDER), "What lies abroad was about 4.2 times"),
        (replace(SAID, scope=ThrottleScope.BORDER), "beside what lies in the country"),
        (replace(SAID, pairing=Pairing.SAME_SERVER), "the same server under another name"),
        (replace(SAID, shape=Shape.SHAPED), "one that the sender has found out"),
        (replace(SAID, shape=Shape.UNKNOWN), "does not show what kind of limit"),
        (replace(SAID, ratio=None, at_most=None), "was at least 3.9 times slower"),
        (replace(SAID, at_most=None), "(3.9 to more)"),
        (replace(SAID, shape=Shape.FROZEN, frozen_at=(16_384, 20_480)), "froze after 16 to 20 KiB"),
        (replace(SAID, direction=Direction.UPLOAD), "The Forum (uploads) was"),
        (replace(SAID, transport=Transport.QUIC, family=6), "(over QUIC, over IPv6)"),
        (replace(SAID, level_interval=None), "It was held to 140 kbit/s; before"),
        (replace(SAID, shape=Shape.SHAPED), "It came at 140 kbit/s"),
    ],
)
def test_each_kind_has_its_words(said: Throttle, part: str) -> None:
    """Whose, beside what, which way, and how it came."""
    assert part in sentence(said)


def test_without_a_throttling_there_is_nothing_to_say() -> None:
    """Other events have their own words."""
    assert throttle_sentence(replace(EVENT, throttle=None), "The Forum") == ""


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(ThrottleScope),
    st.sampled_from(Shape),
    st.sampled_from(Pairing),
    st.sampled_from(Grade),
    st.one_of(st.none(), st.floats(2, 500)),
)
def test_no_words_claim_a_block_or_an_intent(
    scope: ThrottleScope, shape: Shape, pairing: Pairing, grade: Grade, ratio: float | None
) -> None:
    """At most "consistent with", in the sentence and in what explains it."""
    said = replace(SAID, scope=scope, shape=shape, pairing=pairing, grade=grade, ratio=ratio)
    event = replace(EVENT, throttle=said)
    text = " ".join((throttle_sentence(event, "The Forum"), *explain(event))).lower()
    for word in ("block", "censor", "deliberate", "unreachable", "government"):
        assert word not in text
    assert "seen on this line only" in text


def test_a_call_is_beside_itself_in_disguise() -> None:
    """Its packets carry no name: nothing is said of one."""
    said = replace(SAID, pairing=Pairing.SAME_SERVER, transport=Transport.UDP)
    text = sentence(said, "")
    assert text.startswith("A call (over UDP) was about 4.2 times")
    assert "beside the same packets in disguise" in text
    assert "name" not in text
    lines = " ".join(explain(replace(EVENT, throttle=said)))
    assert "the same packets in disguise" in lines
    assert "another name" not in lines


def test_at_the_same_server_the_network_is_not_served_less() -> None:
    """What may fool it is the server's own treatment of the name."""
    text = sentence(replace(SAID, pairing=Pairing.SAME_SERVER))
    assert text.endswith("a server that treats that name otherwise looks the same.")
    assert sentence(SAID).endswith("a server that serves this network less looks the same.")


def test_a_freeze_at_one_place_is_one_number() -> None:
    """From 16 to 16 is 16."""
    said = replace(SAID, shape=Shape.FROZEN, frozen_at=(16_384, 16_400))
    assert "froze after 16 KiB of a transfer" in sentence(said)
    wide = replace(said, frozen_at=(16_384, 20_480))
    assert "froze after 16 to 20 KiB of a transfer" in sentence(wide)
