"""Which control is believed, and for how long."""

from datetime import timedelta

import msgspec
from verdict_bundles import NOW

from probe.analysis.controls import choose, from_snapshots
from probe.model.control import ControlKind, ControlObservation, ControlSnapshot


def seen(
    kind: ControlKind, minutes: float, source: str = "x", **more: object
) -> ControlObservation:
    """Return an observation so many minutes away from now."""
    values = {"endpoint": "e", "source": source, "kind": kind}
    observed = NOW + timedelta(minutes=minutes)
    return msgspec.convert({**values, "observed": observed, **more}, ControlObservation)


LIVE, SNAPSHOT, PAST = ControlKind.LIVE, ControlKind.SNAPSHOT, ControlKind.OWN_PAST


def test_thirty_minutes() -> None:
    """A live control within 30 minutes is one; later it is an expected answer at most."""
    assert len(choose([seen(LIVE, 30), seen(LIVE, -30, "y")], "e", NOW).live) == 2
    late = choose([seen(LIVE, -31)], "e", NOW)
    assert late.live == ()
    assert late.expected is not None


def test_old_failures_explain_nothing() -> None:
    """A control that failed an hour ago, or a snapshot of a failure, is no expected answer."""
    failed = [seen(k, -60, failure="timed_out") for k in ControlKind]
    assert choose(failed, "e", NOW).expected is None


def test_one_voice_for_each_source() -> None:
    """A source that is asked twice counts once, with its nearest observation."""
    chosen = choose([seen(LIVE, 20), seen(LIVE, 1), seen(LIVE, 5, "y")], "e", NOW)
    assert [(c.source, c.observed) for c in chosen.live] == [
        ("x", NOW + timedelta(minutes=1)),
        ("y", NOW + timedelta(minutes=5)),
    ]


def test_snapshot_before_own_past() -> None:
    """A snapshot ranks above the own past; a live control above both."""
    rest = [seen(PAST, -1, "past"), seen(SNAPSHOT, -9000, "snap")]
    chosen = choose(rest, "e", NOW)
    assert chosen.expected is not None
    assert chosen.expected.source == "snap"
    best = choose([*rest, seen(LIVE, 3, "far")], "e", NOW).best
    assert best is not None
    assert best.source == "far"


def test_other_endpoints_are_passed_over() -> None:
    """A control speaks for its own endpoint."""
    assert choose([seen(LIVE, 0)], "other", NOW).best is None


def test_what_comes_in_a_file_is_never_live() -> None:
    """An observation in a snapshot that calls itself live proves nothing about now."""
    file = ControlSnapshot(
        id="odd",
        created=NOW - timedelta(minutes=5),
        expires=NOW + timedelta(days=5),
        catalog_digest="d",
        country="DE",
        observations=(seen(LIVE, -5),),
    )
    chosen = choose(from_snapshots([file], NOW)[0], "e", NOW)
    assert chosen.live == ()
    assert chosen.expected is not None


def test_expired_snapshots_are_ignored_and_said() -> None:
    """An expired snapshot, and one from the future, give nothing and are named with a reason."""
    good = ControlSnapshot(
        id="good",
        created=NOW - timedelta(days=2),
        expires=NOW + timedelta(days=5),
        catalog_digest="d",
        country="DE",
        observations=(seen(SNAPSHOT, -2880),),
    )
    old = msgspec.structs.replace(good, id="old", expires=NOW - timedelta(days=1))
    future = msgspec.structs.replace(good, id="future", created=NOW + timedelta(days=1))
    kept, stale = from_snapshots([good, old, future], NOW)
    assert kept == good.observations
    assert {s.snapshot: s.reason.split()[1] for s in stale} == {"old": "expired", "future": "was"}
