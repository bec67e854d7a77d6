"""What a timed transfer comes to, and what of a record is compared with what."""

from datetime import UTC, datetime
from typing import Any

import pytest

from probe.analysis.speeds import keyed_pairs, speed_of
from probe.model.goodput import Direction, Pairing, Transport
from probe.model.measurement import Measurement, Outcome, TransferStep, Variant
from probe.model.record import Record
from probe.model.target import Kind, Role
from probe.model.verdict import Confidence, Locus, State, Verdict

NOW = datetime(2026, 3, 2, tzinfo=UTC)
VERDICT = Verdict(
    state=State.OK,
    mechanism="none",
    locus=Locus.UNKNOWN,
    confidence=Confidence.CONFIRMED,
    rule_id="ok.application",
    rule_version=1,
    sentence="It works.",
)


def transfer(marks: tuple[tuple[int, float], ...], **more: Any) -> TransferStep:
    values: dict[str, Any] = {
        "t0_s": 1.0,
        "t_s": 1.0 + (marks[-1][1] if marks else 0.0),
        "address": "192.0.2.1",
        "port": 443,
        "direction": Direction.DOWNLOAD,
        "transport": Transport.TCP,
        "wanted": 65_536,
        "received": marks[-1][0] if marks else 0,
        "marks": marks,
    }
    return TransferStep(**{**values, **more})


def test_the_rate_leaves_out_the_first_half() -> None:
    """32 KiB come at once, as a token bucket lets them, then 8 KiB/s: the rate is 8 KiB/s."""
    step = transfer(((16_384, 0.5), (32_768, 0.5), (49_152, 2.5), (65_536, 4.5)))
    assert speed_of(step).rate == pytest.approx(8_192)
    assert not speed_of(step).censored
    assert speed_of(step).marks == step.marks


def test_what_waited_behind_a_lost_packet_makes_no_speed() -> None:
    """The second half comes at once when the hole is filled: then it is the rate of all."""
    step = transfer(((16_384, 0.5), (32_768, 2.4), (49_152, 2.45), (65_536, 2.5)))
    assert speed_of(step).rate == pytest.approx(49_152 / 2.0)


def test_a_transfer_that_was_cut_off_is_at_most_that_fast() -> None:
    """The silence before the end counts, and the speed is marked as censored."""
    step = transfer(
        ((8_192, 0.1), (16_384, 0.2)),
        t_s=11.2,
        failure="generic_timeout_error",
        stalled_at=16_384,
    )
    speed = speed_of(step)
    assert speed.censored
    assert speed.rate == pytest.approx(8_192 / 10.1)
    assert speed.stalled_at == 16_384


def test_what_came_at_once_is_bounded_by_the_time_since_the_request() -> None:
    """One mark has no slope; nothing at all has no rate."""
    assert speed_of(transfer(((65_536, 0.5),))).rate == pytest.approx(131_072)
    assert speed_of(transfer((), failure="generic_timeout_error")).rate is None


def test_marks_out_of_one_buffer_are_no_time() -> None:
    """Two marks within a tenth of a millisecond fall back on the wider span."""
    step = transfer(((16_384, 0.5), (49_152, 1.5), (65_536, 1.500_01)))
    assert speed_of(step).rate == pytest.approx(49_152 / 1.0, rel=1e-3)


def look(variant: Variant, step: TransferStep | None, **more: Any) -> Measurement:
    steps = () if step is None else (step,)
    values: dict[str, Any] = {"started": NOW, "variant": variant, "steps": steps}
    return Measurement(endpoint="e", service="store", kind=Kind.HTTP, **{**values, **more})


def record(*looks: Measurement) -> Record:
    return Record(endpoint="e", service="store", role=Role.DOWNLOAD, bundle=looks, verdict=VERDICT)


FAST, SLOW = ((16_384, 0.1), (65_536, 0.2)), ((16_384, 1.0), (65_536, 2.0))


def test_what_is_compared_with_what() -> None:
    """A target has a pair of each kind for which it has a control, the line's have no subject."""
    here = record(
        look(Variant.MAIN, None),
        look(Variant.GOODPUT, transfer(SLOW)),
        look(Variant.GOODPUT_SNI, transfer(FAST)),
        look(Variant.GOODPUT_NEUTRAL, transfer(FAST)),
        look(Variant.GOODPUT_NEUTRAL, transfer(SLOW)),
    )
    at_home = record(
        look(Variant.GOODPUT, transfer(FAST)), look(Variant.GOODPUT_ABROAD, transfer(SLOW))
    )
    found = list(keyed_pairs((here, at_home), vantage="v", network="n", tz="Asia/Tehran"))
    assert [(k.subject, k.pairing, len(p.controls)) for k, p in found] == [
        ("store", Pairing.SAME_SERVER, 1),
        ("store", Pairing.NEUTRAL, 2),
        ("", Pairing.BORDER, 1),
    ]
    key, pair = found[0]
    assert (key.vantage, key.network, key.family) == ("v", "n", 4)
    assert (pair.time, pair.tz, pair.target.rate) == (NOW, "Asia/Tehran", 49_152.0)
    assert found[2][1].target.rate == 49_152.0  # what is abroad is what may be slowed


def test_only_like_is_compared_with_like() -> None:
    """Another direction, transport or family is no control; a look without a transfer none."""
    target = look(Variant.GOODPUT_OWN, transfer(SLOW))
    others = (
        transfer(FAST, direction=Direction.UPLOAD),
        transfer(FAST, transport=Transport.QUIC),
        transfer(FAST, address="2001:db8::1"),
    )
    none = [look(Variant.GOODPUT_OWN_NEUTRAL, step) for step in (*others, None)]
    cut = look(Variant.GOODPUT_OWN_NEUTRAL, transfer(FAST), outcome=Outcome.INTERRUPTED)
    assert list(keyed_pairs((record(target, *none, cut),), vantage="v", network="n", tz="")) == []


def test_a_call_is_of_the_line() -> None:
    """Datagrams to one's own server say nothing of one service: their series has no subject."""
    call = transfer(SLOW, transport=Transport.UDP, lost_share=0.25)
    noise = transfer(FAST, transport=Transport.UDP, lost_share=0.0)
    bundle = record(look(Variant.GOODPUT_OWN, call), look(Variant.GOODPUT_OWN_NEUTRAL, noise))
    ((key, pair),) = keyed_pairs((bundle,), vantage="v", network="n", tz="")
    assert (key.subject, key.transport) == ("", Transport.UDP)
    assert (pair.target.lost_share, pair.controls[0].lost_share) == (0.25, 0.0)
